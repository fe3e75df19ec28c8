// The runners that live in virtual time, as the conformance suite sees them. What each cannot do is said with the reason.
import type { Service } from '../../src/model/service.ts';
import type { World } from '../../src/model/world.ts';
import { createMemoryMetrics } from '../../src/metrics/memory-metrics.ts';
import { supportsAllBut } from '../../src/conformance/capability.ts';
import { simCommands } from '../../src/conformance/command-vocabulary.ts';
import type { ConformanceSubject, RunnerUnderTest, SubjectOptions } from '../../src/conformance/subject.ts';
import { watchService } from '../../src/oracles/watch-service.ts';
import { createChaosRunner } from '../../src/network/chaos-runner.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';
import { argvScript } from '../../src/runners/fake/fake-script.ts';
import { meterService } from '../../src/runners/metered-service.ts';
import { createPollingService } from '../../src/runners/polling/polling-service.ts';
import { createQueueRunner } from '../../src/runners/queue/create-queue-runner.ts';
import { createRecorder } from '../../src/runners/recording/recorder.ts';
import { virtualTempDirs } from '../../src/runners/virtual-temp-dirs.ts';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { createVirtualFiler } from '../../src/filers/fake-filer.ts';
import { createMemoryOutputs } from '../../src/outputs/memory-output.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';

/** The simulated runner behind something that changes no behaviour. */
function simulatedBehind(
  name: string,
  wrap: (service: Service, world: World) => Service,
  supports: ConformanceSubject['supports'] = supportsAllBut({}),
): ConformanceSubject {
  return {
    name,
    supports,
    commands: simCommands,
    create(world: World, options: SubjectOptions): RunnerUnderTest {
      const runner = createSimulatedRunner(world, options);
      return {
        service: wrap(runner, world),
        readOutput: (uri) => runner.outputs.find(uri)?.text() ?? '',
      };
    },
  };
}

/** A script per command, no invoker. */
export const fake: ConformanceSubject = {
  name: 'fake',
  supports: supportsAllBut({
    outputs: 'a fake runner writes nothing',
    filers: 'a fake runner has no filers',
    collaborators: 'a fake runner has no invoker',
    actions: 'a fake runner has no invoker',
  }),
  commands: simCommands,
  create: (world, options) => ({ service: createFakeRunner(world, { ...options, script: argvScript }) }),
};

/** The real queue and invoker on the sim execer. */
export const simulated: ConformanceSubject = simulatedBehind('simulated', (service) => service);

/** Chaos without faults, which must not be noticed. */
export const chaosWithoutFaults: ConformanceSubject = simulatedBehind('chaos', (service, world) =>
  createChaosRunner(world, service),
);

/** What a remote client makes of a runner that it can only ask. */
export const polling: ConformanceSubject = simulatedBehind(
  'polling',
  (service, world) => createPollingService(world, service, service, { periodMs: 1 }),
  supportsAllBut({ exactStates: 'a poller misses what comes and goes between two polls' }),
);

/** Metered, which must not be noticed. */
export const metered: ConformanceSubject = simulatedBehind('metered', (service, { clock }) =>
  meterService(service, { clock, metrics: createMemoryMetrics() }),
);

/** Recorded, which must not be noticed. */
export const recorded: ConformanceSubject = {
  name: 'recorded',
  supports: supportsAllBut({ actions: 'no recording could play what goes to a store of actions' }),
  commands: simCommands,
  create(world: World, options: SubjectOptions): RunnerUnderTest {
    const outputs = createMemoryOutputs();
    const service = createQueueRunner(world, {
      execer: createSimExecer({ clock: world.clock }),
      filers: new Map([['scoot', { filer: createVirtualFiler() }]]),
      tempDirs: virtualTempDirs(),
      ...options,
      outputs,
      recorder: createRecorder(world),
    });
    return { service, readOutput: (uri) => outputs.find(uri)?.text() ?? '' };
  },
  createOn(world, { filers = new Map(), ...options }, { outputs, ...machine }) {
    const memory = createMemoryOutputs();
    const recorder = createRecorder(world);
    const service = createQueueRunner(world, {
      ...{ ...options, ...machine, filers, recorder },
      outputs: outputs(memory),
    });
    return { service, readOutput: (uri) => memory.find(uri)?.text() ?? '' };
  },
};

/** Watched for R207, whose violations are errors. */
export const watched: ConformanceSubject = simulatedBehind('watched', (service, world) =>
  watchService(world, service, ({ message }) => {
    throw new Error(message);
  }),
);

/** All of them, in the order of the matrix. */
export const virtualSubjects: readonly ConformanceSubject[] = [
  fake,
  simulated,
  chaosWithoutFaults,
  polling,
  metered,
  recorded,
  watched,
];
