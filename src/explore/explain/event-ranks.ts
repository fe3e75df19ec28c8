/** Ranks the events of a trace by how much they say about the failure. */
import { isTerminal, type RunState } from '../../model/run-state.ts';
import { isOfRemoteCall, type MessageEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { Failure } from '../../simulation/verdict.ts';
import { DiskRanks } from './disk-ranks.ts';
import { type Exchanges, isAnswer } from './exchanges.ts';
import { type IsAbout, subjectsOf } from './failure-subjects.ts';
import { type HeldResources, isAboutHolding } from './held-resources.ts';
import { RANK, type Rank } from './history-candidate.ts';
import { lastBeforeCrashes } from './last-before-crash.ts';
import { MessageRanks } from './message-ranks.ts';
import { hasNumber, nameWords } from './name-words.ts';
import type { ObservedRun } from './observed-run.ts';
import type { RunIndex } from './run-index.ts';
import { pointedLines } from './pointed-lines.ts';
import type { RecurringLines } from './recurring-lines.ts';
import { isChild, isProcessWithoutRun, recordedByMachine } from './process-events.ts';
import { struckJobs } from './struck-jobs.ts';
import { struckStarts } from './struck-starts.ts';

/** Notes that share words of the failure with no more others than this come before all that is named. */
const POINTED_ALIKE_MAX = 2;

/** Facts for ranking that do not depend on the run alone. */
interface RankContext {
  /** Words of the failure that may be names. */
  readonly words: ReadonlySet<string>;
  readonly recurring: RecurringLines;
}

/** Ranks the trace events of one execution. */
export class EventRanks {
  readonly #kind: Failure['kind'];
  readonly #exchanges: Exchanges;
  readonly #recurring: RecurringLines;
  /** Number of lines with the same words of the failure. */
  readonly #pointed: ReadonlyMap<TraceEvent, number>;
  readonly #isAbout: IsAbout;
  readonly #words: ReadonlySet<string>;
  readonly #held: ReadonlySet<TraceEvent>;
  readonly #alive: ReadonlySet<TraceEvent>;
  readonly #endsElsewhere: ReadonlySet<TraceEvent>;
  /** Runs whose acceptance is in the trace. */
  readonly #accepted: ReadonlySet<string>;
  readonly #callers: ReadonlySet<string>;
  readonly #struckStarts: ReadonlySet<TraceEvent>;
  readonly #restarts: ReadonlySet<TraceEvent>;
  readonly #isRecordedByMachine: (event: TraceEvent) => boolean;
  readonly #messages: MessageRanks;
  readonly #disks: DiskRanks;

  constructor(index: RunIndex, failure: Failure, { words, recurring }: RankContext) {
    const { run, exchanges, held } = index;
    const { events } = run;
    this.#kind = failure.kind;
    this.#exchanges = exchanges;
    this.#recurring = recurring;
    this.#pointed = pointedLines(events, { words, recurring, exchanges, args: index.args });
    this.#isAbout = subjectsOf(run, failure);
    this.#words = words;
    this.#held = isAboutHolding(failure) ? held.holding : new Set();
    this.#alive = new Set(held.unfreed.map(({ event }) => event));
    this.#endsElsewhere = failure.kind === 'deadlock' ? endsElsewhereIn(events, held) : new Set();
    this.#accepted = new Set(
      events.flatMap(({ event }) => (event.type === 'accepted' ? [runKey(event.runner, event.runId)] : [])),
    );
    this.#callers = index.callers;
    this.#struckStarts = struckStarts(run.events, index.struckCalls, struckJobs(run));
    this.#restarts = restartsBeforeSendingIn(events);
    this.#isRecordedByMachine = recordedByMachine(run);
    const beforeCrash = lastBeforeCrashes(events, exchanges);
    this.#messages = new MessageRanks(index, { isAbout: this.#isAbout, words, beforeCrash, recurring });
    this.#disks = new DiskRanks(events, words, beforeCrash);
  }

  rankOf(event: TraceEvent): Rank {
    if (this.#isRedundant(event)) return RANK.never;
    if (this.#held.has(event)) return RANK.named;
    // Leftovers come from a run, or from the call that started it.
    if (this.#kind === 'leftovers' && isAnswerOf('run', event)) return RANK.named;
    switch (event.type) {
      case 'message':
        return this.#rankOfMessage(event);
      case 'disk':
        return this.#disks.rankOf(event);
      case 'node':
        return this.#restarts.has(event) ? RANK.telling : this.#isAbout(event) ? RANK.named : RANK.around;
      case 'acquired':
      case 'freed':
        return this.#rankOfTaking(event);
      case 'status':
        return this.#rankOfStatus(event);
      case 'fault':
        return RANK.decided;
      case 'service':
        return event.at === 0 ? RANK.minor : this.#isAbout(event) ? RANK.namedPart : RANK.around;
      case 'accepted':
        if (this.#struckStarts.has(event)) return RANK.struck;
        return this.#isAbout(event) ? RANK.named : RANK.around;
      case 'rejected':
      case 'dropped':
      case 'abort':
      case 'released':
      case 'abandoned':
        return this.#isAbout(event) ? RANK.named : RANK.around;
      case 'recorded':
        return this.#rankOfRecorded(event);
      case 'evicted':
        // All runners do it, with the runs that ended first.
        return this.#isAbout(event) ? RANK.namedPart : RANK.around;
      case 'note':
        return this.#rankOfNote(event);
      case 'phase':
      case 'wrote':
        return RANK.routine;
      case 'metric':
        // A metric says nothing about the cause; a wrong one is in the message of the failure.
        return RANK.never;
    }
  }

  /** True if another line shows it, or if it is uninformative. */
  #isRedundant(event: TraceEvent): boolean {
    if (isUsual(event) || this.#isRecordedByMachine(event) || this.#exchanges.isRedundant(event)) return true;
    // The call already implies that its caller waits for the reply.
    const isOfWait =
      (event.type === 'acquired' || event.type === 'freed') &&
      event.resource === 'waiter' &&
      event.from !== undefined;
    return isOfWait && this.#callers.has(event.owner ?? '');
  }

  #rankOfTaking(event: Extract<TraceEvent, { readonly type: 'acquired' | 'freed' }>): Rank {
    const { resource, name, owner = '', runner } = event;
    if (resource === 'lock' && [name, owner, runner].some((word) => this.#words.has(word))) {
      return RANK.namedPart;
    }
    const isLeft = this.#alive.has(event) && isChild(event);
    return isLeft || isProcessWithoutRun(event) ? RANK.around : RANK.routine;
  }

  /** What is done again explains why something was started twice. */
  #rankOfRecorded(event: Extract<TraceEvent, { readonly type: 'recorded' }>): Rank {
    if (!this.#isAbout(event)) return RANK.around;
    if (this.#recurring.isBetween(event)) return RANK.minor;
    return event.isRepeated === true ? RANK.undelivered : RANK.named;
  }

  #rankOfMessage(event: MessageEvent): Rank {
    const rank = this.#messages.rankOf(event);
    // The words of its arguments are those of every other one.
    if (isOfRemoteCall(event)) return rank;
    return this.#pointed.has(event) && rank > RANK.named ? RANK.named : rank;
  }

  /** What was noted once is evidence, and what is noted again and again is routine unless the failure names it. */
  #rankOfNote(event: Extract<TraceEvent, { readonly type: 'note' }>): Rank {
    const alike = this.#pointed.get(event);
    if (alike !== undefined) return alike <= POINTED_ALIKE_MAX ? RANK.pointed : RANK.named;
    const isNamed = nameWords(event.text).some((word) => hasNumber(word) && this.#words.has(word));
    if (this.#recurring.isRecurring(event) && !isNamed) {
      return this.#recurring.isBetween(event) ? RANK.minor : RANK.around;
    }
    return this.#isAbout(event) ? RANK.named : RANK.context;
  }

  #rankOfStatus(event: Extract<TraceEvent, { readonly type: 'status' }>): Rank {
    const { runId, state } = event.status;
    // Its acceptance already implies that it is pending.
    if (state === 'PENDING' && this.#accepted.has(runKey(event.runner, runId))) return RANK.routine;
    if (this.#isAbout(event)) return rankOfNamedState(state);
    return this.#endsElsewhere.has(event) ? RANK.namedPart : rankOfState(state);
  }
}

function runKey(runner: string, runId: string): string {
  return `${runner} ${runId}`;
}

function isAnswerOf(method: string, event: TraceEvent): boolean {
  return event.type === 'message' && event.name === method && isAnswer(event) && event.step === 'delivered';
}

/** True for the report at the start that a runner is healthy. */
function isUsual(event: TraceEvent): boolean {
  return event.type === 'service' && event.at === 0 && event.service.isHealthy;
}

function rankOfNamedState(state: RunState): Rank {
  if (isTerminal(state)) return RANK.named;
  return state === 'RUNNING' ? RANK.namedPart : RANK.around;
}

function rankOfState(state: RunState): Rank {
  if (!isTerminal(state)) return RANK.minor;
  return state === 'COMPLETE' ? RANK.around : RANK.context;
}

/** Maximum number of ends of runs ranked like what a standstill names. */
const ENDS_MAX = 2;

/**
 * The last ends of runs on runners on which nobody waits. If somebody waits for a run elsewhere, that one may be
 * carried out by such a run, and then its end has not been passed on.
 */
function endsElsewhereIn(events: ObservedRun['events'], { unfreed }: HeldResources): ReadonlySet<TraceEvent> {
  const awaiting = new Set(
    unfreed.flatMap(({ event }) =>
      event.type === 'acquired' && event.resource === 'waiter' && event.runId !== '' ? [event.runner] : [],
    ),
  );
  if (awaiting.size === 0) return new Set();
  const ends = events.flatMap(({ event }) =>
    event.type === 'status' && isTerminal(event.status.state) && !awaiting.has(event.runner) ? [event] : [],
  );
  return new Set(ends.slice(-ENDS_MAX));
}

/** Maximum number of restarts ranked right after decisions and what a crash struck. */
const RESTARTS_MAX = 2;

/** The last restarts of nodes that sent something afterwards: without them, a node that is down would seem to send. */
function restartsBeforeSendingIn(events: ObservedRun['events']): ReadonlySet<TraceEvent> {
  const speaking = new Set<string>();
  const found = new Set<TraceEvent>();
  for (const { event } of [...events].reverse()) {
    // The network sends errors in the name of a node that is down.
    if (event.type === 'message' && event.step === 'sent' && event.kind !== 'error') {
      speaking.add(event.runner);
    }
    if (event.type !== 'node' || event.step !== 'restarted' || !speaking.delete(event.runner)) continue;
    found.add(event);
    if (found.size === RESTARTS_MAX) break;
  }
  return found;
}
