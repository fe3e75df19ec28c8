// The generic scenario of nodes finds what a broken node does wrong. Each breaks one promise of docs/nodes.md.
import { expect, test } from 'vitest';
import { createNetwork, type Network } from '../../src/cluster/network.ts';
import type { ClusterNode, ClusterNodeOptions } from '../../src/cluster/node.ts';
import { nodesWorkload } from '../../sims/generic/nodes.ts';
import { failureOf } from './first-failure.ts';

const FOUND_WITHIN = 1_000;

type Make = typeof createNetwork;

/** A network whose nodes are made with other options, or do something else. */
function otherwise(
  options: (given: ClusterNodeOptions) => ClusterNodeOptions,
  change: (node: ClusterNode) => Partial<ClusterNode> = () => ({}),
): Make {
  return (sim) => {
    const net = createNetwork(sim);
    const own = net.node.bind(net);
    const node: Network['node'] = (name, program, given = {}) => {
      const made = own(name, program, options(given));
      return Object.assign(made, change(made as unknown as ClusterNode));
    };
    return Object.assign(net, { node });
  };
}

const broken: readonly (readonly [string, Make, RegExp])[] = [
  ['reports to nobody that it is down', otherwise(({ onDown: _, ...given }) => given), /the node is/],
  ['restarts sooner', otherwise((given) => ({ ...given, restartMs: 3 })), /the node is|timers/],
  [
    'restarts where it is to stay down',
    otherwise((given) => ({ ...given, onError: 'restart' })),
    /the node is/,
  ],
  [
    'is never slow',
    otherwise(
      (given) => given,
      () => ({ slow: () => undefined }),
    ),
    /timers|refused/,
  ],
  [
    'does not pause',
    otherwise(
      (given) => given,
      () => ({ pause: () => undefined }),
    ),
    /the node is|refused/,
  ],
  [
    'goes on as it was paused',
    otherwise(
      (given) => given,
      () => ({ resume: () => undefined }),
    ),
    /the node is|refused/,
  ],
  [
    'only crashes',
    otherwise(
      (given) => given,
      (node) => ({ restart: () => node.crash() }),
    ),
    /the node is/,
  ],
  [
    'is gone without its hooks',
    otherwise(
      (given) => given,
      (node) => ({ leave: async () => node.crash() }),
    ),
    /leaves once|hooks/,
  ],
];

test.for(broken)('generic-nodes finds a node that %s', async ([, make, message]) => {
  expect(await failureOf(nodesWorkload(make), FOUND_WITHIN, message)).toMatch(message);
});
