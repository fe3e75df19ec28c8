import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stratifiedStrategy } from '../../../src/explore/strategies/stratified-strategy.ts';
import { ValuePolicy } from '../../../src/explore/strategies/value-policy.ts';
import type { Question } from '../../../src/kernel/question.ts';
import { choice, delay, fault, order } from '../../questions.ts';

function answersOf(seed: number, question: Question, n: number, executions: number): number[] {
  const strategy = stratifiedStrategy(seed);
  // Blocks of faults begin behind the plain schedule.
  const start = question.kind === 'fault' ? 1 : 0;
  return Array.from({ length: executions }, (_, index) => {
    strategy.begin(start + index);
    return strategy.decide(question, n, 0);
  });
}

describe('a stratified sample', () => {
  test('gives each question of up to 1024 answers each of them once per block, regardless of other questions', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.constantFrom(order('a/1'), choice('draw'), fault('a/1 run'), delay('takes')),
        fc.oneof(fc.integer({ min: 2, max: 200 }), fc.constantFrom(1023, 1024)),
        (seed, question, n) => {
          const answers = answersOf(seed, question, n, 3 * n);
          for (const block of [0, 1, 2]) {
            const sorted = answers.slice(block * n, (block + 1) * n).sort((a, b) => a - b);
            expect(sorted).toEqual(Array.from({ length: n }, (_, answer) => answer));
          }
        },
      ),
    );
  });

  test('begins with the default schedule', () => {
    const strategy = stratifiedStrategy(4);
    strategy.begin(0);
    expect([2, 7, 1000, 5000].map((n) => strategy.decide(choice('which'), n, 3))).toEqual([0, 0, 0, 0]);
  });

  test('lets faults strike independently from the first execution on', () => {
    const strategy = stratifiedStrategy(5);
    strategy.begin(1);
    const zeros = Array.from({ length: 1000 }, (_, i) =>
      strategy.decide(fault(`site-${i} loss`), 4, 0),
    ).filter((answer) => answer === 0);
    expect(Math.abs(zeros.length - 250)).toBeLessThan(50);
  });

  test('combines the answers of two questions about equally often', () => {
    const counts = new Map<string, number>();
    const first = answersOf(1, choice('first'), 3, 9000);
    const second = answersOf(1, choice('second'), 4, 9000);
    first.forEach((answer, index) => {
      const both = `${answer} ${second[index]}`;
      counts.set(both, (counts.get(both) ?? 0) + 1);
    });
    expect(counts.size).toBe(12);
    expect(Math.min(...counts.values())).toBeGreaterThan(650);
    expect(Math.max(...counts.values())).toBeLessThan(850);
  });

  test('answers questions that are too wide for blocks uniformly', () => {
    const answers = answersOf(2, choice('wide'), 100_000, 4000);
    expect(new Set(answersOf(2, choice('wide'), 1025, 1025)).size).toBeLessThan(800);
    const mean = answers.reduce((sum, answer) => sum + answer, 0) / answers.length;
    expect(Math.abs(mean / 100_000 - 0.5)).toBeLessThan(0.03);
    expect(new Set(answers).size).toBeGreaterThan(3800);
    expect(answersOf(2, choice('wider'), 2 ** 50, 50).every((answer) => answer < 2 ** 50)).toBe(true);
  });
});

test('values are stratified in the first executions and by swarm in one of sixteen later ones', () => {
  const values = new ValuePolicy(1);
  const configurations = Array.from({ length: 1016 }, (_, index) => {
    values.begin(index);
    return values.configuration;
  });
  expect(configurations[0]).toBe('stratified');
  expect(new Set(configurations.slice(0, 16))).toEqual(
    new Set([
      'stratified',
      'stratified, more faults',
      'stratified, delays by site',
      'stratified, more faults, delays by site',
    ]),
  );
  const swarms = configurations.slice(16).filter((text) => text.startsWith('faults: '));
  expect(Math.abs(swarms.length / 1000 - 1 / 16)).toBeLessThan(0.03);
});
