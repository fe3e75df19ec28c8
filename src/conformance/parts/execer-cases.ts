/**
 * The contracts of execers as lists of cases: of any execer, including the machine's; of the one that runs scripts; of
 * the one that plays back recordings. Invariant: the outcome of a case does not depend on how fast the machine is.
 */
import { Buffer } from 'node:buffer';
import type { SimStep } from '../../execers/sim-step.ts';
import { simStep } from '../../execers/sim-step.ts';
import type { ExecCommand, Execer, Process, ProcessStatus } from '../../model/execer.ts';
import type { MaybePromise } from '../../model/maybe-promise.ts';
import type { Chunk } from '../../model/output.ts';
import type { PartCapability } from '../capability.ts';
import { checkEqual, checkThat } from '../check.ts';
import { MADE_BY_EXECER, noted } from './noted-part.ts';
import {
  notingCalls,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  refusalOf,
} from './part-case.ts';

/** An execer under test, and its time. One per case. */
export interface ExecerUnderTest {
  /** Must have a grace of `EXECER_GRACE_MS`. */
  readonly execer: Execer;
  /** Prepares a command that performs these steps: its argv, and any other fields that this execer reads. */
  readonly commandOf: (steps: readonly SimStep[]) => Pick<ExecCommand, 'argv'> & Partial<ExecCommand>;
  /** A command that this execer cannot start. Required unless the subject lacks `unstartable`. */
  readonly unstartable?: Pick<ExecCommand, 'argv'> & Partial<ExecCommand>;
  /** Lets time pass until the result has settled. */
  settled<T>(result: MaybePromise<T>): Promise<T>;
  /** Lets that much time pass. */
  pass(ms: number): Promise<void>;
  /** Number of live processes of this execer, children included. */
  living(): MaybePromise<number>;
  /** Ends everything that the case left behind. */
  close?(): MaybePromise<void>;
}

/** A kind of execer under test: see {@link execerCases}. */
export interface ExecerSubject extends PartSubject {
  create(): MaybePromise<ExecerUnderTest>;
}

/** Longer than any step of a case, in milliseconds, so that only an abort ends it. */
export const EXECER_LONG_MS: number = 60_000;
/** How long a process that ignores a request to stop outlives it, in milliseconds: see {@link execerCases}. */
export const EXECER_GRACE_MS: number = 300;
const LONG_MS = EXECER_LONG_MS;

/** The definition of a case. */
interface Case {
  readonly title: string;
  readonly needs: readonly Exclude<PartCapability, 'words'>[];
  readonly run: (fixture: ExecerUnderTest) => Promise<void>;
}
type ExecerFixture = ExecerUnderTest;

/** A sink that keeps what is written to it. */
class KeepingSink {
  text = '';
  write(chunk: Chunk): void {
    this.text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
  }
}

const brokenSink = (write: () => MaybePromise<void>): { write: () => MaybePromise<void> } => ({ write });

function start(
  { execer, commandOf }: ExecerFixture,
  steps: readonly SimStep[],
  extra: Partial<ExecCommand> = {},
): Promise<Process> {
  const command = { dir: '/', jobId: 'job', taskId: 'task', tag: '', runId: '0' };
  return Promise.resolve(execer.exec({ ...command, ...commandOf(steps), ...extra }));
}

async function outcome(
  fixture: ExecerFixture,
  steps: readonly SimStep[],
  extra: Partial<ExecCommand> = {},
): Promise<ProcessStatus> {
  const process = await start(fixture, steps, extra);
  return fixture.settled(process.wait());
}

function checkAborted(status: ProcessStatus, signal: 'SIGTERM' | 'SIGKILL'): void {
  checkEqual('state and exit code', [status.state, status.exitCode], ['FAILED', -1]);
  const text = signal === 'SIGTERM' ? /^Aborted[^]*\(SIGTERM\)$/ : /^Aborted[^]*\(SIGKILL\)$/;
  checkThat(text.test(status.error), 'the text', String(text), status.error);
}

const complete = (exitCode: number): SimStep => simStep.complete(exitCode);
const sleep = (ms: number): SimStep => simStep.sleep(ms);
const stdout = (text: string): SimStep => simStep.stdout(text);
const stderr = (text: string): SimStep => simStep.stderr(text);

