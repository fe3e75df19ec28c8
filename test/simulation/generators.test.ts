// A generator where a function is expected: nobody runs its body, so that none of its checks could fail.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { simulationProperty } from '../../src/check/simulation-property.ts';
import { createNetwork } from '../../src/cluster/network.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { createMutex } from '../../src/locks/mutex.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { runApart } from '../vitest/run-apart.ts';

const never = (): never => {
  throw new Error('its body ran');
};
const generator = function* (): Generator {
  yield never();
} as never;
const asynchronous = async function* (): AsyncGenerator {
  yield await Promise.resolve().then(never);
} as never;
const returning = (make: () => unknown): never => (() => make()) as never;

test.for([
  [generator, 'scenario: expected a function, got a generator function, whose body nobody runs'],
  [asynchronous, 'scenario: expected a function, got an async generator function, whose body nobody runs'],
  [
    new Proxy(generator, {}),
    'scenario: expected a function, got a generator function, whose body nobody runs',
  ],
] as const)('%o is refused as a scenario', async ([scenario, message]) => {
  await expect(simulate({ scenario })).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT', message });
  const definition = { name: 'x', description: 'y', run: scenario };
  expect(() => defineScenario(definition)).toThrow(message.replace('scenario', 'scenario.run'));
  expect(() => simulationProperty([fc.nat()], scenario)).toThrow(message);
});

test('a generator function is refused where a scenario, a test or a node hands over code', async () => {
  const got = /expected a function, got a generator function, whose body nobody runs$/;
  const definition = { name: 'x', description: 'y', run: () => undefined, prepare: generator };
  expect(() => defineScenario(definition)).toThrow(got);
  const { failure } = await simulate({
    scenario: async (sim) => {
      expect(() => sim.onEnd(generator)).toThrow(got);
      expect(() => sim.onHeal(generator)).toThrow(got);
      expect(() => sim.always('x', generator)).toThrow(got);
      expect(() => sim.atSomeEvent('x', generator)).toThrow(got);
      expect(() => createNetwork(sim).node('x', generator)).toThrow(got);
      await expect(createMutex(sim.world, { name: 'm' }).run(generator)).rejects.toThrow(got);
    },
  });
  expect(failure).toBeUndefined();
});

const RETURNED = 'expected a function whose body runs when it is called, got one that returned a generator';
test.for([
  ['scenario', generator],
  ['scenario', asynchronous],
] as const)('a %s that returns a generator fails its execution: %o', async ([, make]) => {
  const failed = { kind: 'error', message: `scenario: ${RETURNED}, whose body nobody runs` };
  const { failure } = await simulate({ scenario: returning(make) });
  expect(failure).toMatchObject(failed);
  const definition = { name: 'x', description: 'y', run: returning(make) };
  const verdict = await createExecutor(definition).execute({ source: fifoDecisions() });
  expect(verdict.failure).toMatchObject(failed);
});

test.for([
  ['sim.onEnd: hook', (sim: Simulation): void => sim.onEnd(returning(generator))],
  [
    'sim.atSomeEvent: action',
    async (sim: Simulation): Promise<void> => {
      sim.atSomeEvent('x', returning(asynchronous), { within: 1 });
      await sim.sleep(1);
      await sim.sleep(1);
    },
  ],
] as const)('%s that returns a generator fails the simulation', async ([name, scenario]) => {
  const { failure } = await simulate({ scenario, source: { decide: (_question, n) => n - 1 } });
  expect(failure).toMatchObject({ kind: 'error', message: `${name}: ${RETURNED}, whose body nobody runs` });
});

test.for(['post', 'timer', 'endOfInstant'] as const)('the callback of clock.%s, too', async (method) => {
  const { failure } = await simulate({
    scenario: async (sim: Simulation): Promise<void> => {
      const { clock } = sim.world;
      if (method === 'post') clock.post('x', returning(generator));
      else clock[method]('x', 5, returning(asynchronous));
      await sim.sleep(10);
    },
  });
  expect(failure).toMatchObject({ kind: 'error', message: `fire: ${RETURNED}, whose body nobody runs` });
});

