/**
 * One direction between two nodes: how long messages take, and which faults strike them. Invariants: each message that
 * was sent is delivered, refused, lost or still in flight; each strike is recorded as a `fault` before it takes effect;
 * on a FIFO link no message overtakes another.
 */
import type { Timer } from '../kernel/clock.ts';
import { Fifo } from '../kernel/fifo.ts';
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

/** Receives the messages that come through. */
export interface Receiver {
  readonly name: string;
  /** True once it has left the network for good. */
  readonly hasLeft: boolean;
  /** Called within an event of the network. */
  arrive(envelope: Envelope): void;
  /** True while that call, made from here, is pending. */
  awaits(id: number): boolean;
  /** Its ongoing waits, for reports. */
  waits(): Iterable<OngoingWait>;
}

/** What a link needs from its network. */
export interface LinkHost {
  readonly world: SimulatedWorld;
  /** Decides which fault strikes a message that is being sent. */
  strike(settings: LinkSettings, envelope: Envelope): LinkFaultKind | undefined;
  /** Holds the link of a message, for at most `mostMs`. */
  beginHold(envelope: Envelope, mostMs: number): void;
  /** Partitions the network, for at most `mostMs`. */
  beginPartition(mostMs: number): void;
  /** Hands a message that came through to its receiver. */
  deliver(envelope: Envelope): void;
  /** Takes note of a lost call or answer, whose caller gets an error when faults end. */
  noteLost(envelope: Envelope): void;
}

/** A message in flight. */
class Flight {
  readonly envelope: Envelope;
  dueMs: number;
  /** When it would be due without the fault that delays it. */
  readonly faultlessMs: number;
  timer: Timer | undefined = undefined;
  /** Its index in the link's list of flights, if that is one. */
  index = 0;

  constructor(envelope: Envelope, faultlessMs: number, faultMs: number) {
    this.envelope = envelope;
    this.dueMs = faultlessMs + faultMs;
    this.faultlessMs = faultlessMs;
  }
}

const PARTITIONED = 'the network is partitioned';
const HELD = 'the link is held';

/** The link from one node to another. */
export class Link implements Parted {
  readonly from: string;
  readonly to: string;
  readonly #core: LinkHost;
  readonly #settings: LinkSettings;
  readonly #delays: DelayDraw;
  /** In any order; of a FIFO link none. */
  #flights: Flight[] = [];
  /** The flights of a FIFO link, in sending order; undefined on others. */
  #line: Fifo<Flight> | undefined;
  /** Messages that a fault holds back; allocated with the first. */
  #late: Holds | undefined = undefined;
  /** Messages that wait while the link is held. */
  #waiting: Envelope[] = [];
  /** Number of partitions that cut it, and of holds in force. */
  #cuts = 0;
  #holds = 0;
  /** How many messages were sent. */
  #sent = 0;
  /** With limited bandwidth: when everything sent so far has passed through. */
  #freeMs = 0;

  constructor(core: LinkHost, from: string, to: string, settings: LinkSettings) {
    this.from = from;
    this.to = to;
    this.#core = core;
    this.#settings = settings;
    this.#line = settings.isFifo ? new Fifo() : undefined;
    const [least, most] = settings.latencyMs;
    this.#delays = new DelayDraw(core.world.choices, most - least, settings.latencySteps);
  }

  /** True if messages arrive in the order in which they were sent. */
  get isFifo(): boolean {
    return this.#settings.isFifo;
  }

  /** Sends a message, which faults may strike. */
  send(envelope: Envelope): void {
    this.#noteSent(envelope);
    if (this.#cuts > 0) {
      this.#lose(envelope, PARTITIONED);
      return;
    }
    const fault = this.#core.strike(this.#settings, envelope);
    if (fault === undefined) this.#travel(envelope);
    else this.#strike(fault, envelope);
  }

  /** Sends a message that no fault strikes and that arrives in this instant. */
  sendNow(envelope: Envelope): void {
    this.#noteSent(envelope);
    this.#arriveNow(envelope);
  }

  /** Called when a partition begins (1) or ends (-1). */
  cut(by: 1 | -1): void {
    this.#cuts += by;
  }

