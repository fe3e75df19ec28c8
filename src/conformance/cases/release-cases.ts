/** Cases about the end of a runner. */
import { ALL_MASK, DONE_MASK, PENDING_MASK } from '../../model/state-mask.ts';
import { finalStatus } from '../../model/status-lookup.ts';
import { waitForever } from '../../model/query.ts';
import { checkEqual, checkFields, checkRejects, each } from '../check.ts';
import type { CaseSpec } from '../conformance-case.ts';

export const releaseCases: readonly CaseSpec[] = [
  {
    title: 'R84 D26 release may be called any number of times, also at once',
    async serve(t, runner) {
      await t.running(runner, t.commands.hang());
      await Promise.all([runner.release(), runner.release()]);
      await runner.release();
    },
  },
  {
    title: 'R84 D26 after a release run and abort are refused with an error of its own',
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.exit(0));
      await t.end(runner, runId);
      await runner.release();
      await checkRejects('run', runner.run(t.commands.exit(0)), 'RUNNER_RELEASED');
      await checkRejects('abort', runner.abort(runId), 'RUNNER_RELEASED');
    },
  },
  {
    title: 'R84 after a release reads that need no waiting still work',
    async serve(t, runner) {
      const status = await t.outcome(runner, t.commands.exit(5));
      const { runId } = status;
      await runner.release();
      checkEqual('status', (await runner.status(runId)).status, status);
      checkEqual('statusAll', (await runner.statusAll()).statuses, [status]);
      checkEqual('queryNow', (await runner.queryNow({ runs: [runId], states: ALL_MASK })).statuses, [status]);
      checkEqual('finalStatus', (await finalStatus(runner, runId)).status, status);
    },
  },
  {
    title: 'R84 a wait that only a new run could meet ends with the released error',
    async serve(t, runner) {
      const waiting = t.meanwhile(runner.query({ allRuns: true, states: DONE_MASK }, waitForever()));
      await t.sleep(1);
      await runner.release();
      await checkRejects('the wait', waiting, 'RUNNER_RELEASED');
      const later = runner.query({ allRuns: true, states: PENDING_MASK }, waitForever());
      await checkRejects('a later wait', later, 'RUNNER_RELEASED');
    },
  },
  {
    title: 'R85 R203 D27 a release aborts the active run and the queued ones, and ends every wait',
    options: { capacity: 3 },
    async serve(t, runner) {
      const ids = [await t.running(runner, t.commands.hang())];
      for (let run = 0; run < 2; run += 1) ids.push(await t.start(runner, t.commands.hang()));
      const waits = ids.map((runId) => t.meanwhile(t.end(runner, runId)));
      await runner.release();
      for (const status of await Promise.all(waits)) checkEqual('an end', status.state, 'ABORTED');
      const { statuses } = await runner.statusAll();
      checkEqual('states', each(statuses, 'state'), ['ABORTED', 'ABORTED', 'ABORTED']);
    },
  },
  {
    title: 'R85 a release settles when nothing is left running',
    needs: ['stubborn'],
    async serve(t, runner) {
      const runId = await t.running(runner, t.commands.stubborn());
      await t.sleep(1);
      await runner.release();
      checkFields('the run', (await runner.status(runId)).status, { state: 'ABORTED' });
    },
  },
  {
    title: 'R85 R84 a release that comes while another is at work settles when nothing is left running, too',
    needs: ['stubborn'],
    async serve(t, runner) {
      const runId = await t.running(runner, t.commands.stubborn());
      await t.sleep(1);
      const first = t.meanwhile(runner.release());
      await runner.release();
      checkFields('the run', (await runner.status(runId)).status, { state: 'ABORTED' });
      await first;
    },
  },
  {
    title: 'R85 a release in the instant of an acceptance still ends the run',
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.hang());
      await runner.release();
      checkEqual('the run', (await runner.status(runId)).status.state, 'ABORTED');
    },
  },
  {
    title: 'R85 R70 an abort that waits while the runner is released gets the end',
    async serve(t, runner) {
      const runId = await t.running(runner, t.commands.hang());
      const aborting = t.meanwhile(runner.abort(runId));
      const releasing = t.meanwhile(runner.release());
      checkEqual('what abort returns', (await aborting).state, 'ABORTED');
      await releasing;
    },
  },
  {
    title: 'R86 D28 after a release no timer, task or waiter is left',
    needs: ['virtualTime'],
    async serve(t, runner) {
      const runId = await t.running(runner, { ...t.commands.hang(), timeoutMs: t.ms(1e6) });
      const long = { timeoutMs: t.ms(1e7) };
      const end = t.meanwhile(runner.query({ runs: [runId], states: DONE_MASK }, long));
      const pending = t.meanwhile(runner.query({ allRuns: true, states: PENDING_MASK }, long));
      await runner.release();
      checkEqual('what a wait on the run gets', (await end).statuses.length, 1);
      await checkRejects('the other wait', pending, 'RUNNER_RELEASED');
      checkEqual('time that has passed', t.now() < t.ms(1e6), true);
    },
  },
];
