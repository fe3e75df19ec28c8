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

interface Held {
  readonly runner: Service;
  readonly updater: CountingUpdater;
  /** The time just before the runner was made. */
  readonly madeAtMs: number;
  /** When each update began. */
  readonly begunAtMs: number[];
}

/**
 * A runner of capacity 3 whose filer asks for an update every few steps; each update lasts until the case lets it
 * end.
 */
async function held(t: CaseContext, everySteps: number): Promise<Held> {
  const begunAtMs: number[] = [];
  const say = (): void => void begunAtMs.push(t.now());
  const updater = createCountingUpdater({ updateIntervalMs: t.ms(everySteps), say });
  const files = t.filer();
  const filer = composeFiler({ checkouter: files, ingester: files, updater, cancelBoundMs: t.ms(1) });
  const madeAtMs = t.now();
  return { runner: await t.runner({ filers: served(filer), capacity: 3 }), updater, madeAtMs, begunAtMs };
}

const underway = (t: CaseContext, updater: CountingUpdater): Promise<void> =>
  t.until('an update is at work', () => updater.running === 1);

/** A run that is RUNNING; lets updates before it end. */
async function runningSoon(t: CaseContext, { runner, updater }: Held): Promise<string> {
  const runId = await t.start(runner, t.commands.hang());
  await t.until('the run is RUNNING', async () => {
    updater.unpause();
    return (await stateOf(runner, runId)) === 'RUNNING';
  });
  return runId;
}

const stateOf = async (runner: Service, runId: string): Promise<string> =>
  (await runner.status(runId)).status.state;

export const updateCases: readonly CaseSpec[] = [
  {
    title:
      'R75 R76 R80 R68 an update comes when its interval is over; runs that are accepted meanwhile wait for its end',
    needs: ['filers', 'capacity'],
    async run(t) {
      const { runner, updater, madeAtMs, begunAtMs } = await held(t, 3);
      await underway(t, updater);
      const afterMs = (begunAtMs[0] ?? 0) - madeAtMs;
      checkThat(afterMs >= t.ms(3), 'time to the first update', `at least ${t.ms(3)} ms`, afterMs);
      t.checkBound('time to the first update', afterMs, 3);
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
      const made = await held(t, 2);
      const { runner, updater } = made;
      const first = await runningSoon(t, made);
      const second = await t.start(runner, t.commands.exit(4));
      const before = updater.count;
      await t.sleep(5);
      checkEqual('updates during the run', updater.running + updater.count, before);
      await runner.abort(first);
      await underway(t, updater);
      checkEqual('the queued run', await stateOf(runner, second), 'PENDING');
      updater.unpause();
      checkEqual('its exit code', (await t.end(runner, second)).exitCode, 4);
      checkEqual('updates', updater.count, before + 1);
    },
  },
  {
    title:
      'R78 R76 after an update a waiting run gets its turn, although another update was asked for meanwhile',
    needs: ['filers', 'capacity'],
    async run(t) {
      const { runner, updater } = await held(t, 2);
      await underway(t, updater);
      const runId = await t.start(runner, t.commands.hang());
      await t.sleep(2);
      updater.unpause();
      await waitForState(runner, runId, 'RUNNING');
      checkEqual('updates during the run', updater.running, 0);
      await runner.abort(runId);
      await underway(t, updater);
      updater.unpause();
    },
  },
  {
    title: 'R71 R80 a queued run can be aborted during an update',
    needs: ['filers', 'capacity'],
    async run(t) {
      const { runner, updater } = await held(t, 1);
      await underway(t, updater);
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
      checkFields('the service', (await runner.statusAll()).service, {
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
      const gate = t.gate();
      let begun = 0;
      const update = (): Promise<void> => {
        begun += 1;
        return gate.opened;
      };
      const files = t.filer();
      const deaf = { updateIntervalMs: t.ms(1), update };
      const filer = composeFiler({
        checkouter: files,
        ingester: files,
        updater: deaf,
        cancelBoundMs: t.ms(1),
      });
      const runner = await t.runner({ filers: served(filer), updateLimitMs: t.ms(3) });
      await t.until('an update is at work', () => begun > 0);
      const runId = await t.start(runner, t.commands.hang());
      // The update ends only after this.
      await waitForState(runner, runId, 'RUNNING');
      const { service } = await runner.statusAll();
      checkEqual('health', service.isHealthy, true);
      checkThat(service.error !== '', 'the service error', 'one that mentions the update', service.error);
      gate.open();
      await runner.release();
    },
  },
  {
    title: 'R86 R85 D28 a release ends an update that is at work, and none comes later',
    needs: ['filers', 'capacity'],
    async run(t) {
      const { runner, updater } = await held(t, 1);
      await underway(t, updater);
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
