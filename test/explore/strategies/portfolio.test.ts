import { describe, expect, test } from 'vitest';
import { portfolioStrategy } from '../../../src/explore/strategies/portfolio.ts';
import { randomStrategy } from '../../../src/explore/strategies/random-strategy.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explore } from '../../../src/explore/explorer.ts';
import { createCoverage } from '../../../src/explore/coverage.ts';
import { executionsToFind, exploreAll, median } from '../executions-to-find.ts';
import { needleFault, postChain, toy, toyBugs } from '../toy-bugs.ts';
import { question } from '../../../src/kernel/question.ts';

const LIMIT = 1000;
const SEEDS = [1, 2, 3];

const races = toy('races', (sim) => {
  for (const name of ['a/1', 'b/2']) {
    postChain(sim, name, 4, (step) =>
      sim.world.choices.choose(question('fault', { owner: name, what: 'send', subject: String(step) }), 3),
    );
  }
});

describe('the portfolio', () => {
  test('needs no more executions than random on the median of toy bugs of all kinds', async () => {
    const rows: { name: string; portfolio: number; random: number }[] = [];
    for (const bug of toyBugs) {
      const found = { portfolio: [] as number[], random: [] as number[] };
      for (const seed of SEEDS) {
        found.portfolio.push(await executionsToFind(bug, portfolioStrategy(seed), LIMIT));
        found.random.push(await executionsToFind(bug, randomStrategy(seed), LIMIT));
      }
      rows.push({ name: bug.name, portfolio: median(found.portfolio), random: median(found.random) });
    }
    expect(rows.length).toBeGreaterThanOrEqual(12);
    const ofAll = (who: 'portfolio' | 'random'): number => median(rows.map((row) => row[who]));
    expect(ofAll('portfolio')).toBeLessThanOrEqual(ofAll('random') / 2);
    const missed = (who: 'portfolio' | 'random'): string[] =>
      rows.filter((row) => row[who] === Infinity).map(({ name }) => name);
    expect(missed('portfolio').length).toBeLessThanOrEqual(1);
    expect(missed('random').length).toBeGreaterThanOrEqual(4);
  });

  test('is plain once and not at first, sweeps in turns, and gives every member its share once mutation has its own', async () => {
    const strategy = portfolioStrategy(1);
    const members: string[] = [];
    const plain: number[] = [];
    await exploreAll(races, strategy, 2000, (verdict) => {
      if (verdict.decisions().every(({ answer }) => answer === 0)) plain.push(members.length);
      members.push(strategy.configuration?.split(':')[0] ?? '');
    });
    expect(plain[0]).toBe(16);
    const later = members.slice(1000);
    expect(members[16]).toBe('stratified');
    expect(members.slice(0, 64).flatMap((name, index) => (name === 'sweep' ? [index] : []))).toEqual([
      32, 36, 40, 44, 48, 52, 56, 60,
    ]);
    expect(members.indexOf('swarm')).toBeGreaterThanOrEqual(32);
    expect(members.indexOf('mutation')).toBeGreaterThanOrEqual(128);
    const shares = { stratified: 4, swarm: 1, pct: 4, pos: 2, walk: 2, mutation: 3 };
    for (const [name, share] of Object.entries(shares)) {
      const count = later.filter((member) => member === name).length;
      expect(Math.abs(count / later.length - share / 16)).toBeLessThan(0.05);
    }
  });

  test('gives an index to the same member in any shard', async () => {
    const membersOf = async (shard: number, shards: number): Promise<string[]> => {
      const strategy = portfolioStrategy('s');
      const members: string[] = [];
      await explore(createExecutor(needleFault(400, 500, 2)), strategy, {
        firstIndex: shard,
        shards,
        maxExecutions: 120 / shards,
        coverage: createCoverage(),
        onExecution: (_verdict, index) => (members[index] = strategy.configuration?.split(':')[0] ?? ''),
      });
      return members;
    };
    const alone = await membersOf(0, 1);
    const parts = [await membersOf(0, 3), await membersOf(1, 3), await membersOf(2, 3)];
    expect(alone.map((_, index) => parts[index % 3]?.[index])).toEqual(alone);
    expect(new Set(alone).size).toBeGreaterThan(5);
  });

  test('gets events only while a member wants them', () => {
    const strategy = portfolioStrategy(1);
    const wanted = new Map<string, Set<boolean>>();
    for (let index = 0; index < 200; index += 2) {
      strategy.begin(index);
      const member = strategy.configuration?.split(':')[0] ?? '';
      wanted.set(member, (wanted.get(member) ?? new Set()).add(strategy.onFire !== undefined));
    }
    expect([...(wanted.get('walk') ?? [])]).toEqual([true]);
    wanted.delete('walk');
    expect([...wanted.values()].every((answers) => !answers.has(true))).toBe(true);
  });
});