  /** Called when a hold begins (1) or ends (-1). */
  hold(by: 1 | -1): void {
    this.#holds += by;
    if (this.#holds > 0) return;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    if (this.#line !== undefined) this.#arriveFirst(waiting, this.#line);
    else for (const envelope of waiting) this.#arriveNow(envelope);
  }

  /** What faults hold back arrives now, or when it would have arrived without them if that is later. */
  heal(): void {
    this.#late?.heal();
    const first = this.#line?.first;
    if (this.#line === undefined || first === undefined) return;
    const isFirstDelayed = first.dueMs > first.faultlessMs;
    for (const flight of this.#line) flight.dueMs = flight.faultlessMs;
    if (!isFirstDelayed) return;
    first.timer?.cancel();
    this.#flyOn(first);
  }

  /** Drops everything in flight. */
  stop(): void {
    for (const { timer } of this.#flights) timer?.cancel();
    this.#flights = [];
    if (this.#line !== undefined) {
      this.#line.first?.timer?.cancel();
      this.#line = new Fifo();
    }
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
    // Most events have neither, and an empty spread would double the cost of recording one.
    if (reason === undefined && detail === undefined) tracer.record(event);
    else {
      tracer.record({
        ...event,
        ...(reason === undefined ? {} : { reason }),
        ...(detail === undefined ? {} : { detail }),
      });
    }
  }

  #noteSent(envelope: Envelope): void {
    this.#sent += 1;
    envelope.order = this.#sent;
    this.trace(envelope, 'sent');
  }

  #strike(kind: LinkFaultKind, envelope: Envelope): void {
    const [least] = this.#settings.latencyMs;
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
        // The hold takes the place of the part of the latency that is drawn.
        this.#holdBack(envelope, this.#transitMs(envelope, least), this.#settings.reorderMs, true);
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
    const latencyMs = this.#latency(envelope);
    if (this.#settings.isFifo) this.#depart(envelope, latencyMs, ms);
    else this.#holdBack(envelope, latencyMs, latencyMs + ms, false);
  }

  /** The message arrives after `ms`, unless that is less than `faultlessMs`, before which the link cannot bring it. */
  #holdBack(envelope: Envelope, faultlessMs: number, ms: number, isOvertakable: boolean): void {
    const { clock } = this.#core.world;
    const late = (this.#late ??= new Holds(clock));
    const faultlessAt = clock.now() + faultlessMs;
    const limits = { ms: Math.max(ms, faultlessMs), isOvertakable, order: envelope.order };
    late.begin(envelope.topic, limits, (why) => {
      if (why === 'time') this.#arrive(envelope);
      else if (why === 'healed') this.#depart(envelope, roundedMs(Math.max(0, faultlessAt - clock.now())));
      else if (why !== 'released') this.#arriveNow(envelope);
    });
  }

  /** The caller, if it still waits, gets an error once faults have ended. */
  #lose(envelope: Envelope, reason?: string): void {
    this.trace(envelope, 'lost', reason);
    if (envelope.kind !== 'message') this.#core.noteLost(envelope);
  }

  #travel(envelope: Envelope): void {
    this.#depart(envelope, this.#latency(envelope));
  }

  #latency(envelope: Envelope): number {
    const drawnMs = this.#delays.draw(() => envelope.topic);
    return this.#transitMs(envelope, this.#settings.latencyMs[0] + drawnMs);
  }

  /** A latency and, with limited bandwidth, the time until the message has passed through, behind those before it. */
  #transitMs(envelope: Envelope, ms: number): number {
    const { bytesPerMs } = this.#settings;
    if (bytesPerMs === Infinity) return ms;
    const now = this.#core.world.clock.now();
    this.#freeMs = Math.max(this.#freeMs, now) + sizeOf(envelope.body) / bytesPerMs;
    return roundedMs(ms + this.#freeMs - now);
  }

  #depart(envelope: Envelope, ms: number, faultMs = 0): void {
    const flight = new Flight(envelope, this.#core.world.clock.now() + ms, faultMs);
    const line = this.#line;
    if (line === undefined) {
      flight.index = this.#flights.length;
      this.#flights.push(flight);
    } else {
      line.push(flight);
      // Only the first flight has a timer, so that none due in the same instant can overtake it.
      if (line.size > 1) return;
    }
    this.#fly(flight, ms + faultMs);
  }

  /** Lets a delayed message arrive in this instant. */
  #arriveNow(envelope: Envelope): void {
    this.#depart(envelope, 0);
  }

  /** As `bring` on a FIFO link: these go before everything in flight, which was sent later. */
  #arriveFirst(envelopes: readonly Envelope[], later: Fifo<Flight>): void {
    later.first?.timer?.cancel();
    const now = this.#core.world.clock.now();
    const line = new Fifo<Flight>();
    for (const envelope of envelopes) line.push(new Flight(envelope, now, 0));
    for (const flight of later) line.push(flight);
    this.#line = line;
    this.#fly(line.first as Flight, 0);
  }

  #fly(flight: Flight, ms: number): void {
    flight.timer = this.#core.world.clock.timer(flight.envelope.topic, ms, () => this.#land(flight));
  }

  /** On a FIFO link: continues the flight that is first now. */
  #flyOn(flight: Flight): void {
    this.#fly(flight, roundedMs(Math.max(0, flight.dueMs - this.#core.world.clock.now())));
  }

  #land(flight: Flight): void {
    const flights = this.#flights;
    const line = this.#line;
    if (line !== undefined) {
      line.shift();
      if (line.first !== undefined) this.#flyOn(line.first);
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
      this.#late?.overtake(envelope.order);
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
