import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import type { Executor } from '../../../src/explore/executor.ts';
import { answersOf, keyDecisions, nonZeroOf, withAnswer } from '../../../src/explore/keyed-log.ts';
import { compareSizes, sizeOf } from '../../../src/explore/shrink/log-order.ts';
import { shrink } from '../../../src/explore/shrink/shrinker.ts';
import type { ShrunkLog } from '../../../src/explore/shrink/shrink-memory.ts';
import { type Decision, ExecutionInterrupted } from '../../../src/kernel/decisions.ts';
import { replayDecisions } from '../../../src/kernel/replay-decisions.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import type { Verdict } from '../../../src/simulation/verdict.ts';
import { findFailure, keyOfVerdict } from '../failing-logs.ts';
import { plantedBugs } from '../planted-bugs.ts';
import { choice, fault } from '../../questions.ts';
import { question, type Question } from '../../../src/kernel/question.ts';

const seeds = Array.from({ length: 10 }, (_, index) => index + 1);

/** What the answers that are not plain say. */
const answersIn = (log: readonly Decision[]): string[] =>
  log.filter(({ answer }) => answer > 0).map(({ question: { text }, answer }) => `${text}: ${answer}`);

const sizeOfRun = (verdict: Verdict): ReturnType<typeof sizeOf> =>
  sizeOf(verdict, keyDecisions(verdict.decisions()));

/** Counts executions and remembers what was tried. */
function counted(executor: Executor): { executor: Executor; count: () => number } {
  let executions = 0;
  return {
    count: () => executions,
    executor: {
      scenario: executor.scenario,
      execute: (request) => {
        executions += 1;
        return executor.execute(request);
      },
    },
  };
}

describe.each(plantedBugs)('the bug of $name', (bug) => {
  const executor = createExecutor(bug);

  test('shrinks from ten seeds to at most two different executions, each with the same failure', async () => {
    const hashes = new Set<string>();
    for (const seed of seeds) {
      const found = await findFailure(executor, seed);
      const { verdict, stoppedBy } = await shrink(executor, found.decisions(), keyOfVerdict(found));
      expect([keyOfVerdict(verdict), stoppedBy]).toEqual([keyOfVerdict(found), 'minimal']);
      expect(compareSizes(sizeOfRun(verdict), sizeOfRun(found))).toBeLessThanOrEqual(0);
      hashes.add(verdict.traceHash);
    }
    expect(hashes.size).toBeLessThanOrEqual(2);
  });

  test('ends where no single answer can be lowered or removed', async () => {
    const found = await findFailure(executor, 'any');
    const key = keyOfVerdict(found);
    const { log, verdict } = await shrink(executor, found.decisions(), key);
    const answers = nonZeroOf(keyDecisions(log));
    for (const entry of answers) {
      for (let answer = 0; answer < entry.answer; answer += 1) {
        const lower = await executor.execute({ source: answersOf(withAnswer(answers, entry, answer)) });
        const isSimpler =
          !lower.held &&
          keyOfVerdict(lower) === key &&
          compareSizes(sizeOfRun(lower), sizeOfRun(verdict)) < 0;
        expect([entry.question.text, answer, isSimpler]).toEqual([entry.question.text, answer, false]);
      }
    }
  });

  test('gives a log that a strict replay repeats to the byte', async () => {
    const found = await findFailure(executor, 'strict');
    const { log, verdict } = await shrink(executor, found.decisions(), keyOfVerdict(found));
    const source = replayDecisions(log);
    const again = await executor.execute({ source });
    source.finish();
    expect(again.traceHash).toBe(verdict.traceHash);
  });
});

