/** Cases about reads that do not wait. */
import { type Query, NO_WAIT, waitForever } from '../../model/query.ts';
import type { RunID } from '../../model/run-status.ts';
import type { Service } from '../../model/service.ts';
import { unknownRunMessage } from '../../model/messages.ts';
import { ALL_MASK, COMPLETE_MASK, DONE_MASK, maskForState, RUNNING_MASK } from '../../model/state-mask.ts';
import { singleStatus, statusAll, statusNow } from '../../model/status-lookup.ts';
import { checkEqual, checkRejects, each } from '../check.ts';
import type { CaseContext } from '../case-context.ts';
import type { CaseSpec } from '../conformance-case.ts';

const UNKNOWN = 'no-such-run';

/** Three runs: one that has ended, one active, one in the queue. */
async function threeRuns(t: CaseContext): Promise<{ runner: Service; ids: readonly [RunID, RunID, RunID] }> {
  const runner = await t.runner({ capacity: 3 });
  const ended = await t.start(runner, t.commands.exit(0));
  await t.end(runner, ended);
  const active = await t.running(runner, t.commands.hang());
  const queued = await t.start(runner, t.commands.hang());
  return { runner, ids: [ended, active, queued] };
}

async function idsFor(runner: Service, query: Query): Promise<RunID[]> {
  return (await runner.queryNow(query)).statuses.map(({ runId }) => runId);
}

