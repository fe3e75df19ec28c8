import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ambientTime } from 'dryrunner/ambient';
import {
  cutShortLines,
  explanationLines,
  effortLines,
  storyAfterSentence,
} from '../../src/cli/failure-report.ts';
import { replayLine } from '../../src/cli/rerun-line.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import type { Explanation } from '../../src/explore/explain/explanation.ts';
import { failureKey } from '../../src/explore/failure-key.ts';
import { encodeToken } from '../../src/explore/replay-token.ts';
import { explainWithin } from '../../src/explore/shrink-and-explain.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import type { Failure } from '../../src/simulation/verdict.ts';
import { failingWith } from '../explore/failing-executions.ts';
import { choice } from '../questions.ts';

const hopeless = defineScenario({
  name: 'hopeless',
  description: 'always fails',
  run(sim) {
    for (const name of ['a', 'b', 'c']) sim.choose(name, 3);
    throw new TypeError('broken');
  },
});
const endless = defineScenario({
  name: 'endless',
  description: 'never ends',
  async run(sim) {
    for (;;) await sim.sleep(1);
  },
});

const still = defineScenario({
  name: 'still',
  description: 'works at one instant for ever, while what would end it is due later',
  async run(sim) {
    sim.choose('d', 2);
    let isOver = false;
    const again = (): void => {
      if (!isOver) sim.world.clock.timer('again', 0, again);
    };
    again();
    await sim.sleep(1);
    isOver = true;
  },
});

/** A clock on which half a second passes with each look at it. */
function halfASecondAtEachLook(): () => number {
  let ms = 0;
  return () => (ms += 500);
}

const within = (explainMs: number) => ({ explainMs, mustStop: () => false, now: () => performance.now() });
const execution = (scenario: string, firedEvents: number, maxEvents?: number, key = 'error') => ({
  ...{ scenario, key, seed: undefined, firedEvents, maxEvents },
});

// Point 3 of the explaining: an explanation that ran out of its time did not say so.
test('running out of time is reported, with what was not tried and how to give it more', async () => {
  const log = ['a', 'b', 'c'].map((name) => ({ question: choice(name), n: 3, answer: 1 }));
  const executor = createExecutor(hopeless);
  const { explanation, cutShort } = await explainWithin(executor, log, execution('hopeless', 0), within(0));
  expect(cutShort).toEqual({ by: 'time', timeMs: 0 });
  expect(cutShortLines(failingWith({ cutShort: { by: 'time', timeMs: 10_000 }, explanation }))).toEqual([
    '  explaining it took all of its 10 s; 3 decisions not tried with all other answers; dryrunner explain --time 2m takes longer',
  ]);
  expect(cutShortLines(failingWith({ cutShort: { by: 'time', timeMs: 60_000 } }))).toEqual([
    '  not explained within 60 s; dryrunner explain --time 12m takes longer',
  ]);
});

test('being stopped is not called running out of time', async () => {
  const log = ['a', 'b', 'c'].map((name) => ({ question: choice(name), n: 3, answer: 1 }));
  const stopped = { explainMs: 200_000, mustStop: () => true, now: halfASecondAtEachLook() };
  const { explanation, cutShort } = await explainWithin(
    createExecutor(hopeless),
    log,
    execution('hopeless', 0),
    stopped,
  );
  expect(cutShortLines(failingWith({ cutShort, explanation }))).toEqual([
    '  explaining it was stopped; 3 decisions not tried with all other answers',
  ]);
  expect(cutShortLines(failingWith({ cutShort }))).toEqual(['  not explained: stopped before']);
  expect(explanation?.nearestSearch).toMatchObject({ isComplete: false, stoppedBy: 'stopped' });
});

test('a search that had all the time it needed does not mention time', async () => {
  const executor = createExecutor(hopeless);
  const { explanation, cutShort } = await explainWithin(
    executor,
    [],
    execution('hopeless', 0),
    within(60_000),
  );
  expect(explanation).toBeDefined();
  expect(cutShortLines(failingWith({ cutShort }))).toEqual([]);
});

test('an endless execution is explained by its beginning; for one that is merely as long, nothing is said', async () => {
  const executor = createExecutor(endless);
  const firedEvents = 10_000_000;
  const { explanation, cutShort } = await explainWithin(
    executor,
    [],
    execution('endless', firedEvents, firedEvents),
    within(60_000),
  );
  expect(explanation?.sentence).toContain('250000 events have fired and the scenario has not ended');
  expect(cutShortLines(failingWith({ firedEvents, cutShort, explanation }))).toEqual([
    '  explained by the first 250,000 of its 10,000,000 events',
  ]);
  const other = await explainWithin(executor, [], execution('endless', firedEvents), within(60_000));
  expect(other).toEqual({ cutShort: { by: 'events', eventsMax: 250_000 } });
});