describe('shrinking', () => {
  const [doubleStart] = plantedBugs;
  if (doubleStart === undefined) throw new Error('no bug is planted');

  test('moves only to simpler executions with the same failure, from any start', async () => {
    const sums = defineScenario({
      name: 'sums',
      description: 'two properties over the same numbers',
      run(sim) {
        const numbers = Array.from({ length: 1 + sim.choose('count', 6) }, (_, at) =>
          sim.choose(`n ${at}`, 30),
        );
        const sum = numbers.reduce((total, next) => total + next, 0);
        sim.check(!numbers.includes(13), 'unlucky');
        sim.check(sum < 45, 'too much');
      },
    });
    const executor = createExecutor(sums);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), async (seed) => {
        const found = await findFailure(executor, seed);
        const steps: ShrunkLog[] = [];
        const { verdict, log } = await shrink(executor, found.decisions(), keyOfVerdict(found), {
          onBetter: (better) => steps.push(better),
        });
        const sizes = steps.map((step) => sizeOfRun(step.verdict));
        expect(steps.map((step) => keyOfVerdict(step.verdict))).toEqual(steps.map(() => keyOfVerdict(found)));
        expect(
          sizes.every((size, at) => at === 0 || compareSizes(size, sizes[at - 1] as typeof size) < 0),
        ).toBe(true);
        expect(steps.at(-1)?.verdict).toBe(verdict);
        expect(answersIn(log)).toEqual(
          verdict.failure?.message === 'unlucky' ? ['n 0: 13'] : ['count: 1', 'n 0: 16', 'n 1: 29'],
        );
      }),
      { numRuns: 15 },
    );
  });

  test('shrinks values from fast-check arbitraries together with the schedule', async () => {
    const drawn = defineScenario({
      name: 'drawn',
      description: 'two jobs or more may take long after a fault',
      async run(sim) {
        const job = fc.record({ ms: fc.integer({ min: 1, max: 1_000 }), name: fc.string() });
        const jobs = sim.draw(fc.array(job, { maxLength: 20 }), 'jobs');
        const isTripped = sim.world.choices.choose(fault('network'), 4) === 3;
        for (const { ms } of jobs) await sim.sleep(ms);
        sim.note(JSON.stringify(jobs));
        sim.check(!(isTripped && jobs.length >= 2 && sim.now() > 300), 'it took too long');
      },
    });
    const executor = createExecutor(drawn);
    const notes = new Set<string>();
    for (const seed of [1, 2, 3, 4]) {
      const found = await findFailure(executor, seed);
      const { log, stoppedBy } = await shrink(executor, found.decisions(), keyOfVerdict(found));
      const verdict = await executor.execute({ source: replayDecisions(log), keepTrace: true });
      for (const event of verdict.trace()) if (event.type === 'note') notes.add(event.text);
      expect([stoppedBy, answersIn(log).at(-1)]).toEqual(['minimal', 'network fault: 3']);
    }
    expect([...notes]).toEqual(['[{"ms":300,"name":""},{"ms":1,"name":""}]']);
  });

  test('finds the simpler of two ways to one failure, though no small change connects them', async () => {
    const detour = defineScenario({
      name: 'detour',
      description: 'fails with three small answers, or with two of which one is large',
      run(sim) {
        const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => sim.choose(name, 9));
        const isLong = a === 1 && c === 2 && d === 3;
        const isShort = a === 7 && c === 5;
        sim.check(!(isLong || isShort) || b === 8, 'either way');
      },
    });
    const executor = createExecutor(detour);
    const ways = new Set<string>();
    for (const seed of seeds) {
      const found = await findFailure(executor, seed);
      ways.add(answersIn(found.decisions()).includes('a: 1') ? 'long' : 'short');
      const { log } = await shrink(executor, found.decisions(), keyOfVerdict(found));
      expect(answersIn(log)).toEqual(['a: 7', 'c: 5']);
    }
    expect(ways).toContain('long');
  });

  test.each([
    { what: 'thousands of executions', asked: 58, needed: 6, simplest: ['q16', 'later'] },
    { what: 'a log of which only hashes are kept', asked: 420, needed: 45, simplest: ['q8'] },
  ])('finds the simplest log also after $what', async ({ asked, needed, simplest }) => {
    const names = Array.from({ length: asked }, (_, at) => `q${at}`);
    const twoWays = defineScenario({
      name: 'two-ways',
      description: 'fails with many small answers at once, or with few large ones elsewhere',
      run(sim) {
        const answers = new Map(names.map((name) => [name, sim.choose(name, 3)]));
        sim.check(![...answers.values()].slice(-needed).every((answer) => answer === 1), 'either way');
        answers.set('later', sim.choose('later', 3));
        sim.check(!simplest.every((name) => answers.get(name) === 2), 'either way');
      },
    });
    const long = names.map((name, at) => ({
      ...{ question: choice(name), n: 3, answer: at < asked - needed ? 0 : 1 },
    }));
    const { log, stoppedBy } = await shrink(createExecutor(twoWays), long, 'check either way');
    expect([answersIn(log), stoppedBy]).toEqual([simplest.map((name) => `${name}: 2`), 'minimal']);
  });

  /** Logs that fail alike, each the simplest of its form; the first one is the simplest of all. */
  const alike: readonly {
    readonly name: string;
    readonly run: (sim: Simulation) => void;
    readonly forms: readonly Readonly<Record<string, number>>[];
  }[] = [
    {
      name: 'a job moves to the batch before, with all answers about it',
      run(sim) {
        const jobs: string[] = [];
        for (let batch = 0; batch < 2; batch += 1) {
          for (let job = 0, isMore = true; job < 3 && isMore; job += 1) {
            const kind = sim.choose({ subject: `batch ${batch} job ${job}`, what: '' }, 4);
            const isAborted =
              kind > 0 && sim.choose({ subject: `batch ${batch} job ${job}`, what: 'is aborted' }, 2) === 1;
            jobs.push(`${kind}${isAborted ? 'x' : ''}`);
            isMore = sim.choose({ subject: `batch ${batch}`, what: 'has more' }, 2) === 1;
          }
        }
        sim.check(!jobs.join(' ').includes('1 2x 1'), 'a stop between two of the same');
      },
      forms: [
        {
          'batch 0 job 0': 1,
          'batch 0 has more': 1,
          'batch 0 job 1': 2,
          'batch 0 job 1 is aborted': 1,
          'batch 1 job 0': 1,
        },
        {
          'batch 0 job 0': 1,
          'batch 1 job 0': 2,
          'batch 1 job 0 is aborted': 1,
          'batch 1 has more': 1,
          'batch 1 job 1': 1,
        },
      ],
    },
    {
      name: 'two answers go to two other questions at once',
      run(sim) {
        const isHurried = sim.choose('user writes and gives up', 50) === 40;
        const isSlow = sim.world.choices.choose(fault('disk write'), 4) === 3;
        const readsHurried = sim.choose('user reads and gives up', 50) === 40;
        const isReadSlow = sim.world.choices.choose(fault('disk read'), 4) === 3;
        sim.check(!((isHurried && isSlow) || (readsHurried && isReadSlow)), 'it hangs');
      },
      forms: [
        { 'user writes and gives up': 40, 'disk write fault': 3 },
        { 'user reads and gives up': 40, 'disk read fault': 3 },
      ],
    },
    {
      name: 'two answers change together, one of them for a larger one, and a third stays',
      run(sim) {
        const size = sim.choose('size', 30);
        const kind = sim.choose('kind', 30);
        const isOn = sim.choose('on', 2) === 1;
        const isShort = kind === 21;
        if (!isShort) sim.choose('one question more', 2);
        sim.check(!(isOn && ((isShort && size === 17) || (kind === 9 && size === 3))), 'they meet');
      },
      forms: [
        { size: 17, kind: 21, on: 1 },
        { size: 3, kind: 9, on: 1 },
      ],
    },
  ];

  test.each(alike)('reaches one end from each form of a failure: $name', async ({ run, forms }) => {
    const executor = createExecutor(
      defineScenario({ name: 'alike', description: 'several forms of one failure', run }),
    );
    const ends = new Set<string>();
    for (const form of forms) {
      const source = {
        decide: ({ text }: Question, _n: number, occurrence: number) =>
          occurrence === 0 ? (form[text] ?? 0) : 0,
      };
      const found = await executor.execute({ source });
      const { log } = await shrink(executor, found.decisions(), keyOfVerdict(found));
      ends.add(answersIn(log).join());
    }
    const [simplest = {}] = forms;
    expect([...ends]).toEqual([
      Object.entries(simplest)
        .map(([label, answer]) => `${label}: ${answer}`)
        .join(),
    ]);
  });

  test('finds three faults among two thousand answers in a few hundred executions', async () => {
    const long = defineScenario({
      name: 'long',
      description: 'three faults are too many',
      run(sim) {
        let faults = 0;
        for (let job = 0; job < 1_000; job += 1) {
          sim.world.choices.choose(question('delay', { subject: `job ${job}`, what: 'takes' }), 20);
          if (
            sim.world.choices.choose(question('fault', { subject: `job ${job}`, what: 'fails' }), 40) === 39
          ) {
            faults += 1;
          }
        }
        sim.check(faults < 3, 'three faults');
      },
    });
    const executor = createExecutor(long);
    const found = await findFailure(executor, 1);
    let executionsUntilThen = 0;
    const { log, stoppedBy } = await shrink(executor, found.decisions(), keyOfVerdict(found), {
      onBetter: ({ executions }) => {
        executionsUntilThen = executions;
      },
    });
    expect(answersIn(log)).toEqual([0, 1, 2].map((job) => `job ${job} fails fault: 39`));
    expect(stoppedBy).toBe('minimal');
    expect(executionsUntilThen).toBeLessThan(600);
  });

  test('reports every improvement, and keeps the last one when interrupted', async () => {
    const { executor, count } = counted(createExecutor(doubleStart));
    const found = await findFailure(executor, 3);
    const before = count();
    for (const executionsMax of [3, 5, 9, 30]) {
      const start = count();
      let last: ShrunkLog | undefined;
      const result = await shrink(executor, found.decisions(), keyOfVerdict(found), {
        shouldStop: () => count() - start >= executionsMax,
        onBetter: (better) => {
          last = better;
        },
      });
      expect(result.stoppedBy).toBe('stopped');
      expect(result.log).toEqual(last?.verdict.decisions());
      // One more execution makes sure that what it gives back is what happens.
      expect(result.executions).toBe(executionsMax + 1);
    }
    expect(count()).toBe(before + 3 + 5 + 9 + 30 + 4);
  });

  test('runs no more executions than allowed', async () => {
    const executor = createExecutor(doubleStart);
    const found = await findFailure(executor, 4);
    const result = await shrink(executor, found.decisions(), keyOfVerdict(found), { maxExecutions: 20 });
    expect([result.stoppedBy, result.executions]).toEqual(['executions', 21]);
    expect(compareSizes(sizeOfRun(result.verdict), sizeOfRun(found))).toBeLessThan(0);
  });

  test('runs no log twice except to confirm the first and the last', async () => {
    const executor = createExecutor(doubleStart);
    const found = await findFailure(executor, 5);
    const tried: string[] = [];
    const watched: Executor = {
      scenario: executor.scenario,
      async execute(request) {
        const asked: string[] = [];
        const { source } = request;
        const verdict = await executor.execute({
          ...request,
          source: {
            decide(asking, n, occurrence) {
              const answer = source.decide(asking, n, occurrence);
              asked.push(`${asking.text} ${answer}`);
              return answer;
            },
          },
        });
        tried.push(asked.join());
        return verdict;
      },
    };
    const { executions } = await shrink(watched, found.decisions(), keyOfVerdict(found));
    expect(tried).toHaveLength(executions);
    // Proposals that differ in what nobody asks any more are distinguished only by running them.
    expect(new Set(tried).size).toBeGreaterThan(executions / 2);
    expect(tried[1]).toBe(tried[0]);
  });

  test('reports a failure that the same decisions do not repeat, and leaves its log alone', async () => {
    let runs = 0;
    const flaky = defineScenario({
      name: 'flaky',
      description: 'depends on how often it was run',
      run(sim) {
        sim.choose('something', 9);
        runs += 1;
        sim.note(`execution ${runs % 2}`);
        sim.check(false, 'always');
      },
    });
    const log = [{ question: choice('something'), n: 9, answer: 7 }];
    const result = await shrink(createExecutor(flaky), log, 'check always');
    expect([result.stoppedBy, result.executions, result.log]).toEqual(['flaky', 2, log]);
    expect(result.flakiness).toContain('note: execution 1');
    expect(result.flakiness).toContain('note: execution 0');
    expect(result.failsAgain).toBe(true);
  });

  test('reports a failure that is gone when run again', async () => {
    const once = defineScenario({
      name: 'once',
      description: 'holds',
      run: (sim) => void sim.choose('x', 2),
    });
    const result = await shrink(
      createExecutor(once),
      [{ question: choice('x'), n: 2, answer: 1 }],
      'check gone',
    );
    expect(result).toMatchObject({ stoppedBy: 'flaky', flakiness: expect.stringContaining('it held') });
    expect(result.failsAgain).toBeUndefined();
  });

  test.each([
    { which: 'its first', at: 1, message: 'the time is up' },
    { which: 'its second', at: 2, message: 'always' },
    { which: 'the last', at: 4, message: 'always' },
  ])('says of no failure that it does not repeat because $which execution was cut off', async (cut) => {
    let runs = 0;
    const always = defineScenario({
      name: 'always',
      description: 'fails with every answer',
      run(sim) {
        sim.choose('something', 9);
        sim.check(false, 'always');
      },
    });
    const executor = createExecutor(always);
    const cutting: Executor = {
      scenario: executor.scenario,
      execute(request) {
        runs += 1;
        const onTurn = (): void => {
          if (runs === cut.at) throw new ExecutionInterrupted('the time is up');
        };
        return executor.execute({ ...request, onTurn });
      },
    };
    const log = [{ question: choice('something'), n: 9, answer: 7 }];
    const result = await shrink(cutting, log, 'check always', {
      shouldStop: () => runs >= 3,
    });
    expect(runs).toBeGreaterThanOrEqual(cut.at);
    expect(result).toMatchObject({ stoppedBy: 'stopped' });
    expect(result.verdict.failure?.message).toBe(cut.message);
    expect(result).not.toHaveProperty('flakiness');
    if (cut.at < 4) expect(result.log).toEqual(log);
  });

  test.each([
    ['executor', [{}, [], 'key']],
    ['log', [createExecutor(doubleStart), 'log', 'key']],
    ['key', [createExecutor(doubleStart), [], 3]],
    ['options', [createExecutor(doubleStart), [], 'key', 3]],
  ])('refuses a wrong %s', async (_, [executor, log, key, options]) => {
    await expect(
      shrink(executor as Executor, log as Decision[], key as string, options as object),
    ).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
  });
});
