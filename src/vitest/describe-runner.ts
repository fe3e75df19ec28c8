/**
 * The Vitest front of a list of cases: one test each. It is given the cases, so that any list that keeps this small contract can be
 * run, the conformance suite among them.
 */
import { describe, test } from 'vitest';

/** A case as this front sees it; those of `dryrunner/conformance` fit. */
export interface RunnerCase<Subject> {
  /** The test's title; begins with the rules that it proves. */
  readonly title: string;
  /** Cases of one group are described together. */
  readonly group: string;
  /** Why the case means nothing for the subject; undefined if it does. */
  skipReason(subject: Subject): string | undefined;
  /** The time limit of its test in milliseconds, 0 for none; undefined, or absent, for that of the configuration. */
  timeoutMs?(subject: Subject): number | undefined;
  /** Rejects if the subject fails, and early if the signal aborts, as it does when the time of the test is up. */
  prove(subject: Subject, options: { readonly signal: AbortSignal }): Promise<void>;
}

/** How the tests are run. */
export interface DescribeRunnerOptions {
  /** Lets tests overlap; only for subjects on the machine's time, because simulations run one after another. Default false. */
  readonly concurrent?: boolean;
}

/**
 * Declares a test per case that the subject must pass. Cases that it lacks a capability for are declared as skipped, with the reason
 * in their title.
 *
 * @example
 * ```ts
 * import { createSimulatedRunner } from 'dryrunner';
 * import { conformanceCases, simCommands, supportsAllBut, type ConformanceSubject } from 'dryrunner/conformance';
 * import { describeRunner } from 'dryrunner/vitest';
 * const mine: ConformanceSubject = {
 *   name: 'mine',
 *   supports: supportsAllBut({ outputs: 'its outputs are written elsewhere' }),
 *   commands: simCommands,
 *   create: (world, options) => ({ service: createSimulatedRunner(world, options) }),
 * };
 * describeRunner(mine, conformanceCases);
 * ```
 */
export function describeRunner<Subject extends { readonly name: string }>(
  subject: Subject,
  cases: readonly RunnerCase<Subject>[],
  { concurrent = false }: DescribeRunnerOptions = {},
): void {
  describe(subject.name, { concurrent }, () => {
    for (const group of new Set(cases.map((runnerCase) => runnerCase.group))) {
      describe(group, () => {
        for (const runnerCase of cases) if (runnerCase.group === group) declare(subject, runnerCase);
      });
    }
  });
}

function declare<Subject>(subject: Subject, runnerCase: RunnerCase<Subject>): void {
  const reason = runnerCase.skipReason(subject);
  const timeout = runnerCase.timeoutMs?.(subject);
  if (reason === undefined) {
    test(runnerCase.title, ({ signal }) => runnerCase.prove(subject, { signal }), timeout);
  } else test.skip(`${runnerCase.title} (skipped because ${reason})`);
}
