/**
 * Watches what executions reach for outside of their simulation. Invariants: it changes nothing that they see, so that hashes are the
 * same with and without it; between two executions everything is as if it were not there.
 */
import { createHook } from 'node:async_hooks';
import { checkMethods } from '../kernel/argument-check.ts';
import type { EscapeWatch } from '../explore/escape.ts';
import type { Executor } from '../explore/executor.ts';
import { EscapeLedger } from './escape-ledger.ts';
import { OUTSIDE_RESOURCES, outsideCalls, resourceName } from './outside.ts';
import { PatchedCalls } from './patched-calls.ts';

/**
 * An executor that does what `executor` does, watched for real timers, I/O, entropy, clocks, processes and threads. It takes about
 * twice the time, for the machine then reports each promise too.
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
  checkMethods('executor', executor, ['execute']);
  const ledger = new EscapeLedger();
  const hook = createHook({
    init(_id, type) {
      const kind = OUTSIDE_RESOURCES.get(type);
      if (kind !== undefined) ledger.note(kind, resourceName(type));
    },
  });
  return {
    executor: {
      scenario: executor.scenario,
      async execute(request) {
        ledger.beginExecution();
        const calls = new PatchedCalls(outsideCalls(), ({ kind, what }) => ledger.note(kind, what));
        hook.enable();
        try {
          return await executor.execute(request);
        } finally {
          hook.disable();
          calls.restore();
        }
      },
    },
    escapes: () => ledger.escapes(),
  };
}
