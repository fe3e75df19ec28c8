/** Cases about commands that do not start, are lost, die or resist. */
import { waitForState } from '../../model/status-lookup.ts';
import { checkEqual, checkFields, checkRejects, checkThat } from '../check.ts';
import type { CaseSpec } from '../conformance-case.ts';

export const processCases: readonly CaseSpec[] = [
  {
    title: 'R98 R11 a command that cannot be started is FAILED 240 and never RUNNING',
    needs: ['unstartable'],
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.unstartable());
      const running = waitForState(runner, runId, 'RUNNING');
      await checkRejects('a wait for RUNNING', running, 'RUNNER_CANNOT_HAPPEN');
      const status = await t.end(runner, runId);
      checkFields('the end', status, { state: 'FAILED', exitCode: 240, snapshotId: '' });
      checkThat(
        status.error.startsWith('could not exec: '),
        'its error',
        '"could not exec: …"',
        status.error,
      );
    },
  },
  {
    title: 'R98 R66 D36 a runner goes on after a command that cannot be started',
    needs: ['unstartable'],
    async serve(t, runner) {
      for (let run = 0; run < 3; run += 1) {
        checkEqual('a bad one', (await t.outcome(runner, t.commands.unstartable())).exitCode, 240);
        checkEqual('a good one', (await t.outcome(runner, t.commands.exit(run))).exitCode, run);
      }
      checkEqual('the service', (await runner.statusAll()).service.isHealthy, true);
    },
  },
  {
    title: 'R110 R11 a command that the machinery loses is FAILED with its code and text',
    needs: ['failures'],
    async serve(t, runner) {
      const status = await t.outcome(runner, t.commands.lost(17, 'pipe is gone'));
      checkFields('the end', status, { state: 'FAILED', exitCode: 17, error: 'error execing: pipe is gone' });
    },
  },
  {
    title: 'R110 a lost command without a code is 250',
    needs: ['failures'],
    async serve(t, runner) {
      const status = await t.outcome(runner, t.commands.lost(0, 'gone'));
      checkFields('the end', status, { state: 'FAILED', exitCode: 250, error: 'error execing: gone' });
    },
  },
  {
    title: 'R124 R110 D64 a death by signal is COMPLETE −1, and its error names the signal',
    needs: ['signals'],
    async serve(t, runner) {
      for (const signal of ['SIGSEGV', 'SIGTERM']) {
        const status = await t.outcome(runner, t.commands.killedBy(signal));
        checkFields(`a death by ${signal}`, status, { state: 'COMPLETE', exitCode: -1 });
        checkThat(status.error.includes(signal), 'its error', `one that names ${signal}`, status.error);
      }
    },
  },
  {
    title: 'R107 an abort ends a command that ignores the request to stop',
    needs: ['stubborn'],
    async serve(t, runner) {
      const runId = await t.running(runner, t.commands.stubborn());
      await t.sleep(1);
      checkEqual('the end', (await runner.abort(runId)).state, 'ABORTED');
      checkEqual('a run after it', (await t.outcome(runner, t.commands.exit(2))).exitCode, 2);
    },
  },
  {
    title: 'R101 a deadline ends a command that ignores the request to stop',
    needs: ['stubborn', 'timeouts'],
    async serve(t, runner) {
      const status = await t.outcome(runner, { ...t.commands.stubborn(), timeoutMs: t.ms(3) });
      checkEqual('the end', status.state, 'TIMEDOUT');
    },
  },
];
