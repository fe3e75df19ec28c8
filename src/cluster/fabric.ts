/**
 * The shared core of one simulated network: links, receivers, outages, and calls that will never be answered.
 * Invariant: a caller whose answer cannot come learns that when faults end, at the latest.
 */
import { topicOf, type Topic } from '../kernel/question.ts';
import { isEndOfExecution } from '../kernel/decisions.ts';
import { messageOf, RunnerError } from '../kernel/errors.ts';
import type { Tracer } from '../model/trace-event.ts';
import type { OngoingWait } from '../model/wait-watch.ts';
import type { SimulatedWorld } from '../simulation/simulation.ts';
import { ANY_INCARNATION, type Envelope, failedAnswer } from './envelope.ts';
import { Link, type LinkHost, type Receiver } from './link.ts';
import { faultLength, type LinkFaultKind, type LinkSettings } from './link-settings.ts';
import { chosenPartition, Outage } from './outage.ts';

/** The settings of the link from one node to another. */
export type SettingsOfLink = (from: string, to: string) => LinkSettings;

const LOST_MAX = 64;
const PARTITION = topicOf({ owner: 'network', what: 'partition' });
const HOLD = topicOf({ owner: 'network', what: 'hold' });

/** The id that was given last. */
interface MessageIds {
  last: number;
}

/** By the tracer: the ids of a trace distinguish the messages of all its networks. */
const IDS = new WeakMap<Tracer, MessageIds>();

function idsOf({ tracer }: SimulatedWorld): MessageIds {
  const ids = IDS.get(tracer) ?? { last: 0 };
  IDS.set(tracer, ids);
  return ids;
}

/** Carries the messages of one network and hosts its links. */
export class Fabric implements LinkHost {
  readonly world: SimulatedWorld;
  readonly callTimeoutMs: number;
  readonly #settings: SettingsOfLink;
  readonly #receivers = new Map<string, Receiver>();
  readonly #links = new Map<string, Map<string, Link>>();
  readonly #outages = new Set<Outage>();
  /** The outage that the exploration has begun, while it lasts. */
  #chosen: Outage | undefined = undefined;
  #lost: Envelope[] = [];
  /** At this many entries, {@link #lost} drops those that nobody waits for any more. */
  #lostMax = LOST_MAX;
  readonly #ids: MessageIds;
  /** By name of a node that failed to start: the id that was given last by then. */
  #failedStarts: Map<string, number> | undefined = undefined;
  #isStopped = false;

