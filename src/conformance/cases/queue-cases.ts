/** Cases about acceptance, room, order and history. */
import { isRunnerError } from '../../kernel/errors.ts';
import type { Command } from '../../model/command.ts';
import { QUEUE_FULL_MSG } from '../../model/messages.ts';
import type { RunState } from '../../model/run-state.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import type { Service } from '../../model/service.ts';
import { ALL_MASK, RUNNING_MASK } from '../../model/state-mask.ts';
import { waitForState } from '../../model/status-lookup.ts';
import { checkEqual, checkFields, checkRejects, checkThat, statusInside, each } from '../check.ts';
import type { CaseContext } from '../case-context.ts';
import type { CaseSpec } from '../conformance-case.ts';

const ZERO: Partial<RunStatus> = {
  runId: '',
  state: 'UNKNOWN',
  error: '',
  exitCode: 0,
  stdoutRef: '',
  stderrRef: '',
};

async function checkBusy(runner: Service, command: Command): Promise<void> {
  const error = await checkRejects('run', runner.run(command), 'RUNNER_BUSY');
  checkEqual('its text', error.message, QUEUE_FULL_MSG);
  checkFields('the status in it', statusInside(error), ZERO);
}

/** Checks that a malformed command is refused, or that its run is FAILED, and resolves with the id of that run. */
async function acceptedAlthoughMalformed(
  t: CaseContext,
  runner: Service,
  command: unknown,
): Promise<RunID | undefined> {
  const what = `run of ${JSON.stringify(command)}`;
  let runId: RunID;
  try {
    ({ runId } = await runner.run(command as Command));
  } catch (error) {
    const isRefused = isRunnerError(error, 'RUNNER_INVALID_ARGUMENT');
    checkThat(isRefused, what, 'an error of code RUNNER_INVALID_ARGUMENT, or a run that is FAILED', error);
    return undefined;
  }
  checkEqual(`the end of the ${what}`, (await t.end(runner, runId)).state, 'FAILED');
  return runId;
}

async function knownIds(runner: Service): Promise<RunID[]> {
  return (await runner.statusAll()).statuses.map(({ runId }) => runId);
}

async function states(runner: Service): Promise<RunState[]> {
  return (await runner.statusAll()).statuses.map(({ state }) => state);
}

