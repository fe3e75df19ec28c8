/**
 * Writes an execution as a timeline in the Chrome Trace Event format, which Perfetto, speedscope and `chrome://tracing`
 * open. It has a lane per runner with its runs as slices by state, a lane per node with its states and messages, a lane
 * per client and node with its calls, a lane per lock with its holders, and a lane for the events of a runner's clock;
 * marks for decisions, faults, disks, notes and the failure; and arrows from an event to those that it set, and from
 * the sending of a message to its arrival. Invariants: times are virtual; slices of one lane nest; events of one
 * instant keep their order, nanoseconds apart.
 */
import { tagsOf, type Command } from '../../model/command.ts';
import { isCrashKind } from '../../model/faults.ts';
import { isTerminal } from '../../model/run-state.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import {
  GAP_US,
  nodeLane,
  OF_CALLS,
  OF_EVENTS,
  type Slot,
  TimelineLanes,
  NodeSlices,
  type TimelineEvent,
} from './timeline-lanes.ts';
import { callSubject, commandName, commandText } from '../../call/service-call.ts';
import { isRunnerError } from '../../kernel/errors.ts';
import type { RunStatus } from '../../model/run-status.ts';
import {
  type CallOutcome,
  type ObservedCall,
  observeServices,
  type ServiceMoment,
} from './observed-services.ts';
import type { Decision } from '../../kernel/decisions.ts';
import { microsecondsOf } from '../../kernel/microseconds.ts';
import type { Topic } from '../../kernel/question.ts';
import { isDiskCallTopic } from '../../model/disk.ts';
import { linkName, messageEventText, stepName } from '../../model/message-text.ts';
import { eventText } from '../../trace/event-text.ts';
import { counted } from '../../model/plural.ts';
import type { Failure, Verdict } from '../../simulation/verdict.ts';
import type { Executor } from '../executor.ts';
import { headlineOf } from '../failure-key.ts';
import { keyDecisions } from '../keyed-log.ts';
import { ROUTINE_EVENTS } from '../routine-events.ts';
import type { EventNames } from '../explain/event-name.ts';
import { decisionText } from '../explain/question-text.ts';
import { decidedAtMs, observe, type ObservedDecision, type ObservedRun } from '../explain/observed-run.ts';
import { RunIndex } from '../explain/run-index.ts';
import { shortPlaceOf } from '../explain/source-place.ts';
import { check } from '../../kernel/argument-check.ts';
import { EXECUTOR, LOG } from '../argument-shapes.ts';

interface OpenRun {
  readonly runner: string;
  readonly runId: string;
  readonly slot: Slot;
  readonly fromTs: number;
  /** Set once the runner has accepted the command. */
  command: Command | undefined;
  state: string;
  stateFromTs: number;
}

/**
 * Draws runs as slices: one from acceptance to end, and inside it one per state. Invariant: overlapping runs of one
 * runner are drawn in separate lanes, so that the slices of a lane nest.
 */
class RunSlices {
  readonly #lanes: TimelineLanes;
  readonly #open = new Map<string, OpenRun>();

  constructor(lanes: TimelineLanes) {
    this.#lanes = lanes;
  }

  /** True if a slice shows the event, so that it needs no mark. */
  take(event: TraceEvent, ts: number): boolean {
    if (event.type === 'accepted') {
      this.#runOf(event.runner, event.runId, ts).command = event.command;
      return true;
    }
    if (event.type !== 'status') return false;
    const { state, runId } = event.status;
    const run = this.#runOf(event.runner, runId, ts);
    if (state === run.state) return true;
    this.#endState(run, ts);
    run.state = state;
    run.stateFromTs = ts;
    // The end is also a mark, because a slice does not show exit code and error at a glance.
    if (!isTerminal(state)) return true;
    this.#endRun(run, ts, state);
    return false;
  }

  /** The lane of a run that has not ended. */
  laneOf(runner: string, runId: string): string | undefined {
    return this.#open.get(keyOf(runner, runId))?.slot.lane;
  }

