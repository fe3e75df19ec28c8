/** Cases about aborts: of the active run, of a queued one, of one that is over, and of many at once. */
import type { RunStatus } from '../../model/run-status.ts';
import { composeFiler } from '../../filers/composed-filer.ts';
import type { Checkout } from '../../model/filer.ts';
import { unknownRunMessage } from '../../model/messages.ts';
import { NO_WAIT } from '../../model/query.ts';
import { ALL_MASK } from '../../model/state-mask.ts';
import { waitForState } from '../../model/status-lookup.ts';
import { checkEqual, checkFields, checkRejects, checkThat, each } from '../check.ts';
import type { CaseSpec } from '../conformance-case.ts';

export const abortCases: readonly CaseSpec[] = [
  {
    title: 'R70 R207 R107 aborting the active run stops it and returns its end, which is what status says',
    async serve(t, runner) {
      const runId = await t.running(runner, t.commands.hang());
      const status = await runner.abort(runId);
      checkFields('what abort returns', status, { runId, state: 'ABORTED' });
      checkEqual('what status says', (await runner.status(runId)).status, status);
    },
  },
  {
    title: 'R107 R52 R206 an aborted run keeps the refs of RUNNING',
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.hang());
      const { status: running } = await waitForState(runner, runId, 'RUNNING');
      const { stdoutRef, stderrRef } = running;
      await runner.abort(runId);
      const { status } = await runner.status(runId);
      checkFields('the end', status, { state: 'ABORTED', stdoutRef, stderrRef });
    },
  },
  {
    title:
      'R105 D43 a run that is aborted right after its acceptance never runs, unless it has started before',
    async serve(t, runner) {
      const runId = await t.atOnce('the run', t.start(runner, t.commands.hang()));
      const running = t.meanwhile(waitForState(runner, runId, 'RUNNING'));
      const looked = t.meanwhile(runner.status(runId));
      const status = await runner.abort(runId);
      checkFields('what abort returns', status, { runId, state: 'ABORTED' });
      const wasRunning = await running.then(
        () => true,
        () => false,
      );
      // A runner may start a run before `run` returns.
      if ((await looked).status.state === 'RUNNING') return;
      // Where time passes meanwhile, the abort may find a run that has started, which the wait may have missed.
      if (!t.supports('virtualTime') && (wasRunning || status.stdoutRef !== '')) return;
      checkEqual('stdoutRef of what abort returns', status.stdoutRef, '');
      await checkRejects('a wait for RUNNING', running, 'RUNNER_CANNOT_HAPPEN');
    },
  },
  {
    title: 'R71 a queued run is ABORTED at once, never starts, and the others keep their order',
    options: { capacity: 4 },
    async serve(t, runner) {
      const active = await t.running(runner, t.commands.hang());
      const queued = [1, 2, 3].map((exitCode) => runner.run(t.commands.exit(exitCode)));
      const [first = '', second = '', third = ''] = (await Promise.all(queued)).map(({ runId }) => runId);
      const status = await t.atOnce('the abort', runner.abort(second));
      checkEqual('what abort returns', status.state, 'ABORTED');
      checkEqual('what status says', (await runner.status(second)).status, status);
      await runner.abort(active);
      await t.end(runner, first);
      await t.end(runner, third);
      const { statuses } = await runner.statusAll();
      checkEqual(
        'ends',
        statuses.map(({ state, exitCode }) => [state, exitCode]),
        [
          ['ABORTED', 0],
          ['COMPLETE', 1],
          ['ABORTED', 0],
          ['COMPLETE', 3],
        ],
      );
    },
  },
  {
    title: 'R71 R69 the slot of an aborted queued run is free at once',
    options: { capacity: 2 },
    async serve(t, runner) {
      await t.running(runner, t.commands.hang());
      for (let run = 0; run < 3; run += 1) {
        const queued = await t.start(runner, t.commands.hang());
        const { state } = await t.atOnce('the abort', runner.abort(queued));
        checkEqual('what abort returns', state, 'ABORTED');
      }
    },
  },
  {
    title: 'R72 R51 R109 aborting a run that is over returns its status unchanged',
    async serve(t, runner) {
      const status = await t.outcome(runner, t.commands.exit(9));
      checkEqual('what abort returns', await runner.abort(status.runId), status);
      checkEqual('what status says', (await runner.status(status.runId)).status, status);
    },
  },
  {
    title: 'R72 R26 aborting an unknown id is refused as an unknown run',
    async serve(t, runner) {
      const { message } = await checkRejects('abort', runner.abort('no-such-run'), 'RUNNER_UNKNOWN_RUN');
      checkEqual('its text', message, unknownRunMessage('no-such-run'));
    },
  },
  {
    title: 'R73 R200 repeated and concurrent aborts of one run all return the same end',
    async serve(t, runner) {
      const runId = await t.running(runner, t.commands.hang());
      const asked = [runner.abort(runId), runner.abort(runId), t.end(runner, runId)];
      const answers = await Promise.all(asked);
      answers.push(await runner.abort(runId), (await runner.status(runId)).status);
      for (const answer of answers) checkEqual('an answer', answer, answers[0]);
      checkEqual('the end', answers[0]?.state, 'ABORTED');
    },
  },
  {
    title: 'R70 R104 R203 an abort in the instant of the end gives one of the two ends, and all agree on it',
    async serve(t, runner) {
      const runId = await t.running(runner, t.commands.exit(3, t.ms(2)));
      await t.sleep(2);
      const status = await runner.abort(runId);
      const ends = ['ABORTED 0', 'COMPLETE 3'];
      const end = `${status.state} ${status.exitCode}`;
      checkThat(ends.includes(end), 'the end', ends.join(' or '), end);
      checkEqual('what status says', (await runner.status(runId)).status, status);
    },
  },
  {
    title: 'R74 D24 while an abort waits for a stubborn command, other calls are served',
    options: { capacity: 3 },
    needs: ['stubborn'],
    async serve(t, runner) {
      const stubborn = await t.running(runner, t.commands.stubborn());
      await t.sleep(4);
      const ended: RunStatus[] = [];
      const aborting = t.meanwhile(runner.abort(stubborn).then((status) => ended.push(status)));
      const queued = await t.start(runner, t.commands.hang());
      const next = await t.start(runner, t.commands.exit(4));
      checkEqual('abort of the queued one', (await runner.abort(queued)).state, 'ABORTED');
      const query = { runs: [stubborn], states: ALL_MASK };
      // At once: where replies take time, the command could end before the last of several.
      const [one, all, now, waited] = await Promise.all([
        runner.status(stubborn),
        runner.statusAll(),
        runner.queryNow(query),
        runner.query(query, NO_WAIT),
      ]);
      const reads = [one.status, ...all.statuses.slice(0, 1), ...now.statuses, ...waited.statuses];
      checkEqual('the stubborn one', each(reads, 'state'), ['RUNNING', 'RUNNING', 'RUNNING', 'RUNNING']);
      checkEqual('aborts that have returned', ended, []);
      await aborting;
      checkEqual('the stubborn one', ended[0]?.state, 'ABORTED');
      checkEqual('the one that came meanwhile', (await t.end(runner, next)).exitCode, 4);
    },
  },
  {
    title: 'R106 R105 R94 D44 an abort during a checkout cancels it, and the run never starts',
    needs: ['filers'],
    async run(t) {
      const filer = t.filer({ plan: { checkout: [{ hang: true, cancelMs: t.ms(1) }] } });
      const runner = await t.runner({ filers: new Map([['scoot', { filer }]]) });
      const runId = await t.start(runner, { ...t.commands.hang(), snapshotId: 's' });
      const running = t.meanwhile(waitForState(runner, runId, 'RUNNING'));
      await t.sleep(2);
      checkFields('the end', await runner.abort(runId), { state: 'ABORTED', stdoutRef: '' });
      await checkRejects('a wait for RUNNING', running, 'RUNNER_CANNOT_HAPPEN');
      checkEqual('faults of the checkouts', filer.verify(), []);
    },
  },
  {
    title: 'R106 R94 a checkout that succeeds in spite of an abort is released',
    needs: ['filers'],
    async run(t) {
      const plan = { checkout: [{ latencyMs: t.ms(3), deaf: true }] };
      const filer = t.filer({ plan, cancelBoundMs: t.ms(9) });
      const runner = await t.runner({ filers: new Map([['scoot', { filer }]]) });
      const runId = await t.start(runner, { ...t.commands.hang(), snapshotId: 's' });
      await t.sleep(1);
      checkEqual('the end', (await runner.abort(runId)).state, 'ABORTED');
      checkEqual('faults of the checkouts', filer.verify(), []);
    },
  },
  {
    title: 'R106 R199 D44 a filer that does not keep its bound does not hold the run',
    needs: ['filers'],
    async run(t) {
      const gate = t.gate();
      const files = t.filer();
      const checkout = async (snapshotId: string): Promise<Checkout> => {
        await gate.opened;
        return files.checkout(snapshotId);
      };
      const deaf = composeFiler({
        checkouter: { checkout, checkoutAt: checkout },
        ingester: files,
        updater: files,
      });
      const filer = t.filer({ delegate: deaf, cancelBoundMs: t.ms(2) });
      const runner = await t.runner({ filers: new Map([['scoot', { filer }]]) });
      const runId = await t.start(runner, { ...t.commands.hang(), snapshotId: 's' });
      await t.until('the checkout has begun', () => filer.openCheckouts === 1);
      const atMs = t.now();
      // The checkout ends only after the abort has returned.
      checkEqual('the end', (await runner.abort(runId)).state, 'ABORTED');
      t.checkBound('time to the end', t.now() - atMs, 3);
      gate.open();
      await t.until('the late checkout is released', () => filer.openCheckouts === 0);
      checkEqual('faults of the checkouts', filer.verify(), []);
    },
  },
];
