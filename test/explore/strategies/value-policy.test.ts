import { describe, expect, test } from 'vitest';
import { StratifiedStrategy } from '../../../src/explore/strategies/stratified-strategy.ts';
import { ValuePolicy } from '../../../src/explore/strategies/value-policy.ts';
import { question as questionOf } from '../../../src/kernel/question.ts';
import { fault } from '../../questions.ts';

const EXECUTIONS = 600;
const ASKED = 32;

/** Answers by the configuration of their execution. */
function answersOf(n: number): Map<string, { readonly given: number[]; readonly answers: number[] }> {
  const policy = new ValuePolicy(1);
  const stratified = new StratifiedStrategy(1);
  const byConfiguration = new Map<string, { given: number[]; answers: number[] }>();
  for (let index = 0; index < EXECUTIONS; index += 1) {
    policy.begin(index);
    stratified.begin(index);
    const kind = policy.configuration.startsWith('stratified') ? faultsOf(policy) : 'swarm';
    const kept = byConfiguration.get(kind) ?? { given: [], answers: [] };
    byConfiguration.set(kind, kept);
    for (let i = 0; i < ASKED; i += 1) {
      const question = fault(`link-${i % 4} kind-${i % 8}`);
      kept.answers.push(policy.decide(question, n, i >> 3));
      kept.given.push(stratified.decide(question, n, i >> 3));
    }
  }
  return byConfiguration;
}

/** The configuration but for what it says of delays. */
const faultsOf = ({ configuration }: ValuePolicy): string => configuration.replace(', delays by site', '');

const shareOf = (answers: readonly number[], answer: number): number =>
  answers.filter((each) => each === answer).length / answers.length;

describe('values of strategies that are about order', () => {
  test('are stratified in most executions, with more faults in a third of these, and swarm in few', () => {
    const { answers, given } = answersOf(64).get('stratified, more faults') ?? { answers: [], given: [] };
    // Once, twice, twice and four times as often.
    const times = shareOf(answers, 63) / shareOf(given, 63);
    expect(times).toBeGreaterThan(1.7);
    expect(times).toBeLessThan(2.8);
    // What does not strike is as it was.
    expect(answers.every((answer, i) => answer === given[i] || answer === 63)).toBe(true);
    const plain = answersOf(64).get('stratified');
    expect(plain?.answers).toEqual(plain?.given);
    const shares = [...answersOf(64)].map(([kind, kept]) => [
      kind,
      kept.answers.length / (EXECUTIONS * ASKED),
    ]);
    const { stratified = 0, swarm = 0 } = Object.fromEntries(shares) as Record<string, number>;
    expect(Math.abs(stratified - 5 / 8)).toBeLessThan(0.05);
    expect(Math.abs(swarm - 1 / 16)).toBeLessThan(0.03);
  });

  test('are never other faults where a question has few answers, each of which may be one', () => {
    const { answers, given } = answersOf(7).get('stratified, more faults') ?? { answers: [], given: [] };
    expect(answers.length).toBeGreaterThan(1000);
    expect(answers).toEqual(given);
  });

  test('strike more often with each of several kinds that one question asks for', () => {
    const faults = [
      { kind: 'crash', answer: 95 },
      { kind: 'pause', answer: 94 },
    ];
    const describeAnswer = Object.assign(() => '', { faults });
    const policy = new ValuePolicy(1);
    const struck = { given: [0, 0], more: [0, 0] };
    for (let index = 0; index < EXECUTIONS; index += 1) {
      policy.begin(index);
      if (!policy.configuration.startsWith('stratified')) continue;
      const counts = faultsOf(policy) === 'stratified' ? struck.given : struck.more;
      for (let i = 0; i < 96; i += 1) {
        const answer = policy.decide(fault(`node-${i % 3} strike`), 96, i, describeAnswer);
        if (answer >= 94) counts[answer - 94] = (counts[answer - 94] ?? 0) + 1;
      }
    }
    // One of three executions, in which each kind is a little more than twice as often.
    for (const which of [0, 1]) {
      const times = (struck.more[which] ?? 0) / (struck.given[which] ?? 0);
      expect(times * 2).toBeGreaterThan(1.6);
      expect(times * 2).toBeLessThan(3);
    }
  });

  test('are the delays that stratified draws, but for sites that have none or the longest in a whole execution', () => {
    const policy = new ValuePolicy('delays');
    const stratified = new StratifiedStrategy('delays');
    const habits: string[] = [];
    let drawnAlone = 0;
    for (let index = 0; index < EXECUTIONS; index += 1) {
      policy.begin(index);
      stratified.begin(index);
      if (!policy.configuration.startsWith('stratified')) continue;
      for (const link of ['to', 'from', 'back']) {
        const asked = Array.from({ length: ASKED }, (_, message) =>
          questionOf('delay', { owner: link, what: 'send', subject: `message-${message}` }),
        );
        const answers = asked.map((question) => policy.decide(question, 64, 0));
        const drawn = asked.map((question) => stratified.decide(question, 64, 0));
        if (!policy.configuration.endsWith('delays by site')) {
          expect(answers).toEqual(drawn);
          drawnAlone += 1;
        } else {
          const [first] = new Set(answers).size === 1 ? answers : [];
          habits.push(first === 0 ? 'none' : first === 63 ? 'longest' : 'drawn');
          if (first === undefined) expect(answers).toEqual(drawn);
        }
      }
    }
    expect(Math.abs(habits.length / (habits.length + drawnAlone) - 1 / 2)).toBeLessThan(0.05);
    const share = (habit: string): number => habits.filter((each) => each === habit).length / habits.length;
    expect(Math.abs(share('none') - 1 / 4)).toBeLessThan(0.05);
    expect(Math.abs(share('longest') - 1 / 4)).toBeLessThan(0.05);
  });

  test('leave faults and the plain schedule alone where only delays vary', () => {
    const policy = new ValuePolicy('alone', true);
    const configurations = Array.from({ length: EXECUTIONS }, (_, index) => {
      policy.begin(index);
      return policy.configuration;
    });
    expect(configurations[0]).toBe('stratified');
    expect(new Set(configurations)).toEqual(new Set(['stratified', 'stratified, delays by site']));
  });
});
