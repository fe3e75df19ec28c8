import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ActionResult } from '../../src/model/action.ts';
import { canMove, isTerminal, RUN_STATES, type RunState } from '../../src/model/run-state.ts';
import { completeStatus, pendingStatus, runningStatus, type RunStatus } from '../../src/model/run-status.ts';
import { refused, rejectionOf, thrownBy } from '../model/thrown.ts';
import { bareStatus, everyRun, listed, StoreWorld } from './store-world.ts';

const actionDigest = { hash: 'a'.repeat(64), sizeBytes: 7 };
const tags = { jobId: 'j', taskId: 't', tag: 'g' };

describe('newRun', () => {
  test('R44 gives ids 0, 1, 2 … in call order after the prefix', () => {
    expect(new StoreWorld().newRuns(12)).toEqual(Array.from({ length: 12 }, (_, n) => String(n)));
    expect(new StoreWorld({ idPrefix: 'a-' }).newRuns(3)).toEqual(['a-0', 'a-1', 'a-2']);
  });

  test('R44 never reuses an id, even after evictions', () => {
    const { store } = new StoreWorld({ capacity: 1 });
    const ids: string[] = [];
    for (let run = 0; run < 5; run += 1) {
      const { runId } = store.newRun();
      ids.push(runId);
      store.update(completeStatus(runId, '', 0));
    }
    expect(ids).toEqual(['0', '1', '2', '3', '4']);
    expect([...store.runIds]).toEqual(['4']);
  });

  test('R45 D22 two incarnations with different prefixes never share an id', async () => {
    const first = new StoreWorld({ idPrefix: 'boot1-' });
    const second = new StoreWorld({ idPrefix: 'boot2-' });
    const [old] = first.newRuns(1);
    const [young] = second.newRuns(1);
    expect([old, young]).toEqual(['boot1-0', 'boot2-0']);
    expect(await rejectionOf(second.store.status(old!))).toBe('RUNNER_UNKNOWN_RUN: unknown run id boot1-0');
  });

  test('R46 D21 creates a PENDING status with the tags of the command', () => {
    const { store } = new StoreWorld();
    expect(store.newRun(tags)).toStrictEqual(pendingStatus('0', tags));
    expect(store.newRun()).toStrictEqual(pendingStatus('1'));
    expect(store.currentStatus('0')).toStrictEqual(pendingStatus('0', tags));
  });

  test.for<[unknown, string, string, string]>([
    ['j', 'tags', 'an object with jobId, taskId and tag', '"j"'],
    [{ ...tags, jobId: 5 }, 'tags.jobId', 'a string', '5'],
    [{ jobId: 'j', taskId: 't' }, 'tags.tag', 'a string', 'undefined'],
  ])('R46 refuses tags that are none, and creates no run: %j', ([wrong, field, expected, actual]) => {
    const { store } = new StoreWorld();
    expect(thrownBy(() => store.newRun(wrong as typeof tags))).toBe(refused(field, expected, actual));
    expect([...store.runIds]).toEqual([]);
    expect(store.newRun(tags).runId).toBe('0');
  });

  test('R18 ids are compared by equality only', async () => {
    for (const idPrefix of ['', '__proto__', 'constructor', ' ', '0', 'é']) {
      const { store } = new StoreWorld({ idPrefix });
      expect(store.newRun().runId).toBe(`${idPrefix}0`);
      expect((await store.status(`${idPrefix}0`)).status.state).toBe('PENDING');
      for (const other of [`${idPrefix}00`, `${idPrefix}0 `, `${idPrefix}0.0`, '__proto__', 'toString', '']) {
        expect(await rejectionOf(store.status(other))).toBe(`RUNNER_UNKNOWN_RUN: unknown run id ${other}`);
      }
    }
  });
});

