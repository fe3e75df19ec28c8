// Schedulers are explored over workers that lose calls, crash and come back with old ids; each broken one breaks one of its claims.
import { describe, expect, test } from 'vitest';
import { fleetSubject, type FleetHabits } from '../../../sims/generic/fleet.ts';
import { interceptService } from '../../../src/call/intercept-service.ts';
import { exploreScheduler } from '../../../src/conformance/workload/explore-scheduler.ts';
import {
  type SchedulerSubject,
  schedulerWorkload,
} from '../../../src/conformance/workload/scheduler-workload.ts';
import { isObject } from '../../../src/kernel/shape.ts';
import { RunRejectedError } from '../../../src/model/run-rejected-error.ts';
import type { Command } from '../../../src/model/command.ts';
import type { RunStatus } from '../../../src/model/run-status.ts';
import type { Service } from '../../../src/model/service.ts';
import type { QueryResult } from '../../../src/model/status-reader.ts';
import { failureOf } from '../../sims/first-failure.ts';
import { having } from '../broken-services.ts';

function firstOf(workers: readonly Service[]): Service {
  const [first] = workers;
  if (first === undefined) throw new Error('expected a worker');
  return first;
}

/** All jobs go to the first worker, as `change` has it. */
const first = (change: (worker: Service) => Service): SchedulerSubject => ({
  name: 'all to the first',
  create: (_, workers) => change(firstOf(workers)),
  startsOnce: true,
});

describe('exploreScheduler', () => {
  test('holds for a scheduler that keeps its claims, and reaches all that can strike it', async () => {
    const options = { executions: 1_500, reachWithin: 1_500, shrinkExecutions: 0 };
    expect(await exploreScheduler(fleetSubject(), options)).toEqual({
      held: true,
      executions: 1_500,
      missed: [],
    });
  }, 300_000);

  test('nothing strikes the workers of a scheduler that claims to survive nothing', async () => {
    const { failure, executions } = await exploreScheduler(
      first((worker) => worker),
      { executions: 200 },
    );
    expect([failure?.message, executions]).toEqual([undefined, 200]);
  }, 300_000);

  const BROKEN: readonly (readonly [rule: string, what: string, RegExp, Partial<FleetHabits>])[] = [
    [
      'R202',
      'starts a job again that has started, since the reply was lost',
      /^R202 job .* started 2 times/,
      { looks: false },
    ],
    [
      'R45',
      'takes the run of another job for its own, since a restarted worker gave it the same id',
      /^(R3 |job )/,
      { knowsByTag: false },
    ],
    [
      'R4',
      'says that a job is over which it starts nevertheless',
      /^R4 job .* expected no start after its end/,
      { stops: false },
    ],
  ];
  test.for(BROKEN)('%s finds a scheduler that %s', { timeout: 300_000 }, async ([, , message, habits]) => {
    expect(await failureOf(schedulerWorkload(fleetSubject(habits)), 3_000, message)).toMatch(message);
  });

  test('R85 finds a scheduler that leaves its runs at work', async () => {
    const leaving = first((worker) => {
      const released = new AbortController();
      return having(worker, {
        release: () => {
          released.abort();
          return Promise.resolve();
        },
        run: (command) =>
          released.signal.aborted
            ? Promise.reject(new RunRejectedError('RUNNER_RELEASED', 'it was released'))
            : worker.run(command),
      });
    });
    const found = await failureOf(schedulerWorkload(leaving), 500, /R85/);
    expect(found).toMatch(/R85|Deadlock/);
  }, 300_000);

  /** Passes jobs on as other commands. */
  const passing = (change: (command: Command) => Partial<Command>): SchedulerSubject =>
    first((worker) =>
      having(worker, {
        run: (command) =>
          isObject(command) && 'jobId' in command
            ? worker.run({ ...command, ...change(command) })
            : worker.run(command),
      }),
    );

  test.for<readonly [what: string, change: (command: Command) => Partial<Command>]>([
    ['other arguments', ({ argv }) => ({ argv: [...argv, '# more'] })],
    ['no environment', () => ({ envVars: {} })],
    ['a longer timeout', ({ timeoutMs = 0 }) => ({ timeoutMs: timeoutMs + 1 })],
    ['another snapshot', () => ({ snapshotId: 'another' })],
  ])('R16 finds a scheduler that starts jobs with %s', { timeout: 300_000 }, async ([, change]) => {
    const wanted = /^R16 job "[^"]*" was started with another command: expected {.*}, got {.*}/;
    expect(await failureOf(schedulerWorkload(passing(change)), 500, wanted)).toMatch(wanted);
  });

  test('is silent about a scheduler that adds variables of its own', async () => {
    const adding = passing(({ envVars }) => ({ envVars: { QUEUE: 'its own', ...envVars } }));
    const { failure } = await exploreScheduler(adding, { executions: 200 });
    expect(failure?.message).toBeUndefined();
  }, 300_000);

  test('R22 finds a scheduler that refuses a job which it has started', async () => {
    let offers = 0;
    const hidden = new Set<string>();
    const hiding = first((worker) =>
      interceptService(worker, async (call, proceed) => {
        const answer = await proceed(call);
        if (call.method === 'run') {
          const { runId } = answer as RunStatus;
          offers += 1;
          if (offers % 3 !== 0) return answer;
          hidden.add(runId);
          throw new RunRejectedError('RUNNER_BUSY', 'No resources available. Please try later.');
        }
        if (!isObject(answer) || !('statuses' in answer)) return answer;
        const { statuses } = answer as unknown as QueryResult;
        return { ...answer, statuses: statuses.filter(({ runId }) => !hidden.has(runId)) };
      }),
    );
    const create: SchedulerSubject['create'] = (...given) => {
      offers = 0;
      hidden.clear();
      return hiding.create(...given);
    };
    const wanted =
      /^R22 job "job [^"]*", as run \S+ of worker-1, was started at \d+ ms: expected no run of it, since it was refused/;
    expect(await failureOf(schedulerWorkload({ ...hiding, create }), 500, wanted)).toMatch(wanted);
  }, 300_000);

  test('finds a scheduler that says COMPLETE of what no worker has completed, which breaks a claim and no rule', async () => {
    const invented = <A>(answer: A): A => {
      if (Array.isArray(answer)) return answer.map(invented) as A;
      if (typeof answer !== 'object' || answer === null) return answer;
      if ('state' in answer) return answer.state === 'ABORTED' ? { ...answer, state: 'COMPLETE' } : answer;
      return Object.fromEntries(Object.entries(answer).map(([key, of]) => [key, invented(of)])) as A;
    };
    const inventing = first((worker) =>
      interceptService(worker, async (call, proceed) => invented(await proceed(call))),
    );
    const wanted = /^job "[^"]*" is COMPLETE 0: expected a run of it that ended so, got ABORTED/;
    expect(await failureOf(schedulerWorkload(inventing), 500, wanted)).toMatch(wanted);
  }, 300_000);

  test('refuses other subjects than schedulers', async () => {
    const wrong = expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }) as Error;
    await expect(exploreScheduler({ name: 'mine' } as never)).rejects.toThrow(wrong);
    await expect(exploreScheduler({ ...fleetSubject(), survives: ['fire'] } as never)).rejects.toThrow(wrong);
    await expect(exploreScheduler(fleetSubject(), { clients: 0 })).rejects.toThrow(wrong);
    expect(() => schedulerWorkload(fleetSubject(), { operations: 0 })).toThrow(wrong);
  });
});
