// Whatever a caller puts into a store, its next run is made as if nothing had been there.
import { describe, expect, test } from 'vitest';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { attack, type Callee } from './attack.ts';
import { type Call, arityOf, methodNames } from './door-walk.ts';
import * as door from './own-doors.ts';

const FOREVER: door.Wait = { timeoutMs: Infinity };
const ALL: door.Query = { runs: ['0'], allRuns: true, states: door.DONE_MASK };

/** Arguments that are right, by method: one after the other is made wrong, and each field of those that have some. */
const RIGHT: Readonly<Record<string, () => readonly unknown[]>> = {
  awaitService: () => [() => false, { ...FOREVER }],
  newRun: () => [{ ...door.NO_TAGS }, 'scoot'],
  query: () => [{ ...ALL }, { ...FOREVER }],
  queryNow: () => [{ ...ALL }],
  update: () => [{ ...door.runningStatus('0', 'out', 'err') }],
  updateService: () => [{ ...door.HEALTHY_SERVICE_STATUS }],
};

function storeWithRun(): door.StatusStore {
  const tracer = { record: () => undefined };
  const store = door.createStatusStore({ clock: door.createVirtualClock(), capacity: 1, tracer });
  store.newRun();
  return store;
}

/** Attacks the method, each time in a new store, and returns what the next `newRun` of each then throws. */
async function nextRunsAfter(name: string): Promise<unknown[]> {
  const stores: door.StatusStore[] = [];
  const make = (): Callee & { self: object } => {
    const store = storeWithRun();
    stores.push(store);
    return {
      call: (store as unknown as Readonly<Record<string, Call>>)[name] as Call,
      self: store,
      isKept: true,
    };
  };
  const target = { label: name, make, arity: arityOf(make().call) };
  const valid = RIGHT[name];
  await attack(valid === undefined ? target : { ...target, valid });
  expect(stores.length).toBeGreaterThan(30);
  return stores.flatMap((store) => {
    try {
      expect(store.newRun().state).toBe('PENDING');
      return [];
    } catch (error) {
      return [error];
    }
  });
}

describe('R-11 the next run of a store is made', () => {
  test('whatever was given before to any method but close', async () => {
    // Runners call `updateInRow`, for runs of their own.
    const names = methodNames(storeWithRun()).filter((name) => !['close', 'updateInRow'].includes(name));
    expect(names).toEqual(expect.arrayContaining(Object.keys(RIGHT)));
    for (const name of names) expect(await nextRunsAfter(name), name).toEqual([]);
  });

  test('or refused with what it was closed with: an error of the caller, or RUNNER_RELEASED', async () => {
    const thrown = await nextRunsAfter('close');
    const texts = thrown.map((error) => (isRunnerError(error) ? error.code : String(error)));
    expect(new Set(texts)).toEqual(new Set(['RUNNER_RELEASED', 'Error: of the caller']));
  });
});
