/**
 * The few events that show a failure, out of all that happened: what was decided, what happened to those whom the failure names, with
 * when and why. Invariant: lines are in the order of happening, at most as many as asked for, and say how many were left out.
 */
import type { TraceEvent } from '../../model/trace-event.ts';
import { type ObservedRun, unusualDecisions, type ObservedDecision } from './observed-run.ts';
import { type RoutineEvent, isRoutine } from './routine-event.ts';
import type { EventInfo } from '../../kernel/event-queue.ts';
import { invariant } from '../../kernel/invariant.ts';
import { timesText } from '../../model/plural.ts';
import { isTerminal, type RunState } from '../../model/run-state.ts';
import { type DiskEvent, linkName, type MessageEvent } from '../../model/message-text.ts';
import { isCrashKind } from '../../model/faults.ts';
import { eventText } from '../../trace/event-text.ts';
import { SCENARIO_SLEEP } from '../../simulation/simulation.ts';
import type { Failure } from '../../simulation/verdict.ts';
import { headlineOf } from '../failure-key.ts';
import { subjectsOf, type IsAbout, WORDS, wordsOf } from './failure-subjects.ts';
import { EventNames } from './event-name.ts';
import { holdingIn, isAboutHolding, unfreedIn } from './held-resources.ts';
import { callersIn, Exchanges, isAnswer, isOfCaller, isOfSetup, isOfWork } from './exchanges.ts';
import { recoveryText } from './question-text.ts';
import { PassedOver } from './passed-over.ts';
import { ShownFaults } from './shown-fault.ts';

type ProcessEvent = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' }>;

/**
 * Finds events that say what another one says: a simulated machine records its processes, and a run that it has one; to a reader that is
 * one process.
 */
function recordedByMachine({ events }: ObservedRun): (event: TraceEvent) => boolean {
  const seen = new Set(
    events.flatMap(({ event }) =>
      isOfProcess(event) && event.name.startsWith('process/') ? [ownerOf(event)] : [],
    ),
  );
  return (event) => isOfProcess(event) && event.name === 'process' && seen.has(ownerOf(event));
}

/** No status shows a process that another one has started. */
function isChild(event: TraceEvent): boolean {
  return event.type === 'acquired' && event.resource === 'process' && event.name.split('/').length > 2;
}

/** Nothing else shows when it began and ended. */
function isProcessWithoutRun(event: RoutineEvent): boolean {
  return (event.type === 'acquired' || event.type === 'freed') && event.runId.startsWith('#');
}

function isOfProcess(event: TraceEvent): event is ProcessEvent {
  return (event.type === 'acquired' || event.type === 'freed') && event.resource === 'process';
}

function ownerOf({ runner, runId }: ProcessEvent): string {
  return `${runner} ${runId}`;
}

/** One line of a history. */
export interface HistoryLine {
  readonly role: 'event' | 'decision' | 'failure';
  /** Virtual time. */
  readonly atMs: number;
  /** Whose event it is; empty for what belongs to no runner. */
  readonly runner: string;
  readonly text: string;
  /** The event of the clock that brought it, when that was set and by which one, as a phrase; absent if the line before has the same. */
  readonly because?: string;
}

/** What happened, in short. */
export interface History {
  readonly lines: readonly HistoryLine[];
  /** How many lines are not shown: trace events but metrics, and decisions that are not plain. */
  readonly leftOut: number;
}

/** A line that may be shown. */
interface Candidate {
  readonly role: 'event' | 'decision';
  readonly atMs: number;
  readonly runner: string;
  /** Made for the few that are shown: it takes longer than all else about a line, and there may be a hundred thousand. */
  readonly textOf: () => string;
  readonly firingId: number;
  readonly event?: TraceEvent;
  /** The text is about that event of the clock itself. */
  readonly isFiring: boolean;
  /** Lines of a lower one are taken first. */
  readonly rank: Rank;
}

/** Why a line is worth showing. */
const RANK = {
  decided: 0,
  telling: 1,
  named: 2,
  namedPart: 3,
  context: 4,
  around: 5,
  minor: 6,
  routine: 7,
  never: 8,
} as const;
type Rank = (typeof RANK)[keyof typeof RANK];

/** Events of the clock that stop a run. */
const STOPS: ReadonlySet<string> = new Set(['deadline', 'memory', 'bound']);

/** Where less than this is telling, what says little is shown as well. */
const LINES_MIN = 6;
/** So few are not left out if there is room: that they are would take a line as well. */
const LEFT_OUT_MIN = 3;

