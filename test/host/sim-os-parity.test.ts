import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type CommandVocabulary,
  shellCommands,
  simCommands,
} from '../../src/conformance/command-vocabulary.ts';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { createExecRunner } from '../../src/host/exec-runner.ts';
import { createOsExecer } from '../../src/host/process/os-execer.ts';
import { createSystemClock } from '../../src/host/system-clock.ts';
import { sleep, type Clock } from '../../src/kernel/clock.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import type { Command } from '../../src/model/command.ts';
import type { Execer, ProcessStatus } from '../../src/model/execer.ts';
import { isTerminal } from '../../src/model/run-state.ts';
import type { RunStatus } from '../../src/model/run-status.ts';
import type { Service } from '../../src/model/service.ts';
import { maskForState } from '../../src/model/state-mask.ts';
import { waitForever } from '../../src/model/query.ts';
import { LOG_HEADER_END } from '../../src/model/log-markers.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { simulate } from '../../src/simulation/simulate.ts';

const GRACE_MS = 150;

/** What both worlds must agree on. Texts that name what is on a machine keep only their beginning. */
interface Seen {
  readonly states: readonly string[];
  readonly exitCode: number;
  readonly error: string;
  readonly stdout: string;
  readonly stderr: string;
}

interface ParityCase {
  readonly title: string;
  readonly command: (words: CommandVocabulary) => Command;
  /** Aborts so long after RUNNING; −1: right after the acceptance; absent: not at all. */
  readonly abortAfterMs?: number;
}

const cases: readonly ParityCase[] = [
  { title: 'an exit at once', command: ({ exit }) => exit(0) },
  { title: 'an exit with a code, later', command: ({ exit }) => exit(41, 60) },
  { title: 'an exit with a code of the machinery', command: ({ exit }) => exit(241) },
  { title: 'output on both streams', command: ({ write }) => write('one\ntwo', 'three\n') },
  { title: 'much output', command: ({ write }) => write('x'.repeat(100_000), 'y'.repeat(70_000)) },
  { title: 'no output at all', command: ({ write }) => write('', '') },
  { title: 'a death by SIGSEGV', command: ({ killedBy }) => killedBy('SIGSEGV') },
  { title: 'a death by SIGKILL', command: ({ killedBy }) => killedBy('SIGKILL') },
  { title: 'a command that cannot be started', command: ({ unstartable }) => unstartable() },
  { title: 'a deadline', command: ({ writeAndHang }) => ({ ...writeAndHang('so far\n'), timeoutMs: 1_000 }) },
  { title: 'a deadline that comes too late', command: ({ exit }) => ({ ...exit(5), timeoutMs: 60_000 }) },
  {
    title: 'a deadline of a stubborn command',
    command: ({ stubborn }) => ({ ...stubborn(), timeoutMs: 1_000 }),
  },
  { title: 'an abort', command: ({ writeAndHang }) => writeAndHang('so far\n'), abortAfterMs: 600 },
  { title: 'an abort of a stubborn command', command: ({ stubborn }) => stubborn(), abortAfterMs: 600 },
  { title: 'an abort before the start', command: ({ hang }) => hang(), abortAfterMs: -1 },
  { title: 'an abort after the end', command: ({ exit }) => exit(6), abortAfterMs: 900 },
];

/** Runs a case to its end and returns what a caller sees. */
async function play(
  runner: Service,
  clock: Clock,
  words: CommandVocabulary,
  { command, abortAfterMs }: ParityCase,
  read: (ref: string) => Promise<string>,
): Promise<Seen> {
  const first = await runner.run(command(words));
  const { runId } = first;
  if (abortAfterMs === -1) await runner.abort(runId);
  const states = [first.state];
  let last: RunStatus = first;
  let aborting: Promise<unknown> | undefined;
  while (!isTerminal(last.state)) {
    const wanted = maskForState(
      ...(last.state === 'PENDING' ? (['RUNNING'] as const) : []),
      ...(['COMPLETE', 'FAILED', 'ABORTED', 'TIMEDOUT', 'UNKNOWN'] as const),
    );
    [last = last] = (await runner.query({ runs: [runId], states: wanted }, waitForever())).statuses;
    states.push(last.state);
    if (abortAfterMs !== undefined && last.state === 'RUNNING') {
      aborting = sleep(clock, abortAfterMs).then(() => runner.abort(runId));
    }
  }
  await aborting;
  const { status } = await runner.status(runId);
  expect(status).toEqual(last);
  const body = async (ref: string): Promise<string> => {
    if (ref === '') return '';
    const text = await read(ref);
    return text.slice(text.indexOf(LOG_HEADER_END) + LOG_HEADER_END.length);
  };
  const { exitCode, error, stdoutRef, stderrRef } = status;
  const [stdout, stderr] = [await body(stdoutRef), await body(stderrRef)];
  return { states, exitCode, error: shapeOf(error), stdout, stderr };
}