  /** Ends all open runs at the end of the execution. */
  end(ts: number): void {
    for (const run of this.#open.values()) {
      this.#endState(run, ts);
      this.#endRun(run, ts, `still ${run.state}`);
    }
  }

  /** The run; a new one begins in the first free lane of its runner. */
  #runOf(runner: string, runId: string, ts: number): OpenRun {
    const key = keyOf(runner, runId);
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const from = { fromTs: ts, state: 'PENDING', stateFromTs: ts };
    const run: OpenRun = { runner, runId, slot: this.#lanes.slots.take(runner), command: undefined, ...from };
    this.#open.set(key, run);
    return run;
  }

  #endState({ slot, state, stateFromTs }: OpenRun, ts: number): void {
    const dur = Math.max(0, ts - stateFromTs - GAP_US);
    this.#lanes.add(slot.lane, { name: state, cat: 'state', ph: 'X', ts: stateFromTs, dur });
  }

  #endRun({ runner, runId, slot, fromTs, command }: OpenRun, ts: number, ended: string): void {
    this.#open.delete(keyOf(runner, runId));
    this.#lanes.slots.free(slot);
    const tags = command === undefined ? '' : taskOf(command);
    this.#lanes.add(slot.lane, {
      name: `run ${runId}${tags === '' ? '' : ` for ${tags}`}: ${ended}`,
      cat: 'run',
      ph: 'X',
      ts: fromTs,
      dur: ts - fromTs,
      ...(command === undefined ? {} : { args: argsOf(command) }),
    });
  }
}

/** The name by which its scheduler knows a run. */
function taskOf(command: Command): string {
  const { jobId, taskId, tag } = tagsOf(command);
  return [jobId, taskId, tag].filter((part) => part !== '').join('/');
}