/** Chooses the lines. The failure is the last one. */
export function historyOf(run: ObservedRun, failure: Failure, linesMax: number): History {
  const candidates = candidatesOf(run, failure);
  const byWorth = candidates
    .map((candidate, index) => ({ candidate, index }))
    .filter(({ candidate }) => candidate.rank < RANK.never)
    // Of equal worth, the one nearer to the failure.
    .sort((a, b) => a.candidate.rank - b.candidate.rank || b.index - a.index);
  const names = new EventNames(run);
  const rows = new Rows(candidates, (one, other) => isAlike(run, names, one, other));
  for (const { candidate, index } of byWorth) {
    if (!rows.hasRoom(linesMax - 1)) break;
    // What happened around it may be what brought the named one to where it is, so it is shown as far as there is room.
    const isTelling = candidate.rank <= RANK.around;
    if (!isTelling && rows.size >= LINES_MIN && byWorth.length - rows.taken > LEFT_OUT_MIN) break;
    rows.take(index);
  }
  takeBegins(rows, candidates, linesMax - 1);
  const shown = rows.joined();
  const lines = shown.map((row, index) => lineOf(run, names, row, shown[index - 1]));
  const { atMs, message } = failure;
  lines.push({ role: 'failure', atMs, runner: '', text: headlineOf(message).headline });
  return {
    lines,
    leftOut: candidates.filter(isLine).length - shown.flat().filter(isLine).length,
  };
}

/** What happens again in the same words, in the same instant and for the same reason. */
function isAlike(run: ObservedRun, names: EventNames, one: Candidate, other: Candidate): boolean {
  if (!mayBeAlike(one, other) || one.textOf() !== other.textOf()) return false;
  return one.firingId === other.firingId || causeText(run, names, one) === causeText(run, names, other);
}

/** To compare texts takes longer, and there may be many events in an instant. */
function mayBeAlike(one: Candidate, other: Candidate): boolean {
  if (one.atMs !== other.atMs || one.role !== other.role || one.isFiring !== other.isFiring) return false;
  const { event } = other;
  if (one.event === undefined || event === undefined) return one.event === event;
  const values = new Map(Object.entries(event));
  return Object.entries(one.event).every(
    ([name, value]) => typeof value !== 'string' || values.get(name) === value,
  );
}

/** Candidates that are one line, in the order of happening. */
type Row = readonly [Candidate, ...Candidate[]];

/**
 * The lines that are chosen so far. Invariant: what is alike with nothing else between is one line, whether or not each was chosen, so that
 * its count is what happened.
 */
class Rows {
  readonly #all: readonly Candidate[];
  readonly #isAlike: (one: Candidate, other: Candidate) => boolean;
  /** The indices of those that are in lines. */
  readonly #taken = new Set<number>();
  #joins = 0;
  size = 0;

  constructor(all: readonly Candidate[], alike: (one: Candidate, other: Candidate) => boolean) {
    this.#all = all;
    this.#isAlike = alike;
  }

  /** How many candidates are in lines. */
  get taken(): number {
    return this.#taken.size;
  }

  has(index: number): boolean {
    return this.#taken.has(index);
  }

  /** Whether there are fewer lines than so many, once those that are alike are one. */
  hasRoom(most: number): boolean {
    if (this.size < most) return true;
    this.#joins += 1;
    // Each time takes a look at everything.
    if (this.#joins <= 2 * most) this.joined();
    return this.size < most;
  }

  /** Makes a line of the candidate at that index, unless it is in one. */
  take(index: number): void {
    if (this.has(index)) return;
    this.#taken.add(index);
    this.size += 1;
    for (const step of [-1, 1]) this.#takeAlike(index, step);
  }

  #takeAlike(index: number, step: number): void {
    const first = this.#at(index);
    for (let at = index + step; at >= 0 && at < this.#all.length; at += step) {
      const other = this.#at(at);
      if (other.rank >= RANK.never) continue;
      if (this.has(at) || !this.#isAlike(first, other)) return;
      this.#taken.add(at);
    }
  }

  #at(index: number): Candidate {
    const candidate = this.#all[index];
    invariant(candidate !== undefined, 'index of a candidate');
    return candidate;
  }

