import { describe, expect, test } from 'vitest';
import { portfolioStrategy } from '../../../src/explore/strategies/portfolio.ts';
import { randomStrategy } from '../../../src/explore/strategies/random-strategy.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explore } from '../../../src/explore/explorer.ts';
import { createCoverage } from '../../../src/explore/coverage.ts';
import { executionsToFind, exploreAll, median } from '../executions-to-find.ts';
import { needleFault, postChain, toy, toyBugs } from '../toy-bugs.ts';
import type { Strategy } from '../../../src/explore/strategies/strategy.ts';
import type { ScenarioDefinition } from '../../../src/simulation/scenario.ts';
import type { Verdict } from '../../../src/simulation/verdict.ts';
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

/** Which member ran each execution. */
async function membersOf(
  scenario: ScenarioDefinition,
  strategy: Strategy,
  executions: number,
  onExecution: (verdict: Verdict, index: number) => void = () => {},
): Promise<string[]> {
  const members: string[] = [];
  await exploreAll(scenario, strategy, executions, (verdict, index) => {
    members.push(strategy.configuration?.split(':')[0] ?? '');
    onExecution(verdict, index);
  });
  return members;
}

function shareOf(members: readonly string[], name: string): number {
  return members.filter((member) => member === name).length / members.length;
}

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

  test('is plain once and not at first, sweeps in turns, and gives every member its turns once mutation has its own', async () => {
    const strategy = portfolioStrategy(1);
    const plain: number[] = [];
    const members = await membersOf(races, strategy, 1500, (verdict, index) => {
      if (verdict.decisions().every(({ answer }) => answer === 0)) plain.push(index);
    });
    expect(plain[0]).toBe(16);
    expect(members[16]).toBe('stratified');
    expect(members.slice(0, 128).flatMap((name, index) => (name === 'sweep' ? [index] : []))).toEqual([
      32, 64, 96,
    ]);
    expect(members.indexOf('swarm')).toBeGreaterThanOrEqual(32);
    expect(members.indexOf('mutation')).toBeGreaterThanOrEqual(128);
    for (const name of ['stratified', 'random', 'swarm', 'pct', 'pos', 'walk', 'mutation']) {
      // One in 32, less what chance takes away in a thousand.
      expect(shareOf(members.slice(500), name)).toBeGreaterThan(0.6 / 32);
    }
  });

  test('learns who brings something new, and keeps a floor for all others', async () => {
    // Something new whenever one chain is far ahead of all others, which random choices never come to.
    const leads = toy('leads', (sim) => {
      sim.choose('something beside order', 2);
      const done = [0, 0, 0, 0];
      for (const [which, name] of ['a/1', 'b/2', 'c/3', 'd/4'].entries()) {
        postChain(sim, name, 20, () => {
          done[which] = (done[which] ?? 0) + 1;
          const [second = 0, first = 0] = [...done].sort((one, other) => one - other).slice(2);
          if (first - second === 15) sim.note(done.map((steps) => 'x'.repeat(steps)).join(' '));
        });
      }
    });
    const members = (await membersOf(leads, portfolioStrategy(1), 1000)).slice(300);
    // Nine of 19.5 to begin with, in all but one of 32 turns.
    expect(shareOf(members, 'pct') + shareOf(members, 'pos')).toBeGreaterThan(0.58);
    for (const name of ['stratified', 'random', 'walk', 'swarm']) {
      expect(shareOf(members, name)).toBeGreaterThan(0.5 / 32);
    }
  });

  test('learns from orders that hardly any execution has', async () => {
    // In long chains of events, random choices keep all chains abreast.
    const chains = toy('chains', (sim) => {
      sim.choose('something beside order', 2);
      for (const name of ['a/1', 'b/2', 'c/3', 'd/4', 'e/5']) postChain(sim, name, 20, () => {});
    });
    const members = (await membersOf(chains, portfolioStrategy(1), 1200)).slice(400);
    const far = shareOf(members, 'pct') + shareOf(members, 'pos');
    const abreast = ['stratified', 'random', 'walk'].reduce((sum, name) => sum + shareOf(members, name), 0);
    // Nine each of 19.5 to begin with.
    expect(far / abreast).toBeGreaterThan(1.4);
  });

  test('gives the turns of those that spread values to PCT while order is all that is left open', async () => {
    let executions = 0;
    const chains = toy('chains', (sim) => {
      executions += 1;
      if (executions > 400) sim.choose('something beside order', 2);
      for (const name of ['a/1', 'b/2', 'c/3']) postChain(sim, name, 3, () => {});
    });
    const members = await membersOf(chains, portfolioStrategy(1), 800);
    const before = members.slice(1, 400);
    // Nine and a half, and a half, of nineteen and a half.
    expect(shareOf(before, 'pct')).toBeGreaterThan(0.38);
    expect(shareOf(before, 'stratified')).toBeLessThan(0.12);
    const after = members.slice(400);
    expect(shareOf(after, 'stratified')).toBeGreaterThan(0.15);
    expect(shareOf(after, 'pct')).toBeLessThan(shareOf(before, 'pct') - 0.08);
  });

  test('gives a shard the same members whenever it is run', async () => {
    const shard = async (firstIndex: number): Promise<string[]> => {
      const strategy = portfolioStrategy('s');
      const members: string[] = [];
      await explore(createExecutor(needleFault(400, 500, 2)), strategy, {
        firstIndex,
        shards: 3,
        maxExecutions: 100,
        coverage: createCoverage(),
        onExecution: () => members.push(strategy.configuration ?? ''),
      });
      return members;
    };
    const first = await shard(1);
    expect(await shard(1)).toEqual(first);
    expect(await shard(2)).not.toEqual(first);
    expect(new Set(first.map((text) => text.split(':')[0])).size).toBeGreaterThan(4);
  });

  test('has its sweep pass over what has ended a thread', async () => {
    const sweeps = async (strategy: Strategy): Promise<(string | undefined)[]> => {
      const found: (string | undefined)[] = [];
      await exploreAll(needleFault(5, 5, 2), strategy, 130, () => found.push(strategy.configuration));
      return found.filter((text) => text?.startsWith('sweep') === true);
    };
    const strategy = portfolioStrategy(1);
    const [none, ...faults] = await sweeps(portfolioStrategy(1));
    const first = question('fault', { owner: 'link', what: 'send', subject: 'message-0' });
    strategy.avoid?.([{ question: first, occurrence: 0, n: 2, answer: 1 }]);
    expect((await sweeps(strategy)).slice(0, 3)).toEqual([none, ...faults.slice(1)]);
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
