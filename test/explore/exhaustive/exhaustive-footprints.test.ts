import { describe, expect, test } from 'vitest';
import { certify } from '../../../src/explore/exhaustive/certify.ts';
import { createSimExecer } from '../../../src/execers/sim-execer.ts';
import { createVirtualFiler } from '../../../src/filers/fake-filer.ts';
import type { RunTypeMap } from '../../../src/model/run-type.ts';
import { NO_TAGS } from '../../../src/model/command.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { defaultOracles } from '../../../src/oracles/default-oracles.ts';
import { argvScript, type FakeScripts } from '../../../src/runners/fake/fake-script.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { createSimulatedRunner, type SimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { defineScenario, type ScenarioDefinition } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { topicOf, type Label } from '../../../src/kernel/question.ts';

type See = (what: string) => void;
type Run = (sim: Simulation, see: See) => Promise<void>;
type Options = NonNullable<ScenarioDefinition['options']>;

const NAMES = ['a', 'b'];
const COMMAND = { argv: ['sleep 5', 'complete 0'] };

/** What users saw in all the schedules that were explored. */
async function allSeen(run: Run, makeOptions: (see: See) => Options = () => ({})): Promise<Set<string>> {
  let seen = '';
  const see: See = (what) => {
    seen += what;
  };
  const all = new Set<string>();
  const scenario = defineScenario({
    name: 'seen',
    description: 'users see something',
    options: makeOptions(see),
    run(sim) {
      seen = '';
      return run(sim, see);
    },
  });
  const { complete, failures } = await certify(scenario, {
    onExecution: ({ failure }) => {
      if (failure?.kind !== 'abandoned') all.add(seen);
    },
  });
  expect([complete, failures]).toEqual([true, 0]);
  return all;
}

/** Two simulated runners with a run each; nobody waits for them. */
async function startTwo(sim: Simulation): Promise<SimulatedRunner[]> {
  const runners = NAMES.map((name) => createSimulatedRunner(sim.world, { name }));
  await Promise.all(runners.map((runner) => runner.run(COMMAND)));
  return runners;
}

function scripts(see: See, name: string): FakeScripts {
  return (command) => {
    see(name);
    return argvScript(command);
  };
}

async function leave(sim: Simulation, runners: readonly { release(): Promise<void> }[]): Promise<void> {
  await sim.sleep(20);
  for (const runner of runners) await runner.release();
}

/** Two runners check out from one filer, which `optionsWith` passes on. */
function throughFiler(optionsWith: (filers: RunTypeMap) => object): Run {
  return async (sim, see) => {
    const filer = createVirtualFiler();
    const { checkout } = filer;
    filer.checkout = (snapshotId, cancel) => {
      see(snapshotId);
      return checkout.call(filer, snapshotId, cancel);
    };
    const filers: RunTypeMap = new Map([['scoot', { filer }]]);
    const runners = NAMES.map((name) =>
      createSimulatedRunner(sim.world, Object.assign(optionsWith(filers), { name })),
    );
    await Promise.all(runners.map((runner, index) => runner.run({ ...COMMAND, snapshotId: NAMES[index]! })));
    await leave(sim, runners);
  };
}

interface Way {
  readonly way: string;
  readonly run: Run;
  readonly options?: (see: See) => Options;
}

