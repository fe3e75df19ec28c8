import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Query } from '../../src/model/query.ts';
import { RUN_STATES } from '../../src/model/run-state.ts';
import { completeStatus, pendingStatus, type RunStatus } from '../../src/model/run-status.ts';
import { HEALTHY_SERVICE_STATUS, serviceStatus, type ServiceStatus } from '../../src/model/service-status.ts';
import { maskForState } from '../../src/model/state-mask.ts';
import { statusNow } from '../../src/model/status-lookup.ts';
import { createStatusesRO } from '../../src/store/statuses-ro.ts';
import { refused, rejectionOf, thrownBy } from '../model/thrown.ts';
import { bareStatus, everyRun, listed, StoreWorld } from './store-world.ts';

const list = [completeStatus('0', '', 3), pendingStatus('2'), completeStatus('1', 's', 0)];

describe('a read-only list', () => {
  test('R57 D2 answers as a store with the same runs does, unknown ids included', async () => {
    const state = fc.constantFrom(...RUN_STATES);
    const anyQuery = fc.record({
      runs: fc.array(fc.nat(4).map(String)),
      allRuns: fc.boolean(),
      states: fc.array(state).map((states) => maskForState(...states)),
    });
    const textOf = (answer: Promise<unknown>): Promise<string> => answer.then(JSON.stringify, String);
    await fc.assert(
      fc.asyncProperty(fc.array(state, { maxLength: 4 }), anyQuery, async (states, query) => {
        const { store } = new StoreWorld();
        store.updateService(HEALTHY_SERVICE_STATUS);
        for (const [run, next] of states.entries()) {
          store.newRun();
          if (next !== 'PENDING') store.update(bareStatus(String(run), next));
        }
        const { statuses, service } = await store.statusAll();
        const reader = createStatusesRO(statuses, service);
        expect(await textOf(reader.queryNow(query))).toBe(await textOf(store.queryNow(query)));
        expect(await textOf(reader.statusAll())).toBe(await textOf(store.statusAll()));
        for (const runId of query.runs) {
          expect(await textOf(reader.status(runId))).toBe(await textOf(store.status(runId)));
        }
      }),
    );
  });

  test('R57 R24 filters by mask and ids and gives the service status with it', async () => {
    const reader = createStatusesRO(list, HEALTHY_SERVICE_STATUS);
    const service = HEALTHY_SERVICE_STATUS;
    expect(await reader.queryNow(everyRun('COMPLETE'))).toStrictEqual({
      statuses: [list[0], list[2]],
      service,
    });
    expect(await reader.queryNow(listed(['1', '2']))).toStrictEqual({
      statuses: [list[2], list[1]],
      service,
    });
    expect(await reader.statusAll()).toStrictEqual({ statuses: list, service });
    expect(await reader.status('2')).toStrictEqual({ status: list[1], service });
  });

  test('R26 R40 D2 an unknown id is an error, never an index into nothing', async () => {
    const reader = createStatusesRO(list, HEALTHY_SERVICE_STATUS);
    const text = 'RUNNER_UNKNOWN_RUN: unknown run id nope';
    expect(await rejectionOf(reader.queryNow(listed(['0', 'nope'])))).toBe(text);
    expect(await rejectionOf(reader.status('nope'))).toBe(text);
    expect(await rejectionOf(statusNow(createStatusesRO([], HEALTHY_SERVICE_STATUS), 'nope'))).toBe(text);
  });

  test('R39 later changes of the list and of its statuses do not reach it', async () => {
    const mine = [{ ...completeStatus('0', '', 3) }];
    const service = { initialized: true, isHealthy: false, error: 'x' };
    const reader = createStatusesRO(mine, service);
    Object.assign(mine[0]!, { exitCode: 9 });
    service.error = 'y';
    mine.push({ ...completeStatus('1', '', 0) });
    const answer = await reader.statusAll();
    expect(answer).toStrictEqual({
      statuses: [completeStatus('0', '', 3)],
      service: serviceStatus(true, false, 'x'),
    });
    expect([answer.statuses[0], answer.service].every(Object.isFrozen)).toBe(true);
  });

  test('anything but a list of statuses is refused', async () => {
    const make =
      (statuses: unknown[], service: unknown = HEALTHY_SERVICE_STATUS) =>
      (): unknown =>
        createStatusesRO(statuses as RunStatus[], service as ServiceStatus);
    expect(thrownBy(make([list[0], pendingStatus('0')]))).toBe(
      refused('statuses', 'one status per run', '"0"'),
    );
    expect(thrownBy(make([null]))).toBe(refused('status', 'a run status', 'null'));
    expect(thrownBy(make([], null))).toBe(refused('service', 'a service status', 'null'));
    const reader = createStatusesRO([], HEALTHY_SERVICE_STATUS);
    expect(await rejectionOf(reader.queryNow({ states: -1 } as unknown as Query))).toBe(
      refused('query.states', 'a mask, an integer from 0 to 127', '-1'),
    );
  });
});
