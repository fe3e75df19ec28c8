/**
 * Small planted bugs of all kinds, for strategies to be measured on. Invariants: each is reached by some executions and not by others,
 * and says so with one message; none needs more than a few dozen decisions.
 */
import { defineScenario, type ScenarioDefinition } from '../../src/simulation/scenario.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { question } from '../../src/kernel/question.ts';

/** Posts `length` events one after the other, each made by the one before it. */
export function postChain(
  sim: Simulation,
  subject: string,
  length: number,
  fire: (step: number) => void,
): void {
  const go = (step: number): void => {
    sim.world.clock.post({ subject, what: 'step' }, () => {
      fire(step);
      if (step < length) go(step + 1);
    });
  };
  go(1);
}

/** A scenario around what it does at once; the events that it posts fire before it ends. */
export function toy(name: string, begin: (sim: Simulation) => void): ScenarioDefinition {
  return defineScenario<unknown>({
    name,
    description: `the toy bug ${name}`,
    async run(sim) {
      begin(sim);
      await sim.sleep(1);
    },
  });
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** One site among `sites` where a fault does harm. */
export function needleFault(sites: number, harmful: number, n: number): ScenarioDefinition {
  return toy('needle-fault', (sim) => {
    for (const i of range(sites)) {
      const strikes =
        sim.world.choices.choose(
          question('fault', { owner: 'link', what: 'send', subject: `message-${i}` }),
          n,
        ) ===
        n - 1;
      sim.check(!strikes || i !== harmful, 'the message was needed');
    }
  });
}

/** Each right answer leads to another question, and nothing but the last one shows. */
export function staircase(steps: number, n: number): ScenarioDefinition {
  return toy('staircase', (sim) => {
    const isUp = range(steps).every((step) => sim.choose(`stair ${step}`, n) === (3 * step + 1) % n);
    sim.check(!isUp, 'up the stairs');
  });
}

/** The lone event must come between two certain steps of a chain. */
export function narrowGap(length: number, after: number): ScenarioDefinition {
  return toy('narrow-gap', (sim) => {
    let done = 0;
    postChain(sim, 'chain/1', length, (step) => (done = step));
    sim.world.clock.post({ subject: 'lone/2', what: 'comes' }, () => sim.check(done !== after, 'in the gap'));
  });
}

/** The bugs that the portfolio is held to. */
export const toyBugs: readonly ScenarioDefinition[] = [
  narrowGap(12, 9),
  needleFault(40, 17, 500),
  staircase(4, 8),
  toy('starved-chain', (sim) => {
    let others = 0;
    postChain(sim, 'a/1', 7, () => (others += 1));
    postChain(sim, 'b/2', 7, () => (others += 1));
    postChain(sim, 'c/3', 7, (step) => sim.check(step > 1 || others < 14, 'the third came last'));
  }),
  toy('reverse-order', (sim) => {
    let order = '';
    for (const name of 'abcde') sim.world.clock.post(`event ${name}`, () => (order += name));
    sim.world.clock.timer('look', 0.5, () => sim.check(order !== 'edcba', 'backwards'));
  }),
  toy('double-fault', (sim) => {
    const struck = range(12).filter(
      (i) => sim.world.choices.choose(question('fault', { owner: `node-${i}`, what: 'crash' }), 8) === 7,
    );
    sim.check(struck.join() !== '2,9', 'just these two');
  }),
  toy('only-crashes', (sim) => {
    const lost = range(16).filter(
      (i) => sim.world.choices.choose(question('fault', { owner: `link-${i}`, what: 'loss' }), 4) === 3,
    ).length;
    const crashed = range(8).filter(
      (i) => sim.world.choices.choose(question('fault', { owner: `node-${i}`, what: 'crash' }), 8) === 7,
    ).length;
    sim.check(lost > 0 || crashed < 3, 'many crashes, and all was delivered');
  }),
  toy('burst-of-loss', (sim) => {
    let inRow = 0;
    for (let i = 0; i < 12; i += 1) {
      inRow =
        sim.world.choices.choose(question('fault', { owner: 'link', what: 'send' }), 6) === 5 ? inRow + 1 : 0;
      sim.check(inRow < 5, 'five in a row');
    }
  }),
  toy('extreme-delays', (sim) => {
    const delays = range(7).map((i) =>
      sim.world.choices.choose(question('delay', { owner: `link-${i}`, what: 'send' }), 4),
    );
    sim.check(
      delays.some((delay) => delay < 3),
      'all as late as can be',
    );
  }),
  toy('plain-schedule', (sim) => {
    const drawn = range(8).map((i) => sim.choose(`shape ${i}`, 4));
    sim.check(
      drawn.some((shape) => shape > 0),
      'all are plain',
    );
  }),
  toy('fault-in-a-race', (sim) => {
    let isAcknowledged = false;
    sim.world.clock.post('acknowledge/1', () => (isAcknowledged = true));
    sim.world.clock.post('retry/2', () => {
      const isLost = sim.world.choices.choose(question('fault', { owner: 'link', what: 'reply' }), 16) === 15;
      sim.check(isAcknowledged || !isLost, 'lost before it was acknowledged');
    });
  }),
  toy('noted-levels', (sim) => {
    let level = 0;
    for (let i = 0; i < 14; i += 1) {
      if (sim.choose('move', 8) !== level) continue;
      level += 1;
      sim.note(`${'I'.repeat(level)} reached`);
      sim.check(level < 7, 'the top');
    }
  }),
  toy('coin', (sim) => sim.check(sim.choose('toss', 2) === 0, 'heads')),
];
