/**
 * The way from one node to another, in this direction: how long messages take and what happens to them. Invariants: each message that is
 * sent is delivered, refused, lost or held; what is lost is a `fault` of the trace, or a partition that is one.
 */
import type { Timer } from '../kernel/clock.ts';
import { DelayDraw } from '../network/chaos-delay.ts';
import type { MessageStep } from '../model/trace-event.ts';
import type { SimulatedWorld } from '../simulation/simulation.ts';
import type { Envelope } from './envelope.ts';
import { detailOf, envelopeText } from './message-detail.ts';
import type { LinkSettings } from './link-settings.ts';

/** Who gets what has come through. */
export interface Receiver {
  readonly name: string;
  /** Called in an event of the network. */
  arrive(envelope: Envelope): void;
}

/** Finds receivers, and keeps what is lost until faults end. */
export interface LinkHost {
  readonly world: SimulatedWorld;
  readonly settings: LinkSettings;
  /** What is on its way. */
  readonly inTransit: Set<Timer>;
  receiver(name: string): Receiver | undefined;
  /** It has come where nobody takes it. */
  refuse(envelope: Envelope): void;
  /** A call that nobody will answer any more. */
  noteLost(call: Envelope): void;
}

/** One direction between two nodes. */
export class Link {
  readonly from: string;
  readonly to: string;
  readonly #host: LinkHost;
  readonly #delays: DelayDraw;

  constructor(host: LinkHost, from: string, to: string) {
    this.#host = host;
    this.from = from;
    this.to = to;
    const [least, most] = host.settings.latencyMs;
    this.#delays = new DelayDraw(host.world.choices, most - least, host.settings.latencySteps);
  }

  /** Takes a message on its way. */
  send(envelope: Envelope): void {
    const { settings } = this.#host;
    this.trace(envelope, 'sent');
    const fault = settings.faults?.pick(this.#host.world.choices, envelope);
    if (fault === 'lose') {
      this.#lose(envelope);
      return;
    }
    this.#travel(envelope);
  }

  /** It will not be answered: who called learns it, if that is still possible, once faults have ended. */
  #lose(envelope: Envelope): void {
    this.#traceFault(envelope, 'lose');
    if (envelope.kind !== 'message') this.#host.noteLost(envelope);
  }

  /** It arrives in this instant, whatever is set. */
  bring(envelope: Envelope): void {
    this.#schedule(envelope, 0);
  }

  #travel(envelope: Envelope): void {
    const { settings } = this.#host;
    this.#schedule(envelope, settings.latencyMs[0] + this.#delays.draw(() => envelope.topic));
  }

  #schedule(envelope: Envelope, ms: number): void {
    const { inTransit, world } = this.#host;
    const timer = world.clock.timer(envelope.topic, ms, () => {
      inTransit.delete(timer);
      this.#arrive(envelope);
    });
    inTransit.add(timer);
  }

  #arrive(envelope: Envelope): void {
    const receiver = this.#host.receiver(this.to);
    if (receiver === undefined) this.#host.refuse(envelope);
    else receiver.arrive(envelope);
  }

  trace(envelope: Envelope, step: MessageStep): void {
    const { tracer, clock } = this.#host.world;
    const { kind, name, id } = envelope;
    const event = {
      at: clock.now(),
      type: 'message',
      runner: this.from,
      to: this.to,
      step,
      kind,
      name,
      id,
    } as const;
    const detail = tracer.keepsEvents === true ? detailOf(envelope) : undefined;
    tracer.record(detail === undefined ? event : { ...event, detail });
  }

  #traceFault(envelope: Envelope, kind: string): void {
    const { tracer, clock } = this.#host.world;
    tracer.record({
      at: clock.now(),
      type: 'fault',
      runner: this.from,
      operation: 'message',
      kind,
      runId: '',
      message: envelopeText(envelope),
    });
  }
}
