/**
 * The way from one node to another, in this direction: how long messages take and what happens to them. Invariants: each message that is
 * sent is delivered, refused, lost or still on its way; each strike is a `fault` of the trace before it takes effect; of a link that keeps the
 * order no message overtakes another.
 */
import type { Timer } from '../kernel/clock.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import type { OngoingWait } from '../model/wait-watch.ts';
import type { MessageStep } from '../model/trace-event.ts';
import { DelayDraw } from '../network/chaos-delay.ts';
import { Holds } from '../network/holds.ts';
import { type Envelope, sizeOf } from './envelope.ts';
import { type BriefFaultKind, faultLength, type LinkFaultKind, type LinkSettings } from './link-settings.ts';
import { detailOf, envelopeText } from './message-detail.ts';
import type { SimulatedWorld } from '../simulation/simulation.ts';
import type { Parted } from './outage.ts';

/** Who gets what has come through. */
export interface Receiver {
  readonly name: string;
  /** True if it has left for good. */
  readonly hasLeft: boolean;
  /** Called in an event of the network. */
  arrive(envelope: Envelope): void;
  /** Whether somebody there still waits for the answer to that call. */
  awaits(id: number): boolean;
  /** Who waits for what there, for reports. */
  waits(): Iterable<OngoingWait>;
}

/** What all links share. */
export interface LinkHost {
  readonly world: SimulatedWorld;
  /** What strikes a message as it is sent. */
  strike(settings: LinkSettings, envelope: Envelope): LinkFaultKind | undefined;
  /** The exploration holds the link of a message. */
  beginHold(envelope: Envelope, mostMs: number): void;
  /** The exploration partitions the network. */
  beginPartition(mostMs: number): void;
  /** A message has come through. */
  deliver(envelope: Envelope): void;
  /** A call that nobody will answer any more, or an answer that does not come. */
  noteLost(envelope: Envelope): void;
}

/** A message on its way. */
class Flight {
  readonly envelope: Envelope;
  readonly dueMs: number;
  timer: Timer | undefined = undefined;
  /** Where it stands in the list of its link. */
  index: number;

  constructor(envelope: Envelope, dueMs: number, index: number) {
    this.envelope = envelope;
    this.dueMs = dueMs;
    this.index = index;
  }
}

const PARTITIONED = 'the network is partitioned';
const HELD = 'the link is held';

/** One direction between two nodes. */
export class Link implements Parted {
  readonly from: string;
  readonly to: string;
  readonly #core: LinkHost;
  readonly #settings: LinkSettings;
  readonly #delays: DelayDraw;
  /** In the order of sending where the link keeps the order. */
  #flights: Flight[] = [];
  /** What a fault holds back; made when one does. */
  #late: Holds | undefined = undefined;
  /** What waits while the link is held. */
  #waiting: Envelope[] = [];
  /** How many partitions it is cut by, and how many holds it is held by. */
  #cuts = 0;
  #holds = 0;
  /** When all that was sent has passed through, if its width is limited. */
  #freeMs = 0;

  constructor(core: LinkHost, from: string, to: string, settings: LinkSettings) {
    this.from = from;
    this.to = to;
    this.#core = core;
    this.#settings = settings;
    const [least, most] = settings.latencyMs;
    this.#delays = new DelayDraw(core.world.choices, most - least, settings.latencySteps);
  }

  /** True if no message overtakes another. */
  get isFifo(): boolean {
    return this.#settings.isFifo;
  }

  /** Takes a message on its way. */
  send(envelope: Envelope): void {
    this.trace(envelope, 'sent');
    if (this.#cuts > 0) {
      this.#lose(envelope, PARTITIONED);
      return;
    }
    const fault = this.#core.strike(this.#settings, envelope);
    if (fault === undefined) this.#travel(envelope);
    else this.#strike(fault, envelope);
  }

  /** Takes a message that nothing strikes and that arrives in this instant. */
  sendNow(envelope: Envelope): void {
    this.trace(envelope, 'sent');
    this.#bring(envelope);
  }

  /** A partition begins or ends. */
  cut(by: 1 | -1): void {
    this.#cuts += by;
  }

