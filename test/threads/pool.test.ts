import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import type { Decision } from '../../src/kernel/decisions.ts';
import { runExplorePool } from '../../src/threads/pool.ts';
import type { ExplorePoolOptions, PoolEvent, PoolReport } from '../../src/threads/pool.ts';
import type { ReplayTask, FailureTask } from '../../src/threads/task.ts';
import {
  lostIn,
  runInThread,
  type ThreadOptions,
  type ThreadRun,
} from '../../src/threads/thread-supervisor.ts';
import { failingWith } from '../explore/failing-executions.ts';
import { choice } from '../questions.ts';
import { bundleEntry } from './bundled-entry.ts';

const { entry, remove } = await bundleEntry(new URL('./worker-entry.ts', import.meta.url));
afterAll(remove);

const limits = {
  entry,
  hangMs: 1_500,
  memoryMb: 64,
};

function replay(
  task: Partial<ReplayTask> & Pick<ReplayTask, 'scenario'>,
  options: Partial<ThreadOptions> = {},
): Promise<ThreadRun<ReplayTask>> {
  const defaults = { kind: 'replay', onGap: 'keyed', explains: false } as const;
  return runInThread({ ...defaults, ...task }, { ...limits, ...options });
}

async function explore(
  scenario: string,
  options: Partial<ExplorePoolOptions> = {},
): Promise<{ report: PoolReport; events: PoolEvent[] }> {
  const events: PoolEvent[] = [];
  const report = await runExplorePool({
    ...limits,
    ...{ scenario, strategy: 'random', seed: '1', bounds: {}, workers: 2 },
    ...{ firstIndex: 0, shard: 0, shards: 1, keepGoing: false, strict: false, auditEvery: 10, corpus: [] },
    maxExecutions: 60,
    signal: new AbortController().signal,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { report, events };
}

describe('a pool', () => {
  test('runs each execution once, whatever the number of threads', async () => {
    const [one, three] = [
      await explore('held', { workers: 1, maxExecutions: 50 }),
      await explore('held', { workers: 3, maxExecutions: 50 }),
    ];
    for (const { report } of [one, three]) {
      expect(report).toMatchObject({ executions: 50, failed: 0, stoppedBy: 'executions', lostThreads: 0 });
      expect(report.sometimes).toEqual({ 'last of three': true });
    }
    expect(three.report.decisions).toBe(one.report.decisions);
  });

  test('the shards of several machines together run what one would', async () => {
    const whole = await explore('check', { keepGoing: true, maxExecutions: 60 });
    const parts = [
      await explore('check', { keepGoing: true, maxExecutions: 30, shard: 0, shards: 2 }),
      await explore('check', { keepGoing: true, maxExecutions: 30, shard: 1, shards: 2 }),
    ];
    const sum = (pick: (report: PoolReport) => number): number =>
      parts.reduce((total, { report }) => total + pick(report), 0);
    expect(sum(({ decisions }) => decisions)).toBe(whole.report.decisions);
    expect(sum(({ failed }) => failed)).toBe(whole.report.failed);
  });

  test('its seconds do not include the time in which its threads load', async () => {
    const { report } = await explore('loaded', { workers: 1 });
    const endMs = Number(process.hrtime.bigint()) / 1_000_000;
    const [, loadedAtMs = ''] = /loaded at ([\d.]+)/.exec(report.failures[0]?.message ?? '') ?? [];
    // Rounded to whole milliseconds.
    expect(report.seconds * 1_000).toBeLessThanOrEqual(endMs - Number(loadedAtMs) + 1);
    expect(report.seconds).toBeGreaterThan(0);
  });

  test('its seconds are 0 as long as no thread is ready', async () => {
    const { report } = await explore('held', { signal: AbortSignal.abort() });
    expect(report).toMatchObject({ executions: 0, seconds: 0 });
  });

  // N8: a campaign could end without a single execution.
  test('runs at least one execution, however little time there is', async () => {
    // Read between loading and the first execution, which takes far longer than the time.
    const decisions = Array.from({ length: 100_000 }, (_, answer) => ({
      question: choice(`also ${answer}`),
      ...{ n: 100_000, answer },
    }));
    const corpus = [{ id: 'long', decisions }];
    const { report } = await explore('held', { timeMs: 0.001, workers: 1, corpus, memoryMb: 1_024 });
    expect(report.cutOff).toEqual([]);
    expect(report.executions).toBeGreaterThan(0);
  });

  test('the first failure ends it, reported with the work of all threads', async () => {
    const { report, events } = await explore('check', { maxExecutions: 10_000 });
    expect(report.failures).toMatchObject([{ key: 'check the second was not plain', kind: 'check' }]);
    expect(report.executions).toBeLessThan(1_000);
    expect(events.filter(({ type }) => type === 'failure')).toHaveLength(1);
  });

  test('the failure of another thread that comes too late to be reported is the one to resume from', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dryrunner-pool-'));
    const flags = join(folder, 'bug');
    vi.stubEnv('DRYRUNNER_TEST_FLAG', flags);
    try {
      // The first failures of its threads differ and follow one another, at 3 and 4.
      const { report } = await explore('two-bugs', {
        seed: '14',
        onEvent: ({ type }) => {
          // Until both threads have sent all that they have to say.
          while (type === 'failure' && ![0, 1].every((bug) => existsSync(`${flags}-${bug}-left`)));
        },
      });
      const [{ index = NaN } = {}, ...others] = report.failures;
      expect(others).toEqual([]);
      expect([3, 4]).toContain(index);
      expect(report.nextIndex).toBe(3 + 4 - index);
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });

  test('an undecided execution is the one to resume from, at any moment', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dryrunner-pool-'));
    const flag = join(folder, 'runs again');
    vi.stubEnv('DRYRUNNER_TEST_FLAG', flag);
    const controller = new AbortController();
    const events: PoolEvent[] = [];
    let ticks = 0;
    const { report } = await explore('goes-on', {
      ...{ workers: 1, maxExecutions: 1, hangMs: 3_600_000, signal: controller.signal },
      onEvent: (event) => {
        events.push(event);
        if (event.type === 'progress' && existsSync(flag)) ticks += 1;
        // What is shown at a tick is what was so at the one before.
        if (ticks > 2) controller.abort();
      },
    });
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
    const indices = events.flatMap((event) => (event.type === 'progress' ? [event.progress.nextIndex] : []));
    expect(new Set(indices)).toEqual(new Set([0]));
    expect(report).toMatchObject({ cutOff: [], executions: 0, nextIndex: 0 });
  });

  test.for([1, 2])('a signal ends it with the work of %i threads', async (workers) => {
    const controller = new AbortController();
    const { report } = await explore('held', {
      workers,
      maxExecutions: 1_000_000_000,
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === 'progress' && event.progress.executions > 0) controller.abort();
      },
    });
    expect(report.stoppedBy).toBe('stopped');
    expect(report.executions).toBeGreaterThan(0);
    // One of two may not have come to its first yet: then that is where to go on.
    if (workers === 1) expect(report.nextIndex).toBe(report.executions);
    else expect(report.nextIndex).toBeLessThanOrEqual(report.executions);
  });

  test('a scenario that does not load refuses it', async () => {
    await expect(explore('nobody')).rejects.toThrow('no scenario is called nobody');
  });

  test('a scenario that does not load any more ends it with the failure that was found', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dryrunner-pool-'));
    vi.stubEnv('DRYRUNNER_TEST_FLAG', join(folder, 'loaded'));
    try {
      const { report } = await explore('loads-once', { keepGoing: true, workers: 1 });
      expect(report).toMatchObject({ failures: [{ kind: 'crash' }], failed: 1, refusal: 'half an edit' });
      await expect(explore('loads-once', { keepGoing: true, workers: 2 })).rejects.toThrow('half an edit');
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });

  test('an exhaustive search gives its certificate', async () => {
    const { report } = await explore('check', { strategy: 'exhaustive', workers: 1, keepGoing: true });
    expect(report.certificate).toMatchObject({ schedules: 18, failures: 9, complete: true });
  });

  test('logs of the corpus come first, and other threads wait for them', async () => {
    const corpus = [
      {
        id: 'kept',
        key: 'check the second was not plain',
        decisions: [
          { question: choice('also first'), n: 3, answer: 2 },
          { question: choice('second'), n: 4, answer: 3 },
        ],
      },
    ];
    const { report } = await explore('check', { corpus });
    expect(report.failures).toMatchObject([{ corpusId: 'kept', executions: 1, index: -1 }]);
    expect(report.executions).toBe(1);
  });
});