/** The arguments shown; environment and snapshot would bury the rest. */
function argsOf({ argv, timeoutMs }: Command): Record<string, unknown> {
  return { argv, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}

function keyOf(runner: string, runId: string): string {
  return JSON.stringify([runner, runId]);
}

/** A call that has not returned. */
interface OpenCall {
  readonly slot: Slot;
  readonly fromTs: number;
}

/** Maximum number of statuses shown of a reply. */
const STATUSES_MAX = 3;

/**
 * Draws calls of clients as slices, from call to return. Invariant: overlapping calls of one client are drawn in
 * separate lanes, so that the slices of a lane nest.
 */
class CallSlices {
  readonly #lanes: TimelineLanes;
  readonly #open = new Map<ObservedCall, OpenCall>();
  /** Calls of `run` that have not returned, by their command. */
  readonly #runs = new Map<string, Set<ObservedCall>>();
  /** The call begun last, which may reach its runner at once. */
  #newest: ObservedCall | undefined;

  constructor(lanes: TimelineLanes) {
    this.#lanes = lanes;
  }

  begin(call: ObservedCall, ts: number): void {
    this.#newest = call;
    if (call.method === 'run') {
      const identity = identityOf(call.args[0]);
      const equal = this.#runs.get(identity) ?? new Set();
      this.#runs.set(identity, equal.add(call));
    }
    this.#open.set(call, { slot: this.#lanes.slots.take(laneOf(call)), fromTs: ts });
  }

  end(call: ObservedCall, ts: number): void {
    const open = this.#open.get(call);
    if (open === undefined) return;
    this.#open.delete(call);
    if (call.method === 'run') this.#runs.get(identityOf(call.args[0]))?.delete(call);
    const { slot, fromTs } = open;
    this.#lanes.slots.free(slot);
    const { service, outcome, caller } = call;
    const args = { caller: caller.place, ...(outcome === undefined ? {} : { reply: replyText(outcome) }) };
    const name = `${subjectOf(call)} on ${service}${endText(outcome)}`;
    this.#lanes.add(slot.lane, { name, cat: 'call', ph: 'X', ts: fromTs, dur: ts - fromTs, args });
  }

  /** The call with which this command was accepted; undefined if there are several candidates. */
  starting(command: Command): OpenCall | undefined {
    const equal = this.#runs.get(identityOf(command)) ?? new Set();
    const [only] = equal;
    const newest = this.#newest !== undefined && equal.has(this.#newest) ? this.#newest : undefined;
    const call = equal.size === 1 ? only : newest;
    return call === undefined ? undefined : this.#open.get(call);
  }

  /** Called when time has passed since the last call began. */
  passTime(): void {
    this.#newest = undefined;
  }

  /** Ends all open calls at the end of the execution. */
  endAll(ts: number): void {
    for (const call of [...this.#open.keys()]) this.end(call, ts);
  }
}

function laneOf({ client, caller }: ObservedCall): string {
  return `client ${client ?? caller.name}`;
}

/** The arguments in a few words; a wrong call may have any arguments. */
function subjectOf(call: ObservedCall): string {
  let subject = '';
  try {
    if (call.method === 'run') subject = commandName(call.args[0]) || commandText(call.args[0]);
    else if (call.method === 'query' || call.method === 'queryNow') {
      subject = call.args[0].allRuns === true ? 'all runs' : `run ${callSubject(call)}`;
    } else if (call.method === 'abort' || call.method === 'status') subject = `run ${callSubject(call)}`;
  } catch {
    // The call shows only its name.
  }
  return subject === '' ? call.method : `${call.method} ${subject}`;
}

/** The part of a command that a reader can distinguish. */
function identityOf(command: Command | null | undefined): string {
  try {
    const { argv, taskId = '', tag = '', jobId = '', timeoutMs = 0 } = command ?? { argv: [] };
    return JSON.stringify([argv, taskId, tag, jobId, timeoutMs]);
  } catch {
    // A command that no JSON could hold is refused, and starts no run.
    return '';
  }
}

/** The outcome in a few words. */
function endText(outcome: CallOutcome | undefined): string {
  if (outcome === undefined) return ': no reply';
  return 'error' in outcome ? `: ${errorText(outcome.error)}` : '';
}

function errorText(error: unknown): string {
  if (isRunnerError(error)) return error.code;
  return error instanceof Error ? error.name : 'error';
}

function replyText(outcome: CallOutcome): string {
  if ('error' in outcome) return outcome.error instanceof Error ? outcome.error.message : 'an error';
  const { statuses, status } = (outcome.reply ?? {}) as {
    readonly statuses?: unknown;
    readonly status?: RunStatus;
  };
  const list = Array.isArray(statuses) ? (statuses as readonly RunStatus[]) : undefined;
  const all = list ?? [status ?? (outcome.reply as RunStatus | undefined)];
  const texts = all.flatMap((each) =>
    each?.runId === undefined ? [] : [`run ${each.runId} is ${each.state}`],
  );
  const more = texts.length - STATUSES_MAX;
  if (list?.length === 0) return 'no runs';
  return `${texts.slice(0, STATUSES_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}` || 'done';
}

type MessageEvent = Extract<TraceEvent, { readonly type: 'message' }>;
type LockEvent = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' }>;

/**
 * Draws calls between nodes as slices from call to answer, and locks as slices from acquisition to release. Invariant:
 * overlapping slices are drawn in separate lanes, so that the slices of a lane nest.
 */
class ExchangeSlices {
  readonly #lanes: TimelineLanes;
  readonly #calls = new Map<number, OpenCall & { readonly event: MessageEvent }>();
  /** Ids of open calls by what times out at their end, the oldest first. */
  readonly #limits = new Map<string, Set<number>>();
  readonly #held = new Map<string, OpenCall & { readonly owner: string }>();

  constructor(lanes: TimelineLanes) {
    this.#lanes = lanes;
  }

  /** @param lane of the node that calls or is answered. */
  take(event: MessageEvent, lane: string, ts: number): void {
    const { id, kind, step } = event;
    if (kind === 'call' && step === 'sent') {
      this.#calls.set(id, { slot: this.#lanes.slots.take(`${lane}${OF_CALLS}`), fromTs: ts, event });
      const limit = limitOf(event);
      this.#limits.set(limit, (this.#limits.get(limit) ?? new Set()).add(id));
    } else if (step === 'delivered' && (kind === 'reply' || kind === 'error')) this.#end(id, ts, event);
  }

  lock({ type, runner, runId, name, owner = '' }: LockEvent, ts: number): void {
    const key = JSON.stringify([runner, runId, name, owner]);
    const open = this.#held.get(key);
    if (type === 'acquired') {
      // Each node has locks of its own, whose names other nodes may use too.
      const lane = runner === '' ? name : `${nodeLane(runner)}: ${name}`;
      this.#held.set(key, { slot: this.#lanes.slots.take(lane), fromTs: ts, owner });
    } else if (open !== undefined) {
      this.#held.delete(key);
      this.#release(open, ts);
    }
  }

  /** Ends a call at its timeout, if the event is one: the oldest of equal calls. */
  timeOut({ owner, what }: Topic, ts: number): void {
    if (typeof owner !== 'string') return;
    const [oldest] = this.#limits.get(limitKey(owner, what)) ?? [];
    if (oldest !== undefined) this.#end(oldest, ts, undefined);
  }

  /** Ends the calls of a process that has ended. */
  endOf(node: string, ts: number): void {
    for (const [id, { event }] of this.#calls) if (event.runner === node) this.#end(id, ts, undefined);
  }

  endAll(ts: number): void {
    for (const id of this.#calls.keys()) this.#end(id, ts, undefined);
    for (const open of this.#held.values()) this.#release(open, ts);
    this.#held.clear();
  }

  #end(id: number, ts: number, answer: MessageEvent | undefined): void {
    const open = this.#calls.get(id);
    if (open === undefined) return;
    this.#calls.delete(id);
    const { slot, fromTs, event } = open;
    this.#limits.get(limitOf(event))?.delete(id);
    this.#lanes.slots.free(slot);
    const said = answer?.detail === undefined ? '' : `: ${answer.detail}`;
    const end = answer === undefined ? ': no answer' : said;
    this.#lanes.add(slot.lane, {
      name: `${event.name}(${event.detail ?? ''}) of ${event.to}${end}`,
      cat: 'call',
      ph: 'X',
      ts: fromTs,
      dur: ts - fromTs,
    });
  }

  #release({ slot, fromTs, owner }: OpenCall & { readonly owner: string }, ts: number): void {
    this.#lanes.slots.free(slot);
    const dur = ts - fromTs;
    this.#lanes.add(slot.lane, { name: `held by ${owner}`, cat: 'lock', ph: 'X', ts: fromTs, dur });
  }
}

function limitOf({ runner, to, name }: MessageEvent): string {
  return limitKey(linkName(runner, to), stepName('limit', name));
}

function limitKey(owner: string, what: string): string {
  return JSON.stringify([owner, what]);
}

/** A timeline as JSON: the content of a `--timeline` file. */
export interface Timeline {
  readonly traceEvents: readonly TimelineEvent[];
  readonly displayTimeUnit: 'ms';
  /** Name of the scenario, the failure if there is one, and in a file which part is shown if not all of it. */
  readonly otherData: Readonly<Record<string, string>>;
}

/** The lane of events that belong to no runner. */
const SCENARIO = 'scenario';
/** Events of nodes themselves, not of the runners on them, which may have the same names. */
const OF_NODES: ReadonlySet<TraceEvent['type']> = new Set(['fault', 'message', 'disk', 'node', 'note']);
/**
 * Distance in microseconds between two things that happen in one instant; half of it separates the end of a slice from
 * the next.
 */
const STEP_US = 0.002;
const STEPS_MAX = 499;
const EVENT_US = STEP_US / 2;

/** Gives each thing that happens a distinct time, in the order of the calls. */
class Stamps {
  #atUs = 0;
  #steps = 0;

  next(atMs: number): number {
    const atUs = microsecondsOf(atMs);
    this.#steps = atUs === this.#atUs ? Math.min(this.#steps + 1, STEPS_MAX) : 0;
    this.#atUs = atUs;
    return atUs + this.#steps * STEP_US;
  }
}

/** An end of an arrow. */
interface Point {
  readonly lane: string;
  readonly ts: number;
}

/** Walks through an execution in order. */
class TimelineWriter {
  readonly #run: ObservedRun;
  readonly #lanes = new TimelineLanes(SCENARIO);
  readonly #runs: RunSlices;
  readonly #calls: CallSlices;
  readonly #nodes: NodeSlices;
  readonly #exchanges: ExchangeSlices;
  /** Names of all nodes, known from the start because a program acts before its node is shown to be up. */
  readonly #nodeNames: ReadonlySet<string>;
  /** Where each message was last sent. */
  readonly #sent = new Map<string, Point>();
  #delivered = 0;
  readonly #moments: readonly ServiceMoment[];
  #momentsDrawn = 0;
  readonly #stamps = new Stamps();
  /** Where and when each clock event fired. */
  readonly #fired = new Map<number, Point>();
  readonly #decisions: readonly ObservedDecision[];
  #decisionsDrawn = 0;
  readonly #names: EventNames;

  constructor(run: ObservedRun, moments: readonly ServiceMoment[]) {
    this.#run = run;
    this.#names = new RunIndex(run).names;
    this.#moments = moments;
    this.#nodeNames = new Set(moments.flatMap(({ what }) => (what.type === 'node' ? [what.node] : [])));
    this.#runs = new RunSlices(this.#lanes);
    this.#calls = new CallSlices(this.#lanes);
    this.#nodes = new NodeSlices(this.#lanes);
    this.#exchanges = new ExchangeSlices(this.#lanes);
    this.#decisions = run.decisions.filter(({ answer }) => answer > 0);
  }

  /** @param whole the execution of which this run is the beginning. */
  write(whole: Verdict = this.#run.verdict): Timeline {
    const { verdict, events, firings } = this.#run;
    let index = 0;
    let fired = 0;
    const writeUntil = (firingId: number, firedAtMs: number): void => {
      let atMs = firedAtMs;
      for (; events[index]?.firingId === firingId; index += 1) {
        const { event } = events[index] as (typeof events)[number];
        this.#serve(fired, index, atMs);
        this.#decide(index);
        this.#happen(event);
        // The clock may have stalled before the code ran.
        atMs = event.at;
      }
      this.#serve(fired, index, atMs);
    };
    writeUntil(0, 0);
    for (const [id, { atMs }] of firings) {
      fired += 1;
      this.#fire(id, events[index]?.firingId === id ? events[index]?.event : undefined);
      writeUntil(id, atMs);
    }
    this.#decide(Infinity);
    const endTs = this.#stamps.next(verdict.virtualMs);
    this.#runs.end(endTs);
    this.#calls.endAll(endTs);
    this.#exchanges.endAll(endTs);
    this.#nodes.endAll(endTs);
    const { failure, scenario } = whole;
    this.#skip(whole, endTs);
    if (failure !== undefined) this.#fail(failure, this.#stamps.next(whole.virtualMs));
    return {
      traceEvents: this.#lanes.toEvents(scenario),
      displayTimeUnit: 'ms',
      otherData: { scenario, ...(failure === undefined ? {} : { failure: failure.message }) },
    };
  }

  /** Draws a clock event: a slice without length, and the arrow from the event that set it. */
  #fire(id: number, first: TraceEvent | undefined): void {
    const firing = this.#run.firings.get(id);
    if (firing === undefined) return;
    this.#calls.passTime();
    const lane = this.#laneOfEvents(firing.topic, first);
    const ts = this.#stamps.next(firing.atMs);
    const name = this.#names.of({ id, topic: firing.topic });
    const place = firing.place === undefined ? undefined : shortPlaceOf(firing.place);
    const args = place === undefined ? {} : { args: { set: place } };
    this.#lanes.add(lane, { name, cat: 'event', ph: 'X', ts, dur: EVENT_US, ...args });
    this.#exchanges.timeOut(firing.topic, ts);
    this.#fired.set(id, { lane, ts });
    const maker = this.#fired.get(firing.cause);
    if (maker === undefined) return;
    this.#arrow('sets', String(id), maker, { lane, ts });
  }

  #arrow(name: string, id: string, from: Point, to: Point): void {
    this.#lanes.add(from.lane, { name, cat: 'cause', id, ph: 's', ts: from.ts });
    this.#lanes.add(to.lane, { name, cat: 'cause', id, ph: 'f', bp: 'e', ts: to.ts });
  }

  /** Draws calls and node changes up to that point. */
  #serve(fired: number, traceIndex: number, atMs: number): void {
    for (;;) {
      const moment = this.#moments[this.#momentsDrawn];
      if (moment === undefined || moment.fired > fired || moment.traceIndex > traceIndex) return;
      this.#momentsDrawn += 1;
      const ts = this.#stamps.next(atMs);
      const { what } = moment;
      if (what.type === 'node') this.#nodes.become(what.node, what.state, ts);
      else if (what.type === 'call') this.#calls.begin(what.call, ts);
      else this.#calls.end(what.call, ts);
    }
  }

  /** Draws the non-default decisions before this place in the trace. */
  #decide(traceIndex: number): void {
    for (;;) {
      const decision = this.#decisions[this.#decisionsDrawn];
      if (decision === undefined || decision.traceIndex > traceIndex) return;
      this.#decisionsDrawn += 1;
      const { question, answer, n, firingId } = decision;
      const fired = this.#fired.get(firingId);
      const args = { question: question.text, answer, of: n };
      const ts = this.#stamps.next(decidedAtMs(this.#run, decision));
      const name = decisionText(decision, (event) => this.#names.of(event));
      this.#mark(fired?.lane ?? SCENARIO, { name, cat: 'decision', ts, args });
    }
  }

  #happen(event: TraceEvent): void {
    const ts = this.#stamps.next(event.at);
    const { runner, type } = event;
    if (event.type === 'message') {
      this.#pass(event, ts);
      return;
    }
    if (isOfLock(event)) this.#exchanges.lock(event, ts);
    if (isEndOfProcess(event)) this.#exchanges.endOf(event.runner, ts);
    const isShown = this.#runs.take(event, ts);
    if (event.type === 'accepted') this.#accept(event, ts);
    // Marks of routine would bury those that matter.
    if (isShown || ROUTINE_EVENTS.has(type)) return;
    const name = type === 'note' ? event.text : eventText(event);
    const lane = OF_NODES.has(type) ? this.#laneOf(runner) : runner === '' ? SCENARIO : runner;
    this.#mark(lane, { name, cat: type, ts, args: { ...event } });
  }

  /**
   * Draws a message that is sent or arrives: a slice at either end, and an arrow between them. Other steps are marks.
   */
  #pass(event: MessageEvent, ts: number): void {
    const { runner, to, step, id, kind } = event;
    const lane = this.#laneOf(step === 'delivered' || step === 'refused' ? to : runner);
    const name = messageEventText(event);
    const args = { ...event };
    this.#exchanges.take(event, lane, ts);
    if (step !== 'sent' && step !== 'delivered') {
      // A fault that strikes it has a mark of its own.
      if (event.reason !== undefined) this.#mark(lane, { name, cat: 'message', ts, args });
      return;
    }
    this.#lanes.add(lane, { name, cat: 'message', ph: 'X', ts, dur: EVENT_US, args });
    // The slice must end before whatever comes next.
    this.#stamps.next(event.at);
    const key = `${id} ${kind}`;
    const from = this.#sent.get(key);
    if (step === 'sent') this.#sent.set(key, { lane, ts });
    else if (from !== undefined) {
      this.#delivered += 1;
      this.#arrow('message', `message ${this.#delivered}`, from, { lane, ts });
    }
  }

  /** The lane of a node, or of another owner with that name. */
  #laneOf(name: string): string {
    if (this.#nodeNames.has(name)) return nodeLane(name);
    return name === '' ? SCENARIO : name;
  }

  /** `first` is what it did first, if that is in the trace. */
  #laneOfEvents(topic: Topic, first: TraceEvent | undefined): string {
    // Calls that only read leave nothing in the trace, or what their caller does next.
    if (isDiskCallTopic(topic)) return `${this.#laneOf(topic.owner)}${OF_EVENTS}`;
    if (first === undefined) return SCENARIO;
    const whose = first.type === 'message' && first.step !== 'sent' ? first.to : first.runner;
    if (whose === '' || whose === SCENARIO) return SCENARIO;
    return `${OF_NODES.has(first.type) ? this.#laneOf(whose) : whose}${OF_EVENTS}`;
  }

  /** Draws the arrow from the call to the run that it started. */
  #accept({ runner, runId, command }: Extract<TraceEvent, { type: 'accepted' }>, ts: number): void {
    const call = this.#calls.starting(command);
    const lane = this.#runs.laneOf(runner, runId);
    if (call === undefined || lane === undefined) return;
    const from = { lane: call.slot.lane, ts: call.fromTs };
    this.#arrow('starts', JSON.stringify([runner, runId]), from, { lane, ts });
  }

  #mark(lane: string, mark: Pick<TimelineEvent, 'name' | 'cat' | 'ts' | 'args'>): void {
    this.#lanes.add(lane, { ...mark, ph: 'i', s: 't' });
  }

  #skip({ firedEvents, failure }: Verdict, ts: number): void {
    const left = firedEvents - this.#run.verdict.firedEvents;
    if (left <= 0) return;
    const name = `not drawn: ${counted(left, 'event')} until the ${failure === undefined ? 'end' : 'failure'}`;
    this.#lanes.add(SCENARIO, { name, cat: 'gap', ph: 'i', s: 'g', ts });
  }

  #fail({ kind, message, details }: Failure, ts: number): void {
    const name = `FAILS: ${headlineOf(message).headline}`;
    this.#lanes.add(SCENARIO, {
      name,
      cat: 'failure',
      ph: 'i',
      s: 'g',
      ts,
      args: { kind, message, details },
    });
  }
}

