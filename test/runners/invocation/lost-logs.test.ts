// A disk may be full: the status of a run whose log lacks something says so.
import { describe, expect, test } from 'vitest';
import type { ProcessStatus } from '../../../src/model/execer.ts';
import type { MaybePromise } from '../../../src/model/maybe-promise.ts';
import type { OutputCreator } from '../../../src/model/output.ts';
import type { RunStatus } from '../../../src/model/run-status.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { inSimulation } from '../in-simulation.ts';
import { afterHeader, invoke, type Lab, makeLab } from '../lab.ts';

/** What an output does not take: a write, or its close, whose text is `close`. */
type Fails = (log: string, text: string) => boolean;

/** Outputs that fail: they throw, or reject if `isLate`. */
function failingOutputs(fails: Fails, isLate = false): OutputCreator {
  const memory = createMemoryOutputs();
  return {
    create(id) {
      const output = memory.create(id);
      const attempt = (text: string, work: () => MaybePromise<void>): MaybePromise<void> => {
        if (!fails(id, text)) return work();
        const error = new Error(`no room in ${id}`);
        if (isLate) return Promise.reject(error);
        throw error;
      };
      return {
        uri: output.uri,
        write: (chunk) => attempt(String(chunk), () => output.write(chunk)),
        close: () => attempt('close', () => output.close()),
        asFile: () => output.asFile(),
      };
    },
  };
}

interface Course {
  readonly status: RunStatus | undefined;
  readonly recorded: readonly string[];
}

/** The end of a run with these parts. */
async function courseOf(
  argv: readonly string[],
  parts: (lab: Omit<Lab, 'options'>) => Partial<Lab['options']>,
  timeoutMs = 0,
): Promise<Course> {
  let status: RunStatus | undefined;
  const verdict = await inSimulation(async (sim) => {
    status = await invoke(makeLab(sim, parts), { argv, timeoutMs }).ended;
  });
  const recordedIn = (event: TraceEvent): string[] => (event.type === 'recorded' ? [event.error] : []);
  return { status, recorded: verdict.trace().flatMap(recordedIn) };
}

const INCOMPLETE = 'the logs are incomplete: ';
const isHeader = (text: string): boolean => text.includes('SCOOT_CMD_LOG');

test.each<[what: string, argv: readonly string[], fails: Fails, error: string]>([
  [
    'a header',
    ['complete 3'],
    (id, text) => id === '7-stderr' && isHeader(text),
    `${INCOMPLETE}no room in 7-stderr`,
  ],
  [
    'of the output, in stdout',
    ['stdout hi', 'complete 3'],
    (id, text) => id === '7-stdout' && text === 'hi',
    `${INCOMPLETE}no room in 7-stdout`,
  ],
  [
    'of stderr in both',
    ['stderr hi', 'complete 3'],
    (id, text) => id === '7-stdlog' && text === 'hi',
    `${INCOMPLETE}no room in 7-stdlog`,
  ],
  [
    'a header and later output',
    ['stdout hi', 'complete 3'],
    (id, text) => (id === '7-stderr') === isHeader(text),
    `${INCOMPLETE}no room in 7-stderr`,
  ],
  [
    'output and the end',
    ['stdout hi', 'complete 3'],
    (id, text) => (id === '7-stdout' && text === 'hi') || (id === '7-stderr' && text === 'close'),
    `${INCOMPLETE}no room in 7-stdout`,
  ],
  [
    'the end',
    ['complete 3'],
    (id, text) => id === '7-stdlog' && text === 'close',
    `${INCOMPLETE}no room in 7-stdlog`,
  ],
  ['nothing', ['stdout hi', 'complete 3'], () => false, ''],
])(
  'R123 a log that lacks %s is named by COMPLETE, first error first, and the outcome stays',
  async (_what, argv, fails, error) => {
    for (const isLate of [false, true]) {
      const { status } = await courseOf(argv, () => ({ outputs: failingOutputs(fails, isLate) }));
      expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 3, error });
    }
  },
);

test('R123 output that is cut at the drain grace is named by COMPLETE', async () => {
  const { status } = await courseOf(['stdout hi', 'complete 3'], () => {
    const outputs = failingOutputs(() => false);
    const create = (id: string) => {
      const output = outputs.create(id) as ReturnType<ReturnType<typeof createMemoryOutputs>['create']>;
      const write: typeof output.write = (chunk) =>
        chunk === 'hi' ? Promise.race<never>([]) : output.write(chunk);
      return { uri: output.uri, write, close: () => output.close(), asFile: () => output.asFile() };
    };
    return { outputs: { create } };
  });
  expect(status).toMatchObject({
    state: 'COMPLETE',
    exitCode: 3,
    error: `${INCOMPLETE}output: cut after 1000 ms, writes pending: 1`,
  });
});

