/** Cases about waits: what ends them, and with what. */
import { microsecondsOf } from '../../kernel/microseconds.ts';
import type { RunID } from '../../model/run-status.ts';
import type { Service } from '../../model/service.ts';
import { ALL_MASK, DONE_MASK, maskForState, PENDING_MASK, RUNNING_MASK } from '../../model/state-mask.ts';
import { finalStatus, waitForState } from '../../model/status-lookup.ts';
import type { QueryResult } from '../../model/status-reader.ts';
import { waitForever } from '../../model/query.ts';
import type { CaseContext } from '../case-context.ts';
import { CLOCK_ROUNDING_MS } from '../clock-rounding.ts';
import { checkEqual, checkFields, checkRejects, checkThat, each } from '../check.ts';
import type { CaseSpec } from '../conformance-case.ts';

/** Whether a promise is still pending when everything due now has happened. */
async function isOpen(t: CaseContext, promise: Promise<unknown>): Promise<boolean> {
  let open = true;
  const settle = (): void => {
    open = false;
  };
  promise.then(settle, settle);
  await t.sleep(0.1);
  return open;
}

async function hanging(t: CaseContext): Promise<{ runner: Service; runId: RunID }> {
  const runner = await t.runner();
  return { runner, runId: await t.running(runner, t.commands.hang()) };
}

