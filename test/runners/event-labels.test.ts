import { describe, expect, test } from 'vitest';
import type { RunTypeMap } from '../../src/model/run-type.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { DONE_MASK } from '../../src/model/state-mask.ts';
import type { World } from '../../src/model/world.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';
import { createSimulatedRunner, type SimulatedRunnerOptions } from '../../src/runners/simulated-runner.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { inSimulation } from './in-simulation.ts';
import { labFiler, labProcessor, labUploader } from './lab.ts';
import { topicOf, type Label } from '../../src/kernel/question.ts';

/** The world of a simulation, and the labels of all events that somebody made in it. */
function labelled(sim: Simulation): { world: World; labels: Set<string> } {
  const { clock } = sim.world;
  const labels = new Set<string>();
  const noted = (label: Label): Label => {
    labels.add(topicOf(label).text);
    return label;
  };
  const world: World = {
    ...sim.world,
    clock: {
      epochMs: clock.epochMs,
      now: () => clock.now(),
      timer: (label, ms, fire) => clock.timer(noted(label), ms, fire),
      post: (label, fire) => clock.post(noted(label), fire),
      endOfInstant: (label, ms, fire) => clock.endOfInstant(noted(label), ms, fire),
    },
  };
  return { world, labels };
}

/** Everything takes time, and the filer wants updates, which hang. */
function slowParts(sim: Simulation): SimulatedRunnerOptions {
  const lab = { sim, log: [] };
  const filer = { ...labFiler(lab, { ms: 5 }), updateIntervalMs: 500, update: () => Promise.race<void>([]) };
  const filers: RunTypeMap = new Map([['scoot', { filer, init: sim.sleep(1) }]]);
  return {
    name: 'r',
    filers,
    updateLimitMs: 20,
    preprocessors: [labProcessor(lab, 'pre', { ms: 5 })],
    postprocessors: [labProcessor(lab, 'post', { ms: 5 })],
    uploader: labUploader(lab, { ms: 5, uploadBoundMs: 100 }),
  };
}

describe('the labels of events, by which a log is replayed', () => {
  test('a simulated runner names its events by itself or its run, and by what they are', async () => {
    await inSimulation(async (sim) => {
      const { world, labels } = labelled(sim);
      const runner = createSimulatedRunner(world, slowParts(sim));
      await sim.sleep(2);
      await runner.run({ argv: ['sleep 10', 'complete 0'], snapshotId: 's', timeoutMs: 1_000 });
      await finalStatus(runner, '0');
      await runner.run({ argv: ['ignore-term', 'hang'] });
      await sim.sleep(30);
      await runner.abort('1');
      await sim.sleep(1_000);
      await runner.run({ argv: ['hang'] });
      await runner.query({ runs: ['2'], states: DONE_MASK }, { timeoutMs: 5 });
      await runner.release();
      expect([...labels].sort()).toEqual([
        'process/0 sleep',
        'process/1 grace',
        'r init scoot',
        'r start',
        'r update scoot',
        'r update scoot done bound',
        'r update scoot done limit',
        'r wait on run 2',
        'run/0 checkout',
        'run/0 deadline',
        'run/0 postprocess',
        'run/0 preprocess',
        'run/0 upload',
        'run/0 upload bound',
        'run/0 wait',
        'run/1 abort',
        'run/1 postprocess',
        'run/1 postprocess bound',
        'run/1 preprocess',
        'run/1 wait',
        'run/1 wait bound',
        'run/2 abort',
        'run/2 postprocess',
        'run/2 postprocess bound',
        'run/2 preprocess',
        'run/2 wait',
        'run/2 wait bound',
      ]);
    });
  });

  test('a fake runner uses those of its script', async () => {
    await inSimulation(async (sim) => {
      const { world, labels } = labelled(sim);
      const runner = createFakeRunner(world, { name: 'f', script: () => ({ runMs: 50 }) });
      await runner.run({ argv: ['any'], timeoutMs: 10 });
      await finalStatus(runner, '0');
      await runner.run({ argv: ['any'] });
      await sim.sleep(1);
      await runner.abort('1');
      await runner.release();
      expect([...labels].sort()).toEqual([
        'f start',
        'run/0 deadline',
        'run/0 end',
        'run/1 abort',
        'run/1 end',
      ]);
    });
  });
});