describe('an execution that takes its thread with it', () => {
  test.for([
    ['hang', 'hang', /made no progress for \d/, 'at endlessly'],
    ['microtasks', 'hang', /a loop that never ends nor waits/, 'at microtasks'],
    ['ticks', 'hang', /made no progress for \d/, 'at loop'],
    ['memory', 'crash', /needed more than 64 MiB of memory/, ''],
    ['buffers', 'crash', /needed much more than 64 MiB of memory, outside of its heap/, ''],
    ['exit', 'crash', /ended its thread with process\.exit\(7\)/, ''],
  ] as const)(
    '%s is a failure with its log, and its thread is replaced',
    async ([name, kind, message, looping]) => {
      // What takes long to fill its memory, on a machine that is busy, is not to count as a hang.
      const hangMs = kind === 'crash' ? 60_000 : limits.hangMs;
      const options = { keepGoing: true, workers: 1, auditEvery: 0, hangMs };
      // Only the first of these misbehaves: a hang takes as long as the limit.
      const { report } = await explore(name, { ...options, seed: '6', maxExecutions: 3 });
      const [failure] = report.failures;
      expect(failure).toMatchObject({ kind, message: expect.stringMatching(message) });
      expect(failure?.decisions.slice(1, 2)).toEqual([{ question: choice('also first'), n: 3, answer: 2 }]);
      expect(report.lostThreads).toBe(1);
      expect([report.executions, report.nextIndex, report.stoppedBy]).toEqual([3, 3, 'executions']);

      const log = failure?.decisions ?? [];
      const again = await replay({ scenario: name, log, explains: true }, { hangMs });
      expect(lostIn(again)).toMatchObject({ kind, scenario: name, key: failure?.key });
      const lines = failure?.details.filter((detail) => detail.startsWith('it loops here\n')) ?? [];
      expect(lines).toHaveLength(looping === '' ? 0 : 1);
      for (const line of lines) expect(line).toContain(`it loops here\n    ${looping} (`);
    },
  );

  test('is passed over by a sweep, which tries all other faults and pairs and ends', async () => {
    const options = {
      strategy: 'sweep',
      keepGoing: true,
      workers: 1,
      maxExecutions: 60,
      auditEvery: 0,
    };
    const { report } = await explore('messages', options);
    // The third alone, and after each of those before it.
    expect([report.stoppedBy, report.lostThreads]).toEqual(['exhausted', 4]);
    expect(Object.keys(report.sometimes).filter((name) => name.startsWith('lost'))).toEqual(
      ['', '0', '1', '2', '4', '0 1', '0 2', '0 4', '1 2', '1 4', '2 4'].map((lost) => `lost ${lost}`),
    );
  });

  describe('where others have the processor', () => {
    const log = [choice('first'), choice('also first')].map((question) => ({ question, n: 3, answer: 2 }));
    const busy = (shareOfTime: number): void => {
      const used = (): number => performance.now() * 1_000 * shareOfTime;
      vi.spyOn(process, 'cpuUsage').mockImplementation(() => ({ user: used(), system: 0 }));
    };
    afterEach(() => vi.restoreAllMocks());

    test('is silent for longer before it counts as hanging', async () => {
      busy(0);
      expect((await replay({ scenario: 'blocked', log }, { hangMs: 1_000 })).end).toEqual({ type: 'done' });
    });

    test('is silent for longer also where these are threads of this process', async () => {
      busy(1);
      // It is there all the time, so that the other never has the processor to itself, however late either is started.
      const over = new AbortController();
      const other = replay({ scenario: 'blocked-for-ever', log }, { hangMs: 3_600_000, signal: over.signal });
      const { end } = await replay({ scenario: 'blocked', log }, { hangMs: 1_400 });
      over.abort();
      expect([end.type, (await other).end.type]).toEqual(['done', 'stopped']);
    });

    test('counts as hanging in the end', async () => {
      busy(0);
      const blocked = await replay({ scenario: 'blocked-for-ever', log }, { hangMs: 500 });
      expect(lostIn(blocked)).toMatchObject({ kind: 'hang' });
    });
  });

  test('is reported if time is up before it counts as hanging', async () => {
    const { report } = await explore('microtasks', { timeMs: 300, hangMs: 3_600_000, workers: 1 });
    expect(report.failures).toMatchObject([{ kind: 'hang' }]);
  });

  test('an execution that outlives the time is cut off, and reported with its log', async () => {
    const options = { timeMs: 300, hangMs: 3_600_000, workers: 1, maxExecutions: Infinity };
    const { report, events } = await explore('endless', options);
    const [execution] = report.cutOff;
    expect(execution).toMatchObject({ message: expect.stringContaining('the execution had not ended') });
    expect(execution?.decisions.at(-1)).toEqual({ question: choice('also first'), n: 3, answer: 2 });
    expect(execution?.details.join()).toContain('timer forever');
    expect(events.filter(({ type }) => type === 'cut-off')).toHaveLength(1);
    expect(report).toMatchObject({ failures: [], stoppedBy: 'stopped', nextIndex: execution?.index });
  });

  test('an abandoned execution is not reported', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dryrunner-pool-'));
    const flag = join(folder, 'began');
    vi.stubEnv('DRYRUNNER_TEST_FLAG', flag);
    const controller = new AbortController();
    const { report } = await explore('endless', {
      ...{ workers: 1, hangMs: 3_600_000, maxExecutions: Infinity, signal: controller.signal },
      onEvent: ({ type }) => {
        if (type === 'progress' && existsSync(flag)) controller.abort();
      },
    });
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
    expect(report).toMatchObject({ cutOff: [], stoppedBy: 'stopped' });
  });

  test.each([
    { keepGoing: true, changed: ['second'] },
    { keepGoing: false, changed: [] },
  ])('in the corpus that fails differently is reported with its failure or not at all', async (expected) => {
    const folder = mkdtempSync(join(tmpdir(), 'dryrunner-pool-'));
    const flag = join(folder, 'third');
    vi.stubEnv('DRYRUNNER_TEST_FLAG', flag);
    const inMode = (mode: number): Decision[] => [
      { question: choice('also first'), n: 3, answer: 2 },
      { question: choice('mode'), n: 4, answer: mode },
    ];
    const changed: string[] = [];
    const keys: string[] = [];
    const { report } = await explore('modes', {
      ...{ keepGoing: expected.keepGoing, maxExecutions: 0, workers: 1 },
      corpus: [
        { id: 'first', key: 'check fails as ever', decisions: inMode(1) },
        { id: 'second', key: 'check fails in another way', decisions: inMode(2) },
        { id: 'third', key: 'check gone', decisions: inMode(3) },
      ],
      onEvent: (event) => {
        if (event.type === 'changed') changed.push(event.corpusId);
        if (event.type !== 'failure') return;
        keys.push(event.failure.key);
        // The thread goes on until it is asked to stop.
        while (!existsSync(flag));
      },
    });
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
    expect(changed).toEqual(expected.changed);
    expect(report.nextIndex).toBe(0);
    expect(keys).toHaveLength(expected.changed.length + 1);
  });

  test.each([
    { modes: [0, 1, 2], sometimes: { 'the first mode': true, 'no mode': false } },
    { modes: [0, 2], sometimes: { 'the first mode': false, 'no mode': false } },
  ])('does not make forget which conditions were seen before it', async ({ modes, sometimes }) => {
    const inMode = (mode: number): Decision[] => [
      { question: choice('also first'), n: 3, answer: 2 },
      { question: choice('mode'), n: 4, answer: mode },
    ];
    const { report } = await explore('rare', {
      ...{ keepGoing: true, maxExecutions: 0, workers: 1 },
      corpus: modes.map((mode) => ({ id: `${mode}`, decisions: inMode(mode) })),
    });
    expect(report).toMatchObject({ lostThreads: 1, sometimes });
  });

  test('costs nothing else, also not one before it of which it is not known whether it ends', async () => {
    const inMode = (mode: number): Decision[] => [
      { question: choice('also first'), n: 3, answer: 2 },
      { question: choice('mode'), n: 4, answer: mode },
    ];
    const { report, events } = await explore('endless-or-exit', {
      ...{ keepGoing: true, maxExecutions: 0, workers: 1, auditEvery: 0 },
      corpus: [
        { id: 'goes on', key: 'budget', decisions: inMode(1) },
        { id: 'exits', key: 'crash', decisions: inMode(2) },
        { id: 'holds', key: 'check gone', decisions: inMode(0) },
      ],
    });
    expect(report).toMatchObject({ lostThreads: 1, executions: 2 });
    expect(report.failures).toMatchObject([{ kind: 'crash', corpusId: 'exits', index: -1 }]);
    expect(report.cutOff).toMatchObject([{ corpusId: 'goes on', firedEvents: 250_000 }]);
    expect(events.filter(({ type }) => type === 'cut-off')).toHaveLength(1);
    expect(events).toContainEqual({ type: 'fixed', corpusId: 'holds', key: 'check gone' });
  });

  describe('while an earlier one is run again', () => {
    const options = { keepGoing: true, workers: 1, auditEvery: 0 };
    const ranIn = ({ sometimes }: PoolReport): string[] =>
      Object.keys(sometimes).filter((name) => name.startsWith('ran'));
    afterEach(() => vi.unstubAllEnvs());

    test.each([
      ['before the next one', 4],
      ['at the end', 1],
    ])('to learn whether it ends, %s, costs that one only', async (_, maxExecutions) => {
      const [first = '', ...others] = ranIn(
        (await explore('long-then-exit', { ...options, maxExecutions })).report,
      );
      vi.stubEnv('DRYRUNNER_TEST_FLAG', first.replace('ran ', ''));
      const { report, events } = await explore('long-then-exit', { ...options, maxExecutions });
      expect(report.failures).toMatchObject([{ kind: 'crash', index: 0 }]);
      expect(report).toMatchObject({ executions: maxExecutions, nextIndex: maxExecutions, cutOff: [] });
      expect(report).toMatchObject({ failed: 1, lostThreads: 1 });
      expect(ranIn(report)).toEqual(others);
      expect(events.filter(({ type }) => type === 'cut-off')).toEqual([]);
    });

    test('as a log of the corpus, costs that log only', async () => {
      vi.stubEnv('DRYRUNNER_TEST_FLAG', '1');
      const logOf = (id: number): Decision[] => [{ question: choice('id'), n: 1_000_000, answer: id }];
      const { report, events } = await explore('long-then-exit', {
        ...{ ...options, maxExecutions: 1 },
        corpus: [
          { id: 'exits', key: 'crash', decisions: logOf(1) },
          { id: 'holds', key: 'check gone', decisions: logOf(2) },
          { id: 'holds too', key: 'check gone too', decisions: logOf(3) },
        ],
      });
      expect(report.failures).toMatchObject([{ kind: 'crash', corpusId: 'exits', index: -1 }]);
      expect(report).toMatchObject({ executions: 4, corpusExecutions: 3, nextIndex: 1, cutOff: [] });
      const fixed = events.flatMap((event) => (event.type === 'fixed' ? event.corpusId : []));
      expect(fixed).toEqual(['holds', 'holds too']);
    });

    test('to be compared, costs no other one', async () => {
      const { report } = await explore('third-time-exit', { ...options, maxExecutions: 6, auditEvery: 2 });
      expect(report.failures).toMatchObject([{ kind: 'crash', index: 0 }]);
      expect(report).toMatchObject({ executions: 6, failed: 2, nextIndex: 6, lostThreads: 2 });
      expect(ranIn(report)).toHaveLength(6);
      // The first and the third of the two threads that are lost, and the first of the last one.
      expect(report.audit).toMatchObject({ repeated: 5, rerunLater: 0, differences: [] });
    });
  });

  test('in the corpus costs that log only', async () => {
    const decisions = [
      { question: choice('also first'), n: 3, answer: 2 },
      { question: choice('second'), n: 2, answer: 1 },
    ];
    const corpus = [
      { id: 'first', key: 'hang', decisions },
      { id: 'second', key: 'check gone', decisions: [] },
    ];
    const { report, events } = await explore('hang', {
      corpus,
      keepGoing: true,
      maxExecutions: 0,
      workers: 1,
    });
    expect(report.failures).toMatchObject([{ kind: 'hang', corpusId: 'first' }]);
    expect(events).toContainEqual({ type: 'fixed', corpusId: 'second', key: 'check gone' });
    expect(report.executions).toBe(2);
  });

  test('in the corpus costs that log only, however many come in a row', async () => {
    const decisions = [
      { question: choice('also first'), n: 3, answer: 2 },
      { question: choice('second'), n: 2, answer: 1 },
    ];
    const corpus = ['a', 'b', 'c', 'd'].map((id) => ({ id, key: `crash ${id}`, decisions }));
    const { report } = await explore('exit', {
      ...{ corpus, keepGoing: true, maxExecutions: 8, workers: 1, auditEvery: 0 },
    });
    expect(report.lostThreads).toBeGreaterThanOrEqual(corpus.length);
    expect([report.executions, report.nextIndex, report.stoppedBy]).toEqual([4 + 8, 8, 'executions']);
  });
});

