import { expect, test } from 'vitest';
import { AwaitWatch } from '../../src/kernel/drain-awaits.ts';

async function flowOfTest(part: () => Promise<unknown>): Promise<void> {
  await part();
}

async function turn(times: number): Promise<void> {
  for (let left = times; left > 0; left -= 1) await Promise.resolve();
}

async function waitFor(promise: Promise<unknown>): Promise<unknown> {
  return await promise;
}

/** Goes on a few times before it waits. */
async function attempts(): Promise<void> {
  await turn(1);
  await turn(1);
  await waitFor(never());
}

function never(): Promise<never> {
  return new Promise(nothing);
}

function nothing(): void {}

/** The functions at which it waits, the nearest first; what the promise was made by, behind an arrow. */
async function waitingIn(part: () => Promise<unknown>): Promise<string[]> {
  const watch = new AwaitWatch([flowOfTest]);
  void flowOfTest(part);
  await turn(50);
  watch.stop();
  return watch
    .pending()
    .map(({ awaitedAt, madeAt }) =>
      [awaitedAt, ...(madeAt === undefined ? [] : [madeAt])].map(functionsIn).join(' <- '),
    );
}

function functionsIn(stack: string): string {
  const names = [...stack.matchAll(/at (?:async )?(?:new )?([\w.]+) \(/g)].flatMap(([, name = '']) =>
    name.includes('.') || name === 'Promise' ? [] : [name],
  );
  const until = names.indexOf('flowOfTest');
  return names.slice(0, until < 0 ? 2 : until).join(' ');
}

test.for<readonly [string, () => Promise<unknown>, readonly string[]]>([
  [
    'a promise that it made itself',
    async function part() {
      const own = never();
      await own;
    },
    ['part <- never part'],
  ],
  [
    'after it has gone on',
    async function part() {
      await turn(3);
      await waitFor(never());
    },
    ['waitFor part <- never part'],
  ],
  [
    'far down',
    async function part() {
      await turn(1);
      await (async function inner() {
        await turn(1);
        await waitFor(never());
      })();
    },
    ['waitFor inner part <- never inner part'],
  ],
  [
    'one of several',
    async function part() {
      await turn(1);
      await Promise.all([turn(3), waitFor(never()), turn(2)]);
    },
    ['waitFor part <- never part'],
  ],
  [
    'in a function whose promise is also caught',
    async function part() {
      const going = attempts();
      going.catch(nothing);
      await going;
    },
    ['waitFor attempts <- never attempts'],
  ],
  [
    'in a function for which two others wait',
    async function part() {
      const going = attempts();
      await Promise.all([waitFor(going), waitFor(going)]);
    },
    ['waitFor attempts <- never attempts'],
  ],
  [
    'in a function whose promise nobody awaits any more',
    async function part() {
      attempts().catch(nothing);
      await waitFor(never());
    },
    ['waitFor part <- never part'],
  ],
  [
    'several at once',
    async function part() {
      await Promise.all([
        turn(3),
        waitFor(never()),
        (async function other() {
          await turn(2);
          await never();
        })(),
      ]);
    },
    ['waitFor part <- never part', 'other part <- never other part'],
  ],
  [
    'below a function that is not async, which hands on',
    function part() {
      return (async function whole() {
        await Promise.all([
          (async function other() {
            await turn(2);
            await waitFor(never());
          })(),
        ]);
      })();
    },
    ['waitFor other whole <- never other whole'],
  ],
  [
    'a chain',
    async function part() {
      await turn(1);
      await waitFor(never())
        .then(() => 1)
        .finally(() => undefined);
    },
    ['waitFor part <- never part'],
  ],
  [
    'itself, whatever it has started and not awaited',
    async function part() {
      void waitFor(never());
      void waitFor(never()).catch(() => undefined);
      const own = never();
      await own;
    },
    ['part <- never part'],
  ],
  [
    'itself, also later',
    async function part() {
      await turn(2);
      void waitFor(never());
      await never();
    },
    ['part <- never part'],
  ],
  [
    'nothing',
    async function part() {
      void waitFor(never());
      await turn(2);
    },
    [],
  ],
])('a flow that waits for %s', async ([, part, expected]) => {
  expect(await waitingIn(part)).toEqual(expected);
});
