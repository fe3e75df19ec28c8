/**
 * Records what executions use from outside their simulation. Invariants: watching changes nothing that an execution
 * sees, so hashes are the same with and without it; between two executions no trace of the watch remains.
 */
import * as is from '../../kernel/shape.ts';
import type { EscapeWatch } from '../../explore/escape.ts';
import { outsideWord } from '../../kernel/drain-resources.ts';
import { type OutsideCall, OUTSIDE_RESOURCES, outsideCalls } from './outside.ts';
import { createHook } from 'node:async_hooks';
import { check } from '../../kernel/argument-check.ts';
import { EscapeLedger } from './escape-ledger.ts';
import { PatchedCalls } from './patched-calls.ts';
import type { ExecutionRequest, Executor } from '../../explore/executor.ts';
import type { Verdict } from '../../simulation/verdict.ts';

/**
 * Returns an executor that behaves like `executor` and records uses of real timers, I/O, entropy, clocks, processes and
 * threads. Executions take about twice as long, because the machine then reports every promise too.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but an executor.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { fifoDecisions } from 'dryrunner/kernel';
 * import { createExecutor } from 'dryrunner/explore';
 * import { watchEscapes } from 'dryrunner/ambient';
 * const scenario = defineScenario({
 *   name: 'asks-the-time',
 *   description: 'reads a clock that no log knows',
 *   run: (sim) => sim.note(`it is ${Date.now() > 0}`),
 * });
 * const watch = watchEscapes(createExecutor(scenario));
 * await watch.executor.execute({ source: fifoDecisions() });
 * if (watch.escapes()[0]?.what !== 'Date.now') throw new Error('expected it to be seen');
 * ```
 */
export function watchEscapes(executor: Executor): EscapeWatch {
  return watchWith(executor, () => outsideCalls());
}

/**
 * Like {@link watchEscapes}, but records only what async hooks report: timers, I/O, and processes and threads that are
 * waited for. For ambient time, which intercepts calls itself.
 */
export function watchResources(executor: Executor): EscapeWatch {
  return watchWith(executor, undefined);
}

function watchWith(executor: Executor, callsOf: (() => OutsideCall[]) | undefined): EscapeWatch {
  check('executor', executor, is.withMethods('execute'));
  const ledger = new EscapeLedger();
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      const kind = OUTSIDE_RESOURCES.get(type);
      // Virtual timers have the same type names.
      if (kind !== undefined && !('clearInSimulation' in resource)) ledger.note(kind, outsideWord(type));
    },
  });
  const watched = async (request: ExecutionRequest): Promise<Verdict> => {
    ledger.beginExecution();
    const note = ({ kind, what }: Pick<OutsideCall, 'kind' | 'what'>): void => ledger.note(kind, what);
    const calls = callsOf === undefined ? undefined : new PatchedCalls(callsOf(), note);
    hook.enable();
    try {
      return await executor.execute(request);
    } finally {
      hook.disable();
      calls?.restore();
    }
  };
  // One after the other: of two at once, the second would take the patches of the first for the originals.
  let last: Promise<unknown> = Promise.resolve();
  return {
    executor: {
      scenario: executor.scenario,
      execute(request) {
        const running = last.then(() => watched(request));
        last = running.catch(() => undefined);
        return running;
      },
    },
    escapes: () => ledger.escapes(),
  };
}