describe('update', () => {
  test('R4 D13 accepts exactly the moves of the table, and a refused one changes nothing', async () => {
    for (const from of ['PENDING', 'RUNNING'] as const) {
      for (const to of RUN_STATES) {
        const world = new StoreWorld();
        const [runId] = world.newRuns(1);
        if (from === 'RUNNING') world.write(runId!, 'RUNNING');
        if (canMove(from, to)) {
          expect(world.write(runId!, to)).toBe('accepted');
          expect(await world.runs()).toBe(`0 ${to}`);
        } else {
          const text = `RUNNER_ILLEGAL_MOVE: run 0 cannot go from ${from} to ${to}`;
          expect(thrownBy(() => world.write(runId!, to))).toBe(text);
          expect(() => world.write(runId!, to)).toThrow(expect.objectContaining({ actual: to }));
          expect(await world.runs()).toBe(`0 ${from}`);
        }
      }
    }
  });

  test('R50 of an unknown id is an error and changes nothing', async () => {
    const world = new StoreWorld();
    expect(thrownBy(() => world.write('0', 'RUNNING'))).toBe('RUNNER_UNKNOWN_RUN: unknown run id 0');
    world.newRuns(1);
    expect(thrownBy(() => world.write('1', 'RUNNING'))).toBe('RUNNER_UNKNOWN_RUN: unknown run id 1');
    expect(await world.runs()).toBe('0 PENDING');
  });

  test.for(RUN_STATES.filter(isTerminal))(
    'R51 D13 of a run that is %s changes nothing, wakes nobody and is reported as dropped',
    async (end) => {
      const world = new StoreWorld();
      const [runId] = world.newRuns(2);
      world.write(runId!, end);
      const before = world.store.currentStatus(runId!);
      const others = RUN_STATES.filter((state) => state !== end && state !== 'PENDING');
      world.wait('waiter', { ...everyRun(...others), runs: [runId!] });
      for (const state of RUN_STATES) {
        expect(world.write(runId!, state, { stdoutRef: 'new' })).toBe('dropped');
      }
      expect(world.store.currentStatus(runId!)).toBe(before);
      expect(await world.news()).toEqual([]);
      expect(world.store.waiterCount).toBe(1);
    },
  );

  test('R52 an empty ref keeps the old one, another replaces it, each separately', () => {
    const { store } = new StoreWorld();
    const { runId } = store.newRun();
    const refs = (stdoutRef: string, stderrRef: string): string => {
      store.update(runningStatus(runId, stdoutRef, stderrRef));
      const now = store.currentStatus(runId);
      return `${now.stdoutRef} ${now.stderrRef}`;
    };
    expect(refs('o1', 'e1')).toBe('o1 e1');
    expect(refs('', 'e2')).toBe('o1 e2');
    expect(refs('o2', '')).toBe('o2 e2');
    store.update(completeStatus(runId, '', 0));
    expect(store.currentStatus(runId)).toMatchObject({ stdoutRef: 'o2', stderrRef: 'e2' });
  });

  test('R53 all other fields are replaced', () => {
    const { store } = new StoreWorld();
    const { runId } = store.newRun(undefined, 'bazel');
    const actionResult = { actionDigest, cached: false };
    store.update({ ...bareStatus(runId, 'RUNNING'), actionResult });
    expect(store.currentStatus(runId).actionResult).toEqual(actionResult);
    const end = bareStatus(runId, 'COMPLETE', { snapshotId: 's', exitCode: 3, error: 'capped', ...tags });
    store.update(end);
    expect(store.currentStatus(runId)).toStrictEqual(end);
  });

  test('R53 D13 empty tags do not erase known ones, each separately', () => {
    const { store } = new StoreWorld();
    const { runId } = store.newRun(tags);
    store.update(runningStatus(runId, '', ''));
    expect(store.currentStatus(runId)).toStrictEqual(runningStatus(runId, '', '', tags));
    store.update(runningStatus(runId, '', '', { jobId: '', taskId: 't2', tag: '' }));
    expect(store.currentStatus(runId)).toMatchObject({ jobId: 'j', taskId: 't2', tag: 'g' });
    store.update(completeStatus(runId, '', 0, { jobId: 'j2', taskId: '', tag: 'g2' }));
    expect(store.currentStatus(runId)).toMatchObject({ jobId: 'j2', taskId: 't2', tag: 'g2' });
  });

  test('R39 neither the writer nor a reader can change what the store holds', async () => {
    const { store } = new StoreWorld();
    const { runId } = store.newRun(undefined, 'bazel');
    const written = {
      ...completeStatus(runId, '', 0),
      actionResult: { actionDigest, cached: true, list: [{ deep: 1 }], bytes: new Uint8Array([1]) },
    };
    store.update(written);
    written.exitCode = 9;
    written.actionResult.list[0]!.deep = 2;
    const { statuses } = await store.statusAll();
    const kept = statuses[0] as RunStatus & { actionResult: typeof written.actionResult };
    expect(kept.exitCode).toBe(0);
    expect(() => Object.assign(kept, { exitCode: 9 })).toThrow(TypeError);
    expect(() => Object.assign(kept.actionResult, { list: [] })).toThrow(TypeError);
    expect(() => kept.actionResult.list.push({ deep: 3 })).toThrow(TypeError);
    expect(() => Object.assign(kept.actionResult.list[0]!, { deep: 3 })).toThrow(TypeError);
    (statuses as RunStatus[]).pop();
    expect(store.currentStatus(runId)).toMatchObject({ exitCode: 0, actionResult: { list: [{ deep: 1 }] } });
    expect((await store.statusAll()).statuses).toHaveLength(1);
  });

  test('R39 a result that refers to itself is copied too, and one that cannot be copied is refused', () => {
    const { store } = new StoreWorld();
    const { runId } = store.newRun(undefined, 'bazel');
    const loop: ActionResult & { self?: unknown } = { actionDigest, cached: false };
    loop.self = loop;
    store.update({ ...bareStatus(runId, 'RUNNING'), actionResult: loop });
    expect(store.currentStatus(runId).actionResult).not.toBe(loop);
    const update = {
      ...bareStatus(runId, 'RUNNING'),
      actionResult: { actionDigest, cached: false, call: () => 1 },
    };
    const text = refused('status.actionResult', 'plain data', 'an object');
    expect(thrownBy(() => store.update(update))).toBe(text);
  });

  test('R11 a result of a run that is not a Bazel run is refused, in every state, and nothing is written', () => {
    const { store } = new StoreWorld();
    for (const state of ['RUNNING', 'COMPLETE', 'FAILED', 'ABORTED'] as const) {
      const { runId } = store.newRun();
      const update = { ...bareStatus(runId, state), actionResult: { actionDigest, cached: true } };
      expect(thrownBy(() => store.update(update))).toBe(
        refused('status.actionResult', 'none for a run that is not a Bazel run', 'an object'),
      );
      expect(store.currentStatus(runId).state).toBe('PENDING');
      const bazel = store.newRun(undefined, 'bazel');
      store.update({ ...update, runId: bazel.runId });
      expect(store.currentStatus(bazel.runId)).toMatchObject({ state, actionResult: { cached: true } });
    }
  });

  test('R11 a field that is not valid in the state is refused, and nothing is written', async () => {
    const world = new StoreWorld();
    const [runId] = world.newRuns(1);
    expect(thrownBy(() => world.write(runId!, 'TIMEDOUT', { exitCode: 1 }))).toBe(
      refused('status.exitCode', '0 in state TIMEDOUT', '1'),
    );
    expect(await world.runs()).toBe('0 PENDING');
  });

  test('R20 a command that exits with a number of the machinery is COMPLETE with it', () => {
    const { store } = new StoreWorld();
    for (const exitCode of [200, 241, 250]) {
      const { runId } = store.newRun();
      store.update(completeStatus(runId, '', exitCode));
      expect(store.currentStatus(runId)).toMatchObject({ state: 'COMPLETE', exitCode, error: '' });
    }
  });

  test('R4 R39 whatever is written, a run follows the table and its status is frozen', () => {
    const anyWrite = fc.record({ run: fc.nat(2), state: fc.constantFrom(...RUN_STATES) });
    fc.assert(
      fc.property(fc.array(anyWrite, { maxLength: 30 }), (writes) => {
        const world = new StoreWorld();
        const ids = world.newRuns(3);
        for (const { run, state } of writes) {
          const before = world.store.currentStatus(ids[run]!);
          let outcome: string;
          try {
            outcome = world.write(ids[run]!, state);
          } catch {
            outcome = 'refused';
          }
          const expected = isTerminal(before.state) ? 'dropped' : moveOutcome(before.state, state);
          expect(outcome).toBe(expected);
          const after = world.store.currentStatus(ids[run]!);
          expect(after.state).toBe(outcome === 'accepted' ? state : before.state);
          expect(Object.isFrozen(after)).toBe(true);
        }
      }),
    );
  });
});