const ways: readonly Way[] = [
  {
    way: 'a wait ends',
    run: async (sim, see) => {
      const runners = await startTwo(sim);
      NAMES.forEach((name, index) => void finalStatus(runners[index]!, '0').then(() => see(name)));
      await leave(sim, runners);
    },
  },
  {
    way: 'a release is over',
    run: async (sim, see) => {
      const runners = NAMES.map((name) => createFakeRunner(sim.world, { name, script: argvScript }));
      await Promise.all(runners.map((runner) => runner.run(COMMAND)));
      await sim.sleep(1);
      await Promise.all(NAMES.map((name, index) => runners[index]!.release().then(() => see(name))));
    },
  },
  {
    way: 'a script function is asked',
    run: async (sim, see) => {
      const runners = NAMES.map((name) => createFakeRunner(sim.world, { name, script: scripts(see, name) }));
      await Promise.all(runners.map((runner) => runner.run(COMMAND)));
      await leave(sim, runners);
    },
  },
  {
    way: 'a process ends that was started by hand',
    run: async (sim, see) => {
      const runners = NAMES.map((name) => createSimulatedRunner(sim.world, { name }));
      const watch = async (index: number): Promise<void> => {
        const process = runners[index]!.shareExecer().exec({ ...COMMAND, ...NO_TAGS, dir: '' });
        await process.wait();
        see(NAMES[index]!);
      };
      await Promise.all([watch(0), watch(1)]);
      await leave(sim, runners);
    },
  },
  {
    way: 'an event is made on the clock of its store',
    run: async (sim, see) => {
      const runners = await startTwo(sim);
      NAMES.forEach((name, index) => runners[index]!.shareStore().clock.timer('own', 1, () => see(name)));
      await leave(sim, runners);
    },
  },
  {
    way: 'a property is checked',
    run: async (sim, see) => {
      const started: string[] = [];
      const runners = await startTwo(sim);
      sim.always('somebody looks', () => {
        for (const [index, runner] of runners.entries()) {
          const name = NAMES[index]!;
          if (started.includes(name) || runner.outputs.all().length === 0) continue;
          started.push(name);
          see(name);
        }
        return true;
      });
      await leave(sim, runners);
    },
  },
  {
    way: 'an oracle of the scenario watches',
    run: async (sim) => leave(sim, await startTwo(sim)),
    options: (see) => ({
      oracles: [
        ...defaultOracles(),
        () => ({
          watch(event) {
            if (event.type === 'status' && event.status.state === 'RUNNING') see(event.runner);
          },
          end() {},
        }),
      ],
    }),
  },
  {
    way: 'an execer is shared',
    run: async (sim, see) => {
      const execer = createSimExecer({ clock: sim.world.clock });
      const runners = NAMES.map((name) =>
        createSimulatedRunner(sim.world, { name, idPrefix: `${name}-`, execer }),
      );
      await Promise.all(runners.map((runner) => runner.run({ argv: ['pause', 'complete 0'] })));
      await sim.sleep(5);
      // Wakes who has paused first.
      execer.resume();
      await sim.sleep(5);
      for (const [index, runner] of runners.entries()) {
        const { status } = await runner.status(`${NAMES[index]!}-0`);
        if (status.state === 'COMPLETE') see(NAMES[index]!);
      }
      execer.resume();
      await leave(sim, runners);
    },
  },
  { way: 'a filer is shared', run: throughFiler((filers) => ({ filers })) },
  {
    way: 'a filer is shared by options that inherit it',
    run: throughFiler((filers) => Object.create({ filers }) as object),
  },
  {
    way: 'a filer is shared by options that have a getter for it',
    run: throughFiler((filers) =>
      Object.defineProperty({}, 'filers', { get: () => filers, enumerable: true }),
    ),
  },
  {
    way: 'a filer is shared by options that do not list it',
    run: throughFiler((filers) => Object.defineProperty({}, 'filers', { value: filers })),
  },
  {
    way: 'a clock of the user stands in between',
    run: async (sim, see) => {
      const { clock } = sim.world;
      const world = {
        ...sim.world,
        clock: {
          epochMs: clock.epochMs,
          now: () => clock.now(),
          timer: clock.timer.bind(clock),
          endOfInstant: clock.endOfInstant.bind(clock),
          post(label: Label, fire: () => void) {
            return clock.post(label, () => {
              const { owner, what } = topicOf(label);
              if (what === 'start') see(typeof owner === 'string' ? owner : owner.text);
              fire();
            });
          },
        },
      };
      const runners = NAMES.map((name) => createFakeRunner(world, { name, script: argvScript }));
      await Promise.all(runners.map((runner) => runner.run(COMMAND)));
      await leave(sim, runners);
    },
  },
];

describe('events of two runners are tried in both orders if', () => {
  test.each(ways)('$way', async ({ run, options }) => {
    const seen = await allSeen(run, options);
    expect(new Set([...seen].map((text) => text.charAt(0)))).toEqual(new Set(NAMES));
  });
});

test('events of two runners with one name are tried in both orders, as one oracle judges them together', async () => {
  const scenario = defineScenario({
    name: 'namesakes',
    description: 'the run of one ends as that of the other begins',
    async run(sim) {
      const runners = ['a-', 'b-'].map((idPrefix) =>
        createFakeRunner(sim.world, { idPrefix, script: argvScript }),
      );
      for (const runner of runners) {
        await runner.run({ argv: ['sleep 5', 'complete 0'] });
        await sim.sleep(5);
      }
      await sim.sleep(5);
      await leave(sim, runners);
    },
  });
  const { failures, schedules } = await certify(scenario);
  expect(failures).toBeGreaterThan(0);
  expect(schedules).toBeGreaterThan(failures);
});

test('any number of runners that nobody watches need only one order', async () => {
  const scenario = defineScenario({
    name: 'side-by-side',
    description: 'ten runners work',
    async run(sim) {
      const runners = Array.from({ length: 10 }, (_, index) =>
        createSimulatedRunner(sim.world, { name: `r${index}` }),
      );
      await Promise.all(runners.map((runner) => runner.run(COMMAND)));
      await leave(sim, runners);
    },
  });
  expect(await certify(scenario)).toMatchObject({ complete: true, schedules: 1, executions: 1 });
});
