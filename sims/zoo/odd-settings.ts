/** Somebody sets a runner up with a value that makes no sense: it is refused where it is given, not found out when it is used. */
import {
  composeFiler,
  createChaosRunner,
  createPollingQuerier,
  createSimulatedRunner,
  createVirtualFiler,
  defineScenario,
  isRunnerError,
  type ScenarioDefinition,
  type Simulation,
} from 'dryrunner';
import { createErrorExecer } from 'dryrunner/kit';
import { failUnexpected } from './unexpected-error.ts';

/** Each makes something with a good value if `odd` is false, else with one that makes no sense. */
const SETTINGS: readonly {
  /** The setting, and what takes it. */
  readonly what: string;
  /** What makes no sense. */
  readonly value: number | string;
  readonly good: number | string;
  readonly make: (sim: Simulation, odd: boolean) => unknown;
}[] = [
  {
    what: 'capacity of createSimulatedRunner',
    value: -1,
    good: 1,
    make: (sim, odd) => createSimulatedRunner(sim.world, { capacity: odd ? -1 : 1 }),
  },
  {
    what: 'updateIntervalMs of a filer',
    value: -5,
    good: 0,
    make: (sim, odd) => {
      const files = createVirtualFiler();
      const updater = { updateIntervalMs: odd ? -5 : 0, update: () => undefined };
      const filer = composeFiler({ checkouter: files, ingester: files, updater });
      return createSimulatedRunner(sim.world, { filers: new Map([['scoot', { filer }]]) });
    },
  },
  {
    what: 'error of createErrorExecer',
    value: 'undefined',
    good: 'an Error',
    make: (_sim, odd) => createErrorExecer((odd ? undefined : new Error('no such program')) as Error),
  },
  {
    what: 'periodMs of createPollingQuerier',
    value: 0,
    good: 10,
    make: (sim, odd) => {
      const runner = createSimulatedRunner(sim.world);
      return createPollingQuerier(sim.world, runner, { periodMs: odd ? 0 : 10 });
    },
  },
  {
    what: 'maxDelayMs of createChaosRunner',
    value: -1,
    good: 10,
    make: (sim, odd) => createChaosRunner(sim.world, undefined, { maxDelayMs: odd ? -1 : 10 }),
  },
];

export const oddSettings: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-odd-settings',
  description:
    'somebody gives a setting a value that makes no sense: it is refused where it is given, with RUNNER_INVALID_ARGUMENT, before anything is done with it',
  run(sim) {
    for (const { what, value, good, make } of SETTINGS) {
      const odd = sim.choose(what, 40, (answer) => (answer === 39 ? value : good)) === 39;
      let isRefused = false;
      try {
        make(sim, odd);
      } catch (error) {
        if (!isRunnerError(error, 'RUNNER_INVALID_ARGUMENT')) {
          const said = odd ? `${what} was not refused as ${value}, but broke` : `${what} broke as ${good}`;
          failUnexpected(sim, said, odd ? 'RUNNER_INVALID_ARGUMENT' : 'no error', error);
        }
        isRefused = true;
      }
      sim.check(
        isRefused === odd,
        odd
          ? `${what} was accepted as ${value}\n\nExpected RUNNER_INVALID_ARGUMENT, got no error.`
          : `${what} was refused as ${good}\n\nExpected no error, got RUNNER_INVALID_ARGUMENT.`,
      );
    }
  },
});
