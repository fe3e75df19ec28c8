import { createHook } from 'node:async_hooks';
import { readFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { GuardedTurns } from '../../src/ambient/guarded-turns.ts';

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

test('a loop between two turns is ended, and its function is known', async () => {
  const turns = new GuardedTurns({ now: () => performance.now(), turnMs: 20, why: 'time is up' });
  // With a hook, Node keeps the ids of promise reactions too.
  const hook = createHook({ init: () => undefined }).enable();
  try {
    turns.noteIdle();
    void readFile(import.meta.filename).then(function loopsBetweenTurns() {
      for (;;);
    });
    while (!turns.isStuck) await nextTurn();
    expect(turns.endedTurn?.frames?.map(({ functionName }) => functionName)).toContain('loopsBetweenTurns');
  } finally {
    turns.end();
    hook.disable();
  }
});