  /** The lines; those that are alike are one if nothing that is shown stands between, and so is what was not chosen and is alike. */
  joined(): Row[] {
    const rows: [number, ...number[]][] = [];
    let unchosen: number[] = [];
    this.#all.forEach((candidate, index) => {
      const row = rows.at(-1);
      const isChosen = this.has(index);
      // To ask for the name of an event of the clock takes too long for all of an instant.
      if (!isChosen && (candidate.isFiring || candidate.rank >= RANK.never)) return;
      const isLike = (other: number): boolean => this.#isAlike(this.#at(other), candidate);
      if (row !== undefined && isLike(row[0])) row.push(index);
      else if (isChosen) {
        const [first, ...more] = unchosen.filter(isLike);
        rows.push(first === undefined ? [index] : [first, ...more, index]);
      } else {
        unchosen.push(index);
        return;
      }
      if (isChosen) unchosen = [];
    });
    for (const index of rows.flat()) this.#taken.add(index);
    this.size = rows.length;
    return rows.map(([first, ...more]) => [this.#at(first), ...more.map((index) => this.#at(index))]);
  }
}

/** Metrics and the like are no lines of a history, and events of the clock are counted by what they do. */
function isLine({ isFiring, rank }: Candidate): boolean {
  return !isFiring && rank < RANK.never;
}

/** The end of something is shown with its beginning, as far as there is room. */
function takeBegins(rows: Rows, all: readonly Candidate[], most: number): void {
  const best = all.filter((_, index) => rows.has(index));
  for (const { event } of best) {
    if (event?.type !== 'freed' || rows.size >= most) continue;
    const { runner, runId, resource, name } = event;
    const begin = all.findIndex(
      ({ event: other }) =>
        other?.type === 'acquired' &&
        other.runner === runner &&
        other.runId === runId &&
        other.resource === resource &&
        other.name === name,
    );
    if (begin >= 0) rows.take(begin);
  }
}

function lineOf(run: ObservedRun, names: EventNames, row: Row, before: Row | undefined): HistoryLine {
  const [first] = row;
  const { role, atMs, runner, textOf, firingId } = first;
  const because = before?.at(-1)?.firingId === firingId ? undefined : causeText(run, names, first);
  const text = `${textOf()}${timesText(row.length)}`;
  return { role, atMs, runner, text, ...(because === undefined ? {} : { because }) };
}

/** `by the deadline of run 3, set at 5 ms by …`, as far as these have names that say something. */
function causeText(run: ObservedRun, names: EventNames, candidate: Candidate): string | undefined {
  const { firingId, isFiring, event } = candidate;
  const firing = run.firings.get(firingId);
  if (firing === undefined) return undefined;
  const maker = run.firings.get(firing.cause);
  const set = setText(names, maker);
  if (event?.type === 'node' && event.step === 'restarted') {
    return maker !== undefined && maker.atMs < event.at ? set : undefined;
  }
  if (saysItsCause(names, candidate, firing)) return undefined;
  const arrival = names.broughtBy(firingId);
  if (arrival !== undefined) return arrivalCauseText(names, candidate, { firing, maker, arrival });
  if (isFiring) return isTellingMaker(names, maker) || firing.atMs > (maker?.atMs ?? 0) ? set : undefined;
  return firingCauseText(names, firing, maker);
}

function firingCauseText(
  names: EventNames,
  firing: EventInfo,
  maker: EventInfo | undefined,
): string | undefined {
  if (names.isStep(firing)) return `by ${names.of(firing)}`;
  const set = setText(names, maker);
  if (names.isTelling(firing)) return `by ${names.of(firing)}, ${set}`;
  return isTellingMaker(names, maker) ? set : undefined;
}

function isTellingMaker(names: EventNames, maker: EventInfo | undefined): boolean {
  return maker !== undefined && names.isTelling(maker) && !names.isStep(maker);
}

function setText(names: EventNames, maker: EventInfo | undefined): string {
  const setAt = maker === undefined ? 'set at the start' : `set at ${maker.atMs} ms`;
  return maker !== undefined && isTellingMaker(names, maker) ? `${setAt} by ${names.of(maker)}` : setAt;
}

/** When a fault strikes a node is in its words, and what a disk has done is what it was asked for. */
function saysItsCause(names: EventNames, { role, event, firingId }: Candidate, firing: EventInfo): boolean {
  if (role === 'decision' && event?.type === 'fault' && event.operation === 'node') return true;
  return event?.type === 'disk' && names.isStep(firing) && names.broughtBy(firingId) === undefined;
}

interface Arrival {
  readonly firing: EventInfo;
  readonly maker: EventInfo | undefined;
  readonly arrival: MessageEvent;
}

function arrivalCauseText(
  names: EventNames,
  { event, isFiring }: Candidate,
  { firing, maker, arrival }: Arrival,
): string | undefined {
  if (event === arrival || isFiring) {
    // When a call was made is said by its answer.
    if (maker === undefined || arrival.kind !== 'message') return undefined;
    return `sent at ${maker.atMs} ms${isTellingMaker(names, maker) ? ` by ${names.of(maker)}` : ''}`;
  }
  // An answer is to the call that has come.
  const isItsAnswer = event?.type === 'message' && event.id === arrival.id;
  return isItsAnswer ? undefined : `by ${names.of(firing)}`;
}

