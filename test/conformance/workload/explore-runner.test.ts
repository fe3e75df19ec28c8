import { describe, expect, test } from 'vitest';
import { exploreRunner } from '../../../src/conformance/workload/explore-runner.ts';
import { exploreService } from '../../../src/conformance/workload/explore-service.ts';
import { exploreStub } from '../../../src/conformance/workload/explore-stub.ts';
import { unusualCount } from '../../../src/explore/keyed-log.ts';
import { having } from '../broken-services.ts';
import { simulated } from '../subjects.ts';

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
