// The parts other than runners that live in virtual time, as the lists of conformance see them.
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
