import { beforeEach, describe, expect, test } from 'vitest';
import { RunnerError } from '../../src/kernel/errors.ts';
import type { RunStatus } from '../../src/model/run-status.ts';
import type { Service } from '../../src/model/service.ts';
import { HEALTHY_SERVICE_STATUS } from '../../src/model/service-status.ts';
import { ALL_MASK, DONE_MASK } from '../../src/model/state-mask.ts';
import { unknownRun } from '../../src/model/status-errors.ts';
import type { QueryResult } from '../../src/model/status-reader.ts';
import { NO_WAIT } from '../../src/model/query.ts';
import type { Violation } from '../../src/oracles/oracle.ts';
import { watchService } from '../../src/oracles/watch-service.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { finalStatus, waitForState } from '../../src/model/status-lookup.ts';
import { statusOf } from './hand-made-trace.ts';

const service = HEALTHY_SERVICE_STATUS;
const done = statusOf('0', 'COMPLETE');
const found: Violation[] = [];

beforeEach(() => {
  found.length = 0;
});

/** A service that always gives these answers. */
function answering(answers: Partial<Service>): Service {
  const clock = { now: () => 12 } as never;
  const truthful: Service = {
    run: async () => statusOf('0', 'PENDING'),
    abort: async () => done,
    release: async () => undefined,
    query: async () => ({ statuses: [done], service }),
    queryNow: async () => ({ statuses: [done], service }),
    status: async () => ({ status: done, service }),
    statusAll: async () => ({ statuses: [done], service }),
  };
  return watchService({ clock }, { ...truthful, ...answers }, (violation) => found.push(violation));
}

const differing = (more: Partial<RunStatus>): RunStatus => ({ ...done, ...more });
const all = { allRuns: true, states: ALL_MASK };
const readers: readonly (readonly [string, (watched: Service) => Promise<unknown>])[] = [
  ['status', (watched) => watched.status('0')],
  ['statusAll', (watched) => watched.statusAll()],
  ['queryNow', (watched) => watched.queryNow(all)],
  ['abort', (watched) => watched.abort('0')],
];

describe('a watched service', () => {
  test.for(readers)('R207 %s of a truthful one is passed on unchanged', async ([, read]) => {
    const plain = answering({});
    expect(await read(plain)).toEqual(expect.anything());
    expect(await plain.run({ argv: [] })).toEqual(statusOf('0', 'PENDING'));
    expect(await plain.query(all, NO_WAIT)).toEqual({ statuses: [done], service });
    expect(await plain.release()).toBeUndefined();
    expect(found).toEqual([]);
  });

  test('R207 an abort that returns something other than status does is reported', async () => {
    const watched = answering({ status: async () => ({ status: differing({ exitCode: 3 }), service }) });
    expect(await watched.abort('0')).toBe(done);
    expect(found).toEqual([
      { rule: 'R207', message: 'abort of run 0 returned exitCode 0, but status says 3', atMs: 12 },
    ]);
  });

  test('R207 R70 an abort that returns before the run is over is reported', async () => {
    const running = statusOf('0', 'RUNNING');
    const watched = answering({
      abort: async () => running,
      status: async () => ({ status: running, service }),
    });
    await watched.abort('0');
    expect(found).toMatchObject([{ rule: 'R207', message: 'abort of run 0 returned RUNNING' }]);
  });

  test.for(readers)('R207 a terminal status in %s that no query finds is reported', async ([, read]) => {
    const asked: unknown[] = [];
    const query = async (...args: unknown[]): Promise<QueryResult> => {
      asked.push(args);
      return { statuses: [], service };
    };
    await read(answering({ query }));
    expect(asked).toEqual([[{ runs: ['0'], states: DONE_MASK }, { timeoutMs: 0 }]]);
    expect(found).toEqual([
      {
        rule: 'R207',
        message: 'run 0 was seen as COMPLETE, but a query for terminal runs does not include it',
        atMs: 12,
      },
    ]);
  });

  test('R207 a terminal status that run returns, and no query finds, is reported', async () => {
    const other = { ...done, runId: '1' };
    const query = async (): Promise<QueryResult> => ({ statuses: [other], service });
    await answering({ run: async () => done, query }).run({ argv: [] });
    expect(found.map(({ message }) => message)).toEqual([
      'run 0 was seen as COMPLETE, but a query for terminal runs does not include it',
    ]);
  });

  test('R207 a terminal status that a query gives differently is reported', async () => {
    const query = async (): Promise<QueryResult> => ({ statuses: [differing({ tag: 'x' })], service });
    await answering({ query }).status('0');
    expect(found).toMatchObject([
      { message: 'run 0 was seen as tag "", but a query for terminal runs says "x"' },
    ]);
  });

  test('R207 open runs prove nothing, nor does a failed read', async () => {
    const evicted = async (): Promise<never> => Promise.reject(unknownRun('0'));
    const open = { statuses: [statusOf('0', 'RUNNING')], service };
    await answering({ query: async () => ({ statuses: [], service }), queryNow: async () => open }).queryNow(
      all,
    );
    await answering({ query: evicted, status: evicted }).abort('0');
    expect(found).toEqual([]);
  });

  test('a broken invariant during a read is not swallowed', async () => {
    const broken = new RunnerError('RUNNER_INVARIANT', 'broken');
    const watched = answering({ query: async () => Promise.reject(broken) });
    await expect(watched.status('0')).rejects.toBe(broken);
  });

  test('R207 a simulated runner passes', async () => {
    const verdict = await simulate({
      scenario: async (sim) => {
        const runner = createSimulatedRunner(sim.world, { capacity: 3 });
        const watched = watchService(sim.world, runner, ({ message }) => sim.check(false, message));
        const runs = await Promise.all(
          ['sleep 9', 'hang', 'pause'].map((step) => watched.run({ argv: [step] })),
        );
        await finalStatus(watched, runs[0]!.runId);
        await waitForState(watched, runs[1]!.runId, 'RUNNING');
        await Promise.all([watched.abort('1'), watched.abort('2'), watched.abort('1'), watched.statusAll()]);
        await watched.abort('0');
        await watched.release();
      },
    });
    expect(verdict.failure).toBeUndefined();
    expect(verdict.endStates).toEqual({ COMPLETE: 1, ABORTED: 2 });
  });
});
