/** Cases about deadlines. */
import { sleep } from '../../kernel/clock.ts';
import type { RunStatus } from '../../model/run-status.ts';
import { waitForState } from '../../model/status-lookup.ts';
import { checkEqual, checkFields, checkRejects, checkThat } from '../check.ts';
import type { CaseSpec } from '../conformance-case.ts';

export const timeoutCases: readonly CaseSpec[] = [
  {
    title: 'R100 R101 a run that is still at work at its deadline becomes TIMEDOUT',
    needs: ['timeouts'],
    async serve(t, runner) {
      const status = await t.outcome(runner, { ...t.commands.hang(), timeoutMs: t.ms(2) });
      checkEqual('the end', status.state, 'TIMEDOUT');
      checkFields('a run after it', await t.outcome(runner, t.commands.exit(1)), {
        state: 'COMPLETE',
        exitCode: 1,
      });
    },
  },
  {
    title: 'R100 the deadline is kept to the microsecond',
    needs: ['timeouts', 'virtualTime', 'exactStates'],
    async serve(t, runner) {
      for (const timeoutMs of [0.5, 86_400_000]) {
        const atMs = t.now();
        checkEqual(
          'the end',
          (await t.outcome(runner, { ...t.commands.hang(), timeoutMs })).state,
          'TIMEDOUT',
        );
        checkEqual('microseconds', Math.round((t.now() - atMs) * 1000), timeoutMs * 1000);
      }
    },
  },
  {
    title: 'R100 time in the queue does not count',
    options: { capacity: 2 },
    needs: ['timeouts'],
    async serve(t, runner) {
      const throughQueue = async (timeoutMs: number): Promise<{ status: RunStatus; sinceMs: number }> => {
        const active = await t.running(runner, t.commands.hang());
        const queued = await t.start(runner, { ...t.commands.exit(3), timeoutMs });
        await sleep(t.world.clock, timeoutMs + t.ms(2));
        checkEqual('it in the queue', (await runner.status(queued)).status.state, 'PENDING');
        const sinceMs = t.now();
        await runner.abort(active);
        return { status: await t.end(runner, queued), sinceMs };
      };
      const { status } = await t.fitTimeout(6, throughQueue, ({ state }) => state !== 'TIMEDOUT');
      checkFields('the end', status, { state: 'COMPLETE', exitCode: 3 });
    },
  },
  {
    title: 'R100 R203 a timeout of 0 or less is none',
    needs: ['timeouts'],
    async serve(t, runner) {
      for (const timeoutMs of [0, -1]) {
        const status = await t.outcome(runner, { ...t.commands.exit(2, t.ms(2)), timeoutMs });
        checkFields('the end', status, { state: 'COMPLETE', exitCode: 2 });
      }
    },
  },
  {
    title: 'R103 R200 a deadline after the end changes nothing',
    needs: ['timeouts'],
    async serve(t, runner) {
      const { status, timeoutMs } = await t.endBefore(runner, t.commands.exit(8), 9);
      await sleep(t.world.clock, timeoutMs + t.ms(1));
      checkFields('the end', status, { state: 'COMPLETE', exitCode: 8 });
      checkEqual('the status after the deadline', (await runner.status(status.runId)).status, status);
    },
  },
  {
    title: 'R104 D54 an end in the instant of the deadline is one of the two, the same for every caller',
    needs: ['timeouts', 'virtualTime'],
    async serve(t, runner) {
      for (let run = 0; run < 8; run += 1) {
        const timeoutMs = t.ms(2);
        const runId = await t.start(runner, { ...t.commands.exit(3, timeoutMs), timeoutMs });
        const { state, exitCode } = await t.end(runner, runId);
        const end = `${state} ${exitCode}`;
        checkThat(['COMPLETE 3', 'TIMEDOUT 0'].includes(end), 'the end', 'COMPLETE 3 or TIMEDOUT 0', end);
        checkEqual('the end again', (await runner.abort(runId)).state, state);
      }
    },
  },
  {
    title: 'R102 R105 D42 a deadline during the checkout ends the run; the command never starts',
    needs: ['timeouts', 'filers'],
    async run(t) {
      const filer = t.filer({ plan: { checkout: [{ hang: true }, { latencyMs: t.ms(20), deaf: true }] } });
      const runner = await t.runner({ filers: new Map([['scoot', { filer }]]) });
      for (let run = 0; run < 2; run += 1) {
        const command = { ...t.commands.exit(0), snapshotId: 's', timeoutMs: t.ms(2) };
        const runId = await t.start(runner, command);
        await checkRejects(
          'a wait for RUNNING',
          waitForState(runner, runId, 'RUNNING'),
          'RUNNER_CANNOT_HAPPEN',
        );
        checkFields('the end', await t.end(runner, runId), { state: 'TIMEDOUT', stdoutRef: '' });
      }
      await t.until('the late checkout is released', () => filer.openCheckouts === 0);
      await t.sleep(1);
      checkEqual('faults of the checkouts', filer.verify(), []);
    },
  },
  {
    title: 'R102 R100 D42 time in the checkout counts towards the timeout',
    needs: ['timeouts', 'filers'],
    async run(t) {
      const filer = t.filer({ plan: { checkout: [{ latencyMs: t.ms(4) }] } });
      const runner = await t.runner({ filers: new Map([['scoot', { filer }]]) });
      const command = { ...t.commands.exit(0, t.ms(6)), snapshotId: 's', timeoutMs: t.ms(8) };
      checkEqual('the end', (await t.outcome(runner, command)).state, 'TIMEDOUT');
    },
  },
  {
    title: 'R70 R101 an abort of a run that timed out returns TIMEDOUT',
    needs: ['timeouts'],
    async serve(t, runner) {
      const status = await t.outcome(runner, { ...t.commands.hang(), timeoutMs: t.ms(1) });
      checkEqual('what abort returns', await runner.abort(status.runId), status);
    },
  },
];