describe('R123 the faults of a process', () => {
  const endWith = (end: Partial<ProcessStatus>): Promise<Course> =>
    courseOf(['complete 3'], ({ execer }) => ({
      execer: {
        cancelBoundMs: 1,
        exec: (command) => {
          const process = execer.exec(command);
          const wait = async (): Promise<ProcessStatus> => ({ ...(await process.wait()), ...end });
          return { wait, abort: () => process.abort() };
        },
      },
    }));

  test.each([
    ['stdout cut: the stream was still open 9 ms after the command and its known children had ended'],
    ['stderr: 3 bytes were discarded'],
  ])('are named if output was lost: %s', async (loss) => {
    const { status } = await endWith({
      faults: ['descendants: 1 outlived the command', loss, 'stdout: later'],
    });
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 3, error: `${INCOMPLETE}${loss}` });
  });

  test('are only recorded if they lost none', async () => {
    const faults = ['descendants: 1 outlived the command', 'process table: stdout: is a word of theirs'];
    const { status, recorded } = await endWith({ faults });
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 3, error: '' });
    expect(recorded).toEqual(faults);
  });
});

test.each<[argv: readonly string[], end: Partial<RunStatus>]>([
  [['stdout hi', 'sleep 100'], { state: 'TIMEDOUT', error: '' }],
  [['stdout hi', 'signal SIGSEGV'], { state: 'COMPLETE', error: 'Killed by SIGSEGV' }],
  [['stdout hi', 'fail 9 broken'], { state: 'FAILED', exitCode: 9, error: 'error execing: broken' }],
])(
  'R123 a status with a text of its own keeps it, and one that is not COMPLETE has no other: %j',
  async (argv, end) => {
    const { status, recorded } = await courseOf(argv, () => ({ outputs: failingOutputs(() => true) }), 50);
    expect(status).toMatchObject(end);
    expect(recorded).toContain('stdout sink: no room in 7-stdout');
  },
);

describe('R97 R123 a limit of what is kept of each stream', () => {
  /** The logs of a run that keeps 6 B, without their headers, and its end. */
  async function endOf(argv: readonly string[], timeoutMs = 0): Promise<Course & { logs: string[] }> {
    const outputs = createMemoryOutputs();
    const course = await courseOf(argv, () => ({ outputs, logBytesMax: 6 }), timeoutMs);
    const logs = outputs.all().map((output) => afterHeader(output.text()));
    return { ...course, logs };
  }
  const cutMark = (name: string): string => `\n\nThe rest of ${name} is cut after 6 B.\n`;

  test('is reached without being passed', async () => {
    const { status, logs } = await endOf(['stdout abcd', 'stderr 123456', 'stdout ef', 'complete 3']);
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 3, error: '' });
    expect(logs).toEqual(['abcdef', '123456', 'abcd123456ef']);
  });

  test('cuts what comes after it, of that stream alone, and lets the command go on', async () => {
    const { status, logs, recorded } = await endOf([
      'stdout abcd',
      'stdout efg',
      'stdout hi',
      'stderr 12',
      'stdout j',
      'complete 3',
    ]);
    const error = `${INCOMPLETE}stdout is cut after 6 B`;
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 3, error });
    const cut = `abcdef${cutMark('stdout')}`;
    expect(logs).toEqual([cut, '12', `${cut}12`]);
    expect(recorded).toEqual(Array(3).fill('stdout sink: stdout is cut after 6 B'));
  });

  test('counts bytes, not characters', async () => {
    const { logs } = await endOf(['stderr äöü', 'stderr x', 'complete 0']);
    expect(logs[1]).toBe(`äöü${cutMark('stderr')}`);
  });

  test('leaves room for what stopped the run, whose status has no text', async () => {
    const { status, logs } = await endOf(['stdout 1234567', 'sleep 100'], 50);
    expect(status).toMatchObject({ state: 'TIMEDOUT', error: '' });
    expect(logs[0]).toMatch(
      /^123456\n\nThe rest of stdout is cut after 6 B\.\n.*Task exceeded timeout 50ms\n$/s,
    );
  });

  test('holds for simulated runners whose logs are read first when they have ended', async () => {
    await inSimulation(async (sim) => {
      const runner = createSimulatedRunner(sim.world, { logBytesMax: 6 });
      const { runId } = await runner.run({ argv: ['stdout 1234567', 'complete 0'] });
      const { status } = await finalStatus(runner, runId);
      expect(status.error).toBe(`${INCOMPLETE}stdout is cut after 6 B`);
      await runner.release();
    });
  });
});
