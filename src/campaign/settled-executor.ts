/**
 * What an execution may leave to the thread that runs it: real timers, output that nobody has taken yet, memory outside of the heap.
 * Invariant: none of them reaches the executions that follow unseen, for there the thread would hang or die of it without a reason.
 */
import process from 'node:process';
import type { Executor } from '../explore/executor.ts';
import { activeResources, resourcesSince } from '../kernel/drain-host.ts';
import { counted } from '../model/plural.ts';
import type { Verdict } from '../simulation/verdict.ts';
import type { ExploreSharedState } from './shared-state.ts';

/** Taken when loaded, since fake timers may stand in the globals later. */
const wait = setTimeout;

const BEHIND_BYTES = 1 << 20;
const WAIT_MS = 5;
/** Buffers that nobody holds any more are counted until they are collected. */
const OUTSIDE_HEAP_FACTOR = 2;
/** Looking costs some microseconds. */
const LOOK_EVERY = 64;
const MIB = 1 << 20;

/** An executor for which a real timer that outlives its execution is a failure of kind `escape`. */
export function withoutLeftTimers(executor: Executor): Executor {
  return {
    scenario: executor.scenario,
    async execute(request) {
      const before = activeResources();
      const verdict = await executor.execute(request);
      const left = verdict.held ? resourcesSince(before).filter((kind) => kind === 'Timeout').length : 0;
      return left === 0 ? verdict : withLeftTimers(verdict, left);
    },
  };
}

function withLeftTimers(verdict: Verdict, count: number): Verdict {
  const message = `The scenario has ended and left ${counted(count, 'real timer')} of the machine (setTimeout or setInterval)`;
  return {
    ...verdict,
    held: false,
    failure: { kind: 'escape', message, atMs: verdict.virtualMs, details: [] },
  };
}

/** An executor that begins nothing while much of what was printed still waits in this thread. */
export function withOutputTaken(executor: Executor, state: ExploreSharedState): Executor {
  return {
    scenario: executor.scenario,
    async execute(request) {
      const verdict = await executor.execute(request);
      while (isBehind() && !state.mustStop) {
        state.noteTurn();
        await new Promise((resolve) => {
          wait(resolve, WAIT_MS);
        });
      }
      return verdict;
    },
  };
}

function isBehind(): boolean {
  return process.stdout.writableLength + process.stderr.writableLength > BEHIND_BYTES;
}

/**
 * An executor that looks after what the limit of the heap does not cover. An execution that holds too much fails; what is still held
 * after one rejects, as the thread has to go with it.
 */
export function withinMemory(executor: Executor, memoryMb: number): Executor {
  let looks = 0;
  const limitMb = memoryMb * OUTSIDE_HEAP_FACTOR;
  const look = (): void => {
    looks += 1;
    if (looks % LOOK_EVERY !== 0 || process.memoryUsage().external <= limitMb * MIB) return;
    throw new RangeError(`buffers take more than ${limitMb} MiB of memory outside of the heap`);
  };
  return {
    scenario: executor.scenario,
    async execute(request) {
      const verdict = await executor.execute({
        ...request,
        onTurn: () => {
          look();
          request.onTurn?.();
        },
      });
      look();
      return verdict;
    },
  };
}