  /** A hold begins or ends. */
  hold(by: 1 | -1): void {
    this.#holds += by;
    if (this.#holds > 0) return;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    if (this.#settings.isFifo) this.#bringFirst(waiting);
    else for (const envelope of waiting) this.#bring(envelope);
  }

  /** What faults hold back comes now. */
  heal(): void {
    this.#late?.heal();
  }

  /** Nothing that is on its way arrives any more. */
  stop(): void {
    for (const { timer } of this.#flights) timer?.cancel();
    this.#flights = [];
    this.#waiting = [];
    this.#late?.release();
  }

  trace(envelope: Envelope, step: MessageStep, reason?: string): void {
    const { tracer, clock } = this.#core.world;
    const { kind, name, id } = envelope;
    const detail = tracer.keepsEvents === true ? detailOf(envelope) : undefined;
    const at = clock.now();
    const { from: runner, to } = this;
    const event = { at, type: 'message', runner, to, step, kind, name, id } as const;
    // Most events have neither, and to spread nothing into one costs as much as the rest of it.
    if (reason === undefined && detail === undefined) tracer.record(event);
    else {
      tracer.record({
        ...event,
        ...(reason === undefined ? {} : { reason }),
        ...(detail === undefined ? {} : { detail }),
      });
    }
  }

  #strike(kind: LinkFaultKind, envelope: Envelope): void {
    switch (kind) {
      case 'hold':
        this.#core.beginHold(envelope, this.#settings.outageMs);
        this.#travel(envelope);
        return;
      case 'partition':
        this.#core.beginPartition(this.#settings.outageMs);
        if (this.#cuts > 0) this.#lose(envelope, PARTITIONED);
        else this.#travel(envelope);
        return;
      case 'delay':
        this.#delay(envelope);
        return;
      case 'reorder':
        this.#traceFault(envelope, kind);
        this.trace(envelope, 'held');
        this.#holdBack(envelope, this.#settings.reorderMs, true);
        return;
      case 'duplicate':
        this.#traceFault(envelope, kind);
        this.trace(envelope, 'duplicated');
        this.#travel(envelope);
        this.#travel(envelope.again());
        return;
      case 'lose':
        this.#traceFault(envelope, kind);
        this.#lose(envelope);
        return;
    }
  }

  #delay(envelope: Envelope): void {
    const ms = faultLength(this.#core.world.choices, envelope.topic.plus('late'), this.#settings.delayMs);
    this.#traceFault(envelope, 'delay', ms);
    this.trace(envelope, 'held');
    const dueMs = this.#latency(envelope) + ms;
    if (this.#settings.isFifo) this.#depart(envelope, dueMs);
    else this.#holdBack(envelope, dueMs, false);
  }

  #holdBack(envelope: Envelope, ms: number, isOvertakable: boolean): void {
    const late = (this.#late ??= new Holds(this.#core.world.clock));
    late.begin(envelope.topic, { ms, isOvertakable }, (why) => {
      if (why === 'time') this.#arrive(envelope);
      else if (why !== 'released') this.#bring(envelope);
    });
  }

  /** It will not be answered: who called learns it, if that is still possible, once faults have ended. */
  #lose(envelope: Envelope, reason?: string): void {
    this.trace(envelope, 'lost', reason);
    if (envelope.kind !== 'message') this.#core.noteLost(envelope);
  }

  #travel(envelope: Envelope): void {
    this.#depart(envelope, this.#latency(envelope));
  }

  #latency(envelope: Envelope): number {
    const { latencyMs, bytesPerMs } = this.#settings;
    const ms = latencyMs[0] + this.#delays.draw(() => envelope.topic);
    if (bytesPerMs === Infinity) return ms;
    const now = this.#core.world.clock.now();
    this.#freeMs = Math.max(this.#freeMs, now) + sizeOf(envelope.body) / bytesPerMs;
    return roundedMs(ms + this.#freeMs - now);
  }

  #depart(envelope: Envelope, ms: number): void {
    const flights = this.#flights;
    const flight = new Flight(envelope, this.#core.world.clock.now() + ms, flights.length);
    flights.push(flight);
    // Of a link that keeps the order only the first has a timer, so that nothing in its instant can pass it.
    if (!this.#settings.isFifo || flight.index === 0) this.#fly(flight, ms);
  }

  /** What was held up arrives in this instant. */
  #bring(envelope: Envelope): void {
    this.#depart(envelope, 0);
  }

  /** As `bring`, on a link that keeps the order: what is still on its way was sent later. */
  #bringFirst(envelopes: readonly Envelope[]): void {
    const flights = this.#flights;
    flights[0]?.timer?.cancel();
    const now = this.#core.world.clock.now();
    flights.unshift(...envelopes.map((envelope, index) => new Flight(envelope, now, index)));
    this.#fly(flights[0] as Flight, 0);
  }

  #fly(flight: Flight, ms: number): void {
    flight.timer = this.#core.world.clock.timer(flight.envelope.topic, ms, () => this.#land(flight));
  }

  #land(flight: Flight): void {
    const flights = this.#flights;
    if (this.#settings.isFifo) {
      flights.shift();
      const [next] = flights;
      if (next !== undefined) {
        this.#fly(next, roundedMs(Math.max(0, next.dueMs - this.#core.world.clock.now())));
      }
    } else {
      const last = flights.pop() as Flight;
      if (last !== flight) {
        flights[flight.index] = last;
        last.index = flight.index;
      }
    }
    this.#arrive(flight.envelope);
  }

  #arrive(envelope: Envelope): void {
    if (this.#cuts > 0) this.#lose(envelope, PARTITIONED);
    else if (this.#holds > 0) {
      this.trace(envelope, 'held', HELD);
      this.#waiting.push(envelope);
    } else {
      this.#core.deliver(envelope);
      this.#late?.overtake();
    }
  }

  #traceFault(envelope: Envelope, kind: BriefFaultKind, ms?: number): void {
    const { tracer, clock } = this.#core.world;
    tracer.record({
      at: clock.now(),
      type: 'fault',
      runner: this.from,
      operation: 'message',
      kind,
      runId: '',
      message: envelopeText(envelope),
      ...(ms === undefined ? {} : { ms }),
    });
  }
}