/** How much each event is worth showing. */
function ranking(run: ObservedRun, failure: Failure, exchanges: Exchanges): (event: TraceEvent) => Rank {
  const isAbout = subjectsOf(run, failure);
  const held = isAboutHolding(failure) ? holdingIn(run.events) : new Set<TraceEvent>();
  const alive = new Set(unfreedIn(run.events).map(({ event }) => event));
  const accepted = new Set(
    run.events.flatMap(({ event }) => (event.type === 'accepted' ? [`${event.runner} ${event.runId}`] : [])),
  );
  const isRecordedByMachine = recordedByMachine(run);
  const cluster = new ClusterRanks(run, failure, isAbout, exchanges);
  const callers = callersIn(run);
  return (event) => {
    if (isRecordedByMachine(event) || exchanges.isSaid(event)) return RANK.never;
    if (isWaitForAnswer(event, callers)) return RANK.never;
    if (held.has(event)) return RANK.named;
    // Whatever is left was made by a run, or by the call that has started it.
    if (failure.kind === 'leftovers' && isAnswerOf('run', event)) return RANK.named;
    const ofCluster = cluster.rankOf(event);
    if (ofCluster !== undefined) return ofCluster;
    // That it waits is said by its acceptance already.
    if (event.type === 'status' && accepted.has(`${event.runner} ${event.status.runId}`)) {
      if (event.status.state === 'PENDING') return RANK.routine;
    }
    return alive.has(event) && isChild(event) ? RANK.around : rankOfEvent(event, isAbout);
  };
}

function isAnswerOf(method: string, event: TraceEvent): boolean {
  return event.type === 'message' && event.name === method && isAnswer(event) && event.step === 'delivered';
}

/** That a caller waits for its answer is said by its call. */
function isWaitForAnswer(event: TraceEvent, callers: ReadonlySet<string>): boolean {
  if (event.type !== 'acquired' && event.type !== 'freed') return false;
  return event.resource === 'waiter' && event.from !== undefined && callers.has(event.owner ?? '');
}

/** Everything in the order of happening: decisions stand before what they led to. */
function candidatesOf(run: ObservedRun, failure: Failure): Candidate[] {
  const exchanges = new Exchanges(run);
  const rankOf = ranking(run, failure, exchanges);
  const decisions = unusualDecisions(run);
  const names = new EventNames(run);
  const faults = new ShownFaults(run, names);
  const shown = decisions.flatMap((decision) => faults.of(decision) ?? []);
  const faultOf = new Map(shown.map((fault) => [fault.event, fault]));
  const named = new Set(shown.map(({ decision }) => decision));
  const passed = new PassedOver(decisions);
  for (const decision of decisions) if (!passed.isShown(decision)) named.add(decision);
  for (const { decision } of shown) faults.detailsBehind(decision).forEach((detail) => named.add(detail));
  const toldAlready = new Set(shown.flatMap(({ others }) => others));
  const callers = callersIn(run);
  const losses = new RepeatedLosses(run.events);
  const ofDecision = (decision: ObservedDecision): Candidate => {
    const candidate = candidateOf(run, faults, decision, () => passed.textOf(decision, names));
    if (isOfCaller(decision, callers)) return { ...candidate, rank: RANK.never };
    if (!isOfWork(decision, callers)) return candidate;
    return { ...candidate, rank: isOfSetup(decision) ? RANK.context : RANK.minor };
  };
  const candidates: Candidate[] = [];
  run.events.forEach(({ event, firingId }, index) => {
    while (decisions[0] !== undefined && decisions[0].traceIndex <= index) {
      const decision = decisions.shift() as ObservedDecision;
      // A fault that shows in the trace is not said twice.
      if (!named.has(decision)) candidates.push(ofDecision(decision));
    }
    if (toldAlready.has(event) || losses.isRepeat(event)) return;
    const { at: atMs, runner } = event;
    const fault = faultOf.get(event);
    const role = fault === undefined ? 'event' : 'decision';
    const textOf = (): string =>
      (fault?.text ?? exchanges.textOf(event) ?? eventText(event)) + losses.timesText(event);
    if (isLoss(event) && isSaid(candidates, firingId, textOf())) return;
    candidates.push({ role, atMs, runner, textOf, firingId, event, isFiring: false, rank: rankOf(event) });
  });
  const late = decisions.filter((decision) => !named.has(decision));
  candidates.push(...late.map(ofDecision));
  return [...withSilentFirings(run, names, candidates, passed.eventIds)];
}