export const waitCases: readonly CaseSpec[] = [
  {
    title: 'R31 a wait ends with the first later write that matches, alone and as it was written',
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.exit(6, t.ms(2)));
      const { statuses } = await runner.query({ runs: [runId], states: DONE_MASK }, waitForever());
      checkEqual('how many statuses', statuses.length, 1);
      checkFields('the status', statuses[0] ?? (await runner.status(runId)).status, {
        runId,
        state: 'COMPLETE',
        exitCode: 6,
      });
    },
  },
  {
    title: 'R31 R24 a wait on all runs ends with the one that is first in a wanted state',
    options: { capacity: 3 },
    needs: ['exactStates'],
    async serve(t, runner) {
      const first = await t.start(runner, t.commands.exit(1, t.ms(1)));
      await t.start(runner, t.commands.exit(2, t.ms(1)));
      const { statuses } = await runner.query({ allRuns: true, states: DONE_MASK }, waitForever());
      checkEqual(
        'runs',
        statuses.map(({ runId, exitCode }) => [runId, exitCode]),
        [[first, 1]],
      );
    },
  },
  {
    title: 'R31 R38 at the deadline a wait ends with an empty list, the service status and no error',
    async run(t) {
      const { runner, runId } = await hanging(t);
      const query = { runs: [runId], states: DONE_MASK };
      const sinceMs = t.now();
      const { statuses, service } = await runner.query(query, { timeoutMs: t.ms(2) });
      const tookMs = t.now() - sinceMs;
      checkEqual('statuses', statuses, []);
      const isDue = tookMs >= t.ms(2) - CLOCK_ROUNDING_MS;
      checkThat(isDue, 'how long the wait took', `at least ${t.ms(2)} ms`, tookMs);
      checkFields('the service', service, { initialized: true, isHealthy: true, error: '' });
    },
  },
  {
    title: 'R31 the deadline is kept to the microsecond',
    needs: ['virtualTime'],
    async run(t) {
      const { runner, runId } = await hanging(t);
      for (const timeoutMs of [0.001, 7.5, 3_600_000]) {
        const atMs = t.now();
        await runner.query({ runs: [runId], states: DONE_MASK }, { timeoutMs });
        const elapsedUs = Math.round((t.now() - atMs) * 1000);
        checkEqual('microseconds', elapsedUs, microsecondsOf(timeoutMs));
      }
    },
  },
  {
    title: 'R32 a wait without limit outlasts days and still sees the end',
    needs: ['virtualTime'],
    async run(t) {
      const { runner, runId } = await hanging(t);
      const waiting = t.meanwhile(finalStatus(runner, runId));
      await t.sleep(1e8);
      checkThat(await isOpen(t, waiting), 'the wait after days', 'still open', 'ended');
      await runner.abort(runId);
      checkEqual('what it ends with', (await waiting).status.state, 'ABORTED');
    },
  },
  {
    title: 'R34 D16 cancelling a wait is an outcome of its own and invents no status',
    async run(t) {
      const { runner, runId } = await hanging(t);
      const stop = new AbortController();
      const query = { runs: [runId], states: DONE_MASK };
      const waiting = t.meanwhile(runner.query(query, waitForever(stop.signal)));
      await t.sleep(1);
      stop.abort();
      await checkRejects('the wait', waiting, 'RUNNER_WAIT_CANCELLED');
      checkEqual('the run', (await runner.status(runId)).status.state, 'RUNNING');
    },
  },
  {
    title: 'R34 a wait with a signal that was aborted before ends as cancelled too',
    async run(t) {
      const { runner, runId } = await hanging(t);
      const wait = { timeoutMs: t.ms(50), signal: AbortSignal.abort() };
      const waiting = runner.query({ runs: [runId], states: DONE_MASK }, wait);
      await checkRejects('the wait', waiting, 'RUNNER_WAIT_CANCELLED');
    },
  },
  {
    title: 'R35 D17 a match in the instant of the deadline wins',
    needs: ['virtualTime'],
    async serve(t, runner) {
      const runId = await t.running(runner, t.commands.exit(3, t.ms(5)));
      const { statuses } = await runner.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: t.ms(5) });
      checkEqual('exit codes', each(statuses, 'exitCode'), [3]);
    },
  },
  {
    title: 'R35 D17 a match in the instant of the cancel wins',
    needs: ['virtualTime'],
    async serve(t, runner) {
      const runId = await t.running(runner, t.commands.exit(3, t.ms(5)));
      const stop = new AbortController();
      t.world.clock.timer('cancel', t.ms(5), () => stop.abort());
      const wait = waitForever(stop.signal);
      const { statuses } = await runner.query({ runs: [runId], states: DONE_MASK }, wait);
      checkEqual('exit codes', each(statuses, 'exitCode'), [3]);
      // The cancel may still be to come in this instant.
      await t.sleep(1);
    },
  },
  {
    title: 'R36 D4 a wait that can no longer be met ends at once with an outcome of its own',
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.exit(0));
      await t.end(runner, runId);
      const waiting = waitForState(runner, runId, 'RUNNING');
      await t.atOnce('the wait', checkRejects('the wait', waiting, 'RUNNER_CANNOT_HAPPEN'));
    },
  },
  {
    title: 'R36 D4 a wait ends that way as soon as its run ends in another state',
    async serve(t, runner) {
      const runId = await t.running(runner, t.commands.exit(0, t.ms(2)));
      const ended = t.meanwhile(t.end(runner, runId).then(() => t.now()));
      await checkRejects('the wait', waitForState(runner, runId, 'ABORTED'), 'RUNNER_CANNOT_HAPPEN');
      const [atMs, endedAtMs] = [t.now(), await ended];
      // A runner that polls may see the end later in one wait than in the other.
      if (t.hasExactTimes && t.supports('exactStates')) checkEqual('when the wait ended', atMs, endedAtMs);
    },
  },
  {
    title: 'R36 a wait on several runs stays as long as one of them can meet it',
    options: { capacity: 2 },
    async serve(t, runner) {
      const first = await t.running(runner, t.commands.exit(0, t.ms(1)));
      const second = await t.start(runner, t.commands.hang());
      const states = maskForState('FAILED', 'ABORTED', 'TIMEDOUT', 'UNKNOWN');
      const query = { runs: [first, second], states };
      const waiting = t.meanwhile(runner.query(query, waitForever()));
      await t.end(runner, first);
      await waitForState(runner, second, 'RUNNING');
      checkThat(await isOpen(t, waiting), 'the wait after the first end', 'still open', 'ended');
      await runner.abort(second);
      const { statuses } = await waiting;
      checkEqual('runs', each(statuses, 'runId'), [second]);
    },
  },
  {
    title:
      'R41 finalStatus and waitForState wait for the state that they name, and give it at once if it is there',
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.hang());
      for (let turn = 0; turn < 2; turn += 1) {
        const waiting = waitForState(runner, runId, 'RUNNING');
        const { status } = await (turn === 0 ? waiting : t.atOnce('the wait', waiting));
        checkFields('RUNNING', status, { runId, state: 'RUNNING' });
      }
      const waiting = t.meanwhile(finalStatus(runner, runId));
      checkThat(await isOpen(t, waiting), 'the wait for the end', 'still open', 'ended');
      await runner.abort(runId);
      for (const end of [await waiting, await t.atOnce('the wait', finalStatus(runner, runId))]) {
        checkFields('the end', end.status, { runId, state: 'ABORTED' });
      }
    },
  },
  {
    title: 'R46 D14 a new run wakes a wait for PENDING runs',
    needs: ['exactStates'],
    async serve(t, runner) {
      const query = { allRuns: true, states: PENDING_MASK };
      const waiting = t.meanwhile(runner.query(query, { timeoutMs: t.ms(100) }));
      const runId = await t.start(runner, t.commands.hang());
      const { statuses } = await waiting;
      checkEqual(
        'runs',
        statuses.map((status) => [status.runId, status.state]),
        [[runId, 'PENDING']],
      );
    },
  },
  {
    title: 'R54 one write wakes every waiter that it matches, and no other',
    async run(t) {
      const { runner, runId } = await hanging(t);
      const waits = [1, 2, 3].map(() => t.meanwhile(finalStatus(runner, runId)));
      const pending = { allRuns: true, states: PENDING_MASK };
      const other = t.meanwhile(runner.query(pending, { timeoutMs: t.ms(6) }));
      await runner.abort(runId);
      for (const { status } of await Promise.all(waits)) checkEqual('the end', status.state, 'ABORTED');
      checkEqual('what the other wait gets', (await other).statuses, []);
    },
  },
  {
    title: 'R55 D10 waits that time out or are cancelled leave nothing behind',
    needs: ['virtualTime'],
    async run(t) {
      const { runner, runId } = await hanging(t);
      const query = { runs: [runId], states: DONE_MASK };
      const cancelled: Promise<unknown>[] = [];
      const timedOut: Promise<QueryResult>[] = [];
      for (let wait = 0; wait < 50; wait += 1) {
        const stop = new AbortController();
        const waiting = runner.query(query, waitForever(stop.signal));
        cancelled.push(t.meanwhile(checkRejects('a wait', waiting, 'RUNNER_WAIT_CANCELLED')));
        timedOut.push(t.meanwhile(runner.query(query, { timeoutMs: t.ms(1) })));
        t.world.clock.timer('cancel', t.ms(2), () => stop.abort());
      }
      await Promise.all([...cancelled, ...timedOut]);
    },
  },
  {
    title: 'R38 every read gives the service status beside its answer',
    async run(t) {
      const { runner, runId } = await hanging(t);
      const results = [
        (await runner.status(runId)).service,
        (await runner.queryNow({ runs: [runId], states: RUNNING_MASK })).service,
        (await runner.query({ allRuns: true, states: ALL_MASK }, waitForever())).service,
        (await runner.statusAll()).service,
      ];
      for (const service of results) {
        checkFields('the service', service, { initialized: true, isHealthy: true, error: '' });
      }
    },
  },
];
