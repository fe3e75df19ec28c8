// Scenarios that a correct runner gets through, whatever is drawn: commands of all kinds, aborts, waits, faulty filers, updates, slow
// uploads, chaos in front, a release at the end.
import fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { createSimFiler } from '../../src/filers/sim-filer.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { createMemoryMetrics } from '../../src/metrics/memory-metrics.ts';
import type { LogUploader } from '../../src/model/collaborators.ts';
import type { Command } from '../../src/model/command.ts';
import type { RunTypeMap } from '../../src/model/run-type.ts';
import type { Service } from '../../src/model/service.ts';
import { sleep } from '../../src/kernel/clock.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import type { World } from '../../src/model/world.ts';
import { type PhaseBounds, phaseBounds } from '../../src/oracles/promptness.ts';
import { watchService } from '../../src/oracles/watch-service.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';

const GRACE_MS = 70;
const CANCEL_MS = 40;
const UPLOAD_CANCEL_MS = 10;
const LOCAL_MS = 5;

/** What the collaborators of these scenarios promise. */
export const promised: PhaseBounds = phaseBounds({
  execer: createSimExecer({ clock: createVirtualClock(), graceMs: GRACE_MS }),
  filers: [{ cancelBoundMs: CANCEL_MS }],
  uploader: { cancelBoundMs: UPLOAD_CANCEL_MS },
  localBoundMs: LOCAL_MS,
});

/** One thing that a scheduler does. */
export type Act =
  | { readonly act: 'run'; readonly command: Command }
  | { readonly act: 'abort'; readonly nth: number }
  | { readonly act: 'await'; readonly nth: number }
  | { readonly act: 'pass'; readonly ms: number };

/** A drawn scenario. */
export interface LegalPlan {
  readonly capacity: number;
  readonly updateIntervalMs: number;
  readonly uploadMs: number;
  readonly acts: readonly Act[];
}

const step = fc.oneof(
  fc.nat(60).map((ms) => `sleep ${ms}`),
  fc.constantFrom('complete 0', 'complete 3', 'fail 7 lost', 'hang', 'stdout hello', 'stderr oh'),
  fc.constantFrom('ignore-term', 'fork', 'orphan', 'signal SIGSEGV', 'no such step'),
);
const command: Arbitrary<Command> = fc.record(
  {
    argv: fc.array(step, { maxLength: 4 }).map((steps) => [...steps, 'sleep 5', 'complete 0']),
    timeoutMs: fc.constantFrom(0, 20, 45),
    snapshotId: fc.constantFrom('', 'snap'),
  },
  { requiredKeys: ['argv'] },
);
const act: Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant('run' as const), command }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('abort' as const), nth: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('await' as const), nth: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('pass' as const), ms: fc.nat(80) }) },
);

/** Draws scenarios. */
export const legalPlan: Arbitrary<LegalPlan> = fc.record({
  capacity: fc.integer({ min: 1, max: 4 }),
  updateIntervalMs: fc.constantFrom(0, 30),
  uploadMs: fc.constantFrom(0, 15),
  acts: fc.array(act, { minLength: 1, maxLength: 25 }),
});

/** Plays a plan against a simulated runner with everything around it; R207 is watched on the way. */
export async function play(sim: Simulation, plan: LegalPlan): Promise<void> {
  const runner = watchService(sim.world, makeRunner(sim.world, plan), ({ rule, message }) => {
    sim.check(false, `${rule} ${message}`);
  });
  const runIds: string[] = [];
  const background: Promise<unknown>[] = [];
  for (const [index, next] of plan.acts.entries()) {
    switch (next.act) {
      case 'run':
        await offer(runner, { ...next.command, taskId: String(index) }, runIds);
        break;
      case 'abort':
        background.push(known(runIds, next.nth, (runId) => runner.abort(runId)));
        break;
      case 'await':
        background.push(known(runIds, next.nth, (runId) => finalStatus(runner, runId)));
        break;
      case 'pass':
        await sim.sleep(next.ms);
        break;
    }
  }
  await runner.release();
  await Promise.all(background);
  // What a filer was given up for comes back within its latency.
  await sim.sleep(1_000);
}

async function offer(runner: Service, offered: Command, runIds: string[]): Promise<void> {
  try {
    runIds.push((await runner.run(offered)).runId);
  } catch (error) {
    if (!isRunnerError(error, 'RUNNER_BUSY') && !isRunnerError(error, 'RUNNER_UNHEALTHY')) throw error;
  }
}

/** Does something with a run that was accepted, if there is one; an evicted one or a release may get in between. */
async function known(
  runIds: readonly string[],
  nth: number,
  use: (runId: string) => Promise<unknown>,
): Promise<void> {
  const runId = runIds[nth % Math.max(1, runIds.length)];
  if (runId === undefined) return;
  try {
    await use(runId);
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_UNKNOWN_RUN') || isRunnerError(error, 'RUNNER_RELEASED')) return;
    throw error;
  }
}

function makeRunner(world: World, { capacity, updateIntervalMs, uploadMs }: LegalPlan): Service {
  const { clock, choices, tracer } = world;
  const filer = createSimFiler({
    clock,
    choices,
    updateIntervalMs,
    cancelBoundMs: CANCEL_MS,
    menu: {
      checkout: [
        { latencyMs: 25 },
        { latencyMs: 25, cancelMs: CANCEL_MS },
        { fail: { text: 'no such snapshot', exitCode: 212 } },
        { latencyMs: 300, deaf: true },
      ],
      update: [{ latencyMs: 12 }, { fail: { text: 'no network' } }],
      release: [{ latencyMs: 3 }],
    },
  });
  const filers: RunTypeMap = new Map([['scoot', { filer }]]);
  const uploader: LogUploader = {
    cancelBoundMs: UPLOAD_CANCEL_MS,
    async upload(name) {
      if (uploadMs > 0) await sleep(clock, uploadMs, `upload ${name}`);
      return `https://logs/${name}`;
    },
  };
  return createSimulatedRunner(world, {
    name: 'legal',
    capacity,
    filers,
    uploader,
    localBoundMs: LOCAL_MS,
    execer: createSimExecer({ clock, graceMs: GRACE_MS }),
    metrics: createMemoryMetrics({ clock, name: 'legal', ...(tracer === undefined ? {} : { tracer }) }),
  });
}
