// The parts other than runners that live in virtual time, as the lists of conformance see them.
import type { ChaosSubject } from '../../../src/conformance/parts/chaos-cases.ts';
import type { NodeSubject } from '../../../src/conformance/parts/node-cases.ts';
import { createChaosRunner } from '../../../src/network/chaos-runner.ts';
import { createNode } from '../../../src/simulation/service-node.ts';
import type { MemoryDiskSubject } from '../../../src/conformance/parts/memory-disk-cases.ts';
import type { StoreSubject } from '../../../src/conformance/parts/store-cases.ts';
import { createMemoryDisk } from '../../../src/disks/memory-disk.ts';
import { createStatusStore } from '../../../src/store/status-store.ts';
import {
  EXECER_GRACE_MS,
  EXECER_LONG_MS,
  type ExecerSubject,
  type ExecerUnderTest,
} from '../../../src/conformance/parts/execer-cases.ts';
import type { PlaybackSubject } from '../../../src/conformance/parts/playback-cases.ts';
import type { SimExecerSubject } from '../../../src/conformance/parts/sim-execer-cases.ts';
import { createErrorExecer } from '../../../src/execers/error-execer.ts';
import { createInterceptExecer } from '../../../src/execers/intercept-execer.ts';
import { createPlaybackExecer } from '../../../src/execers/playback-execer.ts';
import { createSimExecer } from '../../../src/execers/sim-execer.ts';
import { simScript, type SimStep, simStep } from '../../../src/execers/sim-step.ts';
import { createVirtualClock, type VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { Execer } from '../../../src/model/execer.ts';
import type { MaybePromise } from '../../../src/model/maybe-promise.ts';
import type { RecordedChunk, RecordedRun } from '../../../src/model/recording.ts';
import type { FilerSubject } from '../../../src/conformance/parts/filer-cases.ts';
import type { SimFilerSubject } from '../../../src/conformance/parts/sim-filer-cases.ts';
import type { MetricsSubject } from '../../../src/conformance/parts/metrics-cases.ts';
import type { MemoryOutputSubject } from '../../../src/conformance/parts/memory-output-cases.ts';
import type { OutputSubject } from '../../../src/conformance/parts/output-cases.ts';
import { createMemoryFiler } from '../../../src/filers/memory-filer.ts';
import { createSimFiler } from '../../../src/filers/sim-filer.ts';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import * as cluster from '../../../src/cluster/index.ts';
import { createNetwork } from '../../../src/cluster/network.ts';
import type { LockSubject } from '../../../src/conformance/parts/lock-cases.ts';
import type { NetworkProgram, NetworkSubject } from '../../../src/conformance/parts/network-cases.ts';
import type { SimulatedNetworkSubject } from '../../../src/conformance/parts/simulated-network/network-case.ts';
import { fifoDecisions } from '../../../src/kernel/fifo-decisions.ts';
import { simulate } from '../../../src/simulation/simulate.ts';

/** The network of a simulation, `spoilt` or as it is. */
export function networkSubject(
  name: string,
  spoil: <T extends object>(part: T) => T = (part) => part,
): NetworkSubject {
  return {
    name,
    async use(body) {
      const notes: string[] = [];
      const oracle = () => ({
        watch(event: { readonly type: string; readonly text?: string }) {
          if (event.type === 'note') notes.push(event.text ?? '');
        },
        end() {},
      });
      const { failure } = await simulate({
        oracles: [oracle],
        source: fifoDecisions(),
        scenario(sim) {
          const net = createNetwork(sim);
          return body(
            spoil({
              notes,
              node: async (node: string, { run }: NetworkProgram) => spoil(net.node(node, run)),
              connect: net.connect.bind(net),
              stop: () => net.stop(),
            }),
          );
        },
      });
      if (failure !== undefined) throw new Error(failure.message, { cause: failure.cause });
    },
  };
}

export const simulatedNetwork: SimulatedNetworkSubject = {
  name: 'a simulated network',
  create: createNetwork,
};

export const locks: LockSubject = { name: 'locks in a simulation', parts: cluster };

/** A tree in memory as a filer's disk. */
export function memoryFilerSubject(
  name: string,
  spoil: <T extends object>(part: T) => T = (part) => part,
): FilerSubject {
  return {
    name,
    async use(body) {
      const memory = createMemoryFiler();
      const { tree } = memory;
      tree.makeDir('/home');
      await body({
        filer: spoil(memory),
        folder: '/home',
        write: (path, text, executable) => tree.writeFile(path, text, executable),
        makeFolder: (path) => tree.makeDir(path),
        filesBelow(path) {
          if (tree.kindOf(path) === undefined) return undefined;
          const files: Record<string, string> = {};
          for (const [at, entry] of tree.entriesUnder(path)) {
            if (entry.kind !== 'file') continue;
            files[entry.executable ? `${at}*` : at] = new TextDecoder().decode(
              tree.readFile(`${path}/${at}`),
            );
          }
          return files;
        },
      });
    },
  };
}

export const simFiler: SimFilerSubject = { name: 'a simulated filer', create: createSimFiler };

export const memoryOutputs: OutputSubject & MemoryOutputSubject = {
  name: 'outputs in memory',
  async use(body) {
    const outputs = createMemoryOutputs();
    await body({ outputs, read: (uri) => outputs.find(uri)?.bytes() ?? new Uint8Array() });
  },
  create: createMemoryOutputs,
};

export const memoryMetrics: MetricsSubject = {
  name: 'metrics in memory',
  create() {
    const metrics = createMemoryMetrics();
    return { metrics, snapshot: () => metrics.snapshot() };
  },
  createInMemory: createMemoryMetrics,
};

/** Time on a virtual clock: jumps from event to event until the result is there. */
function execerTime(clock: VirtualClock): Pick<ExecerUnderTest, 'settled' | 'pass'> {
  const turn = async (): Promise<void> => {
    for (let reaction = 0; reaction < 20; reaction++) await Promise.resolve();
  };
  return {
    async settled<T>(result: MaybePromise<T>): Promise<T> {
      const box: { value?: T; error?: unknown } = {};
      void Promise.resolve(result).then(
        (value) => (box.value = value),
        (error: unknown) => (box.error = error),
      );
      for (await turn(); !('value' in box); await turn()) {
        if ('error' in box) throw box.error;
        if (!clock.step()) throw new Error('nothing is left to happen, and the result is not there');
      }
      return box.value;
    },
    async pass(ms) {
      await turn();
      const untilUs = clock.nowUs + Math.round(ms * 1_000);
      while (clock.nextTimeUs <= untilUs) clock.step();
      clock.skipTo(untilUs);
      await turn();
    },
  };
}

/** An execer and its processes, `spoilt` or as they are. */
function spoiltExecer(execer: Execer, spoil: <T extends object>(part: T) => T): Execer {
  return spoil({
    cancelBoundMs: execer.cancelBoundMs,
    exec: async (command) => spoil(await execer.exec(command)),
  } satisfies Execer);
}

/** What a recording does not say, and playback therefore cannot do. */
const NOT_RECORDED = Object.fromEntries(
  ['signal', 'ignore-term', 'hang', 'fork', 'orphan'].map((step) => [step, 'a recording does not say so']),
);

/** The recording that a run of these steps would have left. */
function recordingOf(steps: readonly SimStep[]): RecordedRun {
  let atMs = 0;
  let exitCode = 0;
  const output: RecordedChunk[] = [];
  for (const step of steps) {
    if (step.op === 'sleep') atMs += step.ms;
    if (step.op === 'stdout' || step.op === 'stderr') output.push({ atMs, stream: step.op, text: step.text });
    if (step.op === 'complete') ({ exitCode } = step);
  }
  const running = { atMs: 0, state: 'RUNNING', exitCode: 0, error: '' } as const;
  const end = atMs >= EXECER_LONG_MS ? [] : [{ atMs, state: 'COMPLETE', exitCode, error: '' } as const];
  const command = { argv: simScript(...steps) };
  return { runId: '0', command, acceptedAtMs: 0, statuses: [running, ...end], output };
}

/** Execers in virtual time that are held to what every execer promises, `spoilt` or as they are. */
export function execerSubjects(
  spoil: <T extends object>(part: T) => T = (part) => part,
): readonly ExecerSubject[] {
  const commandOf = (steps: readonly SimStep[]) => ({ argv: simScript(...steps) });
  return [
    {
      name: 'the sim execer as any execer',
      create() {
        const clock = createVirtualClock();
        const sim = createSimExecer({ clock, graceMs: EXECER_GRACE_MS });
        return spoil({
          ...{ ...execerTime(clock), execer: spoiltExecer(sim, spoil), living: () => sim.livingProcesses },
          ...{ commandOf, unstartable: { argv: ['explode'] } },
        });
      },
    },
    {
      name: 'the intercept execer as any execer',
      create() {
        const clock = createVirtualClock();
        const interceptor = createSimExecer({ clock, graceMs: EXECER_GRACE_MS });
        const fallback = createErrorExecer(new Error('not simulated'));
        const execer = spoiltExecer(createInterceptExecer({ interceptor, fallback }), spoil);
        return spoil({
          ...{ ...execerTime(clock), execer, living: () => interceptor.livingProcesses },
          commandOf: (steps: readonly SimStep[]) => commandOf([simStep.comment('! sim execer'), ...steps]),
          unstartable: commandOf([]),
        });
      },
    },
    {
      name: 'the playback execer as any execer',
      lacks: NOT_RECORDED,
      create() {
        const clock = createVirtualClock();
        let recording: RecordedRun | undefined;
        const player = createPlaybackExecer({
          clock,
          graceMs: EXECER_GRACE_MS,
          recordingOf: () => recording,
        });
        return spoil({
          ...{ ...execerTime(clock), execer: spoiltExecer(player, spoil) },
          ...{ living: () => player.livingProcesses, unstartable: { argv: [] } },
          commandOf(steps: readonly SimStep[]) {
            recording = recordingOf(steps);
            return commandOf(steps);
          },
        });
      },
    },
  ];
}

export const simExecer: SimExecerSubject = { name: 'the sim execer', create: createSimExecer };

export const playbackExecer: PlaybackSubject = { name: 'the playback execer', create: createPlaybackExecer };

export const memoryDisk: MemoryDiskSubject = { name: 'a disk in memory', create: createMemoryDisk };

export const statusStore: StoreSubject = { name: 'the status store', create: createStatusStore };

export const chaos: ChaosSubject = { name: 'the chaos runner', create: createChaosRunner };

export const serviceNode: NodeSubject = { name: 'a node that is a runner', create: createNode };
