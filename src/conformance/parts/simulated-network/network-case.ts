/**
 * A case of a simulated network: its subject, how it is run, and how its result is read. Invariant: it runs in the
 * plain order of events, with exactly the faults that it asks for, so that everything that happens is known.
 */
import type { Network, NetworkOptions } from '../../../cluster/network.ts';
import { randomDecisions } from '../../../kernel/random-decisions.ts';
import type { TraceEvent } from '../../../model/trace-event.ts';
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

/** A case that must hold in any order of events; `look` gets the events of each execution. */
export const always = (
  title: string,
  seeds: number,
  body: Body,
  look: (executions: readonly (readonly TraceEvent[])[]) => void = () => undefined,
): Spec => ({
  title,
  async prove(subject, { signal }) {
    const executions: (readonly TraceEvent[])[] = [];
    for (let seed = 0; seed < seeds; seed += 1) {
      const verdict = await simulateHolding(seed, {
        signal,
        source: randomDecisions(seed),
        keepTrace: true,
        scenario: (sim) => body(sim, (options) => subject.create(sim, options)),
      });
      executions.push(verdict.trace());
    }
    look(executions);
  },
});

/** The error that a call rejects with; undefined if it does not. */
export const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

/** The messages of which a copy has no end, or more than one, or one before it was sent: `a to b call 7`. */
export function messagesAstray(events: readonly TraceEvent[]): string[] {
  const open = new Map<string, number>();
  const astray = new Set<string>();
  for (const event of events) {
    if (event.type !== 'message' || event.step === 'held') continue;
    const message = `${event.runner} to ${event.to} ${event.kind} ${event.id}`;
    const isBegun = event.step === 'sent' || event.step === 'duplicated';
    const left = (open.get(message) ?? 0) + (isBegun ? 1 : -1);
    open.set(message, left);
    if (left < 0) astray.add(message);
  }
  for (const [message, left] of open) if (left !== 0) astray.add(message);
  return [...astray];
}

/** The steps of all messages of a kind. */
export function stepsOf({ events }: Pick<Played, 'events'>, kind: string): string[] {
  return events.flatMap((event) => (event.type === 'message' && event.kind === kind ? [event.step] : []));
}
