/**
 * What every execer does alike, as cases that need no test framework: each gets a fixture, asserts, and says what it needs. Scripts
 * are sim steps; a fixture of the real machine turns them into a program that does the same.
 */
import assert from 'node:assert/strict';
import type { ExecCommand, Execer, Process, ProcessStatus } from '../../src/model/execer.ts';
import type { MaybePromise } from '../../src/model/maybe-promise.ts';
import type { Chunk } from '../../src/model/output.ts';
import type { SimStep } from '../../src/execers/sim-step.ts';
import { simStep } from '../../src/execers/sim-step.ts';

/** An execer to be tested, and the time that it lives in. One per case. */
export interface ExecerFixture {
  /** With a grace of `GRACE_MS`. */
  readonly execer: Execer;
  /** Readies a command that does these steps: its argv, and whatever else this execer looks at. */
  commandOf(steps: readonly SimStep[]): Pick<ExecCommand, 'argv'> & Partial<ExecCommand>;
  /** A command that this execer cannot start; absent if there is none. */
  readonly unstartable?: Pick<ExecCommand, 'argv'> & Partial<ExecCommand>;
  /** Lets time pass until the result is there. */
  settled<T>(result: MaybePromise<T>): Promise<T>;
  /** Lets that much time pass. */
  pass(ms: number): Promise<void>;
  /** How many processes of this execer are alive, children included. */
  living(): MaybePromise<number>;
  /** Ends whatever the case left behind. */
  close?(): MaybePromise<void>;
}

/** What a case needs beyond `complete`, `sleep` and output: steps, or a sink that is looked at. */
export type ExecerAbility =
  Exclude<SimStep['op'], 'complete' | 'sleep' | 'stdout' | 'stderr' | 'comment'> | 'unstartable';

/** Longer than any step of a case, so that only an abort ends it. */
export const LONG_MS = 60_000;
/** The grace of fixtures. */
export const GRACE_MS = 300;

export interface ExecerCase {
  /** Observed behaviour, with the numbers of the rules that it proves. */
  readonly title: string;
  readonly needs: readonly ExecerAbility[];
  run(fixture: ExecerFixture): Promise<void>;
}

/** A sink that keeps what it gets. */
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

function assertAborted(status: ProcessStatus, signal: 'SIGTERM' | 'SIGKILL'): void {
  assert.deepEqual([status.state, status.exitCode], ['FAILED', -1]);
  assert.match(status.error, signal === 'SIGTERM' ? /^Aborted[^]*\(SIGTERM\)$/ : /^Aborted[^]*\(SIGKILL\)$/);
}

const { complete, sleep, stdout, stderr } = simStep;

const endings: readonly ExecerCase[] = [
  {
    title: 'R118 R119 R124 a process ends COMPLETE with its exit code and without a text',
    needs: [],
    async run(fixture) {
      for (const exitCode of [0, 1, 7, 255]) {
        const { state, exitCode: code, error, signal } = await outcome(fixture, [complete(exitCode)]);
        assert.deepEqual([state, code, error, signal], ['COMPLETE', exitCode, '', undefined]);
      }
    },
  },
  {
    title: 'R138 D67 what comes after a sleep decides how the process ends',
    needs: [],
    async run(fixture) {
      const status = await outcome(fixture, [sleep(20), stdout('woke'), sleep(20), complete(7)]);
      assert.deepEqual([status.state, status.exitCode], ['COMPLETE', 7]);
    },
  },
  {
    title: 'R124 D64 a death by signal is COMPLETE −1 with the name of the signal',
    needs: ['signal'],
    async run(fixture) {
      const status = await outcome(fixture, [simStep.signal('SIGSEGV')]);
      const { state, exitCode, signal, error } = status;
      assert.deepEqual([state, exitCode, signal, error], ['COMPLETE', -1, 'SIGSEGV', 'Killed by SIGSEGV']);
    },
  },
  {
    title: 'R118 a command that cannot be started is an error of exec, and nothing lives',
    needs: ['unstartable'],
    async run(fixture) {
      const { execer, unstartable } = fixture;
      const command = { argv: [], dir: '/', jobId: '', taskId: '', tag: '', ...unstartable };
      await assert.rejects(async () => execer.exec(command));
      assert.equal(await fixture.living(), 0);
    },
  },
];

