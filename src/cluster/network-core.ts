/**
 * What all parts of one simulated network share: its links, who receives, and which calls nobody will answer. Invariant: who waits for an
 * answer that cannot come learns it when faults end at the latest.
 */
import type { Timer } from '../kernel/clock.ts';
import { RunnerError } from '../kernel/errors.ts';
import type { SimulatedWorld } from '../simulation/simulation.ts';
import { type Envelope, failedAnswer } from './envelope.ts';
import { Link, type LinkHost, type Receiver } from './link.ts';
import type { LinkSettings } from './link-settings.ts';

/** See above. */
export class NetworkCore implements LinkHost {
  readonly world: SimulatedWorld;
  readonly settings: LinkSettings;
  readonly callTimeoutMs: number;
  readonly inTransit: Set<Timer> = new Set<Timer>();
  readonly #receivers = new Map<string, Receiver>();
  readonly #links = new Map<string, Map<string, Link>>();
  #lost: Envelope[] = [];
  #ids = 0;
  #isStopped = false;

  constructor(world: SimulatedWorld, settings: LinkSettings, callTimeoutMs: number) {
    this.world = world;
    this.settings = settings;
    this.callTimeoutMs = callTimeoutMs;
    world.onHeal(() => this.#heal());
  }

  nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  add(receiver: Receiver): void {
    this.#receivers.set(receiver.name, receiver);
  }

  receiver(name: string): Receiver | undefined {
    return this.#receivers.get(name);
  }

  /** The way from one to the other; made when it is first used. */
  link(from: string, to: string): Link {
    let ofSender = this.#links.get(from);
    if (ofSender === undefined) {
      ofSender = new Map();
      this.#links.set(from, ofSender);
    }
    let link = ofSender.get(to);
    if (link === undefined) {
      link = new Link(this, from, to);
      ofSender.set(to, link);
    }
    return link;
  }

  noteLost(envelope: Envelope): void {
    this.#lost.push(envelope);
  }

  /** Nothing that is on its way arrives any more. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.inTransit) timer.cancel();
    this.inTransit.clear();
  }

  /** It has come where nobody takes it. */
  refuse(envelope: Envelope): void {
    this.link(envelope.from, envelope.to).trace(envelope, 'refused');
    if (envelope.kind !== 'call') return;
    this.fail(envelope, new RunnerError('RUNNER_NODE_DOWN', `${envelope.to} is down`));
  }

  /** Answers a call with an error, in place of the node that was to answer it. */
  fail(call: Envelope, error: RunnerError): void {
    this.link(call.to, call.from).send(failedAnswer(call, error));
  }

  #heal(): void {
    if (this.#isStopped) return;
    const lost = this.#lost;
    this.#lost = [];
    for (const envelope of lost) {
      const { kind, from, to, name } = envelope;
      const what = kind === 'call' ? `the call ${name} to ${to}` : `the answer of ${from} to ${name}`;
      const answer = failedAnswer(envelope, new RunnerError('RUNNER_CALL_LOST', `${what} was lost`));
      this.link(answer.from, answer.to).bring(answer);
    }
  }
}
