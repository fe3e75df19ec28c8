import { describe, expect, test } from 'vitest';
import { exploreRunner } from '../../../src/conformance/workload/explore-runner.ts';
import { exploreScheduler } from '../../../src/conformance/workload/explore-scheduler.ts';
import { exploreService } from '../../../src/conformance/workload/explore-service.ts';
import { runnerWorkload } from '../../../src/conformance/workload/runner-workload.ts';
import { type ServiceSubject, serviceWorkload } from '../../../src/conformance/workload/service-workload.ts';
import { exploreStub } from '../../../src/conformance/workload/explore-stub.ts';
import { unusualCount } from '../../../src/explore/keyed-log.ts';
import { isRunnerError } from '../../../src/kernel/errors.ts';
import { having } from '../broken-services.ts';
import { simulated } from '../subjects.ts';
import type { ExplorationProgress } from '../../../src/conformance/workload/explore-workload.ts';
import { realWorld } from '../../../src/host/real-world.ts';
import type { RunStatus } from '../../../src/model/run-status.ts';
import type { QueryResult } from '../../../src/model/status-reader.ts';

const neverMoved = (): never => {
  throw new Error('expected no world to be made');
};

describe('exploreRunner', () => {
  test('holds for a runner that keeps its contract', async () => {
    const { held, executions, failure } = await exploreRunner(simulated, { executions: 100, seed: 'ok' });
    expect(failure?.message).toBeUndefined();
    expect({ held, executions }).toEqual({ held: true, executions: 100 });
  });

  test('refuses an option of another name', async () => {
    const options = { execution: 50 } as never;
    await expect(exploreRunner(simulated, options)).rejects.toThrow(
      /only the fields .*, got a field "execution"/,
    );
    await expect(exploreService(simulated as never, options)).rejects.toThrow(/got a field "execution"/);
    await expect(exploreStub(simulated as never, options)).rejects.toThrow(/got a field "execution"/);
  });

  test('sequences, which only a runner on other time has, are refused where nothing runs them', async () => {
    const create: ServiceSubject['create'] = (world) => simulated.create(world, {});
    const service = { name: 'mine', commands: simulated.commands, create };
    const options = { sequences: 2, executions: 1 } as never;
    const refusal = {
      code: 'RUNNER_INVALID_ARGUMENT',
      message: expect.stringContaining('got a field "sequences"') as string,
    };
    await expect(exploreService(service, options)).rejects.toMatchObject(refusal);
    await expect(exploreScheduler({ name: 'mine', create: neverMoved }, options)).rejects.toMatchObject(
      refusal,
    );
  });

  test.for([
    ['on the machine’s time', 'replay', 'dr2:'],
    ['on the machine’s time', 'executions', 100],
    ['on the machine’s time', 'reachWithin', 0],
    ['on the machine’s time', 'shrinkExecutions', 0],
    ['in held time', 'replay', 'dr2:'],
    ['in held time', 'executions', 100],
    ['in held time', 'reachWithin', 0],
    ['in held time', 'shrinkExecutions', 0],
    ['in virtual time', 'sequences', 3],
  ] as const)('%s refuses %s, because it would have no effect', async ([where, option, given]) => {
    const supports = { ...simulated.supports, virtualTime: 'it lives on the machine’s time' };
    const time = {
      'on the machine’s time': { supports, wallWorld: neverMoved },
      'in held time': { heldWorld: neverMoved },
      'in virtual time': { create: neverMoved },
    }[where];
    await expect(exploreRunner({ ...simulated, ...time }, { [option]: given })).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: expect.stringMatching(`^options\\.${option}: expected to be absent: .*, got `) as string,
    });
  });

  test('refuses to explore without clients or operations, which would hold for anything', async () => {
    await expect(exploreRunner(simulated, { clients: 0 })).rejects.toThrow(/clients: expected .*, got 0/);
    await expect(exploreRunner(simulated, { operations: 0 })).rejects.toThrow(
      /operations: expected .*, got 0/,
    );
  });

  test.for<readonly [string, Record<string, unknown>]>([
    ['limits.clients', { clients: -1 }],
    ['limits.clients', { clients: 0 }],
    ['limits.operations', { operations: 0 }],
    ['limits.operations', { operations: 1.5 }],
    ['limits', { operation: 3 }],
  ])('the scenarios refuse wrong %s', ([field, limits]) => {
    const refusal = expect.objectContaining({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: expect.stringContaining(field) as string,
    }) as Error;
    expect(() => runnerWorkload(simulated, limits)).toThrow(refusal);
    const create: ServiceSubject['create'] = (world) => simulated.create(world, {});
    const service = { name: 'mine', commands: simulated.commands, create };
    expect(() => serviceWorkload(service, limits)).toThrow(refusal);
  });

  test('says neither that it held nor that anything was missed if nothing was executed', async () => {
    const nothing = { held: false, executions: 0, missed: [] };
    expect(await exploreRunner(simulated, { executions: 0, reachWithin: 0 })).toEqual(nothing);
    expect(await exploreRunner(simulated, { shouldStop: () => true })).toEqual(nothing);
    const held = { ...simulated, heldWorld: neverMoved };
    expect(await exploreRunner(held, { sequences: 0 })).toEqual(nothing);
  });

  test.for([simulated, { ...simulated, heldWorld: neverMoved }])(
    'refuses a shouldStop that answers later',
    async (subject) => {
      const shouldStop = (): Promise<boolean> => Promise.resolve(false);
      await expect(exploreRunner(subject, { shouldStop: shouldStop as never })).rejects.toThrow(
        /shouldStop\(\): expected true or false, got .*promise/i,
      );
    },
  );

  test.for(['', '-1', -1, 0.5])('takes the seed %j', async (seed) => {
    expect(await exploreRunner(simulated, { executions: 2, seed })).toMatchObject({
      held: true,
      executions: 2,
    });
  });

  test('leaves out what a failure kept it from reaching', async () => {
    const abort = (): Promise<never> => Promise.reject(new Error('no'));
    const subject: typeof simulated = {
      ...simulated,
      async create(world, options) {
        const made = await simulated.create(world, options);
        return { ...made, service: having(made.service, { abort }) };
      },
    };
    const { failure, missed } = await exploreRunner(subject, { executions: 300 });
    expect(failure?.message).toContain('abort');
    expect(missed).toEqual([]);
  });

  test('finds, makes small and explains an end that is not that of the command', async () => {
    const subject: typeof simulated = {
      ...simulated,
      async create(world, options) {
        const made = await simulated.create(world, options);
        const abort: typeof made.service.abort = async (runId) => {
          const status = await made.service.abort(runId);
          return { ...status, exitCode: status.exitCode + 1, state: 'COMPLETE' };
        };
        return { ...made, service: having(made.service, { abort }) };
      },
    };
    const { held, failure } = await exploreRunner(subject, { executions: 500, shrinkExecutions: 300 });
    expect(held).toBe(false);
    expect(failure?.message).toMatch(/^R\d+ /);
    expect(unusualCount(failure?.shrunk?.decisions ?? [])).toBeLessThan(
      unusualCount(failure?.decisions ?? []),
    );
    expect(failure?.explanation).toBeDefined();
  });

  test('R11 R99 a runner without outputs need not have refs; one that keeps outputs, or has refs at times, must', async () => {
    const without = (
      isBare: (runId: string) => boolean,
      supports: typeof simulated.supports,
    ): typeof simulated => ({
      ...simulated,
      supports,
      async create(world, options) {
        const { service, ...made } = await simulated.create(world, options);
        const bare = (status: RunStatus): RunStatus =>
          isBare(status.runId) ? { ...status, stdoutRef: '', stderrRef: '' } : status;
        const all = (result: QueryResult): QueryResult => ({
          ...result,
          statuses: result.statuses.map(bare),
        });
        return {
          ...made,
          service: having(service, {
            run: async (command) => bare(await service.run(command)),
            abort: async (runId) => bare(await service.abort(runId)),
            query: async (query, wait) => all(await service.query(query, wait)),
            queryNow: async (query) => all(await service.queryNow(query)),
            statusAll: async () => all(await service.statusAll()),
            status: async (runId) => {
              const result = await service.status(runId);
              return { ...result, status: bare(result.status) };
            },
          }),
        };
      },
    });
    const supports = { ...simulated.supports, outputs: 'nobody reads them' };
    const options = { executions: 100, seed: 'refs', shrinkExecutions: 100 };
    expect(
      (
        await exploreRunner(
          without(() => true, supports),
          options,
        )
      ).failure?.message,
    ).toBeUndefined();
    const kept = await exploreRunner(
      without(() => true, simulated.supports),
      options,
    );
    expect(kept.failure?.message).toMatch(/^R99 /);
    const some = await exploreRunner(
      without((runId) => runId.endsWith('1'), supports),
      options,
    );
    expect(some.failure?.message).toMatch(/^R99 /);
  });

  test('shows the failure that was made small, in a text that says how to repeat it, and repeats that one execution', async () => {
    const subject: typeof simulated = {
      ...simulated,
      async create(world, options) {
        const made = await simulated.create(world, options);
        const abort: typeof made.service.abort = async (runId) => {
          try {
            return await made.service.abort(runId);
          } catch {
            throw new TypeError('nobody knows it');
          }
        };
        return { ...made, service: having(made.service, { abort }) };
      },
    };
    const steps: ExplorationProgress[] = [];
    const { failure } = await exploreRunner(subject, { onProgress: (step) => void steps.push(step) });
    expect(failure?.message).toBe(failure?.shrunk?.message);
    expect(new Set(steps.map(({ doing }) => doing)).size).toBe(3);
    const lines = failure?.text.split('\n') ?? [];
    expect(lines[0]).toMatch(
      /R72 abort of run .*: expected RUNNER_(UNKNOWN_RUN|RELEASED), got the TypeError "nobody knows it"/,
    );
    expect(lines.slice(1, 4)).toEqual([
      'What the contract says',
      expect.stringMatching(/^ {2}R72 abort\(terminal\) returns/),
      'What happened',
    ]);
    expect(failure?.text).toContain('  TypeError was thrown\n    Object.abort ');
    expect(failure?.text).not.toContain('What would have held');
    const [, replay] = /^exploreRunner\(subject, \{ replay: '(.*)' \}\)$/.exec(lines.at(-1) ?? '') ?? [];
    const options = { replay: replay ?? '', shrinkExecutions: 0 };
    const again = await exploreRunner(subject, options);
    expect([again.executions, again.failure?.message]).toEqual([1, failure?.message]);
    expect(again.failure?.text).toBe(failure?.text);
    expect(again.replayed).toEqual({
      outcome: 'reproduced',
      text: 'Reproduced: the failure of the token has happened again',
    });
    expect(await exploreRunner(simulated, options)).toMatchObject({
      held: true,
      executions: 1,
      replayed: {
        outcome: 'fixed',
        text: expect.stringMatching(
          /^Fixed: every decision of the token fits, and nothing fails any more; it is kept for: check R/,
        ),
      },
    });
    const otherwise: typeof simulated = {
      ...simulated,
      async create(world, asked) {
        const made = await simulated.create(world, asked);
        return {
          ...made,
          service: having(made.service, { statusAll: () => Promise.reject(new Error('no list')) }),
        };
      },
    };
    const different = await exploreRunner(otherwise, options);
    expect(different.replayed?.outcome).toBe('fails differently');
    expect(different.failure?.text).toMatch(
      /^Fails differently: the token is kept for another failure, which does not happen any more; what fails now is this: [^\n]*\n.*no list/,
    );
  });

  test('a subject with a world of the machine that claims virtual time is refused', async () => {
    await expect(exploreRunner({ ...simulated, wallWorld: realWorld }, { sequences: 1 })).rejects.toThrow(
      /^subject\.supports\.virtualTime: expected the reason why it lacks virtual time, since it has a wallWorld, got true/,
    );
  });

  test('a runner that polls for ever is a stall, found and made small within its executions', async () => {
    const subject: typeof simulated = {
      ...simulated,
      async create(world, options) {
        const made = await simulated.create(world, options);
        const query: typeof made.service.query = async (asked, wait) => {
          try {
            return await made.service.query(asked, wait);
          } catch (error) {
            if (!isRunnerError(error, 'RUNNER_RELEASED')) throw error;
          }
          for (;;) {
            await new Promise<void>((resolve) => {
              world.clock.timer('poll', 1, resolve);
            });
          }
        };
        return { ...made, service: having(made.service, { query }) };
      },
    };
    let executions = 0;
    const { failure } = await exploreRunner(subject, {
      shrinkExecutions: 300,
      onProgress: (step) => (executions = step.executions),
    });
    expect(failure?.text).toMatch(
      /^workload-\S+ fails at \d+ ms: .*: expected its end with the release of the runner, at \d+ ms \(R84\), got none/,
    );
    expect(failure?.text).toContain('repeats: poll, every 1 ms');
    expect(executions).toBeLessThan(500);
  }, 120_000);

  test.for<readonly [string, Record<string, unknown>]>([
    ['name', { name: 3 }],
    ['name', { name: undefined }],
    ['commands', { commands: undefined }],
    ['commands', { commands: {} }],
    ['commands', { commands: { ...simulated.commands, stubborn: undefined } }],
  ])('refuses a subject by its %s', async ([field, wrong]) => {
    const subject = { ...simulated, ...wrong };
    const refusal = { code: 'RUNNER_INVALID_ARGUMENT', message: expect.stringContaining(`subject.${field}`) };
    await expect(exploreRunner(subject, { executions: 1 })).rejects.toMatchObject(refusal);
  });
});