export const queueCases: readonly CaseSpec[] = [
  {
    title: 'R58 R64 R22 a runner of capacity n takes n runs, the active one included, and refuses one more',
    options: { capacity: 3 },
    async serve(t, runner) {
      await t.running(runner, t.commands.hang());
      await t.start(runner, t.commands.hang());
      await t.start(runner, t.commands.hang());
      await checkBusy(runner, t.commands.hang());
      checkEqual('runs', (await runner.statusAll()).statuses.length, 3);
    },
  },
  {
    title: 'R59 R64 R22 by default a runner takes one run at a time',
    async serve(t, runner) {
      await t.start(runner, t.commands.hang());
      await checkBusy(runner, t.commands.hang());
    },
  },
  {
    title: 'R59 D8 capacity 0 means one run at a time',
    options: { capacity: 0 },
    async serve(t, runner) {
      await t.start(runner, t.commands.hang());
      await checkBusy(runner, t.commands.hang());
    },
  },
  {
    title: 'R59 D39 a capacity that is negative or not an integer is refused',
    needs: ['capacity'],
    async run(t) {
      for (const capacity of [-1, 1.5, Number.NaN]) {
        await checkRejects(`capacity ${capacity}`, t.runner({ capacity }), 'RUNNER_INVALID_ARGUMENT');
      }
    },
  },
  {
    title: 'R60 without an init signal a runner is initialized and healthy when it is made',
    async serve(t, runner) {
      const { statuses, service } = await runner.statusAll();
      checkEqual('runs', statuses, []);
      checkFields('the service', service, { initialized: true, isHealthy: true, error: '' });
    },
  },
  {
    title: 'R66 D36 a malformed command is refused, or FAILED, and does no harm',
    async serve(t, runner) {
      const bad: readonly unknown[] = [
        undefined,
        null,
        'true',
        {},
        { argv: 'true' },
        { argv: [7] },
        { argv: ['a\0b'] },
        { argv: [], envVars: { 'A=B': 'x' } },
        { argv: [], timeoutMs: Number.NaN },
        { argv: [], timeoutMs: '5' },
        { argv: [], snapshotId: 7 },
      ];
      const accepted: (RunID | undefined)[] = [];
      for (const command of bad) accepted.push(await acceptedAlthoughMalformed(t, runner, command));
      const others = (await knownIds(runner)).filter((runId) => !accepted.includes(runId));
      checkEqual('runs that were refused', others, []);
      checkFields('a good command', await t.outcome(runner, t.commands.exit(2)), {
        state: 'COMPLETE',
        exitCode: 2,
      });
    },
  },
  {
    title: 'R67 R202 runs start in the order of acceptance, and at most one is active',
    options: { capacity: 4 },
    async serve(t, runner) {
      const ids: RunID[] = [];
      for (let run = 0; run < 4; run += 1) ids.push(await t.start(runner, t.commands.hang()));
      for (const [index, runId] of ids.entries()) {
        await waitForState(runner, runId, 'RUNNING');
        const expected = ids.map((_id, other) =>
          other < index ? 'ABORTED' : other === index ? 'RUNNING' : 'PENDING',
        );
        checkEqual(`states when run ${index} is RUNNING`, await states(runner), expected);
        await runner.abort(runId);
      }
    },
  },
  {
    title: 'R67 R65 the order of acceptance is that of the calls of run',
    options: { capacity: 5 },
    async serve(t, runner) {
      const offers = [1, 2, 3, 4, 5].map((exitCode) => runner.run(t.commands.exit(exitCode)));
      const ids = (await Promise.all(offers)).map(({ runId }) => runId);
      checkEqual('ids in order of creation', await knownIds(runner), ids);
      const last = ids.at(-1) ?? '';
      await t.end(runner, last);
      const { statuses } = await runner.statusAll();
      checkEqual('exit codes', each(statuses, 'exitCode'), [1, 2, 3, 4, 5]);
    },
  },
  {
    title: 'R68 the head of the queue starts as soon as no run is active',
    options: { capacity: 2 },
    needs: ['virtualTime', 'exactStates'],
    async serve(t, runner) {
      const first = await t.start(runner, t.commands.exit(0, t.ms(3)));
      const second = await t.start(runner, t.commands.hang());
      await waitForState(runner, first, 'RUNNING');
      checkEqual('when the first runs', t.now(), 0);
      await waitForState(runner, second, 'RUNNING');
      checkEqual('when the second runs', t.now(), t.ms(3));
    },
  },
  {
    title: 'R69 D25 a caller that has seen the end of a run can use its slot',
    async serve(t, runner) {
      for (let run = 0; run < 6; run += 1) {
        checkEqual(`run ${run}`, (await t.outcome(runner, t.commands.exit(run))).exitCode, run);
      }
    },
  },
  {
    title: 'R69 R73 D25 a caller that has aborted a run can use its slot',
    async serve(t, runner) {
      for (let run = 0; run < 4; run += 1) {
        const runId = await t.start(runner, t.commands.hang());
        if (run % 2 === 0) await waitForState(runner, runId, 'RUNNING');
        checkEqual(`run ${run}`, (await runner.abort(runId)).state, 'ABORTED');
      }
    },
  },
  {
    title: 'R59 R49 R26 a single runner remembers one run; the older id is unknown for everything',
    async serve(t, runner) {
      const old = await t.start(runner, t.commands.exit(0));
      await t.end(runner, old);
      const newer = await t.start(runner, t.commands.hang());
      await checkRejects('status', runner.status(old), 'RUNNER_UNKNOWN_RUN');
      await checkRejects(
        'query',
        runner.queryNow({ runs: [newer, old], states: ALL_MASK }),
        'RUNNER_UNKNOWN_RUN',
      );
      await checkRejects('abort', runner.abort(old), 'RUNNER_UNKNOWN_RUN');
      checkEqual('runs', await knownIds(runner), [newer]);
    },
  },
  {
    title: 'R47 a history of n keeps the n newest',
    options: { capacity: 2, history: 2 },
    async serve(t, runner) {
      const ids: RunID[] = [];
      for (let run = 0; run < 4; run += 1) {
        ids.push(await t.start(runner, t.commands.exit(0)));
        await t.end(runner, ids.at(-1) ?? '');
        checkEqual('runs', await knownIds(runner), ids.slice(-2));
      }
    },
  },
  {
    title: 'R48 the oldest run that is terminal is forgotten, though an older one is at work',
    options: { capacity: 3, history: 2 },
    async serve(t, runner) {
      const active = await t.running(runner, t.commands.hang());
      const aborted = await t.start(runner, t.commands.hang());
      await runner.abort(aborted);
      const queued = await t.start(runner, t.commands.hang());
      checkEqual('runs', await knownIds(runner), [active, queued]);
      await checkRejects('status', runner.status(aborted), 'RUNNER_UNKNOWN_RUN');
    },
  },
  {
    title: 'R48 D11 a run that is not terminal is never forgotten',
    options: { capacity: 3, history: 1 },
    async serve(t, runner) {
      const ids = [await t.running(runner, t.commands.hang())];
      for (let run = 0; run < 2; run += 1) ids.push(await t.start(runner, t.commands.hang()));
      checkEqual('runs', await knownIds(runner), ids);
      checkEqual(
        'the active one',
        (await runner.queryNow({ allRuns: true, states: RUNNING_MASK })).statuses.length,
        1,
      );
    },
  },
  {
    title: 'R47 R58 without a bound all runs are remembered',
    options: { capacity: 2, history: 0 },
    async serve(t, runner) {
      const ids: RunID[] = [];
      for (let run = 0; run < 8; run += 1) ids.push((await t.outcome(runner, t.commands.exit(run))).runId);
      checkEqual('runs', await knownIds(runner), ids);
      checkThat(new Set(ids).size === 8, 'their ids', 'eight different ones', ids);
    },
  },
];