const moveOutcome = (from: RunState, to: RunState): string => (canMove(from, to) ? 'accepted' : 'refused');

describe('a new store', () => {
  test('R15 knows no run and is neither initialized nor healthy', async () => {
    const { store } = new StoreWorld();
    const service = { initialized: false, isHealthy: false, error: '' };
    expect(store.serviceStatus).toStrictEqual(service);
    expect(await store.statusAll()).toStrictEqual({ statuses: [], service });
    expect([...store.runIds]).toEqual([]);
    expect([store.waiterCount, store.waitersVisited]).toEqual([0, 0]);
    expect(await rejectionOf(store.queryNow(listed(['0'])))).toBe('RUNNER_UNKNOWN_RUN: unknown run id 0');
    expect((await store.queryNow(everyRun())).statuses).toEqual([]);
    expect(thrownBy(() => store.currentStatus('0'))).toBe('RUNNER_UNKNOWN_RUN: unknown run id 0');
  });

  test.for([-1, 1.5, NaN, Infinity, '1'])('a capacity of %o is refused', (capacity) => {
    expect(thrownBy(() => new StoreWorld({ capacity: capacity as number }))).toMatch(
      /^RUNNER_INVALID_ARGUMENT: capacity: expected an integer ≥ 0, got /,
    );
  });

  test('a prefix that is not text is refused', () => {
    expect(thrownBy(() => new StoreWorld({ idPrefix: 7 as unknown as string }))).toBe(
      refused('idPrefix', 'a string', '7'),
    );
  });
});
