/**
 * What is known of the runs of a workload, and which ends the contract allows them. Invariant: it gets to know what was asked and what came back,
 * and asks nothing itself.
 */
import { isTerminal } from '../../model/run-state.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import type { DrawnCommand } from './drawn-command.ts';

interface BookedRun {
  readonly drawn: DrawnCommand;
  readonly acceptedAtMs: number;
  abortAskedAtMs: number | undefined;
}

/** The runs of one runner. */
export class RunBook {
  readonly #sim: Pick<Simulation, 'check' | 'now'>;
  readonly #runs = new Map<RunID, BookedRun>();
  #releasedAtMs: number | undefined;

  constructor(sim: Pick<Simulation, 'check' | 'now'>) {
    this.#sim = sim;
  }

  /** Ids in order of acceptance. */
  get runIds(): readonly RunID[] {
    return [...this.#runs.keys()];
  }

  /** Whether it ends without being stopped again, as all that are before it in the queue. */
  isSureToEnd(runId: RunID): boolean {
    for (const [id, { drawn, abortAskedAtMs }] of this.#runs) {
      const hasEnd = drawn.end !== undefined || (drawn.command.timeoutMs ?? 0) > 0;
      if (!hasEnd && abortAskedAtMs === undefined) return false;
      if (id === runId) return true;
    }
    return false;
  }

  /** A run was accepted. */
  accepted(status: RunStatus, drawn: DrawnCommand): void {
    this.#runs.set(status.runId, { drawn, acceptedAtMs: this.#sim.now(), abortAskedAtMs: undefined });
  }

  /** Somebody is about to abort a run. */
  abortAsked(runId: RunID): void {
    const run = this.#runs.get(runId);
    if (run !== undefined) run.abortAskedAtMs ??= this.#sim.now();
  }

  /** Somebody is about to release the runner. */
  releaseAsked(): void {
    this.#releasedAtMs ??= this.#sim.now();
    for (const runId of this.#runs.keys()) this.abortAsked(runId);
  }

  /** A call was refused with a code of the contract. */
  refused(code: string, message: string): void {
    const isAllowed =
      code === 'RUNNER_BUSY' || (code === 'RUNNER_RELEASED' && this.#releasedAtMs !== undefined);
    this.#sim.check(isAllowed, `a call was refused with ${code}, which nothing explains\n\n${message}`);
  }

  /** A status at the end of a run. */
  ended(status: RunStatus): void {
    const { runId, state, exitCode } = status;
    const run = this.#runs.get(runId);
    if (run === undefined || !isTerminal(state)) return;
    const { drawn, abortAskedAtMs } = run;
    const { timeoutMs = 0 } = drawn.command;
    const isAllowed =
      (state === 'ABORTED' && abortAskedAtMs !== undefined) ||
      (state === 'TIMEDOUT' && timeoutMs > 0) ||
      (drawn.end?.state === state && drawn.end.exitCode === exitCode);
    this.#sim.check(
      isAllowed,
      `R110 run ${runId} ended as ${state} ${exitCode}\n\nIts command: ${drawn.command.argv.join(', ')}.`,
    );
  }
}