const endings: readonly Case[] = [
  {
    title: 'R118 R119 R124 a process ends COMPLETE with its exit code and without a text',
    needs: [],
    async run(fixture) {
      for (const exitCode of [0, 1, 7, 255]) {
        const { state, exitCode: code, error, signal } = await outcome(fixture, [complete(exitCode)]);
        checkEqual(
          'state, exit code, error and signal',
          [state, code, error, signal],
          ['COMPLETE', exitCode, '', undefined],
        );
      }
    },
  },
  {
    title: 'R138 D67 steps after a sleep decide how the process ends',
    needs: [],
    async run(fixture) {
      const status = await outcome(fixture, [sleep(20), stdout('woke'), sleep(20), complete(7)]);
      checkEqual('state and exit code', [status.state, status.exitCode], ['COMPLETE', 7]);
    },
  },
  {
    title: 'R124 D64 a death by signal is COMPLETE −1 with the name of the signal',
    needs: ['signal'],
    async run(fixture) {
      const status = await outcome(fixture, [simStep.signal('SIGSEGV')]);
      const { state, exitCode, signal, error } = status;
      checkEqual('state, exit code and signal', [state, exitCode, signal], ['COMPLETE', -1, 'SIGSEGV']);
      checkThat(error.includes('SIGSEGV'), 'error', 'one that names SIGSEGV', error);
    },
  },
  {
    title: 'R118 a command that cannot be started makes exec fail, and leaves no process',
    needs: ['unstartable'],
    async run(fixture) {
      const { execer, unstartable } = fixture;
      checkThat(unstartable !== undefined, 'unstartable', 'a command, or a reason in lacks', unstartable);
      const command = { argv: [], dir: '/', jobId: '', taskId: '', tag: '', ...unstartable };
      checkThat((await refusalOf(() => execer.exec(command))) !== 'nothing', 'exec', 'an error', 'none');
      checkEqual('living processes', await fixture.living(), 0);
    },
  },
];

const outputs: readonly Case[] = [
  {
    title: 'R118 R123 all output is delivered before the end, each stream in its order',
    needs: [],
    async run(fixture) {
      const sinks = { stdout: new KeepingSink(), stderr: new KeepingSink() };
      const steps = [stdout('one '), stderr('uno '), stdout('two '), stderr('due '), stdout('three\n')];
      await outcome(fixture, [...steps, complete(0)], sinks);
      checkEqual(
        'stdout and stderr',
        [sinks.stdout.text, sinks.stderr.text],
        ['one two three\n', 'uno due '],
      );
    },
  },
  {
    title: 'R123 R142 D63 D72 without sinks output is discarded',
    needs: [],
    async run(fixture) {
      const status = await outcome(fixture, [stdout('lost'), stderr('lost'), complete(3)]);
      checkEqual('state and exit code', [status.state, status.exitCode], ['COMPLETE', 3]);
    },
  },
  {
    title:
      'R123 D52 a sink that throws or rejects changes no outcome, is a fault, and the other sink gets all',
    needs: [],
    async run(fixture) {
      const failures = [
        () => {
          throw new Error('sink broke');
        },
        () => Promise.reject(new Error('sink broke')),
      ];
      for (const failure of failures) {
        const kept = new KeepingSink();
        const steps = [stdout('x'.repeat(200_000)), stderr('kept'), sleep(10), stdout('y'), complete(4)];
        const status = await outcome(fixture, steps, { stdout: brokenSink(failure), stderr: kept });
        checkEqual(
          'state, exit code and output',
          [status.state, status.exitCode, kept.text],
          ['COMPLETE', 4, 'kept'],
        );
        checkThat(
          /sink broke/.test(status.faults?.join('\n') ?? ''),
          'the text',
          String(/sink broke/),
          status.faults?.join('\n') ?? '',
        );
      }
    },
  },
];

const aborts: readonly Case[] = [
  {
    title: 'R126 R141 abort of a running process is FAILED −1, “Aborted … (SIGTERM)”',
    needs: [],
    async run(fixture) {
      const process = await start(fixture, [sleep(LONG_MS), complete(0)]);
      await fixture.pass(20);
      checkAborted(await fixture.settled(process.abort()), 'SIGTERM');
    },
  },
  {
    title: 'R118 R120 abort in the instant of exec stops the process as well',
    needs: [],
    async run(fixture) {
      const process = await start(fixture, [sleep(LONG_MS), complete(0)]);
      checkAborted(await fixture.settled(process.abort()), 'SIGTERM');
      checkEqual('living processes', await fixture.living(), 0);
    },
  },
  {
    title: 'R120 D60 D70 abort after the end gives the natural result, every time',
    needs: [],
    async run(fixture) {
      const process = await start(fixture, [sleep(10), complete(5)]);
      const ended = await fixture.settled(process.wait());
      checkEqual('state and exit code', [ended.state, ended.exitCode], ['COMPLETE', 5]);
      for (const again of [process.abort(), process.wait(), process.abort(), process.wait()]) {
        checkEqual('the status of a later abort or wait', await fixture.settled(again), ended);
      }
    },
  },
  {
    title: 'R120 waits and aborts in any order and at once all give the same final status',
    needs: [],
    async run(fixture) {
      for (const order of [
        'wait abort',
        'abort wait',
        'wait wait abort abort',
        'abort abort wait',
        'wait abort wait',
      ]) {
        const process = await start(fixture, [sleep(LONG_MS), complete(0)]);
        const results = order.split(' ').map((call) => (call === 'wait' ? process.wait() : process.abort()));
        const statuses: ProcessStatus[] = [];
        for (const result of results) statuses.push(await fixture.settled(result));
        checkAborted(statuses[0] as ProcessStatus, 'SIGTERM');
        for (const status of statuses) checkEqual('the status of each wait and abort', status, statuses[0]);
      }
    },
  },
  {
    title: 'R125 R126 a process that ignores SIGTERM is killed after the grace, “Aborted … (SIGKILL)”',
    needs: ['ignore-term', 'hang'],
    async run(fixture) {
      const process = await start(fixture, [simStep.ignoreTerm(), stdout('deaf'), simStep.hang()]);
      await fixture.pass(200);
      checkAborted(await fixture.settled(process.abort()), 'SIGKILL');
      checkEqual('living processes', await fixture.living(), 0);
    },
  },
  {
    title: 'R142 D71 after abort has returned the process writes nothing more',
    needs: [],
    async run(fixture) {
      const sink = new KeepingSink();
      const process = await start(fixture, [stdout('a'), sleep(40), stdout('b'), sleep(40), complete(0)], {
        stdout: sink,
      });
      await fixture.pass(1);
      await fixture.settled(process.abort());
      const { text } = sink;
      await fixture.pass(120);
      checkEqual('the output', sink.text, text);
    },
  },
];

