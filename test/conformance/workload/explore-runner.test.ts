import { describe, expect, test } from 'vitest';
import { exploreRunner } from '../../../src/conformance/workload/explore-runner.ts';
import { exploreService } from '../../../src/conformance/workload/explore-service.ts';
import { runnerWorkload } from '../../../src/conformance/workload/runner-workload.ts';
import { type ServiceSubject, serviceWorkload } from '../../../src/conformance/workload/service-workload.ts';
import { exploreStub } from '../../../src/conformance/workload/explore-stub.ts';
import { unusualCount } from '../../../src/explore/keyed-log.ts';
import { having } from '../broken-services.ts';
import { simulated } from '../subjects.ts';

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

  test.for<readonly [string, Record<string, unknown>]>([
    ['limits.clients', { clients: -1 }],
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
    const { held, failure } = await exploreRunner(subject, { executions: 500 });
    expect(held).toBe(false);
    expect(failure?.message).toMatch(/^R\d+ /);
    expect(unusualCount(failure?.shrunk?.decisions ?? [])).toBeLessThan(
      unusualCount(failure?.decisions ?? []),
    );
    expect(failure?.explanation).toBeDefined();
  });

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