/** So many losses in the same words are one line. */
const LOSSES_MIN = 3;

/**
 * Messages in the same words that are lost one after another while the network stays as it is: the first stands for all. Whatever comes through on
 * their link ends the row, and so does whatever happens to the network.
 */
class RepeatedLosses {
  readonly #rowOf = new Map<TraceEvent, readonly MessageEvent[]>();

  constructor(events: ObservedRun['events']) {
    let rows = new Map<string, Map<string, MessageEvent[]>>();
    for (const { event } of events) {
      if (event.type === 'fault' && event.operation === 'network') rows = new Map();
      if (event.type !== 'message') continue;
      const { runner, to, step, kind, name, detail, reason } = event;
      const link = linkName(runner, to);
      if (step === 'delivered') rows.delete(link);
      if (step !== 'lost' || reason === undefined) continue;
      const ofLink = rows.get(link) ?? new Map<string, MessageEvent[]>();
      rows.set(link, ofLink);
      const words = JSON.stringify([kind, name, detail, reason]);
      const row = ofLink.get(words) ?? [];
      ofLink.set(words, row);
      row.push(event);
      this.#rowOf.set(event, row);
    }
  }

  /** True if an earlier one stands for it. */
  isRepeat(event: TraceEvent): boolean {
    const row = this.#rowOf.get(event);
    return row !== undefined && row.length >= LOSSES_MIN && row[0] !== event;
  }

  /** How often it is lost and until when; empty if that is not said. */
  timesText(event: TraceEvent): string {
    const row = this.#rowOf.get(event) ?? [];
    return row.length < LOSSES_MIN ? '' : `, ${row.length} times until ${row.at(-1)?.at} ms`;
  }
}

/** Whether a decision since the event fired says the same. */
function isSaid(candidates: readonly Candidate[], firingId: number, text: string): boolean {
  const since = candidates.findLastIndex((candidate) => candidate.firingId !== firingId) + 1;
  return candidates.slice(since).some(({ role, textOf }) => role === 'decision' && textOf() === text);
}

/** Of what did not arrive, so much is shown before all else but decisions. */
const UNDELIVERED_MAX = 4;

/** The last messages that did not arrive, with why: of those on one link that say the same for the same reason, the first. */
function undeliveredIn(events: ObservedRun['events']): ReadonlySet<TraceEvent> {
  const arrived = new Set<string>();
  const firsts = new Map<string, MessageEvent>();
  for (const { event } of [...events].reverse()) {
    if (event.type !== 'message') continue;
    const { runner, to, kind, name, step, reason, id } = event;
    const message = JSON.stringify([id, kind]);
    if (step === 'delivered') arrived.add(message);
    // What was lost and held back before it came, as one of two copies, has arrived.
    if (!isStopped(event) || arrived.has(message)) continue;
    const key = JSON.stringify([runner, to, kind, name, step, reason]);
    firsts.delete(key);
    firsts.set(key, event);
  }
  return new Set([...firsts.values()].slice(0, UNDELIVERED_MAX));
}

/** So many restarts are shown before all else but decisions. */
const RESTARTS_MAX = 2;

/** The last restarts of nodes that have said something since: without them it would be said by a node that is down. */
function tellingRestartsIn(events: ObservedRun['events']): ReadonlySet<TraceEvent> {
  const speaking = new Set<string>();
  const found = new Set<TraceEvent>();
  for (const { event } of [...events].reverse()) {
    // That a node is down the network says in its name.
    if (event.type === 'message' && event.step === 'sent' && event.kind !== 'error') {
      speaking.add(event.runner);
    }
    if (event.type !== 'node' || event.step !== 'restarted' || !speaking.delete(event.runner)) continue;
    found.add(event);
    if (found.size === RESTARTS_MAX) break;
  }
  return found;
}

function isStopped({ step, reason }: MessageEvent): boolean {
  return reason !== undefined && (step === 'lost' || step === 'refused' || step === 'held');
}

/** So many arrivals that led to the failure, one after the other, are shown first. */
const CHAIN_MAX = 4;
/** What is sent more often than that says the same each time. */
const OFTEN = 3;

/**
 * Why lines of messages, disks and locks are worth showing: what led to the failure, what it names, and what was on a disk that a crash
 * struck.
 */
