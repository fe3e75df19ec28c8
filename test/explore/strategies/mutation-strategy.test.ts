import { describe, expect, test } from 'vitest';
import { IndexedLog } from '../../../src/explore/strategies/indexed-log.ts';
import { LogMutant, mutationStrategy } from '../../../src/explore/strategies/mutation-strategy.ts';
import { DrawStream } from '../../../src/explore/strategies/draw-stream.ts';
import { randomStrategy } from '../../../src/explore/strategies/random-strategy.ts';
import type { Decision } from '../../../src/kernel/decisions.ts';
import type { Verdict } from '../../../src/simulation/verdict.ts';
import { executionsToFind, exploreAll } from '../executions-to-find.ts';
import { staircase, toy } from '../toy-bugs.ts';
import { choice, fault } from '../../questions.ts';

describe('mutation', () => {
  test('climbs stairs that random would need 4,096 executions for on average', async () => {
    const bug = staircase(4, 8);
    const found: number[] = [];
    for (let seed = 1; seed <= 9; seed += 1) {
      found.push(await executionsToFind(bug, mutationStrategy(seed), 1500));
    }
    expect(Math.max(...found)).toBeLessThan(1500);
    expect(await executionsToFind(bug, randomStrategy(1), 1500)).toBe(Infinity);
  });

  test('climbs stairs that show in the trace alone', async () => {
    const bug = toy('notes', (sim) => {
      let level = 0;
      for (let i = 0; i < 6; i += 1) {
        if (sim.choose('move', 12) !== level) break;
        level += 1;
        sim.note('up'.repeat(level));
      }
      sim.check(level < 5, 'the top');
    });
    expect(await executionsToFind(bug, mutationStrategy(2), 5000)).toBeLessThan(Infinity);
    expect(await executionsToFind(bug, randomStrategy(2), 5000)).toBe(Infinity);
  });

  test('climbs stairs that show in conditions alone', async () => {
    const bug = toy('conditions', (sim) => {
      let level = 0;
      for (let i = 0; i < 6; i += 1) {
        if (sim.choose('move', 12) !== level + 1) break;
        level += 1;
        sim.sometimes(`${'one more '.repeat(level)}is reached`);
      }
      sim.check(level < 5, 'the top');
    });
    expect(await executionsToFind(bug, mutationStrategy(2), 5000)).toBeLessThan(Infinity);
    expect(await executionsToFind(bug, randomStrategy(2), 5000)).toBe(Infinity);
  });

  test('begins with the default schedule and says what it changes in which log', async () => {
    const scenario = toy('wide', (sim) => {
      for (let i = 0; i < 10; i += 1) sim.choose(`site ${i}`, 50);
    });
    const strategy = mutationStrategy(1);
    const lines: (string | undefined)[] = [];
    let first: number[] | undefined;
    await exploreAll(scenario, strategy, 30, (verdict) => {
      first ??= verdict.decisions().map(({ answer }) => answer);
      lines.push(strategy.configuration);
    });
    expect(first).toEqual(Array.from({ length: 10 }, () => 0));
    expect(lines[0]).toMatch(/^new; /);
    expect(lines.filter((line) => /^log 1; .*site \d \[0\] = \d+/.test(line ?? '')).length).toBeGreaterThan(
      5,
    );
  });

  test('keeps about a million decisions, however many logs these are, and none of an endless log', () => {
    const strategy = mutationStrategy(1);
    const learn = (decisionCount: number, decisions: () => readonly Decision[]): void => {
      const verdict = { held: true, decisionCount, decisions, sometimes: {} } as unknown as Verdict;
      strategy.learn?.({ verdict, novelty: 1 });
    };
    const LONGEST = 2 ** 17;
    const long = Array.from({ length: LONGEST }, () => ({ question: choice('which'), n: 2, answer: 1 }));
    const mutated = (): number[] => {
      const ids = new Set<number>();
      for (let index = 0; index < 300; index += 1) {
        strategy.begin(index);
        const [, id] = /^log (\d+)/.exec(strategy.configuration ?? '') ?? [];
        if (id !== undefined) ids.add(Number(id));
      }
      return [...ids].sort((one, other) => one - other);
    };
    learn(LONGEST + 1, () => expect.fail('it is too long to be kept'));
    expect(mutated()).toEqual([]);
    for (let log = 0; log < 10; log += 1) learn(LONGEST, () => long);
    expect(mutated()).toHaveLength(8);
    // Each long one makes room for many.
    for (let log = 0; log < 20; log += 1) learn(1_000, () => long.slice(0, 1_000));
    expect(mutated()).toHaveLength(27);
  });

  test('draws after its first execution also if that fails', async () => {
    const scenario = toy('low', (sim) => sim.check(sim.choose('a', 4) > 1, 'it was low'));
    const answers: (number | undefined)[] = [];
    await exploreAll(scenario, mutationStrategy(1), 40, (verdict) => {
      answers.push(verdict.decisions()[0]?.answer);
    });
    expect(answers[0]).toBe(0);
    expect(new Set(answers)).toEqual(new Set([0, 1, 2, 3]));
  });

  test('learns from a question which kinds of faults it asks for, and strikes with these alone', async () => {
    const strikes = fault('node strike');
    const faults = [
      { kind: 'pause', answer: 40 },
      { kind: 'crash', answer: 99 },
    ];
    const meaning = Object.assign(() => 'a strike', { faults });
    const scenario = toy('strikes', (sim) => {
      for (let i = 0; i < 10; i += 1) {
        sim.choose(`site ${i}`, 50);
        sim.world.choices.choose(strikes, 100, meaning);
      }
    });
    const strategy = mutationStrategy(3);
    const made = new Set<number>();
    await exploreAll(scenario, strategy, 400, () => {
      for (const [, answer] of (strategy.configuration ?? '').matchAll(/strike fault \[\d\] = (\d+)/g)) {
        made.add(Number(answer));
      }
    });
    made.delete(0);
    expect([...made].sort((a, b) => a - b)).toEqual([40, 99]);
  });
});