describe('what a scenario leaves behind', () => {
  test('an unhandled rejection is a failure', async () => {
    const { report } = await explore('stray');
    expect(report.failures).toMatchObject([
      { kind: 'error', message: 'unhandled rejection in the scenario: nobody waits for me' },
    ]);
  });

  test('a real timer is an escape, and keeps no thread', async () => {
    const { report } = await explore('timer');
    expect(report.failures).toMatchObject([
      { kind: 'escape', message: expect.stringContaining('a real timer') },
    ]);
  });

  test('a real timer that nobody awaits is an escape too', async () => {
    const { report } = await explore('interval');
    expect(report.failures).toMatchObject([
      { kind: 'escape', message: expect.stringContaining('left 1 real timer of the machine') },
    ]);
  });

  test('memory that leaks between executions until it is full costs a thread', async () => {
    const { report } = await explore('leaks', {
      keepGoing: true,
      workers: 1,
      maxExecutions: 300,
      auditEvery: 0,
    });
    expect(report.failures).toMatchObject([
      { kind: 'crash', message: expect.stringContaining('buffers take more than 128 MiB of memory') },
    ]);
    expect(report.executions).toBe(300);
  });

  test('messages that it posts to the starting thread are ignored', async () => {
    const { report } = await explore('posts');
    expect(report).toMatchObject({ failures: [], executions: 60, lostThreads: 0 });
  });

  test('its output is passed on before the next execution, so that it does not fill the memory', async () => {
    let bytes = 0;
    const write = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
      bytes += chunk.length;
      return true;
    });
    try {
      const { report } = await explore('prints');
      expect(report).toMatchObject({ failures: [], executions: 60, lostThreads: 0 });
      expect(bytes).toBeGreaterThan((64 * 2 ** 20) / 2);
    } finally {
      write.mockRestore();
    }
  });
});

