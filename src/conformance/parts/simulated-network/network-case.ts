/**
 * A case of a simulated network: its subject, how it is run, and how its result is read. Invariant: it runs in the
 * plain order of events, with exactly the faults that it asks for, so that everything that happens is known.
 */
import type { Network, NetworkOptions } from '../../../cluster/network.ts';
import { randomDecisions } from '../../../kernel/random-decisions.ts';
import type { Simulation } from '../../../simulation/simulation.ts';
import { answering, type PartCaseSpec, type PartSubject } from '../part-case.ts';
import { play, type PlayAnswers, type Played, playHolding, simulateHolding } from '../played.ts';

/** A network of a simulation, by its methods. */
export type SimulatedNetwork = Pick<Network, keyof Network>;

/** A kind of simulated network under test: see {@link simulatedNetworkCases}. */
export interface SimulatedNetworkSubject extends PartSubject {
  /** Makes a network with those options in a simulation. */
  create(sim: Simulation, options?: NetworkOptions): SimulatedNetwork;
}

/** The definition of a case. */
export type Spec = PartCaseSpec<SimulatedNetworkSubject>;
/** Makes the network of a case. */
export type Make = (options?: NetworkOptions) => SimulatedNetwork;
/** The scenario of a case. */
export type Body = (sim: Simulation, make: Make) => Promise<void> | void;

/** A case whose scenario must not fail. */
export const holds = (title: string, body: Body, answers: PlayAnswers = {}): Spec =>
  answering(answers, {
    title,
    async prove(subject, { signal }) {
      await playHolding((sim) => body(sim, (options) => subject.create(sim, options)), answers, { signal });
    },
  });

/** A case that inspects the result of a scenario. */
export const looks = (
  title: string,
  body: Body,
  look: (played: Played) => Promise<void> | void,
  answers: PlayAnswers = {},
): Spec =>
  answering(answers, {
    title,
    async prove(subject, { signal }) {
      const run = (sim: Simulation): Promise<void> | void =>
        body(sim, (options) => subject.create(sim, options));
      await look(await playHolding(run, answers, { signal }));
    },
  });

/** A case whose scenario has to fail. */
export const fails = (
  title: string,
  body: Body,
  look: (played: Played) => void,
  answers: PlayAnswers = {},
): Spec =>
  answering(answers, {
    title,
    async prove(subject, { signal }) {
      look(await play((sim) => body(sim, (options) => subject.create(sim, options)), answers, { signal }));
    },
  });

/** A case that must hold in any order of events. */
export const always = (title: string, seeds: number, body: Body): Spec => ({
  title,
  async prove(subject, { signal }) {
    for (let seed = 0; seed < seeds; seed += 1) {
      await simulateHolding(seed, {
        signal,
        source: randomDecisions(seed),
        scenario: (sim) => body(sim, (options) => subject.create(sim, options)),
      });
    }
  },
});

/** The error that a call rejects with; undefined if it does not. */
export const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

/** The steps of all messages of a kind. */
export function stepsOf({ events }: Pick<Played, 'events'>, kind: string): string[] {
  return events.flatMap((event) => (event.type === 'message' && event.kind === kind ? [event.step] : []));
}
