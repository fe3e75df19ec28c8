/** Cases about filers that want to be updated between runs. */
import { composeFiler } from '../../filers/composed-filer.ts';
import { createCountingUpdater, type CountingUpdater } from '../../filers/counting-updater.ts';
import type { Filer } from '../../model/filer.ts';
import type { RunTypeMap } from '../../model/run-type.ts';
import type { Service } from '../../model/service.ts';
import { waitForState } from '../../model/status-lookup.ts';
import { checkEqual, checkFields, checkRejects, checkThat } from '../check.ts';
import type { CaseContext } from '../case-context.ts';
import type { CaseSpec } from '../conformance-case.ts';

const served = (filer: Filer): RunTypeMap => new Map([['scoot', { filer }]]);

/** A runner of capacity 3 whose filer asks for an update every so many steps; each update lasts until it is let go. */
async function held(
  t: CaseContext,
  everySteps: number,
): Promise<{ runner: Service; updater: CountingUpdater }> {
  const updater = createCountingUpdater({ updateIntervalMs: t.ms(everySteps) });
  const files = t.filer();
  const filer = composeFiler({ checkouter: files, ingester: files, updater, cancelBoundMs: t.ms(1) });
  return { runner: await t.runner({ filers: served(filer), capacity: 3 }), updater };
}

const stateOf = async (runner: Service, runId: string): Promise<string> =>
  (await runner.status(runId)).status.state;

export const updateCases: readonly CaseSpec[] = [
  {
    title:
      'R75 R76 R80 R68 an update comes when its interval is over; runs that are accepted meanwhile wait for its end',
    needs: ['filers', 'capacity'],
    async run(t) {
      const { runner, updater } = await held(t, 3);
      await t.sleep(2);
      checkEqual('updates before the interval is over', updater.running, 0);
      await t.sleep(2);
      checkEqual('updates after it', updater.running, 1);
      const runId = await t.start(runner, t.commands.exit(3));
      await t.sleep(1);
      checkEqual('the run during the update', await stateOf(runner, runId), 'PENDING');
      updater.unpause();
      checkEqual('the run after it', (await t.end(runner, runId)).exitCode, 3);
    },
  },
  {
    title: 'R76 R77 requests during a run become one update, which comes before the next queued run',
    needs: ['filers', 'capacity'],
    async run(t) {
      const { runner, updater } = await held(t, 2);
      const first = await t.running(runner, t.commands.exit(0, t.ms(7)));
      const second = await t.start(runner, t.commands.exit(4));
      await t.sleep(5);
      checkEqual('updates during the run', updater.running + updater.count, 0);
      await t.end(runner, first);
      await t.sleep(1);
      checkEqual('updates after it', updater.running, 1);
      checkEqual('the queued run', await stateOf(runner, second), 'PENDING');
      updater.unpause();
      checkEqual('its exit code', (await t.end(runner, second)).exitCode, 4);
      checkEqual('updates', updater.count, 1);
    },
  },
  {
    title:
      'R78 R76 after an update a waiting run gets its turn, although another update was asked for meanwhile',
    needs: ['filers', 'capacity'],
    async run(t) {
      const { runner, updater } = await held(t, 2);
      await t.sleep(3);
      const runId = await t.start(runner, t.commands.hang());
      await t.sleep(2);
      updater.unpause();
      await waitForState(runner, runId, 'RUNNING');
      checkEqual('updates during the run', updater.running, 0);
      await runner.abort(runId);
      await t.sleep(1);
      checkEqual('updates after it', updater.running, 1);
      updater.unpause();
    },
  },
  {
    title: 'R71 R80 a queued run can be aborted during an update',
    needs: ['filers', 'capacity'],
    async run(t) {
      const { runner, updater } = await held(t, 1);
      await t.sleep(2);
      const runId = await t.start(runner, t.commands.exit(0));
      checkEqual('what abort returns', (await runner.abort(runId)).state, 'ABORTED');
      checkEqual('updates at work', updater.running, 1);
      updater.unpause();
    },
  },
  {
    title: 'R79 an update that fails changes neither health nor runs',
    needs: ['filers'],
    async run(t) {
      const fail = { text: 'no network' };
      const plan = { update: [{ fail }, { latencyMs: t.ms(0.5), fail }] };
      const filer = t.filer({ updateIntervalMs: t.ms(1), plan });
      const runner = await t.runner({ filers: served(filer) });
      await t.sleep(4);
      checkFields('the end', await t.outcome(runner, t.commands.exit(5)), { state: 'COMPLETE', exitCode: 5 });
      checkEqual('the service', (await runner.statusAll()).service, {
        initialized: true,
        isHealthy: true,
        error: '',
      });
    },
  },
  {
    title: 'R80 D38 an update that takes longer than its limit does not hold runs up, and the fault is shown',
    needs: ['filers'],
    async run(t) {
      const plan = { update: [{ latencyMs: t.ms(30), deaf: true }] };
      const filer = t.filer({ updateIntervalMs: t.ms(1), plan, cancelBoundMs: t.ms(1) });
      const runner = await t.runner({ filers: served(filer), updateLimitMs: t.ms(3) });
      await t.sleep(2);
      const runId = await t.start(runner, t.commands.hang());
      await waitForState(runner, runId, 'RUNNING');
      const { service } = await runner.statusAll();
      checkEqual('health', service.isHealthy, true);
      checkThat(service.error !== '', 'the service error', 'one that tells of the update', service.error);
      await runner.release();
      await t.sleep(30);
    },
  },
  {
    title: 'R86 R85 D28 a release ends an update that is at work, and none comes later',
    needs: ['filers', 'capacity'],
    async run(t) {
      const { runner, updater } = await held(t, 1);
      await t.sleep(2);
      await runner.release();
      checkEqual('updates at work', updater.running, 0);
      await t.sleep(4);
      checkEqual('updates', updater.running + updater.count, 0);
    },
  },
  {
    title: 'R75 D37 an interval that is negative or not finite is refused, and 0 means never',
    needs: ['filers'],
    async run(t) {
      const files = t.filer();
      for (const updateIntervalMs of [-1, Number.NaN, Infinity]) {
        const updater = { updateIntervalMs, update: () => undefined };
        const filer = composeFiler({ checkouter: files, ingester: files, updater });
        const made = t.runner({ filers: served(filer) });
        await checkRejects(`an interval of ${updateIntervalMs} ms`, made, 'RUNNER_INVALID_ARGUMENT');
      }
      const never = createCountingUpdater({ updateIntervalMs: 0 });
      await t.runner({
        filers: served(composeFiler({ checkouter: files, ingester: files, updater: never })),
      });
      await t.sleep(5);
      checkEqual('updates', never.running, 0);
    },
  },
];
