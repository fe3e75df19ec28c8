/** Cases about what a run's statuses say: ids, states, tags, refs and exit codes. */
import type { Command } from '../../model/command.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import { isTerminal, type RunState } from '../../model/run-state.ts';
import type { RunStatus } from '../../model/run-status.ts';
import { maskForState } from '../../model/state-mask.ts';
import { waitForState } from '../../model/status-lookup.ts';
import { waitForever } from '../../model/query.ts';
import { checkEqual, checkFields, checkThat } from '../check.ts';
import type { CaseContext } from '../case-context.ts';
import type { CaseSpec } from '../conformance-case.ts';

const TAGS = { jobId: 'job', taskId: 'task', tag: 'tag' };

/** Every status of a run in order, as a waiter sees them. */
async function history(t: CaseContext, command: Command): Promise<RunStatus[]> {
  const runner = await t.runner();
  const first = await runner.run(command);
  const seen: RunStatus[] = [first];
  for (let last = first; !isTerminal(last.state); last = seen.at(-1) ?? first) {
    const others = OPEN_STATES.filter((state) => state !== last.state);
    const states = maskForState(...others, 'COMPLETE', 'FAILED', 'ABORTED', 'TIMEDOUT', 'UNKNOWN');
    seen.push(...(await runner.query({ runs: [first.runId], states }, waitForever())).statuses);
  }
  return seen;
}

const OPEN_STATES: readonly RunState[] = ['PENDING', 'RUNNING'];

export const statusCases: readonly CaseSpec[] = [
  {
    title: 'R65 R46 D21 an accepted run is PENDING, has an id of its own and carries the tags of its command',
    async serve(t, runner) {
      const status = await runner.run({ ...t.commands.hang(), ...TAGS });
      checkFields('the status of an accepted run', status, { state: 'PENDING', ...TAGS });
      checkThat(status.runId !== '', 'its id', 'one that is not empty', status.runId);
    },
  },
  {
    title: 'R65 run returns within the same instant',
    needs: ['virtualTime'],
    async serve(t, runner) {
      const atMs = t.now();
      await runner.run(t.commands.exit(0, t.ms(3)));
      checkEqual('time that run takes', t.now() - atMs, 0);
    },
  },
  {
    title: 'R87 R201 a run goes from PENDING over RUNNING to one terminal status',
    needs: ['exactStates'],
    async run(t) {
      const seen = await history(t, { ...t.commands.exit(0, t.ms(2)), ...TAGS });
      checkEqual(
        'states of a run',
        seen.map(({ state }) => state),
        ['PENDING', 'RUNNING', 'COMPLETE'],
      );
    },
  },
  {
    title: 'R53 R87 every status carries the id and the tags',
    needs: ['exactStates'],
    async run(t) {
      const seen = await history(t, { ...t.commands.exit(0, t.ms(2)), ...TAGS });
      for (const status of seen) {
        checkFields(`status ${status.state}`, status, { runId: seen[0]?.runId ?? '', ...TAGS });
      }
    },
  },
  {
    title: 'R99 R52 R206 RUNNING says where output is, and the end still does',
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.exit(0, t.ms(4)));
      const { status: running } = await waitForState(runner, runId, 'RUNNING');
      if (!t.mayLackRefs(running)) {
        checkThat(running.stdoutRef !== '', 'stdoutRef of RUNNING', 'a ref', running.stdoutRef);
        checkThat(running.stderrRef !== '', 'stderrRef of RUNNING', 'a ref', running.stderrRef);
      }
      const ended = await t.end(runner, runId);
      const { stdoutRef, stderrRef } = running;
      checkFields('the end', ended, { state: 'COMPLETE', stdoutRef, stderrRef });
    },
  },
  {
    title: 'R3 R110 R11 a command that exits with a code is COMPLETE with that code, even a special one',
    options: { capacity: 3 },
    async serve(t, runner) {
      for (const exitCode of [0, 1, 7, 255]) {
        const status = await t.outcome(runner, t.commands.exit(exitCode));
        checkFields(`exit ${exitCode}`, status, { state: 'COMPLETE', exitCode, error: '', snapshotId: '' });
      }
    },
  },
  {
    title: 'R20 D31 codes that the machinery uses are the command’s own in a COMPLETE run',
    async serve(t, runner) {
      for (const exitCode of Object.values(EXIT_CODES)) {
        checkFields(`exit ${exitCode}`, await t.outcome(runner, t.commands.exit(exitCode)), {
          state: 'COMPLETE',
          exitCode,
        });
      }
      const { service } = await runner.statusAll();
      checkEqual('the service after such codes', service.isHealthy, true);
    },
  },
  {
    title: 'R11 an ABORTED run has no exit code, snapshot or error',
    async serve(t, runner) {
      const runId = await t.running(runner, { ...t.commands.hang(), ...TAGS });
      const status = await runner.abort(runId);
      checkFields('the status', status, {
        runId,
        state: 'ABORTED',
        exitCode: 0,
        snapshotId: '',
        error: '',
        ...TAGS,
      });
    },
  },
  {
    title: 'R11 a TIMEDOUT run has no exit code, snapshot or error',
    needs: ['timeouts'],
    async serve(t, runner) {
      const status = await t.outcome(runner, { ...t.commands.hang(), timeoutMs: t.ms(1), ...TAGS });
      checkFields('the status', status, {
        state: 'TIMEDOUT',
        exitCode: 0,
        snapshotId: '',
        error: '',
        ...TAGS,
      });
    },
  },
  {
    title: 'R39 a returned status is a value: changing it changes nothing else',
    async serve(t, runner) {
      const runId = await t.start(runner, t.commands.exit(4));
      const status = await t.end(runner, runId);
      const end = { ...status };
      // A frozen status refuses the change; any other must not be shared with the runner.
      Reflect.set(status, 'exitCode', 99);
      Reflect.set(status, 'state', 'ABORTED');
      const { statuses } = await runner.statusAll();
      Reflect.set(statuses, '0', undefined);
      const later = t.unwatched(runner);
      const after = 'after a caller has changed the answer that it got before';
      checkFields(`R39 the status of the run, ${after}`, (await later.status(runId)).status, end);
      const again: readonly (RunStatus | undefined)[] = (await later.statusAll()).statuses;
      checkEqual(
        `R39 runs of statusAll, ${after}`,
        again.map((each) => each?.runId),
        [runId],
      );
    },
  },
  {
    title: 'R44 ids are never used twice, eviction included',
    async serve(t, runner) {
      const ids = new Set<string>();
      for (let run = 0; run < 5; run += 1) ids.add((await t.outcome(runner, t.commands.exit(0))).runId);
      checkEqual('different ids of five runs', ids.size, 5);
    },
  },
  {
    title: 'R44 R45 D22 ids count from 0 behind the prefix, so that those of two incarnations differ',
    needs: ['idPrefix'],
    async run(t) {
      const ids: string[] = [];
      for (const idPrefix of ['a-', 'b-']) {
        const runner = await t.runner({ idPrefix });
        for (let run = 0; run < 2; run += 1) ids.push((await t.outcome(runner, t.commands.exit(0))).runId);
      }
      checkEqual('ids', ids, ['a-0', 'a-1', 'b-0', 'b-1']);
    },
  },
];
