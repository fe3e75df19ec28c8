/** Runs scenarios over seeds, one simulation after another, with progress; can be interrupted without losing what is done. */
import type { LoadedScenario } from './scenario-loader.ts';
import { catchStrayErrors } from '../threads/stray-errors.ts';
import { messageOf } from '../kernel/errors.ts';
import { RollingHash } from '../kernel/rolling-hash.ts';
import type { RunState } from '../model/run-state.ts';
import { simulate } from '../simulation/simulate.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { UsageError } from './exit-status.ts';
import { nowRunning } from './foreign-code.ts';
import type { Interruption } from './interruption.ts';

/** One scenario over all its seeds. */
export interface ScenarioSummary {
  readonly scenario: LoadedScenario;
  readonly seeds: number;
  readonly failed: number;
  readonly runs: number;
  readonly faults: number;
  readonly endStates: Readonly<Partial<Record<RunState, number>>>;
  readonly virtualMs: number;
  readonly realMs: number;
  readonly decisions: number;
  /** The trace hash of one seed, or the hash of the trace hashes in the order of the seeds. */
  readonly traceHash: string;
  /** The first failure. */
  readonly firstFailure: Verdict | undefined;
  /** Ended by Ctrl-C before its last seed. */
  readonly interrupted: boolean;
}

/** Told as the work goes on. */
export interface CampaignListener {
  onSeed(scenario: LoadedScenario, done: number, total: number): void;
  onVerdict(scenario: LoadedScenario, verdict: Verdict, realMs: number): void;
}

class Interrupted extends Error {}

/**
 * Runs one scenario over the seeds.
 *
 * @throws UsageError (rejects) if it cannot be prepared, InterruptedError if a signal comes while it prepares.
 */
export async function runScenario(
  scenario: LoadedScenario,
  seeds: readonly string[],
  interruption: Interruption,
  listener: CampaignListener,
  keepTrace = false,
): Promise<ScenarioSummary> {
  const { definition } = scenario;
  const input = await interruption.unlessRequested(
    prepareScenario(scenario),
    `${definition.name} was preparing`,
  );
  nowRunning(definition.name);
  const tally = new SummaryTally(scenario);
  for (const seed of seeds) {
    listener.onSeed(scenario, tally.seeds, seeds.length);
    const startedAt = performance.now();
    // Its turn of the real loop after each simulation also lets Ctrl-C be seen between short ones.
    const verdict = await catchStrayErrors((onTurn) =>
      simulate({
        ...definition.options,
        name: definition.name,
        seed,
        keepTrace,
        scenario: (sim) => definition.run(sim, input),
        onTurn: () => {
          onTurn();
          if (interruption.requested) throw new Interrupted('interrupted');
        },
      }),
    );
    if (interruption.requested) return tally.summary(true);
    const realMs = performance.now() - startedAt;
    tally.add(verdict, realMs);
    listener.onVerdict(scenario, verdict, realMs);
  }
  return tally.summary(false);
}

/**
 * Reads what a scenario needs, once for all seeds.
 *
 * @throws UsageError if that fails.
 */
export async function prepareScenario({ definition, files, reference }: LoadedScenario): Promise<unknown> {
  try {
    return await definition.prepare?.(files);
  } catch (error) {
    throw new UsageError(`${reference}: prepare failed: ${messageOf(error)}`);
  }
}

class SummaryTally {
  readonly #scenario: LoadedScenario;
  readonly #hash = new RollingHash();
  readonly #endStates: Partial<Record<RunState, number>> = {};
  seeds = 0;
  #lastHash = '';
  #failed = 0;
  #runs = 0;
  #faults = 0;
  #virtualMs = 0;
  #realMs = 0;
  #decisions = 0;
  #firstFailure: Verdict | undefined;

  constructor(scenario: LoadedScenario) {
    this.#scenario = scenario;
  }

  add(verdict: Verdict, realMs: number): void {
    this.seeds += 1;
    this.#runs += verdict.runs;
    this.#faults += verdict.faults;
    this.#virtualMs += verdict.virtualMs;
    this.#realMs += realMs;
    this.#decisions += verdict.decisionCount;
    this.#hash.addString(verdict.traceHash);
    this.#lastHash = verdict.traceHash;
    for (const [state, count] of Object.entries(verdict.endStates)) {
      this.#endStates[state as RunState] = (this.#endStates[state as RunState] ?? 0) + count;
    }
    if (verdict.held) return;
    this.#failed += 1;
    this.#firstFailure ??= verdict;
  }

  summary(interrupted: boolean): ScenarioSummary {
    return {
      scenario: this.#scenario,
      seeds: this.seeds,
      failed: this.#failed,
      runs: this.#runs,
      faults: this.#faults,
      endStates: this.#endStates,
      virtualMs: this.#virtualMs,
      realMs: this.#realMs,
      decisions: this.#decisions,
      traceHash: this.seeds === 1 ? this.#lastHash : this.#hash.digest(),
      firstFailure: this.#firstFailure,
      interrupted,
    };
  }
}