class ClusterRanks {
  readonly #isAbout: IsAbout;
  readonly #words: ReadonlySet<string>;
  /** Events of the clock that led to the failure, the nearest ones. */
  readonly #chain = new Set<number>();
  readonly #firingOf = new Map<TraceEvent, number>();
  /** Arguments of calls, by their ids. */
  readonly #args = new Map<number, string>();
  readonly #often = new Set<TraceEvent>();
  readonly #beforeCrash = new Set<TraceEvent>();
  readonly #losses: FileLosses;
  readonly #undelivered: ReadonlySet<TraceEvent>;
  readonly #restarts: ReadonlySet<TraceEvent>;

  constructor(run: ObservedRun, failure: Failure, isAbout: IsAbout, exchanges: Exchanges) {
    this.#isAbout = isAbout;
    this.#words = wordsOf(failure);
    this.#findOften(run.events);
    this.#findBeforeCrashes(run.events, exchanges);
    this.#losses = new FileLosses(run.events);
    this.#undelivered = undeliveredIn(run.events);
    this.#restarts = tellingRestartsIn(run.events);
    for (const { event, firingId } of run.events) {
      if (event.type !== 'message') continue;
      this.#firingOf.set(event, firingId);
      if (event.kind === 'call' && event.detail !== undefined) this.#args.set(event.id, event.detail);
    }
    this.#findChain(run);
  }

  /** Undefined for all that is about something else. */
  rankOf(event: TraceEvent): Rank | undefined {
    if (event.type === 'message') return this.#rankOfMessage(event);
    if (event.type === 'disk') return this.#rankOfDisk(event);
    if (event.type === 'node' && this.#restarts.has(event)) return RANK.telling;
    const isOfLock = (event.type === 'acquired' || event.type === 'freed') && event.resource === 'lock';
    return isOfLock ? this.#rankOfLock(event) : undefined;
  }

  #rankOfDisk(event: DiskEvent): Rank {
    if (isLoss(event)) return RANK.decided;
    if (this.#words.has(event.file) || this.#losses.shows(event)) return RANK.namedPart;
    return this.#beforeCrash.has(event) || this.#losses.leadsTo(event) ? RANK.context : RANK.routine;
  }

  #rankOfMessage(event: MessageEvent): Rank {
    const { step, name } = event;
    if (this.#undelivered.has(event)) return RANK.telling;
    if (step === 'delivered' && this.#chain.has(this.#firingOf.get(event) ?? 0)) return RANK.named;
    if (this.#words.has(name)) return this.#rankOfNamedCall(event);
    if (this.#beforeCrash.has(event)) return RANK.namedPart;
    if (this.#often.has(event)) return RANK.minor;
    if (step !== 'sent' && step !== 'delivered') return this.#isAbout(event) ? RANK.namedPart : RANK.around;
    // That it was answered is shown by itself if something was decided before the answer came.
    const isEffect = step === 'delivered' || isAnswer(event);
    return this.#isAbout(event) && isEffect ? RANK.context : RANK.around;
  }

  #rankOfNamedCall(event: MessageEvent): Rank {
    if (event.step === 'sent' && !isAnswer(event)) return RANK.namedPart;
    return this.#exchangeSays(event) ? RANK.named : RANK.context;
  }

  /** Whether its arguments or its answer have a word or a number that the failure has. */
  #exchangeSays({ id, detail }: MessageEvent): boolean {
    const said = [this.#args.get(id), detail].flatMap((text) => text?.match(WORDS) ?? []);
    return said.some((word) => this.#words.has(word));
  }

  #rankOfLock({ name, owner = '', runner }: ProcessEvent): Rank | undefined {
    const isNamed = this.#words.has(name) || this.#words.has(owner) || this.#words.has(runner);
    return isNamed ? RANK.namedPart : undefined;
  }

  /** All but the first and the last of what goes the same way again and again. */
  #findOften(events: ObservedRun['events']): void {
    const alike = new Map<string, TraceEvent[]>();
    for (const { event } of events) {
      if (event.type !== 'message') continue;
      const { runner, to, step, kind, name } = event;
      const key = JSON.stringify([runner, to, step, kind, name]);
      const list = alike.get(key);
      if (list === undefined) alike.set(key, [event]);
      else list.push(event);
    }
    for (const list of alike.values()) {
      if (list.length > OFTEN) for (const event of list.slice(1, -1)) this.#often.add(event);
    }
  }

  /** The last write and the last sync of each disk before each crash of its node, and what that has said last: others rely on it. */
  #findBeforeCrashes(events: ObservedRun['events'], exchanges: Exchanges): void {
    const last = new Map<string, Map<string, TraceEvent>>();
    const keep = (node: string, what: string, event: TraceEvent): void => {
      const ofNode = last.get(node) ?? new Map<string, TraceEvent>();
      last.set(node, ofNode.set(what, event));
    };
    for (const { event } of events) {
      if (event.type === 'disk') {
        const what = stepKind(event);
        if (what !== undefined) keep(event.runner, what, event);
      } else if (event.type === 'message') {
        const isOnItsWay = event.step === 'sent' || event.step === 'delivered';
        if (isOnItsWay && !exchanges.isSaid(event)) keep(event.runner, 'said', event);
      } else if (event.type === 'fault' && event.operation === 'node' && isCrashKind(event.kind)) {
        for (const each of last.get(event.runner)?.values() ?? []) this.#beforeCrash.add(each);
      }
    }
  }

  #findChain({ firings, events }: ObservedRun): void {
    const delivering = new Set(
      events.flatMap(({ event, firingId }) =>
        event.type === 'message' && event.step === 'delivered' ? [firingId] : [],
      ),
    );
    let at = [...firings.values()].at(-1);
    while (at !== undefined && this.#chain.size < CHAIN_MAX) {
      if (delivering.has(at.id)) this.#chain.add(at.id);
      at = firings.get(at.cause);
    }
  }
}

/** What a crash takes from a disk: as a rule each is a decision. */
function isLoss(event: TraceEvent): boolean {
  return event.type === 'disk' && ['lost', 'torn', 'zeroed'].includes(event.step);
}

function isWrite({ step }: DiskEvent): boolean {
  return step === 'wrote' || step === 'appended';
}

/** Of what a program asks of a disk, all that changes it. */
function stepKind(event: DiskEvent): 'written' | 'synced' | undefined {
  const { step } = event;
  if (step === 'synced') return 'synced';
  return isWrite(event) || step === 'renamed' || step === 'removed' ? 'written' : undefined;
}

/** Of writes to one file that are lost, so many are shown: the last ones. */
const LOST_WRITES_MAX = 4;

/** What has happened to a file since it was synced. */
interface UnsyncedFile {
  readonly synced: DiskEvent | undefined;
  readonly writes: readonly DiskEvent[];
}

/** What leads to the loss of content and what comes of it: the last sync, the writes after it, what is left, and who reads that first. */
class FileLosses {
  readonly #led = new Set<TraceEvent>();
  readonly #shown = new Set<TraceEvent>();
  readonly #files = new Map<string, UnsyncedFile>();
  /** Those that have lost something, and that nobody has read since. */
  readonly #unread = new Set<string>();

