import { describe, expect, test } from 'vitest';
import { question, thing, topicOf } from '../../../src/kernel/question.ts';
import { swarmStrategy } from '../../../src/explore/strategies/swarm-strategy.ts';
import { delay, fault } from '../../questions.ts';

const KINDS = ['crash', 'loss', 'pause', 'run'];
const EXECUTIONS = 2000;

/** How often each of 4 sites of each kind struck in each of many executions, out of 32 times; and the configurations. */
function strikes(): { counts: number[][][]; configurations: (string | undefined)[] } {
  const strategy = swarmStrategy('swarm');
  const configurations: (string | undefined)[] = [];
  const counts = Array.from({ length: EXECUTIONS }, (_, index) => {
    strategy.begin(index);
    const ofKinds = KINDS.map((kind) =>
      ['north', 'east', 'south', 'west'].map(
        (site) =>
          Array.from({ length: 32 }, (_unused, call) =>
            strategy.decide(question('fault', { owner: site, what: kind }), 100, call),
          ).filter((answer) => answer > 0).length,
      ),
    );
    configurations.push(strategy.configuration);
    return ofKinds;
  });
  return { counts, configurations };
}

describe('a swarm', () => {
  const { counts, configurations } = strikes();

  test('turns each kind off at all its sites in a quarter of the executions, independently of the others', () => {
    const isOff = (index: number, kind: string): boolean =>
      configurations[index]?.includes(`${kind} off`) ?? false;
    for (const [k, kind] of KINDS.entries()) {
      const off = counts.filter((_, index) => isOff(index, kind));
      expect(Math.abs(off.length / EXECUTIONS - 1 / 4)).toBeLessThan(0.04);
      expect(off.every((ofKinds) => ofKinds[k]?.every((count) => count === 0))).toBe(true);
    }
    const together = counts.filter((_, index) => isOff(index, 'crash') && isOff(index, 'loss')).length;
    expect(Math.abs(together / EXECUTIONS - 1 / 16)).toBeLessThan(0.03);
  });

  test.each([
    ['rare', 1 / 32],
    ['usual', 1 / 8],
    ['wild', 1 / 2],
  ])('lets active sites of a kind that is %s strike that often', (weight, probability) => {
    const active = counts.flatMap((ofKinds, index) =>
      KINDS.flatMap((kind, k) =>
        configurations[index]?.includes(`${kind} ${weight}`) && configurations[index].includes('sites 100 %')
          ? (ofKinds[k] ?? [])
          : [],
      ),
    );
    const share = active.reduce((sum, count) => sum + count, 0) / (32 * active.length);
    expect(active.length).toBeGreaterThan(500);
    expect(Math.abs(share - probability)).toBeLessThan(0.1 * probability);
  });

  test.each([25, 50, 100])('leaves only %d in a hundred sites active', (percent) => {
    const wild = counts.flatMap((ofKinds, index) =>
      KINDS.flatMap((kind, k) =>
        configurations[index]?.includes(`${kind} wild`) &&
        configurations[index].includes(`sites ${percent} %`)
          ? (ofKinds[k] ?? [])
          : [],
      ),
    );
    const share = wild.filter((count) => count > 0).length / wild.length;
    expect(Math.abs(share - percent / 100)).toBeLessThan(0.06);
  });

  test('strikes half of the times with the highest answer, else with any but 0', () => {
    const strategy = swarmStrategy(3);
    const answers: number[] = [];
    for (let index = 0; index < 400; index += 1) {
      strategy.begin(index);
      for (let call = 0; call < 20; call += 1) answers.push(strategy.decide(fault('node loss'), 11, call));
    }
    const struck = answers.filter((answer) => answer > 0);
    expect(new Set(struck).size).toBe(10);
    expect(Math.abs(struck.filter((answer) => answer === 10).length / struck.length - 0.55)).toBeLessThan(
      0.05,
    );
  });

  test('has delays off, extreme or uniform, and says so', () => {
    const strategy = swarmStrategy(4);
    const seen = { off: new Set<number>(), uniform: new Set<number>(), extreme: new Set<number>() };
    for (let index = 0; index < 300; index += 1) {
      strategy.begin(index);
      const mode = /delays (off|uniform|extreme)/.exec(
        strategy.configuration ?? '',
      )?.[1] as keyof typeof seen;
      for (let call = 0; call < 8; call += 1) seen[mode].add(strategy.decide(delay('link send'), 6, call));
    }
    expect([...seen.off]).toEqual([0]);
    expect([...seen.extreme].sort((a, b) => a - b)).toEqual([0, 5]);
    expect([...seen.uniform].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

test('what a scenario draws is uniform, mostly plain, or mostly a favourite, the same at all of a site', () => {
  const strategy = swarmStrategy(6);
  const favourites = Array.from({ length: 600 }, (_, index) => {
    strategy.begin(index);
    const counts = Array.from({ length: 8 }, () => 0);
    for (let job = 0; job < 64; job += 1) {
      counts[strategy.decide(question('choice', { subject: `job-${job}`, what: 'takes' }), 8, 0)]! += 1;
    }
    const most = Math.max(...counts);
    // A uniform draw hardly gives one of eight answers half of the times.
    return most < 32 ? 'uniform' : counts.indexOf(most) === 0 ? 'plain' : 'favourite';
  });
  const share = (habit: string): number => favourites.filter((one) => one === habit).length / 600;
  // Half of the executions have habits, in which a quarter of the sites are plain and a quarter have a favourite.
  expect(Math.abs(share('favourite') - (1 / 8) * (7 / 8))).toBeLessThan(0.04);
  expect(Math.abs(share('plain') - (1 / 8) * (9 / 8))).toBeLessThan(0.04);
});

test('the kind of a fault comes from the question alone, regardless of asker and subject', () => {
  const strategy = swarmStrategy(1);
  strategy.begin(0);
  const call = topicOf({ owner: 'n1', what: 'run', subject: 'job-1' });
  for (const asked of [
    { owner: 'chaos', what: 'run', subject: 'run/3' },
    { owner: 'network/2', what: 'run', subject: 'job-7' },
    { owner: 'node-1', what: 'crash', subject: call.plus('reply') },
    { owner: 'node-1', what: 'clock drift' },
    call.plus('hang'),
    thing('output', 'log-1').topic(''),
    'abort',
  ]) {
    strategy.decide(question('fault', asked), 8, 0);
  }
  const [, kinds = ''] = /^faults: (.*); sites/.exec(strategy.configuration ?? '') ?? [];
  const named = kinds.split(', ').map((kind) => kind.split(' ').slice(0, -1).join(' '));
  expect(named).toEqual(['run', 'crash', 'clock drift', 'hang', 'output/#', 'abort']);
});

describe('a question that asks for several kinds of faults', () => {
  const faults = [
    { kind: 'pause', answer: 97 },
    { kind: 'crash', answer: 99 },
  ];
  const inWords = Object.assign((answer: number) => (answer < 96 ? '' : `fault ${answer}`), { faults });
  const asked = question('fault', { owner: 'n1', what: 'strike', subject: 'sleep' });

  test('has each of them off, rare, usual or wild by itself, and strikes with nothing else', () => {
    const strategy = swarmStrategy('several');
    const seen = new Set<string>();
    const answers = new Set<number>();
    for (let index = 0; index < 400; index += 1) {
      strategy.begin(index);
      const struck = new Set(
        Array.from({ length: 200 }, (_, call) => strategy.decide(asked, 100, call, inWords)),
      );
      for (const answer of struck) answers.add(answer);
      for (const { kind, answer } of faults) {
        if (strategy.configuration?.includes(`${kind} off`) === true) expect(struck).not.toContain(answer);
      }
      seen.add([97, 99].filter((answer) => struck.has(answer)).join());
    }
    expect([...answers].sort((one, other) => one - other)).toEqual([0, 97, 99]);
    expect([...seen].sort()).toEqual(['', '97', '97,99', '99']);
  });
});
