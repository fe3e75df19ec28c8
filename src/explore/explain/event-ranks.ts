/** How much each event of a trace is worth showing, by what the failure is about. */
import { isTerminal, type RunState } from '../../model/run-state.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { Failure } from '../../simulation/verdict.ts';
import { DiskRanks } from './disk-ranks.ts';
import { type Exchanges, isAnswer } from './exchanges.ts';
import { type IsAbout, subjectsOf } from './failure-subjects.ts';
import { isAboutHolding } from './held-resources.ts';
import { RANK, type Rank } from './history-candidate.ts';
import { lastBeforeCrashes } from './last-before-crash.ts';
import { MessageRanks } from './message-ranks.ts';
import type { ObservedRun } from './observed-run.ts';
import type { RunIndex } from './run-index.ts';
import type { RepeatedNotes } from './repeated-notes.ts';
import { isChild, isProcessWithoutRun, recordedByMachine } from './process-events.ts';

/** What the failure says, and which notes another one stands for. */
interface RankContext {
  /** What may be names in the failure. */
  readonly words: ReadonlySet<string>;
  readonly notes: RepeatedNotes;
}

/** The ranks of the events of one execution. */
export class EventRanks {
  readonly #kind: Failure['kind'];
  readonly #exchanges: Exchanges;
  readonly #notes: RepeatedNotes;
  readonly #isAbout: IsAbout;
  readonly #words: ReadonlySet<string>;
  readonly #held: ReadonlySet<TraceEvent>;
  readonly #alive: ReadonlySet<TraceEvent>;
  /** Runs of which the trace says that they were accepted. */
  readonly #accepted: ReadonlySet<string>;
  readonly #callers: ReadonlySet<string>;
  readonly #restarts: ReadonlySet<TraceEvent>;
  readonly #isRecordedByMachine: (event: TraceEvent) => boolean;
  readonly #messages: MessageRanks;
  readonly #disks: DiskRanks;

  constructor(index: RunIndex, failure: Failure, { words, notes }: RankContext) {
    const { run, exchanges, held } = index;
    const { events } = run;
    this.#kind = failure.kind;
    this.#exchanges = exchanges;
    this.#notes = notes;
    this.#isAbout = subjectsOf(run, failure);
    this.#words = words;
    this.#held = isAboutHolding(failure) ? held.holding : new Set();
    this.#alive = new Set(held.unfreed.map(({ event }) => event));
    this.#accepted = new Set(
      events.flatMap(({ event }) => (event.type === 'accepted' ? [runKey(event.runner, event.runId)] : [])),
    );
    this.#callers = index.callers;
    this.#restarts = tellingRestartsIn(events);
    this.#isRecordedByMachine = recordedByMachine(run);
    const beforeCrash = lastBeforeCrashes(events, exchanges);
    this.#messages = new MessageRanks(index, { isAbout: this.#isAbout, words, beforeCrash });
    this.#disks = new DiskRanks(events, words, beforeCrash);
  }

  rankOf(event: TraceEvent): Rank {
    if (this.#isRedundant(event)) return RANK.never;
    if (this.#held.has(event)) return RANK.named;
    // Whatever is left was made by a run, or by the call that has started it.
    if (this.#kind === 'leftovers' && isAnswerOf('run', event)) return RANK.named;
    switch (event.type) {
      case 'message':
        return this.#messages.rankOf(event);
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
      case 'rejected':
      case 'dropped':
      case 'evicted':
      case 'abort':
      case 'released':
      case 'abandoned':
      case 'recorded':
        return this.#isAbout(event) ? RANK.named : RANK.around;
      case 'note':
        if (this.#notes.isBetween(event)) return RANK.minor;
        return this.#isAbout(event) ? RANK.named : RANK.context;
      case 'phase':
      case 'wrote':
        return RANK.routine;
      case 'metric':
        // What it counts says nothing; a metric that is wrong is in the message of the failure.
        return RANK.never;
    }
  }

  /** Whether another line says it, or it says nothing. */
  #isRedundant(event: TraceEvent): boolean {
    if (isUsual(event) || this.#isRecordedByMachine(event) || this.#exchanges.isRedundant(event)) return true;
    // That a caller waits for its answer is said by its call.
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

  #rankOfStatus(event: Extract<TraceEvent, { readonly type: 'status' }>): Rank {
    const { runId, state } = event.status;
    // That it waits is said by its acceptance already.
    if (state === 'PENDING' && this.#accepted.has(runKey(event.runner, runId))) return RANK.routine;
    return this.#isAbout(event) ? rankOfNamedState(state) : rankOfState(state);
  }
}

function runKey(runner: string, runId: string): string {
  return `${runner} ${runId}`;
}

function isAnswerOf(method: string, event: TraceEvent): boolean {
  return event.type === 'message' && event.name === method && isAnswer(event) && event.step === 'delivered';
}

/** That a runner is well as it begins says nothing of a failure. */
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

/** So many restarts are shown right after decisions and what a crash struck. */
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