  constructor(events: ObservedRun['events']) {
    for (const { event } of events) if (event.type === 'disk') this.#add(event);
  }

  /** True for what led to a loss. */
  leadsTo(event: TraceEvent): boolean {
    return this.#led.has(event);
  }

  /** True for what shows what there is after a loss. */
  shows(event: TraceEvent): boolean {
    return this.#shown.has(event);
  }

  #add(event: DiskEvent): void {
    const { runner, file, step, from, change } = event;
    const key = fileKey(runner, file);
    const isRename = step === 'renamed' || change === 'rename';
    if (isRename && from !== undefined) this.#rename(event, fileKey(runner, from), key);
    else if (isLoss(event) && change === undefined) this.#lose(key);
    else if (this.#unread.has(key) && (step === 'kept' || step === 'read')) {
      this.#shown.add(event);
      if (step === 'read') this.#unread.delete(key);
    } else if (isWrite(event)) {
      const { synced, writes } = this.#of(key);
      this.#files.set(key, { synced, writes: [...writes.slice(1 - LOST_WRITES_MAX), event] });
    } else if (step === 'synced') this.#files.set(key, { synced: event, writes: [] });
  }

  #of(key: string): UnsyncedFile {
    return this.#files.get(key) ?? { synced: undefined, writes: [] };
  }

  #lose(key: string): void {
    const { synced, writes } = this.#of(key);
    for (const each of [synced, ...writes]) if (each !== undefined) this.#led.add(each);
    this.#unread.add(key);
  }

  /** What was written to it by its old name is shown with the rename. A crash takes renames back. */
  #rename(event: DiskEvent, from: string, to: string): void {
    const isLost = event.step === 'lost';
    const { synced, writes } = this.#of(isLost ? to : from);
    const isShown = !isLost && writes.length > 0;
    this.#files.delete(isLost ? to : from);
    this.#files.set(isLost ? from : to, { synced, writes: isShown ? [...writes, event] : writes });
  }
}

function fileKey(disk: string, file: string): string {
  return JSON.stringify([disk, file]);
}

