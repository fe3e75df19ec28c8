/** Cases about the four ways of reading: at any time, all of them give the same answer about a run. */
import type { RunID } from '../../model/run-status.ts';
import type { Service } from '../../model/service.ts';
import { ALL_MASK } from '../../model/state-mask.ts';
import { NO_WAIT } from '../../model/query.ts';
import { checkEqual, checkFields } from '../check.ts';
import type { CaseContext } from '../case-context.ts';
import type { CaseSpec } from '../conformance-case.ts';

/** Reads in all ways at a moment when nothing changes, and compares the answers. */
async function checkAgreement(runner: Service, ids: readonly RunID[], when: string): Promise<void> {
  const { statuses, service } = await runner.statusAll();
  const known = statuses.filter(({ runId }) => ids.includes(runId));
  const query = { runs: ids, states: ALL_MASK };
  const expected = { statuses: known, service };
  checkEqual(`queryNow ${when}`, await runner.queryNow(query), expected);
  checkEqual(`query without waiting ${when}`, await runner.query(query, NO_WAIT), expected);
  for (const [index, runId] of ids.entries()) {
    checkEqual(`status of run ${index} ${when}`, await runner.status(runId), {
      status: known[index],
      service,
    });
  }
}

/** Reads in all ways while things may change, in a different order each time; the answers are watched. */
async function look(runner: Service, runId: RunID, turn: number): Promise<void> {
  const query = { runs: [runId], states: ALL_MASK };
  const reads = [
    () => runner.status(runId),
    () => runner.statusAll(),
    () => runner.queryNow(query),
    () => runner.query(query, NO_WAIT),
  ];
  for (let read = 0; read < reads.length; read += 1) await reads[(read + turn) % reads.length]?.();
}

async function checkEnd(
  t: CaseContext,
  runner: Service,
  runId: RunID,
  end: Parameters<typeof checkFields>[2],
): Promise<void> {
  await look(runner, runId, 0);
  const status = await t.end(runner, runId);
  checkFields('the end', status, end);
  await checkAgreement(runner, [runId], `after ${status.state}`);
  await t.sleep(1);
  checkEqual(`the end some time after ${status.state}`, (await runner.status(runId)).status, status);
}

export const agreementCases: readonly CaseSpec[] = [
  {
    title: 'R207 R24 R25 R43 status, query, queryNow and statusAll agree on a run in every stage of its life',
    options: { capacity: 3 },
    async serve(t, runner) {
      const first = await t.running(runner, t.commands.hang());
      const second = await t.start(runner, t.commands.hang());
      const ids = [first, second];
      await checkAgreement(runner, ids, 'while one runs and one waits');
      await runner.abort(first);
      await t.until('the second run is RUNNING', async () => {
        await look(runner, second, 0);
        return (await runner.status(second)).status.state === 'RUNNING';
      });
      await checkAgreement(runner, ids, 'while the second runs');
      await runner.abort(second);
      await checkAgreement(runner, ids, 'after both');
    },
  },
  {
    title: 'R207 R4 R206 however a run is read while it changes, it never goes back',
    async serve(t, runner) {
      for (let run = 0; run < 3; run += 1) {
        const runId = await t.start(runner, t.commands.exit(run, t.ms(1)));
        let turn = run;
        await t.until('every read shows the end', async () => {
          turn += 1;
          await look(runner, runId, turn);
          return (await runner.status(runId)).status.state === 'COMPLETE';
        });
        await checkAgreement(runner, [runId], 'after its end');
      }
    },
  },
  {
    title: 'R207 R200 every read gives the same end of a run, then and later',
    async run(t) {
      const { commands } = t;
      const runner = await t.runner();
      const start = (command: Parameters<Service['run']>[0]): Promise<RunID> => t.start(runner, command);
      await checkEnd(t, runner, await start(commands.exit(9)), { state: 'COMPLETE', exitCode: 9 });
      for (const command of t.unstartable()) {
        await checkEnd(t, runner, await start(command), { state: 'FAILED', exitCode: 240 });
      }
      const aborted = await t.running(runner, commands.hang());
      await look(runner, aborted, 1);
      await runner.abort(aborted);
      await checkEnd(t, runner, aborted, { state: 'ABORTED' });
      if (!t.supports('timeouts')) return;
      const timed = await start({ ...commands.hang(), timeoutMs: t.ms(2) });
      await checkEnd(t, runner, timed, { state: 'TIMEDOUT' });
    },
  },
];
