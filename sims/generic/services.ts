/** Finished services of many kinds under the workload of any service: remote clients over networks that lose, repeat and delay, nodes, decorators, a scheduler. */
import {
  argvScript,
  createChaosRunner,
  createFakeRunner,
  createMemoryMetrics,
  createPollingService,
  createSimulatedRunner,
  meterService,
  type ScenarioDefinition,
} from 'dryrunner';
import { serviceWorkload, simCommands } from 'dryrunner/conformance';
import { createPool } from './pool.ts';

const CAPACITY = 3;

/** A client behind a network that loses calls and replies, and delays them. */
export const remote: ScenarioDefinition<unknown> = serviceWorkload({
  name: 'remote',
  commands: simCommands,
  supports: ['timeouts', 'unstartable', 'failures', 'signals'],
  losesCalls: true,
  create: (world) => {
    const lossy = { before: 0.05, after: 0.1 };
    const rates = {
      run: lossy,
      abort: lossy,
      status: lossy,
      query: lossy,
      queryNow: lossy,
      statusAll: lossy,
    };
    const runner = createSimulatedRunner(world, { capacity: CAPACITY, history: 0 });
    return { service: createChaosRunner(world, runner, { maxDelayMs: 20, plan: { rates } }) };
  },
});

/** A metered client that polls a fake runner. */
export const polled: ScenarioDefinition<unknown> = serviceWorkload({
  name: 'polled',
  commands: simCommands,
  supports: ['timeouts', 'unstartable', 'failures', 'signals'],
  capacity: CAPACITY,
  create: (world) => {
    const runner = createFakeRunner(world, { capacity: CAPACITY, history: 0, script: argvScript });
    const metered = meterService(runner, { clock: world.clock, metrics: createMemoryMetrics() });
    return { service: createPollingService(world, metered, metered, { periodMs: 5 }) };
  },
});

/** A service that has many runs at work at once. */
export const pool: ScenarioDefinition<unknown> = serviceWorkload({
  name: 'pool',
  commands: simCommands,
  supports: ['timeouts', 'unstartable', 'failures', 'signals'],
  atOnce: 100,
  create: (world) => ({ service: createPool(world) }),
});
