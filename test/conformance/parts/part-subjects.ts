// The parts other than runners that live in virtual time, as the lists of conformance see them.
import type { ChaosSubject, NodeSubject } from '../../../src/conformance/chaos-cases.ts';
import { createChaosRunner } from '../../../src/network/chaos-runner.ts';
import { createNode } from '../../../src/simulation/service-node.ts';
import type { MemoryDiskSubject } from '../../../src/conformance/memory-disk-cases.ts';
import type { StoreSubject } from '../../../src/conformance/store-cases.ts';
import { createMemoryDisk } from '../../../src/disks/memory-disk.ts';
import { createStatusStore } from '../../../src/store/status-store.ts';
import type { PlaybackSubject, SimExecerSubject } from '../../../src/conformance/sim-execer-cases.ts';
import { createPlaybackExecer } from '../../../src/execers/playback-execer.ts';
import { createSimExecer } from '../../../src/execers/sim-execer.ts';
import type { FilerSubject, SimFilerSubject } from '../../../src/conformance/filer-cases.ts';
import type {
  MemoryOutputSubject,
  MetricsSubject,
  OutputSubject,
} from '../../../src/conformance/log-cases.ts';
import { createMemoryFiler } from '../../../src/filers/memory-filer.ts';
import { createSimFiler } from '../../../src/filers/sim-filer.ts';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import * as cluster from '../../../src/cluster/index.ts';
import { createNetwork } from '../../../src/cluster/network.ts';
import type { LockSubject } from '../../../src/conformance/lock-cases.ts';
import type { NetworkProgram, NetworkSubject } from '../../../src/conformance/network-cases.ts';
import type { SimulatedNetworkSubject } from '../../../src/conformance/simulated-network-cases.ts';
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

export const simExecer: SimExecerSubject = { name: 'the sim execer', create: createSimExecer };

export const playbackExecer: PlaybackSubject = { name: 'the playback execer', create: createPlaybackExecer };

export const memoryDisk: MemoryDiskSubject = { name: 'a disk in memory', create: createMemoryDisk };

export const statusStore: StoreSubject = { name: 'the status store', create: createStatusStore };

export const chaos: ChaosSubject = { name: 'the chaos runner', create: createChaosRunner };

export const serviceNode: NodeSubject = { name: 'a node that is a runner', create: createNode };