function isEndOfProcess(event: TraceEvent): boolean {
  if (event.type === 'fault') return event.operation === 'node' && isCrashKind(event.kind);
  return event.type === 'node' && event.step !== 'restarted';
}

function isOfLock(event: TraceEvent): event is LockEvent {
  return (event.type === 'acquired' || event.type === 'freed') && event.resource === 'lock';
}

/**
 * Runs a log again and returns its timeline, to be written as JSON and opened in Perfetto or speedscope.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (as a rejection) unless `executor` executes and `log` is a log.
 * @example
 * ```ts
 * import { createSimulatedRunner, defineScenario, finalStatus } from 'dryrunner';
 * import { createExecutor, recordTimeline } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'one-run',
 *   description: 'a run of 80 ms',
 *   async run(sim) {
 *     const runner = createSimulatedRunner(sim.world, { name: 'worker' });
 *     const { runId } = await runner.run({ argv: ['sleep 80', 'complete 0'] });
 *     await finalStatus(runner, runId);
 *     await runner.release();
 *   },
 * });
 * const { traceEvents } = await recordTimeline(createExecutor(scenario), []);
 * const running = traceEvents.find(({ name, ph }) => name === 'RUNNING' && ph === 'X');
 * if (Math.round(running?.dur ?? 0) !== 80_000) throw new Error('expected a slice of 80 ms, in microseconds');
 * ```
 */
export async function recordTimeline(executor: Executor, log: readonly Decision[]): Promise<Timeline> {
  check('executor', executor, EXECUTOR);
  check('log', log, LOG);
  return timelineOf(executor, log);
}

/**
 * The timeline of the beginning of an execution, with a mark for its failure at its time.
 *
 * @param executor stops after a limited number of events.
 */
export function recordBeginning(executor: Executor, whole: Verdict): Promise<Timeline> {
  return timelineOf(executor, whole.decisions(), whole);
}

async function timelineOf(executor: Executor, log: readonly Decision[], whole?: Verdict): Promise<Timeline> {
  const keyed = keyDecisions(log);
  const run = await observe(executor, keyed, true);
  return new TimelineWriter(run, await observeServices(executor, keyed, run)).write(whole);
}