test('a strict pool lists what was touched outside, over all threads, and says if it was nothing', async () => {
  const { report } = await explore('clock', { strict: true, keepGoing: true });
  expect(report.escapes).toMatchObject([{ kind: 'clock', what: 'Date.now' }]);
  expect(report.escapes?.[0]?.frames[0]).toContain('worker-entry.ts');
  expect(report.escapes?.[0]?.count).toBeGreaterThan(1);
  expect((await explore('held', { strict: true })).report.escapes).toEqual([]);
});

describe('shrinking in a thread', () => {
  const decisions = [
    { question: choice('first'), n: 3, answer: 1 },
    { question: choice('also first'), n: 3, answer: 2 },
    { question: choice('second'), n: 4, answer: 3 },
  ];
  const failing = failingWith({ scenario: 'check', key: 'check the second was not plain', decisions });
  const handle = (
    task: Partial<FailureTask>,
    options: Partial<ThreadOptions> = {},
  ): Promise<ThreadRun<FailureTask>> =>
    runInThread(
      { kind: 'failure', failing, shrinkMs: 60_000, explainMs: 60_000, maxExecutions: 1_000, ...task },
      { ...limits, ...options },
    );

  test('gives the smallest log with its explanation', async () => {
    const smaller: number[] = [];
    const { shrunk, explanation } = await handle(
      {},
      {
        onMessage: (message) => {
          if (message.type === 'part') smaller.push(message.part.shrunk?.decisions.length ?? 0);
        },
      },
    );
    expect(shrunk).toMatchObject({ stoppedBy: 'minimal', message: 'the second was not plain' });
    expect(shrunk?.decisions.map(({ answer }) => answer)).toEqual([0, 2, 1]);
    expect(explanation?.sentence).toContain('the second was not plain');
    expect(smaller.length).toBeGreaterThan(2);
  });

  test('may be silent between two executions, which is no hang of the scenario', async () => {
    const slow = { ...failing, scenario: 'shrinks-slowly' };
    const { shrunk, end } = await handle({ failing: slow }, { hangMs: 400 });
    expect([end, shrunk?.stoppedBy]).toEqual([{ type: 'done' }, 'minimal']);
  });

  test('that is to stop while it is silent between two executions is stopped', async () => {
    const controller = new AbortController();
    const { shrunk, end } = await handle(
      { failing: { ...failing, scenario: 'shrinks-for-ever' } },
      {
        ...{ hangMs: 3_600_000, signal: controller.signal },
        onMessage: (message) => {
          if (message.type === 'part') controller.abort();
        },
      },
    );
    expect([end.type, shrunk?.decisions.length]).toEqual(['stopped', 3]);
  });

  // N7: thirty seconds of shrinking left no time for explaining, and nothing nearby was tried.
  test('leaves explaining its own time, however little is left for shrinking', async () => {
    const { shrunk, explanation } = await handle({ shrinkMs: 0 });
    expect(shrunk?.stoppedBy).toBe('stopped');
    expect(explanation?.nearestPass?.text).toContain('nothing would have failed');
  });

  test('ends at once if asked to before it starts, and explains what there is', async () => {
    const { shrunk, explanation } = await handle({}, { signal: AbortSignal.abort() });
    expect(shrunk).toMatchObject({ stoppedBy: 'stopped', decisions });
    expect(explanation?.history.length).toBeGreaterThan(0);
    expect(explanation?.nearestSearch.executions).toBeGreaterThan(0);
  });
});

