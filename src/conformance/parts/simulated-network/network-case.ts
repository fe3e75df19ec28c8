/**
 * A case of a simulated network: its subject, how it is played, and the programs that several files need. Invariant: it plays in the plain order of
 * events with just the faults that it asks for, so that all that happens is known.
 */
import type { ClusterNode } from '../../../cluster/node.ts';
import type { Network, NetworkOptions } from '../../../cluster/network.ts';
import { randomDecisions } from '../../../kernel/random-decisions.ts';
import { simulate } from '../../../simulation/simulate.ts';
import type { Simulation } from '../../../simulation/simulation.ts';
import { simulationError } from '../../conformance-case.ts';
import {
  type PartCaseSpec,
  type PartSubject,
  play,
  type PlayAnswers,
  type Played,
  playHolding,
} from '../part-case.ts';

/** A network of a simulation, by its verbs. */
export type SimulatedNetwork = Pick<Network, keyof Network>;

/** A kind of simulated network that is held to the contract: see {@link simulatedNetworkCases}. */
export interface SimulatedNetworkSubject extends PartSubject {
  /** Makes a network with those options in a simulation. */
  create(sim: Simulation, options?: NetworkOptions): SimulatedNetwork;
}

/** A case as it is written down. */
export type Spec = PartCaseSpec<SimulatedNetworkSubject>;
/** Makes the network of a case. */
export type Make = (options?: NetworkOptions) => SimulatedNetwork;
/** What happens in a case. */
export type Body = (sim: Simulation, make: Make) => Promise<void> | void;

/** A case whose scenario must not fail. */
export const holds = (title: string, body: Body, answers: PlayAnswers = {}): Spec => ({
  title,
  async prove(subject, { signal }) {
    await playHolding((sim) => body(sim, (options) => subject.create(sim, options)), answers, { signal });
  },
});

/** A case that looks at what came of a scenario. */
export const looks = (
  title: string,
  body: Body,
  look: (played: Played) => Promise<void> | void,
  answers: PlayAnswers = {},
): Spec => ({
  title,
  async prove(subject, { signal }) {
    const run = (sim: Simulation): Promise<void> | void =>
      body(sim, (options) => subject.create(sim, options));
    await look(await playHolding(run, answers, { signal }));
  },
});

/** A case about a scenario that has to fail. */
export const fails = (
  title: string,
  body: Body,
  look: (played: Played) => void,
  answers: PlayAnswers = {},
): Spec => ({
  title,
  async prove(subject, { signal }) {
    look(await play((sim) => body(sim, (options) => subject.create(sim, options)), answers, { signal }));
  },
});

/** A case that holds in any order of events. */
export const always = (title: string, seeds: number, body: Body): Spec => ({
  title,
  async prove(subject) {
    for (let seed = 0; seed < seeds; seed += 1) {
      const { failure } = await simulate({
        source: randomDecisions(seed),
        scenario: (sim) => body(sim, (options) => subject.create(sim, options)),
      });
      if (failure !== undefined) throw simulationError(failure, seed);
    }
  },
});

// eslint-disable-next-line no-restricted-globals -- a date sent as data; reads no clock
export const dateOf = (ms: number): Date => new Date(ms);

/** What a call rejects with; undefined if it does not. */
export const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Counts how often it is called. */
export class Counter {
  readonly calls: number[] = [];
  add(n: number): number {
    this.calls.push(n);
    return this.calls.length;
  }
}

/** Answers with its arguments. */
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

/** A node that keeps what comes, with the time of coming. */
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

/** What became of all messages of a kind. */
export function stepsOf({ events }: Pick<Played, 'events'>, kind: string): string[] {
  return events.flatMap((event) => (event.type === 'message' && event.kind === kind ? [event.step] : []));
}