function candidateOf(
  { firings }: ObservedRun,
  faults: ShownFaults,
  decision: ObservedDecision,
  grouped: () => string | undefined,
): Candidate {
  const { due, answer } = decision;
  // An order is decided before time has come to be that of the event it picks.
  const firingId = due[answer]?.id ?? decision.firingId;
  const atMs = firings.get(firingId)?.atMs ?? 0;
  const textOf = (): string => grouped() ?? faults.textOf(decision);
  const rank = faults.isSpared(decision) ? RANK.around : RANK.decided;
  const isFiring = due.length > 0;
  return { role: 'decision', atMs, runner: '', textOf, firingId, isFiring, rank };
}

/** Where a scenario has little or no trace, its events of the clock are all there is to show. */
function* withSilentFirings(
  run: ObservedRun,
  names: EventNames,
  candidates: readonly Candidate[],
  named: readonly number[],
): Iterable<Candidate> {
  const telling = new Set(
    candidates.filter(({ rank }) => rank < RANK.routine).map(({ firingId }) => firingId),
  );
  const doing = new Set(candidates.map(({ firingId }) => firingId));
  // That a run is stopped is shown by what comes of it only later.
  const isSpeaking = ({ id, topic }: EventInfo): boolean =>
    telling.has(id) || (doing.has(id) && !STOPS.has(topic.what));
  const speaking = new Set([...[...run.firings.values()].filter(isSpeaking).map(({ id }) => id), ...named]);
  const order = new Map([...run.firings.keys()].map((id, at) => [id, at]));
  const silent = [...run.firings.values()].filter(({ id }) => !speaking.has(id));
  const periodic = periodicIn(silent);
  let next = 0;
  const until = function* (at: number): Iterable<Candidate> {
    for (; next < silent.length; next += 1) {
      const firing = silent[next];
      invariant(firing !== undefined, 'index below length');
      if ((order.get(firing.id) ?? 0) >= at) return;
      const { id, topic, atMs } = firing;
      const isSleep = topic === SCENARIO_SLEEP;
      const textOf = (): string =>
        recoveryText(firing) ?? `${names.of(firing)} ${isSleep || names.isStep(firing) ? 'ends' : 'fires'}`;
      // To ask where a sleep was made is what takes long; hardly any was made by nobody's code but ours.
      const rank =
        isSleep && !('place' in firing)
          ? RANK.routine
          : isSleep || periodic.has(id)
            ? RANK.minor
            : RANK.around;
      yield { role: 'event', atMs, runner: '', textOf, firingId: id, isFiring: true, rank };
    }
  };
  for (const candidate of candidates) {
    yield* until(order.get(candidate.firingId) ?? -1);
    yield candidate;
  }
  yield* until(Infinity);
}

/** What fires again and again, but for the first time and the last: it says the same each time. */
function periodicIn(silent: readonly EventInfo[]): Set<number> {
  const byText = new Map<string, number[]>();
  for (const { id, topic } of silent) {
    const ids = byText.get(topic.text);
    if (ids === undefined) byText.set(topic.text, [id]);
    else ids.push(id);
  }
  return new Set([...byText.values()].flatMap((ids) => ids.slice(1, -1)));
}

function rankOfEvent(event: TraceEvent, isAbout: IsAbout): Rank {
  if (isUsual(event)) return RANK.never;
  if (isRoutine(event)) return isProcessWithoutRun(event) ? RANK.around : RANK.routine;
  switch (event.type) {
    case 'fault':
      return RANK.decided;
    case 'status':
      return isAbout(event) ? rankOfNamed(event.status.state) : rankOfOther(event.status.state);
    case 'service':
      return event.at === 0 ? RANK.minor : isAbout(event) ? RANK.namedPart : RANK.around;
    case 'accepted':
    case 'rejected':
    case 'dropped':
    case 'evicted':
    case 'abort':
    case 'released':
    case 'abandoned':
    case 'recorded':
      return isAbout(event) ? RANK.named : RANK.around;
    case 'note':
      return isAbout(event) ? RANK.named : RANK.context;
    case 'node':
      return isAbout(event) ? RANK.named : RANK.around;
    case 'message':
    case 'disk':
      return isAbout(event) ? RANK.namedPart : RANK.minor;
  }
}

function rankOfNamed(state: RunState): Rank {
  if (isTerminal(state)) return RANK.named;
  return state === 'RUNNING' ? RANK.namedPart : RANK.around;
}

/** That a runner is well as it begins, and what it counts, says nothing of a failure; a metric that is wrong is in its message. */
function isUsual(event: TraceEvent): boolean {
  return event.type === 'metric' || (event.type === 'service' && event.at === 0 && event.service.isHealthy);
}

function rankOfOther(state: RunState): Rank {
  if (!isTerminal(state)) return RANK.minor;
  return state === 'COMPLETE' ? RANK.around : RANK.context;
}
