/**
 * Runs executions in a thread that must outlive them, and shows the progress to other threads. Invariant: nothing that
 * an execution may leave in its thread (errors that nobody caught, real timers, output not yet passed on, memory
 * outside of the heap) reaches a later execution unnoticed, which would hang or crash the thread for no apparent
 * reason.
 */
import process from 'node:process';
import type { ExecutionRequest, Executor } from '../explore/executor.ts';
import type { DecisionSource } from '../kernel/decisions.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { setTimeout as wait } from './real-timers.ts';
import { runAlone } from './run-alone.ts';
import type { ExploreSharedState } from './shared-state.ts';

const BEHIND_BYTES = 1 << 20;
const WAIT_MS = 5;
/** Unreferenced buffers count until they are collected. */
const OUTSIDE_HEAP_FACTOR = 2;
/** Checking the memory costs some microseconds. */
const LOOK_EVERY = 64;
const MIB = 1 << 20;

/** Options of {@link GuardedExecutor}. */
export interface Guard {
  /** Where each turn of the event loop is counted. */
  readonly state: ExploreSharedState;
  /** Limit of the heap in MiB. */
  readonly memoryMb: number;
  /**
   * Writes decisions to `state` as they are taken; the frame of the function that does it is then in the stack of each
   * decision.
   */
  readonly keepsLog: boolean;
}

/**
 * An executor whose executions fail for what they leave behind: a stray error is a failure of kind `error`, a real
 * timer one of kind `escape`. Rejects if an execution leaves too much memory behind, because the thread then has to be
 * ended.
 */
export class GuardedExecutor implements Executor {
  readonly scenario: string;
  readonly #executor: Executor;
  readonly #guard: Guard;
  #looks = 0;

  constructor(executor: Executor, guard: Guard) {
    this.scenario = executor.scenario;
    this.#executor = executor;
    this.#guard = guard;
  }

  async execute(request: ExecutionRequest): Promise<Verdict> {
    const { state } = this.#guard;
    state.beginExecution();
    try {
      return await this.#execute(request);
    } finally {
      state.endExecution();
    }
  }

  async #execute({ onTurn, ...request }: ExecutionRequest): Promise<Verdict> {
    const { state, keepsLog } = this.#guard;
    const source = keepsLog ? loggedSource(request.source, state) : request.source;
    const verdict = await runAlone((noteStrays) =>
      this.#executor.execute({
        ...request,
        source,
        onTurn: () => {
          noteStrays();
          state.noteTurn();
          this.#lookAtMemory();
          onTurn?.();
        },
      }),
    );
    this.#lookAtMemory();
    await this.#untilOutputIsTaken();
    return verdict;
  }

  /** Checks the memory that the heap limit does not cover. */
  #lookAtMemory(): void {
    this.#looks += 1;
    const limitMb = this.#guard.memoryMb * OUTSIDE_HEAP_FACTOR;
    if (this.#looks % LOOK_EVERY !== 0 || process.memoryUsage().external <= limitMb * MIB) return;
    throw new RangeError(`buffers take more than ${limitMb} MiB of memory outside of the heap`);
  }

  /** Delays the next execution while too much of the output still waits in this thread. */
  async #untilOutputIsTaken(): Promise<void> {
    const { state } = this.#guard;
    while (isBehind() && !state.mustStop) {
      state.noteTurn();
      await new Promise((resolve) => {
        wait(resolve, WAIT_MS);
      });
    }
  }
}

function isBehind(): boolean {
  return process.stdout.writableLength + process.stderr.writableLength > BEHIND_BYTES;
}

/** Records decisions where they outlive a thread that hangs or dies. */
function loggedSource(source: DecisionSource, state: ExploreSharedState): DecisionSource {
  const decide: DecisionSource['decide'] = (question, n, occurrence, describe) => {
    const answer = source.decide(question, n, occurrence, describe);
    state.noteDecision(question, n, answer);
    return answer;
  };
  if (source.order === undefined) return { decide };
  return {
    decide,
    order: (question, due, occurrence) => {
      const answer = source.order?.(question, due, occurrence) ?? 0;
      state.noteDecision(question, due.count, answer);
      return answer;
    },
  };
}
