/** Cases about checkouts that fail, and when a runner stops trusting its machine. */
import type { FilerBehaviour } from '../../filers/filer-behaviour.ts';
import { WORKER_UNHEALTHY_MSG } from '../../model/messages.ts';
import type { Service } from '../../model/service.ts';
import { finalStatus, waitForState } from '../../model/status-lookup.ts';
import { checkEqual, checkFields, checkRejects, checkThat, statusInside } from '../check.ts';
import type { CaseContext } from '../case-context.ts';
import type { CaseSpec } from '../conformance-case.ts';

const failing = (exitCode: number, text = 'no such snapshot'): FilerBehaviour => ({
  fail: { text, exitCode },
});

function withCheckouts(
  t: CaseContext,
  checkout: readonly FilerBehaviour[],
  more: { readonly capacity?: number } = {},
): Promise<Service> {
  return t.runner({ filers: new Map([['scoot', { filer: t.filer({ plan: { checkout } }) }]]), ...more });
}

const isHealthy = async (runner: Service): Promise<boolean> => (await runner.statusAll()).service.isHealthy;

export const healthCases: readonly CaseSpec[] = [
  {
    title: 'R93 R11 a failed checkout ends the run as FAILED with the error’s own code and text',
    needs: ['filers'],
    async run(t) {
      const runner = await withCheckouts(t, [failing(217, 'no such database')]);
      const status = await t.outcome(runner, { ...t.commands.exit(0), snapshotId: 's' });
      checkFields('the end', status, {
        state: 'FAILED',
        exitCode: 217,
        error: 'no such database',
        stdoutRef: '',
      });
    },
  },
  {
    title: 'R93 a failed checkout without a code is 210',
    needs: ['filers'],
    async run(t) {
      const runner = await withCheckouts(t, [{ latencyMs: t.ms(1), fail: { text: 'no network' } }]);
      const status = await t.outcome(runner, { ...t.commands.exit(0), snapshotId: 's' });
      checkFields('the end', status, { state: 'FAILED', exitCode: 210, error: 'no network' });
    },
  },
  {
    title: 'R91 without a filer for its run type a run is FAILED 200',
    needs: ['filers'],
    async run(t) {
      const runner = await t.runner({ filers: new Map([['bazel', { filer: t.filer() }]]) });
      const status = await t.outcome(runner, t.commands.exit(0));
      checkFields('the end', status, { state: 'FAILED', exitCode: 200 });
    },
  },
  {
    title: 'R92 D43 a run without a snapshot does not call the filer',
    needs: ['filers'],
    async run(t) {
      const runner = await withCheckouts(t, [failing(212), failing(212)]);
      checkFields('the end', await t.outcome(runner, t.commands.exit(1)), { state: 'COMPLETE', exitCode: 1 });
    },
  },
  {
    title:
      'R81 R82 R38 R64 D29 D18 the same checkout code twice in a row makes the runner unhealthy, not later than it is seen',
    needs: ['filers'],
    async run(t) {
      for (const exitCode of [211, 212]) {
        const runner = await withCheckouts(t, [failing(exitCode), failing(exitCode)]);
        const command = { ...t.commands.exit(0), snapshotId: 's' };
        await t.outcome(runner, command);
        checkEqual('healthy after one', await isHealthy(runner), true);
        const runId = await t.start(runner, command);
        const { service } = await finalStatus(runner, runId);
        checkFields('the service that comes with the second end', service, {
          initialized: true,
          isHealthy: false,
        });
        checkThat(
          service.error.includes(String(exitCode)),
          'its error',
          `one that names ${exitCode}`,
          service.error,
        );
        const error = await checkRejects('run', runner.run(command), 'RUNNER_UNHEALTHY');
        checkEqual('its text', error.message, WORKER_UNHEALTHY_MSG);
        checkEqual('the error in its status', statusInside(error).error, service.error);
        await runner.release();
      }
    },
  },
  {
    title: 'R81 different codes, or a good run between them, do not count as a row',
    needs: ['filers'],
    async run(t) {
      const codes = [211, 212, 211, 0, 211];
      const plan = codes.map((code) => (code === 0 ? {} : failing(code)));
      const runner = await withCheckouts(t, plan);
      for (const code of codes) {
        const status = await t.outcome(runner, { ...t.commands.exit(0), snapshotId: 's' });
        checkEqual('the code', status.exitCode, code);
      }
      checkEqual('healthy', await isHealthy(runner), true);
    },
  },
  {
    title: 'R81 D32 an aborted run neither counts nor breaks the row',
    needs: ['filers'],
    async run(t) {
      const runner = await withCheckouts(t, [failing(212), {}, failing(212)]);
      const command = { ...t.commands.hang(), snapshotId: 's' };
      await t.outcome(runner, command);
      await runner.abort(await t.running(runner, command));
      checkEqual('healthy', await isHealthy(runner), true);
      await t.outcome(runner, command);
      checkEqual('healthy after the second failure', await isHealthy(runner), false);
    },
  },
  {
    title: 'R83 R82 D30 when the runner becomes unhealthy, queued runs become FAILED, and every wait ends',
    needs: ['filers', 'capacity'],
    async run(t) {
      const bad = { latencyMs: t.ms(1), ...failing(212) };
      const runner = await withCheckouts(t, [bad, bad], { capacity: 4 });
      const command = { ...t.commands.exit(0), snapshotId: 's', jobId: 'job' };
      const offers = [1, 2, 3, 4].map(() => runner.run(command));
      const ids = (await Promise.all(offers)).map(({ runId }) => runId);
      const waits = ids.map((runId) => t.meanwhile(t.end(runner, runId)));
      const never = waitForState(runner, ids[2] ?? '', 'RUNNING');
      await checkRejects('a wait for RUNNING', never, 'RUNNER_CANNOT_HAPPEN');
      const [, second, ...drained] = await Promise.all(waits);
      checkFields('the second', second ?? { state: '' }, { state: 'FAILED' });
      for (const status of drained) {
        checkFields('a queued run', status, { state: 'FAILED', error: WORKER_UNHEALTHY_MSG, jobId: 'job' });
      }
      checkEqual('how many were queued', drained.length, 2);
    },
  },
  {
    title: 'R94 R205 a checkout is released exactly once, however its run ends',
    needs: ['filers', 'timeouts'],
    async run(t) {
      const filer = t.filer();
      const runner = await t.runner({ filers: new Map([['scoot', { filer }]]) });
      const snapshotId = 's';
      await t.outcome(runner, { ...t.commands.exit(0), snapshotId });
      for (const command of t.unstartable()) await t.outcome(runner, { ...command, snapshotId });
      await t.outcome(runner, { ...t.commands.hang(), snapshotId, timeoutMs: t.ms(1) });
      await runner.abort(await t.running(runner, { ...t.commands.hang(), snapshotId }));
      checkEqual('faults of the checkouts', filer.verify(), []);
    },
  },
];
