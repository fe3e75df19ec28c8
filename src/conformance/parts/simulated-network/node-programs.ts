/**
 * The programs and data of nodes in the cases of a simulated network. Invariant: they take no time of their own, so
 * that all time that passes is the network's.
 */
import type { ClusterNode } from '../../../cluster/node.ts';
import type { Simulation } from '../../../simulation/simulation.ts';
import type { SimulatedNetwork } from './network-case.ts';

// eslint-disable-next-line no-restricted-globals -- a date sent as data: no clock is read
export const dateOf = (ms: number): Date => new Date(ms);

/** Counts how often it is called. */
export class Counter {
  readonly calls: number[] = [];
  add(n: number): number {
    this.calls.push(n);
    return this.calls.length;
  }
}

/** Returns its arguments. */
export interface Echo {
  echo(...values: unknown[]): unknown;
}
export const ECHO: Echo = { echo: (...values) => values };

/** See {@link inbox}. */
interface Inbox {
  readonly node: ClusterNode<void>;
  readonly got: readonly unknown[];
  readonly times: readonly number[];
  readonly from: readonly string[];
}

/** A node that keeps the messages it receives, with their times of arrival. */
export function inbox(sim: Simulation, net: SimulatedNetwork): Inbox {
  const got: unknown[] = [];
  const times: number[] = [];
  const from: string[] = [];
  const node = net.node('inbox', ({ onMessage }) =>
    onMessage((message: unknown, sender) => {
      got.push(message);
      times.push(sim.now());
      from.push(sender);
    }),
  );
  return { node, got, times, from };
}