const outputs: readonly ExecerCase[] = [
  {
    title: 'R118 R123 all output is delivered before the end, each stream in its order',
    needs: [],
    async run(fixture) {
      const sinks = { stdout: new KeepingSink(), stderr: new KeepingSink() };
      const steps = [stdout('one '), stderr('uno '), stdout('two '), stderr('due '), stdout('three\n')];
      await outcome(fixture, [...steps, complete(0)], sinks);
      assert.deepEqual([sinks.stdout.text, sinks.stderr.text], ['one two three\n', 'uno due ']);
    },
  },
  {
    title: 'R123 R142 D63 D72 missing sinks discard',
    needs: [],
    async run(fixture) {
      const status = await outcome(fixture, [stdout('lost'), stderr('lost'), complete(3)]);
      assert.deepEqual([status.state, status.exitCode], ['COMPLETE', 3]);
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
        assert.deepEqual([status.state, status.exitCode, kept.text], ['COMPLETE', 4, 'kept']);
        assert.match(status.faults?.join('\n') ?? '', /sink broke/);
      }
    },
  },
];

const aborts: readonly ExecerCase[] = [
  {
    title: 'R126 R141 abort of a running process is FAILED −1, “Aborted … (SIGTERM)”',
    needs: [],
    async run(fixture) {
      const process = await start(fixture, [sleep(LONG_MS), complete(0)]);
      await fixture.pass(20);
      assertAborted(await fixture.settled(process.abort()), 'SIGTERM');
    },
  },
  {
    title: 'R118 R120 abort in the instant of exec stops the process as well',
    needs: [],
    async run(fixture) {
      const process = await start(fixture, [sleep(LONG_MS), complete(0)]);
      assertAborted(await fixture.settled(process.abort()), 'SIGTERM');
      assert.equal(await fixture.living(), 0);
    },
  },
  {
    title: 'R120 D60 D70 abort after the end gives the natural result, then and ever after',
    needs: [],
    async run(fixture) {
      const process = await start(fixture, [sleep(10), complete(5)]);
      const ended = await fixture.settled(process.wait());
      assert.deepEqual([ended.state, ended.exitCode], ['COMPLETE', 5]);
      for (const again of [process.abort(), process.wait(), process.abort(), process.wait()]) {
        assert.deepEqual(await fixture.settled(again), ended);
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
        assertAborted(statuses[0] as ProcessStatus, 'SIGTERM');
        for (const status of statuses) assert.deepEqual(status, statuses[0]);
      }
    },
  },
  {
    title: 'R125 R126 a process that ignores SIGTERM is killed after the grace, “Aborted … (SIGKILL)”',
    needs: ['ignore-term', 'hang'],
    async run(fixture) {
      const process = await start(fixture, [simStep.ignoreTerm(), stdout('deaf'), simStep.hang()]);
      await fixture.pass(200);
      assertAborted(await fixture.settled(process.abort()), 'SIGKILL');
      assert.equal(await fixture.living(), 0);
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
      assert.equal(sink.text, text);
    },
  },
];

const trees: readonly ExecerCase[] = [
  {
    title: 'R129 D55 after a natural end no child is alive, forked or orphaned',
    needs: ['fork', 'orphan'],
    async run(fixture) {
      const status = await outcome(fixture, [simStep.fork(), simStep.orphan(), sleep(50), complete(2)]);
      assert.deepEqual([status.state, status.exitCode], ['COMPLETE', 2]);
      assert.equal(await fixture.living(), 0);
    },
  },
  {
    title: 'R129 D55 after an abort no child is alive, forked or orphaned',
    needs: ['fork', 'orphan'],
    async run(fixture) {
      const steps = [simStep.fork(), simStep.orphan(), sleep(LONG_MS), complete(0)];
      const process = await start(fixture, steps);
      await fixture.pass(100);
      assertAborted(await fixture.settled(process.abort()), 'SIGTERM');
      assert.equal(await fixture.living(), 0);
    },
  },
  {
    title: 'R125 R129 after a kill no child is alive, also if the children ignore SIGTERM',
    needs: ['ignore-term', 'fork', 'orphan', 'hang'],
    async run(fixture) {
      const steps = [simStep.ignoreTerm(), simStep.fork(), simStep.orphan(), simStep.hang()];
      const process = await start(fixture, steps);
      await fixture.pass(200);
      assertAborted(await fixture.settled(process.abort()), 'SIGKILL');
      assert.equal(await fixture.living(), 0);
    },
  },
];

/** All cases, in the order of the contract. */
export const execerCases: readonly ExecerCase[] = [...endings, ...outputs, ...aborts, ...trees];
