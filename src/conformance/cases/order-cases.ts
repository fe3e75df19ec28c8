/** Cases about runs offered while others are active: one at a time, in order, whatever else happens. */
import { isRunnerError } from '../../kernel/errors.ts';
import type { Command } from '../../model/command.ts';
import { isTerminal, type RunState } from '../../model/run-state.ts';
import type { RunID } from '../../model/run-status.ts';
import type { Service } from '../../model/service.ts';
import { DONE_MASK } from '../../model/state-mask.ts';
import { waitForState } from '../../model/status-lookup.ts';
import { waitForever } from '../../model/query.ts';
import { checkEqual, checkFields, each } from '../check.ts';
import type { CaseContext } from '../case-context.ts';
import type { CaseSpec } from '../conformance-case.ts';

const statesOf = async (runner: Service): Promise<RunState[]> =>
  (await runner.statusAll()).statuses.map(({ state }) => state);

/** A command of the mixed load, and how it must end. */
interface Load {
  readonly command: Command;
  readonly state: RunState;
  readonly exitCode: number;
  /** When it is aborted: while it waits in the queue, or once it runs. */
  readonly abort?: 'queued' | 'active';
}

function mixedLoad(t: CaseContext): Load[] {
  const { commands } = t;
  const load: Load[] = [
    { command: commands.exit(0, t.ms(2)), state: 'COMPLETE', exitCode: 0 },
    { command: commands.exit(7, t.ms(2)), state: 'COMPLETE', exitCode: 7 },
    { command: commands.hang(), state: 'ABORTED', exitCode: 0, abort: 'active' },
    { command: commands.exit(4), state: 'ABORTED', exitCode: 0, abort: 'queued' },
    ...t.unstartable().map((command) => ({ command, state: 'FAILED', exitCode: 240 }) as const),
    { command: commands.exit(255, t.ms(1)), state: 'COMPLETE', exitCode: 255 },
  ];
  if (t.supports('timeouts')) {
    load.push({ command: { ...commands.hang(), timeoutMs: t.ms(2) }, state: 'TIMEDOUT', exitCode: 0 });
  }
  if (t.supports('failures')) {
    load.push({ command: commands.lost(17, 'lost'), state: 'FAILED', exitCode: 17 });
  }
  if (t.supports('signals')) {
    load.push({ command: commands.killedBy('SIGKILL'), state: 'COMPLETE', exitCode: -1 });
  }
  return load;
}

/** Offers a command as soon as there is room. */
async function startWhenFree(t: CaseContext, runner: Service, command: Command): Promise<RunID> {
  for (;;) {
    try {
      return await t.start(runner, command);
    } catch (error) {
      if (!isRunnerError(error, 'RUNNER_BUSY')) throw error;
    }
    await t.sleep(0.25);
  }
}

export const orderCases: readonly CaseSpec[] = [
  {
    title: 'R67 R202 R58 a run that is offered while another is at work waits until that is over',
    options: { capacity: 4 },
    async serve(t, runner) {
      const ids = [await t.running(runner, t.commands.hang())];
      for (let run = 1; run < 4; run += 1) {
        ids.push(await t.start(runner, t.commands.hang()));
        await t.sleep(1);
        const expected = ids.map((_id, index) => (index === 0 ? 'RUNNING' : 'PENDING'));
        checkEqual(`states after ${run} offers beside an active run`, await statesOf(runner), expected);
      }
      for (const [index, runId] of ids.entries()) {
        await waitForState(runner, runId, 'RUNNING');
        await t.sleep(1);
        const expected = ids.map((_id, other) =>
          other < index ? 'ABORTED' : other === index ? 'RUNNING' : 'PENDING',
        );
        checkEqual(`states while run ${index} is at work`, await statesOf(runner), expected);
        await runner.abort(runId);
      }
    },
  },
  {
    title: 'R67 R202 R69 runs that are offered as others end never run beside them',
    options: { capacity: 3 },
    async serve(t, runner) {
      const ids: RunID[] = [];
      for (let run = 0; run < 6; run += 1) {
        ids.push(await startWhenFree(t, runner, t.commands.exit(run, t.ms(1))));
        // The answers are watched: two runs that are RUNNING at once fail the case.
        await runner.statusAll();
        await t.sleep(run % 3 === 0 ? 1 : 0.5);
        await runner.statusAll();
      }
      for (const [exitCode, runId] of ids.entries()) {
        checkFields(`run ${exitCode}`, await t.end(runner, runId), { state: 'COMPLETE', exitCode });
      }
    },
  },
  {
    title:
      'R200 R203 R67 R202 in a load of all kinds of commands and ends, each run has the end that is its own',
    options: { capacity: 3 },
    async serve(t, runner) {
      const load = mixedLoad(t);
      const ids: RunID[] = [];
      const ends: Promise<unknown>[] = [];
      for (const { command, abort } of load) {
        const runId = await startWhenFree(t, runner, command);
        ids.push(runId);
        const stop = async (): Promise<void> => {
          if (abort === 'active') await waitForState(runner, runId, 'RUNNING');
          await runner.abort(runId);
        };
        if (abort !== undefined) ends.push(t.meanwhile(stop()));
        ends.push(t.meanwhile(runner.query({ runs: [runId], states: DONE_MASK }, waitForever())));
        await t.sleep(0.5);
        await runner.statusAll();
      }
      await t.until('all runs are over', async () => (await statesOf(runner)).every(isTerminal));
      await Promise.all(ends);
      const { statuses } = await runner.statusAll();
      checkEqual('runs', each(statuses, 'runId'), ids);
      for (const [index, { state, exitCode }] of load.entries()) {
        checkFields(`run ${index}`, statuses[index] ?? { state: 'UNKNOWN', exitCode: 0 }, {
          state,
          exitCode,
        });
      }
    },
  },
];
