/** Cases about initialization: filers that are ready later, in any order, or never. */
import { QUEUE_INITING_MSG, QUEUE_INVALID_MSG } from '../../model/messages.ts';
import type { RunTypeMap } from '../../model/run-type.ts';
import type { Service } from '../../model/service.ts';
import type { ServiceStatus } from '../../model/service-status.ts';
import { checkEqual, checkFields, checkRejects, statusInside } from '../check.ts';
import type { CaseContext, Gate } from '../case-context.ts';
import type { CaseSpec } from '../conformance-case.ts';

/** Two filers, each ready when its gate opens. */
function twoFilers(t: CaseContext): {
  readonly filers: RunTypeMap;
  readonly scoot: Gate;
  readonly bazel: Gate;
} {
  const [scoot, bazel] = [t.gate(), t.gate()];
  const filers: RunTypeMap = new Map([
    ['scoot', { filer: t.filer({ name: 'scoot' }), init: scoot.opened }],
    ['bazel', { filer: t.filer({ name: 'bazel' }), init: bazel.opened }],
  ]);
  return { filers, scoot, bazel };
}

const serviceOf = async (runner: Service): Promise<ServiceStatus> => (await runner.statusAll()).service;

const STARTING = { initialized: false, isHealthy: false, error: '' };
const READY = { initialized: true, isHealthy: true, error: '' };

export const initCases: readonly CaseSpec[] = [
  {
    title: 'R61 a runner is initialized once all signals have come, in any order',
    needs: ['filers'],
    async run(t) {
      for (const isScootFirst of [true, false]) {
        const { filers, scoot, bazel } = twoFilers(t);
        const runner = await t.runner({ filers });
        const [first, last] = isScootFirst ? [scoot, bazel] : [bazel, scoot];
        checkFields('the service before any signal', await serviceOf(runner), STARTING);
        first.open();
        await t.sleep(2);
        checkFields('the service after one signal', await serviceOf(runner), STARTING);
        last.open();
        await t.until('the runner is initialized', async () => (await serviceOf(runner)).initialized);
        checkFields('the service after both', await serviceOf(runner), READY);
        checkEqual('a run', (await t.outcome(runner, t.commands.exit(3))).exitCode, 3);
        await runner.release();
      }
    },
  },
  {
    title: 'R63 R64 R22 run before the signals is refused as initializing, and uses up no id',
    needs: ['filers', 'idPrefix'],
    async run(t) {
      const { filers, scoot, bazel } = twoFilers(t);
      const runner = await t.runner({ filers, idPrefix: 'i-' });
      for (let offer = 0; offer < 2; offer += 1) {
        const error = await checkRejects('run', runner.run(t.commands.exit(0)), 'RUNNER_INITIALIZING');
        checkEqual('its text', error.message, QUEUE_INITING_MSG);
        checkFields('the status in it', statusInside(error), {
          runId: '',
          error: QUEUE_INITING_MSG,
        });
      }
      scoot.open();
      bazel.open();
      await t.until('the runner is initialized', async () => (await serviceOf(runner)).initialized);
      checkEqual('the first id', (await runner.run(t.commands.exit(0))).runId, 'i-0');
    },
  },
  {
    title:
      'R62 R63 D34 D35 a failed signal breaks the runner for good, and the first failure in time is shown',
    needs: ['filers'],
    async run(t) {
      const { filers, scoot, bazel } = twoFilers(t);
      const runner = await t.runner({ filers });
      bazel.fail(new Error('first'));
      await t.sleep(2);
      scoot.fail(new Error('second'));
      await t.until('the failure is shown', async () => (await serviceOf(runner)).error !== '');
      const broken = { initialized: false, isHealthy: false, error: 'first' };
      checkFields('the service', await serviceOf(runner), broken);
      const error = await checkRejects('run', runner.run(t.commands.exit(0)), 'RUNNER_BROKEN');
      checkEqual('its text', error.message, QUEUE_INVALID_MSG);
      checkEqual('the error in its status', statusInside(error).error, 'first');
    },
  },
  {
    title: 'R62 one failure among signals that succeed is enough',
    needs: ['filers'],
    async run(t) {
      const { filers, scoot, bazel } = twoFilers(t);
      const runner = await t.runner({ filers });
      scoot.fail(new Error('no disk'));
      bazel.open();
      await t.until('the failure is shown', async () => (await serviceOf(runner)).error !== '');
      checkFields('the service', await serviceOf(runner), {
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
      const { filers, scoot, bazel } = twoFilers(t);
      const runner = await t.runner({ filers });
      await runner.release();
      scoot.open();
      bazel.open();
      await t.sleep(2);
      await checkRejects('run', runner.run(t.commands.exit(0)), 'RUNNER_RELEASED');
    },
  },
];
