import { createHook } from 'node:async_hooks';
import { readFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { GuardedTurns } from '../../src/ambient/guarded-turns.ts';
import { loopingLines } from '../../src/ambient/looping-line.ts';
import { runReactions } from '../../src/kernel/drain-fast.ts';
import { simulate } from '../../src/simulation/simulate.ts';

test.for([
  ['none is set', undefined],
  ['one is set', (): string => 'of another'],
] as const)('a turn that the engine ends shows stacks as before: %s', ([, prepare]) => {
  const found = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  const limit = Error.stackTraceLimit;
  if (prepare === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
  else Error.prepareStackTrace = prepare;
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  try {
    const turns = new GuardedTurns({ now: () => performance.now(), turnMs: 20, why: 'time is up' });
    const work = (): void => {
      try {
        Error.prepareStackTrace = () => 'for a moment';
        Error.stackTraceLimit = 1;
        for (;;);
      } finally {
        if (prepare !== undefined) Error.prepareStackTrace = prepare;
        Error.stackTraceLimit = limit;
      }
    };
    expect(() => turns.around(work)).toThrow('timed out');
    expect(turns.isStuck).toBe(true);
    expect([Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace'), Error.stackTraceLimit]).toEqual([
      before,
      limit,
    ]);
  } finally {
    Error.stackTraceLimit = limit;
    if (found === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else Object.defineProperty(Error, 'prepareStackTrace', found);
  }
});

test('a simulation that starts after the engine has ended a turn, and before that is judged, waits for it', async () => {
  const turns = new GuardedTurns({ now: () => performance.now(), turnMs: 20, why: 'time is up' });
  const kinds: string[] = [];
  let next: Promise<unknown> = Promise.resolve();
  const { failure } = await simulate({
    ...turns.options,
    scenario: () => {
      // Due before the turn that ends the simulation.
      setImmediate(() => (next = simulate({ scenario: () => void kinds.push('next') })));
      for (;;);
    },
  });
  kinds.push(failure?.kind ?? 'held');
  turns.end();
  expect(await next).toMatchObject({ held: true });
  expect(kinds).toEqual(['interrupted', 'next']);
});

/**
 * A hook in which promise reactions spend nearly all of their time, from `begin` to `end`. With a hook, Node keeps the
 * ids of promise reactions too.
 */
function slowPromiseHook(): { begin: () => void; end: () => void } {
  let isSlow = false;
  const init = (): void => {
    const until = performance.now() + 30;
    while (isSlow && performance.now() < until);
  };
  const hook = createHook({ init }).enable();
  return {
    begin: () => (isSlow = true),
    end: () => {
      isSlow = false;
      hook.disable();
    },
  };
}

/** Longer than a busy machine takes to end a loop; where nothing ends it, its test fails instead of hanging. */
const LOOP_MS = 300_000;

/** Awaiting it creates one promise only, which the engine creates outside of its builtins. */
const settled = Promise.resolve();

test.for([
  [
    'of statements',
    async function loopsBetweenTurns() {
      for (const until = performance.now() + LOOP_MS; performance.now() < until;);
    },
  ],
  [
    // Node's getter of a global, whose scope does not see the other ones.
    'in a function of Node',
    async function loopsBetweenTurns() {
      const read = (): unknown[] => [performance, performance, performance, performance, performance];
      for (const until = performance.now() + LOOP_MS; performance.now() < until;) read();
    },
  ],
  [
    'of promise reactions, inside a promise hook',
    async function loopsBetweenTurns() {
      for (const until = performance.now() + LOOP_MS; performance.now() < until;) await settled;
    },
  ],
] as const)('a loop between two turns is ended, and its function is known: %s', async ([, loop]) => {
  const turns = new GuardedTurns({ now: () => performance.now(), turnMs: 20, why: 'time is up' });
  const hook = slowPromiseHook();
  try {
    turns.noteIdle();
    void readFile(import.meta.filename).then(() => {
      hook.begin();
      return loop();
    });
    while (!turns.isStuck) await nextTurn();
    expect(turns.endedTurn?.frames?.map(({ functionName }) => functionName)).toContain('loopsBetweenTurns');
  } finally {
    hook.end();
    turns.end();
  }
});

/** Where nothing ends a loop of ticks, it ends here. */
const TICKS = 600_000;

/** Nearly always, the next tick of a loop is queued when one is cut off. */
function spend(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

const tickLoops: readonly (readonly [how: string, begin: (isOver: () => boolean) => void])[] = [
  [
    'alone',
    (isOver) => {
      const loop = (): void => {
        if (!isOver()) process.nextTick(loop);
        spend(0.005);
      };
      for (let count = 0; count < 50; count += 1) loop();
    },
  ],
  [
    'and promise reactions',
    (isOver) => {
      const loop = (): void => {
        if (!isOver()) process.nextTick(() => void Promise.resolve().then(loop));
        spend(0.005);
      };
      for (let count = 0; count < 50; count += 1) loop();
    },
  ],
  [
    'each of which takes long',
    (isOver) => {
      const loop = (): void => {
        if (!isOver()) process.nextTick(loop);
        spend(5);
      };
      loop();
    },
  ],
];

test.for(tickLoops)(
  'a loop of ticks ends although the next tick is queued when one is cut off: %s',
  async ([, begin]) => {
    const turns = new GuardedTurns({ now: () => performance.now(), turnMs: 20, why: 'time is up' });
    let ticks = 0;
    let isJudged = false;
    let ticksAfterVerdict = 0;
    const isOver = (): boolean => {
      ticks += 1;
      if (isJudged) ticksAfterVerdict += 1;
      return ticks >= TICKS;
    };
    try {
      const { failure } = await simulate({
        ...turns.options,
        scenario: async () => {
          begin(isOver);
          await new Promise(() => {});
        },
      });
      isJudged = true;
      expect(failure).toMatchObject({ kind: 'interrupted', message: 'time is up' });
      await nextTurn();
      await nextTurn();
      expect(ticksAfterVerdict).toBe(0);
      expect(ticks).toBeLessThan(TICKS);
    } finally {
      turns.end();
    }
  },
);

test('ticks that an ended turn has left run, with those that they queue', async () => {
  const turns = new GuardedTurns({ now: () => performance.now(), turnMs: 20, why: 'time is up' });
  const seen: string[] = [];
  const { failure } = await simulate({
    ...turns.options,
    scenario: () => {
      process.nextTick(() => {
        seen.push('first');
        process.nextTick(() => void seen.push('second'));
      });
      for (;;);
    },
  });
  turns.end();
  expect(failure).toMatchObject({ kind: 'interrupted', message: 'time is up' });
  expect(seen).toEqual(['first', 'second']);
});

test('of two that watch at once, each goes on after a loop, and watches when the other has ended', async () => {
  const make = (): GuardedTurns =>
    new GuardedTurns({ now: () => performance.now(), turnMs: 20, why: 'time is up' });
  const first = make();
  const second = make();
  const loop = (): void => {
    for (const until = performance.now() + LOOP_MS; performance.now() < until;);
  };
  try {
    for (const ended of [false, true]) {
      first.noteIdle();
      second.noteIdle();
      if (ended) first.end();
      setImmediate(loop);
      // Dropped with the loop, which is before it.
      await new Promise<void>((resolve) => {
        second.options.nextTurn(resolve, true);
      });
      expect(second.isStuck).toBe(true);
    }
  } finally {
    first.end();
    second.end();
  }
});

test('a look at a loop of promise reactions ends it, also inside a promise hook', async () => {
  const turns = new GuardedTurns({ now: () => performance.now(), turnMs: 20, why: 'time is up' });
  const hook = slowPromiseHook();
  let reactions = 0;
  try {
    const lines = await loopingLines(async (beginToLook) => {
      beginToLook();
      setImmediate(() =>
        turns.around(() => {
          void (async () => {
            hook.begin();
            for (; reactions < 100; reactions += 1) await settled;
          })();
          runReactions();
        }),
      );
      await nextTurn();
      await nextTurn();
      hook.end();
      return turns.isStuck;
    });
    expect(reactions).toBeLessThan(100);
    expect(lines?.join()).toContain(import.meta.filename.split('/').at(-1));
  } finally {
    hook.end();
    turns.end();
  }
});
