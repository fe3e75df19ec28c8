import { expect, test } from 'vitest';
import { simulate, type Simulation } from 'dryrunner';
import { createDoneExecer } from '../../../src/execers/done-execer.ts';
import type { Metrics } from '../../../src/model/metrics.ts';
import type { Service } from '../../../src/model/service.ts';
import { createNullOutputs } from '../../../src/outputs/null-output.ts';
import { meterService } from '../../../src/runners/metered-service.ts';
import { createQueueRunner } from '../../../src/runners/queue/create-queue-runner.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { virtualTempDirs } from '../../../src/runners/virtual-temp-dirs.ts';
import { filersOf, labFiler } from '../lab.ts';

const broken = (): never => {
  throw new Error('the backend is away');
};
const metrics: Metrics = {
  counter: () => ({ increment: broken }),
  gauge: () => ({ set: broken }),
  histogram: () => ({ record: broken }),
};

interface Kind {
  readonly name: string;
  readonly instruments: readonly string[];
  readonly create: (sim: Simulation) => Service & { release(): Promise<void> };
}

const KINDS: readonly Kind[] = [
  {
    name: 'simulated',
    instruments: ['workerUnhealthy', 'workerIdleLatency_ms', 'runningTask', 'workerTaskLatency_ms'],
    create: ({ world }) => createSimulatedRunner(world, { metrics }),
  },
  {
    name: 'queue',
    instruments: ['workerUnhealthy', 'workerIdleLatency_ms', 'runningTask', 'workerTaskLatency_ms'],
    create: (sim) =>
      createQueueRunner(sim.world, {
        metrics,
        execer: createDoneExecer(),
        filers: filersOf(labFiler({ sim, log: [] })),
        outputs: createNullOutputs(),
        tempDirs: virtualTempDirs(),
      }),
  },
  {
    name: 'metered',
    instruments: ['runs', 'runLatency_ms', 'activeRunsGauge'],
    create: ({ world }) => {
      const runner = createSimulatedRunner(world);
      const metered = meterService(runner, { ...world, metrics });
      return Object.assign(metered, { release: () => runner.release() });
    },
  },
];

test.for(KINDS)('instruments that throw change no outcome, and are recorded: $name', async (kind) => {
  const states: string[] = [];
  const verdict = await simulate({
    keepTrace: true,
    scenario: async (sim) => {
      const runner = kind.create(sim);
      for (let index = 0; index < 2; index += 1) {
        const { runId } = await runner.run({ argv: ['complete 0'] });
        await sim.sleep(100);
        states.push((await runner.status(runId)).status.state);
      }
      await runner.release();
    },
  });
  expect([verdict.failure?.message, states]).toEqual([undefined, ['COMPLETE', 'COMPLETE']]);
  const recorded = verdict.trace().flatMap((event) => (event.type === 'recorded' ? [event] : []));
  expect(new Set(recorded.map(({ what }) => what))).toEqual(new Set(['metrics']));
  const errors = recorded.map(({ error }) => error);
  for (const name of kind.instruments) expect(errors).toContain(`${name}: the backend is away`);
});