/** An error without what only one machine says: its kind is the text before the first colon, signals are named in both. */
function shapeOf(error: string): string {
  return error.replace(/^(could not exec): .+$/s, '$1: …');
}

async function inVirtualTime(parityCase: ParityCase): Promise<Seen> {
  let seen: Seen | undefined;
  const { failure } = await simulate({
    scenario: async ({ world }) => {
      const execer = createSimExecer({ clock: world.clock, graceMs: GRACE_MS });
      const runner = createSimulatedRunner(world, { execer });
      const read = async (ref: string): Promise<string> => runner.outputs.find(ref)?.text() ?? 'not found';
      seen = await play(runner, world.clock, simCommands, parityCase, read);
      await runner.release();
    },
  });
  expect(failure).toBeUndefined();
  return seen!;
}

async function onTheMachine(parityCase: ParityCase): Promise<Seen> {
  const runner = createExecRunner({ graceMs: GRACE_MS });
  const read = (ref: string): Promise<string> => readFile(decodeURI(new URL(ref).pathname), 'utf8');
  try {
    return await play(runner, runner.world.clock, shellCommands, parityCase, read);
  } finally {
    await runner.release();
    await runner.outputs.dispose();
  }
}

describe('the simulated and the exec runner', { concurrent: true }, () => {
  const virtual = new Map<string, Seen>();

  // Simulations run one after another, what is on the machine all at once.
  beforeAll(async () => {
    for (const parityCase of cases) virtual.set(parityCase.title, await inVirtualTime(parityCase));
  });

  test.for(cases.map((parityCase) => [parityCase.title, parityCase] as const))(
    'R210 agree on states, exit codes, errors and output: %s',
    async ([, parityCase], { expect: check }) => {
      check(await onTheMachine(parityCase)).toEqual(virtual.get(parityCase.title));
    },
  );
});

describe('the sim and the OS execer', () => {
  const statuses = async (
    execer: Execer,
    clock: Clock,
    words: CommandVocabulary,
    dir: string,
  ): Promise<readonly (readonly [string, ProcessStatus | string])[]> => {
    const start = async ({ argv }: Command): Promise<ProcessStatus | string> => {
      try {
        const process = await execer.exec({ argv, dir, jobId: '', taskId: '', tag: '' });
        return await process.wait();
      } catch (error) {
        return isRunnerError(error) ? error.code : String(error);
      }
    };
    const stop = async ({ argv }: Command): Promise<ProcessStatus> => {
      const process = await execer.exec({ argv, dir, jobId: '', taskId: '', tag: '' });
      await sleep(clock, 500);
      const [aborted, waited] = await Promise.all([process.abort(), process.wait()]);
      expect(waited).toEqual(aborted);
      return aborted;
    };
    return [
      ['exit', await start(words.exit(3))],
      ['signal', await start(words.killedBy('SIGTERM'))],
      ['unstartable', await start(words.unstartable())],
      ['abort', await stop(words.hang())],
      ['abort after the end', await stop(words.exit(9))],
      ['abort of a stubborn one', await stop(words.stubborn())],
    ];
  };

  test('R210 R126 D70 give the same statuses, an abort included', async () => {
    const clock = createSystemClock();
    const dir = await mkdtemp(join(tmpdir(), 'parity-'));
    const onMachine = await statuses(createOsExecer({ clock, graceMs: GRACE_MS }), clock, shellCommands, dir);
    await rm(dir, { recursive: true });
    let virtual: typeof onMachine = [];
    const { failure } = await simulate({
      scenario: async ({ world }) => {
        const execer = createSimExecer({ clock: world.clock, graceMs: GRACE_MS });
        virtual = await statuses(execer, world.clock, simCommands, '/');
      },
    });
    expect(failure).toBeUndefined();
    expect(onMachine).toEqual(virtual);
    expect(Object.fromEntries(virtual)).toMatchObject({
      abort: { state: 'FAILED', exitCode: -1, error: 'Aborted (SIGTERM)' },
      'abort of a stubborn one': { state: 'FAILED', exitCode: -1, error: 'Aborted (SIGKILL)' },
    });
  });
});