describe('a mutant', () => {
  const log: Decision[] = Array.from({ length: 30 }, (_, i) => ({
    question: i % 3 === 0 ? fault('node crash') : choice(`draw ${i % 5}`),
    n: 7,
    answer: i % 7,
  }));
  const other: Decision[] = log.map((entry) => ({ ...entry, answer: 6 - entry.answer }));

  function answersOf(index: number): { mutant: LogMutant; answers: (number | undefined)[] } {
    const draws = new DrawStream(1, 'test');
    draws.restart(index);
    const mutant = new LogMutant(new IndexedLog(log));
    mutant.mutate(draws, new IndexedLog(other));
    const asked = new Map<string, number>();
    const answers = log.map(({ question, n }) => {
      const occurrence = asked.get(question.key) ?? 0;
      asked.set(question.key, occurrence + 1);
      return mutant.answer(question, n, occurrence);
    });
    return { mutant, answers };
  }

  test('differs from its log where it says, by every kind of change', () => {
    const kinds = new Set<string>();
    for (let index = 0; index < 400; index += 1) {
      const { mutant, answers } = answersOf(index);
      const { description } = mutant;
      for (const change of description.split(', ')) kinds.add(change.replace(/\d+/g, '#'));
      const cut = Math.min(
        ...Array.from(description.matchAll(/(?:new end|end of another) from (\d+)/g), ([, at]) => Number(at)),
        30,
      );
      answers.slice(0, cut).forEach((answer, position) => {
        if (answer === log[position]?.answer) return;
        const isZeroed = answer === 0 && description.includes('plain from');
        expect(isZeroed || description.includes(` = ${answer}`)).toBe(true);
      });
    }
    expect([...kinds].filter((kind) => !kind.startsWith('draw')).sort()).toEqual([
      'end of another from #',
      'new end from #',
      'node crash fault [#] = #',
      'plain from # to #',
    ]);
  });

  test('leaves open what is not in its log or no longer fits', () => {
    const mutant = new LogMutant(new IndexedLog(log));
    expect(mutant.answer(choice('draw 1'), 7, 0)).toBe(1);
    expect(mutant.answer(choice('unknown'), 7, 0)).toBeUndefined();
    expect(mutant.answer(choice('draw 4'), 2, 0)).toBeUndefined();
    expect(mutant.answer(choice('draw 4'), 7, 99)).toBeUndefined();
  });

  test('strikes with each kind of fault that a question is known to ask for, and with nothing between them', () => {
    const one: readonly Decision[] = [{ question: fault('node strike'), n: 100, answer: 0 }];
    const asked = fault('node strike');
    const answers = new Set<number | undefined>();
    for (let seed = 0; seed < 200; seed += 1) {
      const mutant = new LogMutant(new IndexedLog(one), (key) =>
        key === asked.key
          ? [
              { kind: 'pause', answer: 97 },
              { kind: 'crash', answer: 99 },
            ]
          : undefined,
      );
      mutant.mutate(new DrawStream(seed, 'test'), new IndexedLog(one));
      answers.add(mutant.answer(asked, 100, 0));
    }
    answers.delete(undefined);
    expect([...answers].sort((a = 0, b = 0) => a - b)).toEqual([0, 97, 99]);
  });

  test('of an empty log changes nothing', () => {
    const mutant = new LogMutant(new IndexedLog([]));
    mutant.mutate(new DrawStream(1, 'test'), new IndexedLog(log));
    expect(mutant.description).toBe('nothing to change');
    expect(mutant.answer(choice('draw 1'), 7, 0)).toBeUndefined();
  });
});
