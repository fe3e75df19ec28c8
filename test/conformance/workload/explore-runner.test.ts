import { describe, expect, test } from 'vitest';
import { exploreRunner } from '../../../src/conformance/workload/explore-runner.ts';
import { unusualCount } from '../../../src/explore/keyed-log.ts';
import { having } from '../broken-services.ts';
import { simulated } from '../subjects.ts';

describe('exploreRunner', () => {
  test('holds for a runner that keeps its contract', async () => {
    const { held, executions, failure } = await exploreRunner(simulated, { executions: 100, seed: 'ok' });
    expect(failure?.message).toBeUndefined();
    expect({ held, executions }).toEqual({ held: true, executions: 100 });
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
});