test.for(['post', 'timer', 'endOfInstant'] as const)(
  'the callback of clock.%s in a node, too',
  async (method) => {
    const { failure } = await simulate({
      scenario: async (sim: Simulation): Promise<void> => {
        createNetwork(sim).node('x', ({ world: { clock } }) => {
          if (method === 'post') clock.post('x', returning(generator));
          else clock[method]('x', 5, returning(asynchronous));
        });
        await sim.sleep(10);
      },
    });
    expect(failure).toMatchObject({
      kind: 'error',
      message: `x failed: fire: ${RETURNED}, whose body nobody runs`,
    });
  },
);

test('a program of a node that returns a generator is refused, and an object with such methods is not', async () => {
  const api = { next: () => 1, throw: () => 2 };
  const { failure } = await simulate({
    scenario: async (sim) => {
      const net = createNetwork(sim);
      const message = `the program of x: ${RETURNED}, whose body nobody runs`;
      for (const make of [generator, asynchronous]) {
        expect(() => net.node('x', returning(make))).toThrow(message);
      }
      net.node('y', () => api);
      sim.check((await net.connect<typeof api>('y').next()) === 1, 'it serves calls');
    },
  });
  expect(failure).toBeUndefined();
});

test('what else a scenario returns does not matter', async () => {
  for (const value of [
    5,
    null,
    new Map().values(),
    { next: () => ({ done: true }) },
    Proxy.revocable({}, {}),
  ]) {
    expect(await simulate({ scenario: returning(() => value) })).toMatchObject({ held: true });
  }
});

test('the methods of an oracle are no generator functions', async () => {
  const oracles = [() => ({ watch: generator, end: () => undefined })];
  await expect(simulate({ scenario: () => undefined, oracles })).rejects.toThrow(
    /^oracles\[0\]: expected a function/,
  );
});

test.for([
  ['a generator function', generator],
  ['an async generator function', asynchronous],
  ['a definition whose run is a generator function', { name: 'x', description: 'y', run: generator }],
] as const)('%s is refused as a test', async ([, scenario], context) => {
  const { error } = await runApart({ context }, { runs: 1, corpus: false }, scenario);
  expect(error).toMatchObject({
    code: 'RUNNER_INVALID_ARGUMENT',
    message: expect.stringContaining('generator function, whose body nobody runs') as string,
  });
});

test.for([
  ['watch', generator, RETURNED],
  ['end', generator, RETURNED],
  ['watch', () => Promise.resolve(), 'expected a method that has judged when it returns, got a Promise'],
  [
    'end',
    () => Promise.reject(new Error('late')),
    'expected a method that has judged when it returns, got a Promise',
  ],
] as const)(
  'an oracle whose %s returns what judges later or never fails the simulation: %o',
  async ([method, code, what]) => {
    const oracle = { watch: () => undefined, end: () => undefined, [method]: () => code() as unknown };
    const { failure } = await simulate({
      oracles: [() => oracle],
      scenario: ({ world: { tracer, clock } }) =>
        tracer.record({ at: clock.now(), type: 'note', runner: '', text: 'seen' }),
    });
    expect(failure).toMatchObject({
      kind: 'error',
      message: expect.stringContaining(`oracles[0].${method}: ${what}`) as string,
    });
  },
);

test('a message handler that returns a generator fails the simulation', async () => {
  const { failure } = await simulate({
    seed: 1,
    scenario: async (sim: Simulation): Promise<void> => {
      const net = createNetwork(sim);
      net.node('a', ({ onMessage }) => onMessage(returning(generator)));
      net.node('b', ({ send }) => send('a', 'hello'));
      await sim.sleep(100);
    },
  });
  expect(failure?.message).toContain(`the message handler of a: ${RETURNED}`);
});