const trees: readonly Case[] = [
  {
    title: 'R129 D55 after a natural end no child is alive, forked or orphaned',
    needs: ['fork', 'orphan'],
    async run(fixture) {
      const status = await outcome(fixture, [simStep.fork(), simStep.orphan(), sleep(50), complete(2)]);
      checkEqual('state and exit code', [status.state, status.exitCode], ['COMPLETE', 2]);
      checkEqual('living processes', await fixture.living(), 0);
    },
  },
  {
    title: 'R129 D55 after an abort no child is alive, forked or orphaned',
    needs: ['fork', 'orphan'],
    async run(fixture) {
      const steps = [simStep.fork(), simStep.orphan(), sleep(LONG_MS), complete(0)];
      const process = await start(fixture, steps);
      await fixture.pass(100);
      checkAborted(await fixture.settled(process.abort()), 'SIGTERM');
      checkEqual('living processes', await fixture.living(), 0);
    },
  },
  {
    title: 'R125 R129 after a kill no child is alive, also if the children ignore SIGTERM',
    needs: ['ignore-term', 'fork', 'orphan', 'hang'],
    async run(fixture) {
      const steps = [simStep.ignoreTerm(), simStep.fork(), simStep.orphan(), simStep.hang()];
      const process = await start(fixture, steps);
      await fixture.pass(200);
      checkAborted(await fixture.settled(process.abort()), 'SIGKILL');
      checkEqual('living processes', await fixture.living(), 0);
    },
  },
];

function proving({ title, needs, run }: Case): PartCaseSpec<ExecerSubject> {
  return {
    title,
    needs,
    prove: (subject, options) =>
      notingCalls(options, async (note) => {
        const under = await subject.create();
        try {
          await run({ ...under, execer: noted(note, 'the execer', under.execer, MADE_BY_EXECER) });
        } finally {
          await under.close?.();
        }
      }),
  };
}

/**
 * The contract of every execer, case by case: for the simulated ones, the machine's, or yours. Scripts are steps of the
 * sim execer; `commandOf` of a subject turns them into a command that does the same.
 *
 * @example
 * ```ts
 * import { simScript } from 'dryrunner';
 * import { createVirtualClock } from 'dryrunner/kernel';
 * import { createSimExecer } from 'dryrunner/kit';
 * import { EXECER_GRACE_MS, execerCases, type ExecerSubject } from 'dryrunner/conformance';
 * const subject: ExecerSubject = {
 *   name: 'simulated',
 *   create() {
 *     const clock = createVirtualClock();
 *     const execer = createSimExecer({ clock, graceMs: EXECER_GRACE_MS });
 *     const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
 *     return {
 *       execer,
 *       commandOf: (steps) => ({ argv: simScript(...steps) }),
 *       unstartable: { argv: ['explode'] },
 *       living: () => execer.livingProcesses,
 *       async settled(result) {
 *         await turn();
 *         while (clock.step()) await turn();
 *         return result;
 *       },
 *       async pass(ms) {
 *         let isOver = false;
 *         clock.timer('pass', ms, () => (isOver = true));
 *         while (!isOver && clock.step()) await turn();
 *       },
 *     };
 *   },
 * };
 * for (const each of execerCases.filter(({ group }) => group === 'endings')) await each.prove(subject);
 * ```
 */
export const execerCases: readonly PartCase<ExecerSubject>[] = partCases({
  endings: endings.map(proving),
  outputs: outputs.map(proving),
  aborts: aborts.map(proving),
  trees: trees.map(proving),
});
