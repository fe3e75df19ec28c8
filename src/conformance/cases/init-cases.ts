/** Cases about initialization: filers that are ready later, in any order, or never. */
import { sleep } from '../../kernel/clock.ts';
import { QUEUE_INITING_MSG, QUEUE_INVALID_MSG } from '../../model/messages.ts';
import type { RunTypeMap } from '../../model/run-type.ts';
import { checkEqual, checkFields, checkRejects, statusInside } from '../check.ts';
import type { CaseContext } from '../case-context.ts';
import type { CaseSpec } from '../conformance-case.ts';

/** Two filers that are ready, or fail, after so many steps. */
function twoFilers(
  t: CaseContext,
  scoot: readonly [number, string?],
  bazel: readonly [number, string?],
): RunTypeMap {
  const signal = async ([steps, failure]: readonly [number, string?]): Promise<void> => {
    await sleep(t.world.clock, t.ms(steps), 'init');
    if (failure !== undefined) throw new Error(failure);
  };
  return new Map([
    ['scoot', { filer: t.filer({ name: 'scoot' }), init: signal(scoot) }],
    ['bazel', { filer: t.filer({ name: 'bazel' }), init: signal(bazel) }],
  ]);
}

const STARTING = { initialized: false, isHealthy: false, error: '' };
const READY = { initialized: true, isHealthy: true, error: '' };

export const initCases: readonly CaseSpec[] = [
  {
    title: 'R61 a runner is initialized once all signals have come, whatever their order',
    needs: ['filers'],
    async run(t) {
      for (const [scoot, bazel] of [
        [2, 4],
        [4, 2],
      ] as const) {
        const runner = await t.runner({ filers: twoFilers(t, [scoot], [bazel]) });
        await t.sleep(3);
        checkFields('the service after one signal', (await runner.statusAll()).service, STARTING);
        await t.sleep(2);
        checkFields('the service after both', (await runner.statusAll()).service, READY);
        checkEqual('a run', (await t.outcome(runner, t.commands.exit(3))).exitCode, 3);
        await runner.release();
      }
    },
  },
  {
    title: 'R63 R64 R22 run before the signals is refused as initializing, and uses up no id',
    needs: ['filers', 'idPrefix'],
    async run(t) {
      const runner = await t.runner({ filers: twoFilers(t, [1], [1]), idPrefix: 'i-' });
      for (let offer = 0; offer < 2; offer += 1) {
        const error = await checkRejects('run', runner.run(t.commands.exit(0)), 'RUNNER_INITIALIZING');
        checkEqual('its text', error.message, QUEUE_INITING_MSG);
        checkFields('the status in it', statusInside(error), {
          runId: '',
          error: QUEUE_INITING_MSG,
        });
      }
      await t.sleep(2);
      checkEqual('the first id', (await runner.run(t.commands.exit(0))).runId, 'i-0');
    },
  },
  {
    title:
      'R62 R63 D34 D35 a failed signal breaks the runner for good, and the first failure in time is shown',
    needs: ['filers'],
    async run(t) {
      const runner = await t.runner({ filers: twoFilers(t, [4, 'second'], [2, 'first']) });
      await t.sleep(5);
      const broken = { initialized: false, isHealthy: false, error: 'first' };
      checkFields('the service', (await runner.statusAll()).service, broken);
      const error = await checkRejects('run', runner.run(t.commands.exit(0)), 'RUNNER_BROKEN');
      checkEqual('its text', error.message, QUEUE_INVALID_MSG);
      checkEqual('the error in its status', statusInside(error).error, 'first');
    },
  },
  {
    title: 'R62 one failure among signals that succeed is enough',
    needs: ['filers'],
    async run(t) {
      const runner = await t.runner({ filers: twoFilers(t, [1, 'no disk'], [2]) });
      await t.sleep(3);
      checkFields('the service', (await runner.statusAll()).service, {
        initialized: false,
        error: 'no disk',
      });
      await checkRejects('run', runner.run(t.commands.exit(0)), 'RUNNER_BROKEN');
    },
  },
  {
    title: 'R84 R86 a runner that is released before its signals have come stays released',
    needs: ['filers'],
    async run(t) {
      const runner = await t.runner({ filers: twoFilers(t, [1], [1]) });
      await runner.release();
      await t.sleep(2);
      await checkRejects('run', runner.run(t.commands.exit(0)), 'RUNNER_RELEASED');
    },
  },
];