  constructor(world: SimulatedWorld, settings: SettingsOfLink, callTimeoutMs: number) {
    this.world = world;
    this.callTimeoutMs = callTimeoutMs;
    this.#settings = settings;
    this.#ids = idsOf(world);
    world.onHeal(() => this.#heal());
    world.waits?.add(() => this.#waits());
  }

  nextId(): number {
    this.#ids.last += 1;
    return this.#ids.last;
  }

  add(receiver: Receiver): void {
    this.#receivers.set(receiver.name, receiver);
  }

  /** Removes a node whose program has failed to start. Its name is free again. */
  remove({ name }: Receiver): void {
    this.#receivers.delete(name);
    (this.#failedStarts ??= new Map()).set(name, this.#ids.last);
  }

  has(name: string): boolean {
    return this.#receivers.has(name);
  }

  /** The link from one node to another, created on first use. */
  link(from: string, to: string): Link {
    let ofSender = this.#links.get(from);
    if (ofSender === undefined) {
      ofSender = new Map();
      this.#links.set(from, ofSender);
    }
    let link = ofSender.get(to);
    if (link === undefined) {
      link = new Link(this, from, to, this.#settingsOf(from, to));
      for (const outage of this.#outages) outage.change(link, 1);
      ofSender.set(to, link);
    }
    return link;
  }

  /** Wrong options of a link are an error of the scenario, whose program ever sends the first message over it. */
  #settingsOf(from: string, to: string): LinkSettings {
    try {
      return this.#settings(from, to);
    } catch (error) {
      if (!isEndOfExecution(error)) {
        this.world.processes?.fail(`the link from ${from} to ${to}: ${messageOf(error)}`, error);
      }
      throw error;
    }
  }

  /** Decides which fault strikes a message that is being sent. What a node sends to itself crosses no network. */
  strike({ faults }: LinkSettings, envelope: Envelope): LinkFaultKind | undefined {
    if (envelope.from === envelope.to) return undefined;
    return faults?.pick(this.world.choices, envelope, this.#chosen !== undefined || this.#receivers.size < 2);
  }

  /** Hands a message that came through to its receiver. */
  deliver(envelope: Envelope): void {
    const receiver = this.#receivers.get(envelope.to);
    if (receiver === undefined) this.refuse(envelope, `there is no node ${envelope.to}`);
    else if (this.#isOfFailedStart(envelope)) this.refuse(envelope, `${envelope.to} has failed to start`);
    else receiver.arrive(envelope);
  }

  /** True if it is addressed to a process that was never a node: the next one of its name has the same incarnation. */
  #isOfFailedStart({ to, toIncarnation, id }: Envelope): boolean {
    if (this.#failedStarts === undefined || toIncarnation === ANY_INCARNATION) return false;
    return id <= (this.#failedStarts.get(to) ?? 0);
  }

  noteLost(envelope: Envelope): void {
    const lost = envelope.lose();
    if (lost === undefined) return;
    this.#lost.push(lost);
    if (this.#lost.length < this.#lostMax) return;
    this.#lost = this.#lost.filter((one) => this.#isAwaited(one));
    this.#lostMax = Math.max(LOST_MAX, 2 * this.#lost.length);
  }

  /** Usually false: by then the caller has timed out. */
  #isAwaited({ kind, from, to, id }: Envelope): boolean {
    return this.#receivers.get(kind === 'call' ? from : to)?.awaits(id) === true;
  }

  /** Drops everything in flight. */
  stop(): void {
    this.#isStopped = true;
    for (const outage of this.#outages) outage.timer?.cancel();
    this.#outages.clear();
    for (const link of this.#all()) link.stop();
  }

  /** Reports a message that reached nobody who accepts it. */
  refuse(envelope: Envelope, reason: string): void {
    // The crash that it met on arrival has let an observer stop the network.
    if (this.#isStopped) return;
    this.link(envelope.from, envelope.to).trace(envelope, 'refused', reason);
    if (envelope.kind !== 'call') return;
    // The duplicate may have been served, or may still be.
    const error = envelope.isDoubled
      ? new RunnerError('RUNNER_CALL_LOST', `${reason}: one of two copies of ${envelope.name} was refused`)
      : new RunnerError('RUNNER_NODE_DOWN', reason);
    this.fail(envelope, error);
  }

  /** Answers a call with an error on behalf of the node that was to answer it. */
  fail(call: Envelope, error: RunnerError): void {
    this.link(call.to, call.from).send(failedAnswer(call, error));
  }

  /** Partitions the network as the exploration chooses, for at most `mostMs`. */
  beginPartition(mostMs: number): void {
    const names = [...this.#receivers.values()].filter(({ hasLeft }) => !hasLeft).map(({ name }) => name);
    if (names.length < 2) return;
    const { choices } = this.world;
    this.#beginChosen(PARTITION, mostMs, (ms) => chosenPartition(choices, names, ms));
  }

  /** Holds the link of a message, for at most `mostMs`. */
  beginHold({ from, to }: Envelope, mostMs: number): void {
    this.#beginChosen(HOLD, mostMs, (ms) => new Outage('hold', [[from], [to]], ms));
  }

  /** Begins an outage; it lasts until `end`. */
  begin(outage: Outage): void {
    const { tracer, clock } = this.world;
    const { kind, parts, ms } = outage;
    tracer.record({
      at: clock.now(),
      type: 'fault',
      runner: 'network',
      operation: 'network',
      kind,
      runId: '',
      parts,
      ...(ms === undefined ? {} : { ms }),
    });
    this.#outages.add(outage);
    for (const link of this.#all()) outage.change(link, 1);
  }

  /** Ends all outages that match. */
  end(isMeant: (outage: Outage) => boolean): void {
    for (const outage of [...this.#outages]) if (isMeant(outage)) this.#end(outage);
  }

  #beginChosen(topic: Topic, mostMs: number, make: (ms: number) => Outage): void {
    const { choices, clock } = this.world;
    const outage = make(faultLength(choices, topic, mostMs));
    this.#chosen = outage;
    this.begin(outage);
    outage.timer = clock.timer(topic.plus('end'), outage.ms ?? 0, () => this.#end(outage));
  }

  #end(outage: Outage): void {
    outage.timer?.cancel();
    if (this.#chosen === outage) this.#chosen = undefined;
    this.#outages.delete(outage);
    const { tracer, clock } = this.world;
    tracer.record({ at: clock.now(), type: 'note', runner: 'network', text: outage.endText });
    for (const link of this.#all()) outage.change(link, -1);
  }

  *#waits(): Iterable<OngoingWait> {
    for (const receiver of this.#receivers.values()) yield* receiver.waits();
  }

  *#all(): Iterable<Link> {
    for (const ofSender of this.#links.values()) yield* ofSender.values();
  }

  #heal(): void {
    if (this.#isStopped) return;
    this.end(() => true);
    for (const link of this.#all()) link.heal();
    const lost = this.#lost;
    this.#lost = [];
    for (const envelope of lost) {
      if (!this.#isAwaited(envelope)) continue;
      const { kind, from, to, name } = envelope;
      const what = kind === 'call' ? `the call ${name} to ${to}` : `the answer of ${from} to ${name}`;
      const answer = failedAnswer(envelope, new RunnerError('RUNNER_CALL_LOST', `${what} was lost`));
      this.link(answer.from, answer.to).sendNow(answer);
    }
  }
}
