/**
 * `--debug`: one execution for a person with a debugger. Invariants: the scenario runs once, in the command's own
 * thread, and without a time limit.
 */
import { withinEvents } from '../explore/event-budget.ts';
import { createExecutor, executorWith } from '../explore/executor.ts';
import { checkReplay, type ReplayGap } from '../explore/replay-check.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { executorAlone } from '../threads/run-alone.ts';
import { boundOf } from '../threads/task.ts';
import { randomDecisions } from '../kernel/random-decisions.ts';
import type { NamedExecution } from './execution-source.ts';
import { EXIT_STATUS, type ExitStatus } from './exit-status.ts';
import { failureText } from './failure-report.ts';
import { nowRunning } from './user-code.ts';
import { nameScenario, prepareScenario } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';
import { verdictJson } from './verdict-report.ts';

/** Exit code: 1 if it fails, 0 if it holds, 3 if it differs from its log. */
export async function debugExecution(
  terminal: Terminal,
  named: NamedExecution,
  json: boolean,
): Promise<ExitStatus> {
  const { scenario: reference, log, seed, failureKey } = named;
  const scenario = await (await nameScenario(reference)).load();
  const { definition, modules } = scenario;
  const plain = createExecutor(definition, await prepareScenario(scenario), seed);
  const executor = withinEvents(executorAlone(executorWith(plain, { modules })), boundOf(named));
  nowRunning(definition.name);
  const startedAt = performance.now();
  const { verdict, gap } =
    log === undefined
      ? {
          verdict: await executor.execute({ source: randomDecisions(seed ?? '1'), capturePlaces: true }),
          gap: undefined,
        }
      : await checkReplay(executor, log, { onGap: 'keyed', capturePlaces: true, failureKey });
  const realMs = performance.now() - startedAt;
  const status = statusOf(verdict, gap);
  terminal.noteResult(status);
  if (json) {
    const difference = gap === undefined ? {} : { difference: gap.text };
    terminal.json({
      ...verdictJson(verdict, realMs),
      type: 'replay',
      reproduced: gap === undefined,
      ...difference,
    });
  } else {
    const { failure, traceHash } = verdict;
    const end = failure === undefined ? 'it holds' : `it fails (${failure.kind})`;
    terminal.line(`${reference}: run once, ${end}, trace hash ${traceHash}`);
    if (gap !== undefined) terminal.line(`  ${gap.text}`);
    for (const line of failureText(failure)) terminal.line(line);
  }
  return status;
}

function statusOf({ held }: Verdict, gap: ReplayGap | undefined): ExitStatus {
  if (gap !== undefined) return EXIT_STATUS.DIVERGED;
  return held ? EXIT_STATUS.HELD : EXIT_STATUS.FAILED;
}