test('a stall at an instant is explained whole, as far as it is the same one', async () => {
  const executor = createExecutor(still);
  const { failure } = await executor.execute({ source: fifoDecisions() });
  const key = failureKey(failure as Failure);
  const { explanation, cutShort } = await explainWithin(
    executor,
    [],
    execution('still', 1_050_000, undefined, key),
    within(60_000),
  );
  expect([explanation?.failureKey, cutShort]).toEqual([key, undefined]);
  expect(explanation?.details.map(({ text }) => text)).toContain('repeats at one instant: again');
  const of = (name: string) => execution('still', 1_050_000, undefined, name);
  const another = await explainWithin(executor, [], of('stall of another kind'), within(60_000));
  expect(another).toEqual({ cutShort: { by: 'events', eventsMax: 250_000 } });
});

test('where no decision is left, nothing is said to be reducible further', () => {
  const linesFor = (before: number, after: number): readonly string[] => {
    const log = (count: number) =>
      Array.from({ length: count }, (_, at) => ({ question: choice(`a ${at}`), n: 2, answer: 1 }));
    const failing = failingWith({ decisions: log(before) });
    const shrunk = { ...failing, decisions: log(after), executions: 5, stoppedBy: 'stopped' as const };
    return effortLines({ ...failing, shrunk }, {});
  };
  expect(linesFor(0, 0)).toEqual(['  nothing to shrink: it fails with every choice at its default']);
  expect(linesFor(3, 0).join()).not.toContain('smaller still');
  expect(linesFor(3, 1).join()).toContain('and might get even smaller');
});

test('a cause is named of what does not repeat: no clock where time is virtual, and none where the audit says why', () => {
  const failing = failingWith({ decisions: [] });
  const flaky = { ...failing, executions: 5, stoppedBy: 'flaky' as const, flakiness: 'it held' };
  const linesFor = (options: object, saysWhy?: boolean): string =>
    effortLines({ ...failing, shrunk: flaky }, { options }, saysWhy).join('\n');
  expect(linesFor({})).toMatch(/likely cause: Math\.random.* explore --strict lists .* ambientTime\(\)/);
  expect(linesFor({ ambient: ambientTime() })).toMatch(
    /\n {2}likely cause: a module variable that keeps its value from one execution to the next \(sim\.load loads fresh modules\)$/,
  );
  expect(linesFor({}, true)).toMatch(/^ {2}not shrunk, because it does not repeat: it held$/);
});

describe('on a terminal', () => {
  const seen = (lineColumns: number | undefined): Terminal =>
    ({ lineColumns, style: (_: string, text: string) => text }) as Terminal;
  const path = `at look (/work/a/folder/with/a/long/name/of/somebody/worker.ts:3:5)`;
  const token = encodeToken({
    scenario: 'late',
    failureKey: 'check late',
    traceHash: '0'.repeat(16),
    decisions: [],
  });
  const explanation = {
    scenario: 'late',
    sentence: 'late fails at 50 ms: the run was aborted and is TIMEDOUT, when it is late.',
    history: [
      {
        role: 'decision',
        atMs: 50,
        runner: '',
        text: 'the deadline comes before the end',
        because: 'set at 0 ms',
      },
    ],
    leftOut: 0,
    details: [{ text: 'a |-----------|        |--------------------|', frames: [] }],
    nearestSearch: { executions: 0, isComplete: true, untried: 0, stoppedBy: undefined },
    places: [{ what: 'the deadline was set', frames: [path] }],
    token,
  } as unknown as Explanation;
  const wide = [
    'What happened',
    '  50 ms ? the deadline comes before the end  (set at 0 ms)',
    'In detail',
    '  a |-----------|        |--------------------|',
    'Where',
    '  the deadline was set',
    `    ${path}`,
    'To see it again',
    `  ${replayLine(token, undefined)}`,
  ];

  test('lines have room, but for paths, drawings and what is pasted', () => {
    expect(explanationLines(seen(40), explanation, undefined)).toEqual([
      'late fails at 50 ms: the run was aborted',
      '  and is TIMEDOUT, when it is late.',
      'What happened',
      '  50 ms ? the deadline comes before the',
      '          end  (set at 0 ms)',
      ...wide.slice(2),
    ]);
    expect(storyAfterSentence(seen(40), explanation, undefined)[0]).toBe('What happened');
  });

  test('a pipe gets whole lines', () => {
    expect(explanationLines(seen(undefined), explanation, undefined)).toEqual([
      explanation.sentence,
      ...wide,
    ]);
  });

  test.for([
    [true, '72', 72],
    [false, '72', undefined],
  ] as const)('a width is followed only there (terminal: %s, COLUMNS=%s)', ([isTTY, given, columns]) => {
    const { stdout } = process;
    const before = Object.getOwnPropertyDescriptor(stdout, 'isTTY');
    onTestFinished(() => {
      vi.unstubAllEnvs();
      if (before === undefined) Reflect.deleteProperty(stdout, 'isTTY');
      else Object.defineProperty(stdout, 'isTTY', before);
    });
    vi.stubEnv('COLUMNS', given);
    Object.defineProperty(stdout, 'isTTY', { value: isTTY, configurable: true });
    const terminal = new Terminal({ lostStatus: 1 });
    expect([terminal.tableColumns, terminal.lineColumns]).toEqual([72, columns]);
  });
});
