import { afterEach, expect, test } from 'vitest';
import { formatExplanation } from '../../../src/explore/explain/explanation-text.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { KeptStack } from '../../../src/explore/explain/kept-stack.ts';
import { thrownText } from '../../../src/oracles/answer-form.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';

const NAMES = ['stackTraceLimit', 'prepareStackTrace'] as const;
const before = NAMES.map((name) => [name, Object.getOwnPropertyDescriptor(Error, name)] as const);

afterEach(() => {
  for (const [name, own] of before) {
    Reflect.deleteProperty(Error, name);
    if (own !== undefined) Object.defineProperty(Error, name, own);
  }
});

function define(name: (typeof NAMES)[number], own: PropertyDescriptor): void {
  Object.defineProperty(Error, name, { configurable: true, ...own });
}

const HERE = /^Error: place\n {4}at .*hostile-error\.test\.ts:\d+:\d+/;

test.each([
  ['a read-only limit', HERE, () => define('stackTraceLimit', { value: 10, writable: false })],
  ['no frames', HERE, () => define('stackTraceLimit', { value: 0, writable: true })],
  [
    'stacks that are lists',
    /^$/,
    () => define('prepareStackTrace', { value: (_: Error, frames: unknown) => frames }),
  ],
  [
    'stacks that cannot be read',
    /^$/,
    () =>
      define('prepareStackTrace', {
        value: () => {
          throw new Error('hostile');
        },
      }),
  ],
] as const)('a deadlock is explained although the scenario leaves %s', async (_what, place, act) => {
  const executor = createExecutor(
    defineScenario({
      name: 'stuck',
      description: 'awaits what never comes',
      async run(sim) {
        act();
        await sim.sleep(1);
        await new Promise(() => {});
      },
    }),
  );
  const lines = formatExplanation(await explain(executor, [])).map(({ text }) => text);
  expect(lines.join('\n')).toContain('Deadlock');
  expect(new KeptStack(new Error('place')).text).toMatch(place);
});

test.each<[string, PropertyDescriptor]>([
  [
    'throws',
    {
      get() {
        throw new Error('hostile');
      },
    },
  ],
  ['is a symbol', { value: Symbol('hostile') }],
  ['is empty', { value: '' }],
])('a failure is explained although the name of its cause %s', async (_what, name) => {
  const odd = new TypeError('odd');
  // A stack that was never read before reads the name.
  expect(odd.stack).toContain('hostile-error.test.ts');
  Object.defineProperty(odd, 'name', name);
  const executor = createExecutor(
    defineScenario({
      name: 'odd',
      description: 'fails with an odd cause',
      async run(sim) {
        sim.always('fine', () => {
          throw new Error('outer', { cause: odd });
        });
        await sim.sleep(1);
      },
    }),
  );
  const { places } = await explain(executor, []);
  expect(places.map(({ what }) => what)).toEqual(['an error was thrown']);
  expect(thrownText(odd)).toBe('the error "odd"');
});