describe('a replay in a thread', () => {
  // N5: explaining took the thread with it, and a failure that was known was called a hang.
  test('reports its outcome although explaining it hangs', async () => {
    const key = 'check first time';
    const log = [
      { question: choice('first'), n: 3, answer: 1 },
      { question: choice('also first'), n: 3, answer: 2 },
    ];
    const replayed = await replay({ scenario: 'once', log, failureKey: key, explains: true });
    const { outcome, end } = replayed;
    expect(outcome).toMatchObject({ isReproduced: true, failing: { kind: 'check', message: 'first time' } });
    expect(end).toMatchObject({ type: 'lost', failing: { kind: 'hang' } });
    expect([replayed.explanation, lostIn(replayed)]).toEqual([undefined, undefined]);
  });

  test('reports its progress', async () => {
    const seen: number[] = [];
    const log = [
      { question: choice('first'), n: 3, answer: 1 },
      { question: choice('also first'), n: 3, answer: 2 },
    ];
    await replay(
      { scenario: 'microtasks', seed: '1', log },
      { onProgress: ({ executions, decisions }) => void seen.push(executions, decisions) },
    );
    expect(seen.slice(-2)).toEqual([1, 2]);
  });

  test('runs the execution of a seed, with its random stream', async () => {
    const outcomeOf = async (seed: string): Promise<unknown> =>
      (await replay({ scenario: 'random', seed })).outcome?.traceHash;
    expect(await outcomeOf('7')).toBe(await outcomeOf('7'));
    expect(await outcomeOf('7')).not.toBe(await outcomeOf('8'));
  });
});