export const queryCases: readonly CaseSpec[] = [
  {
    title: 'R24 a status matches if its state is wanted and all runs are, or its id is listed',
    needs: ['capacity'],
    async run(t) {
      const { runner, ids } = await threeRuns(t);
      const [ended, active, queued] = ids;
      const open = maskForState('PENDING', 'RUNNING');
      const table: readonly (readonly [Query, readonly RunID[]])[] = [
        [{ allRuns: true, states: ALL_MASK }, ids],
        [{ allRuns: true, states: open }, [active, queued]],
        [{ allRuns: true, states: RUNNING_MASK }, [active]],
        [{ allRuns: true, states: maskForState() }, []],
        [{ runs: ids, states: DONE_MASK }, [ended]],
        [{ runs: [queued], states: open }, [queued]],
        [{ runs: [ended], states: open, allRuns: true }, [active, queued]],
      ];
      for (const [query, expected] of table) {
        checkEqual(`runs for ${JSON.stringify(query)}`, await idsFor(runner, query), expected);
      }
    },
  },
  {
    title: 'R25 queryNow answers as a query with timeout 0 does',
    needs: ['capacity'],
    async run(t) {
      const { runner, ids } = await threeRuns(t);
      for (const states of [ALL_MASK, DONE_MASK, RUNNING_MASK]) {
        const query = { runs: ids, states };
        checkEqual('queryNow', await runner.queryNow(query), await runner.query(query, NO_WAIT));
      }
    },
  },
  {
    title: 'R26 D2 an unknown listed id fails the whole query at once, for any wait',
    async serve(t, runner) {
      const known = await t.start(runner, t.commands.hang());
      for (const states of [ALL_MASK, DONE_MASK]) {
        const query = { runs: [known, UNKNOWN], states };
        const now = runner.queryNow(query);
        await t.atOnce('queryNow', checkRejects('queryNow', now, 'RUNNER_UNKNOWN_RUN'));
        const waiting = runner.query(query, waitForever());
        const refused = checkRejects('query', waiting, 'RUNNER_UNKNOWN_RUN');
        const { message } = await t.atOnce('the query', refused);
        checkEqual('its text', message, unknownRunMessage(UNKNOWN));
      }
    },
  },
  {
    title: 'R26 a listed id must be known even if all runs are asked for',
    async serve(t, runner) {
      await t.start(runner, t.commands.hang());
      const query = { runs: [UNKNOWN], allRuns: true, states: ALL_MASK };
      await checkRejects('queryNow', runner.queryNow(query), 'RUNNER_UNKNOWN_RUN');
    },
  },
  {
    title: 'R27 R30 known runs in other states give an empty list without waiting, and no error',
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.exit(0));
      await t.end(runner, runId);
      const ids = await t.atOnce('queryNow', idsFor(runner, { runs: [runId], states: RUNNING_MASK }));
      checkEqual('runs', ids, []);
    },
  },
  {
    title: 'R28 D20 no ids and not all runs give an empty list at once, even with a wait',
    async serve(t, runner) {
      await t.start(runner, t.commands.hang());
      for (const query of [{ states: ALL_MASK }, { runs: [], states: ALL_MASK }]) {
        const { statuses } = await t.atOnce('the query', runner.query(query, waitForever()));
        checkEqual('statuses', statuses, []);
      }
    },
  },
  {
    title: 'R29 all current matches are returned at once, for any timeout and signal',
    needs: ['capacity'],
    async run(t) {
      const { runner, ids } = await threeRuns(t);
      const query = { runs: ids, states: maskForState('RUNNING', 'COMPLETE') };
      for (const wait of [NO_WAIT, waitForever(), waitForever(AbortSignal.abort())]) {
        const { statuses } = await t.atOnce('the query', runner.query(query, wait));
        checkEqual('runs', each(statuses, 'runId'), ids.slice(0, 2));
      }
    },
  },
  {
    title: 'R30 with timeout 0 nothing is waited for, and the signal is not looked at',
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.hang());
      const wait = { timeoutMs: 0, signal: AbortSignal.abort() };
      const asked = runner.query({ runs: [runId], states: DONE_MASK }, wait);
      checkEqual('statuses', (await t.atOnce('the query', asked)).statuses, []);
    },
  },
  {
    title:
      'R37 D19 listed ids come in the order of the query without duplicates, all runs in order of creation',
    needs: ['capacity'],
    async run(t) {
      const { runner, ids } = await threeRuns(t);
      const [ended, active, queued] = ids;
      const listed = { runs: [queued, ended, queued, active], states: ALL_MASK };
      checkEqual('listed runs', await idsFor(runner, listed), [queued, ended, active]);
      checkEqual('all runs', await idsFor(runner, { allRuns: true, states: ALL_MASK }), ids);
      checkEqual('both', await idsFor(runner, { ...listed, allRuns: true }), ids);
    },
  },
  {
    title: 'R40 R26 D2 status and statusNow refuse an unknown id',
    async serve(t, runner) {
      for (const ask of [() => runner.status(UNKNOWN), () => statusNow(runner, UNKNOWN)]) {
        const { message } = await checkRejects('the answer', ask(), 'RUNNER_UNKNOWN_RUN');
        checkEqual('its text', message, unknownRunMessage(UNKNOWN));
      }
    },
  },
  {
    title: 'R42 D3 a single status of an empty answer is a typed error that carries the service status',
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.hang());
      const result = await runner.query({ runs: [runId], states: DONE_MASK }, NO_WAIT);
      const single = (async () => singleStatus(result))();
      const error = await checkRejects('singleStatus', single, 'RUNNER_NO_STATUS');
      checkEqual('the service in it', Reflect.get(error, 'service'), result.service);
    },
  },
  {
    title: 'R43 statusAll gives all runs in all states without waiting',
    needs: ['capacity'],
    async run(t) {
      const { runner, ids } = await threeRuns(t);
      for (const ask of [() => runner.statusAll(), () => statusAll(runner)]) {
        const all = await t.atOnce('statusAll', ask());
        checkEqual(
          'runs',
          all.statuses.map(({ runId, state }) => [runId, state]),
          [
            [ids[0], 'COMPLETE'],
            [ids[1], 'RUNNING'],
            [ids[2], 'PENDING'],
          ],
        );
      }
    },
  },
  {
    title: 'R33 D15 a wait that is negative or not a number is refused',
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.exit(0));
      await t.end(runner, runId);
      for (const timeoutMs of [-1, -0.001, Number.NaN, -Infinity]) {
        for (const states of [COMPLETE_MASK, RUNNING_MASK]) {
          const asked = runner.query({ runs: [runId], states }, { timeoutMs });
          await checkRejects(`a wait of ${timeoutMs} ms`, asked, 'RUNNER_INVALID_ARGUMENT');
        }
      }
    },
  },
  {
    title: 'R24 a malformed query is refused',
    async serve(t, runner) {
      const bad: readonly unknown[] = [
        { allRuns: true },
        { allRuns: true, states: 128 },
        { runs: [7], states: 1 },
      ];
      for (const query of bad) {
        const what = `query ${JSON.stringify(query)}`;
        await checkRejects(what, runner.queryNow(query as Query), 'RUNNER_INVALID_ARGUMENT');
        await checkRejects(what, runner.query(query as Query, NO_WAIT), 'RUNNER_INVALID_ARGUMENT');
      }
    },
  },
];
