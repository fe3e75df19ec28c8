/**
 * One execution watched from all sides: which events of the clock fired and who made them, what they left in the trace, which decisions
 * were asked meanwhile and between what. Invariant: watching changes nothing; the trace hash is that of the same run unwatched.
 */
import type { DecisionSource, DescribeAnswer, DueEvents } from '../../kernel/decisions.ts';
import type { EventInfo } from '../../kernel/event-queue.ts';
import type { Question, Topic } from '../../kernel/question.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import type { Executor } from '../executor.ts';
import { KeptEnds, KeptStack } from './kept-stack.ts';
import { answersOf } from '../keyed-log.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import { valueText } from './value-text.ts';

/** A trace event and the event of the clock that brought it; 0 before the first. */
export interface ObservedEvent {
  readonly event: TraceEvent;
  readonly firingId: number;
}

/** An event that was due when an order was decided. */
export interface DueEvent {
  readonly id: number;
  readonly topic: Topic;
}

/** A value that several answers made. */
export interface DrawnValue {
  readonly name: string;
  readonly text: string;
}

/** A decision and where it stands in the execution. */
export interface ObservedDecision extends KeyedDecision {
  /** The event of the clock that was firing, or had fired last; 0 before the first. */
  readonly firingId: number;
  /** How many trace events there were before. */
  readonly traceIndex: number;
  /** What was due, if it is about an order: the answer picks one of these. Of more than a hundred only the first and the picked are there. */
  readonly due: readonly DueEvent[];
  /** What it was asked for; one object for all decisions of one draw. */
  readonly drawn?: DrawnValue;
  /** What answers stand for, in the words of who asked. */
  readonly describe?: DescribeAnswer;
  /** The stack of who asked, if places are captured and it is not about an order. */
  readonly asked?: KeptStack;
}

/** One execution, with everything that was decided, fired and traced. */
export interface ObservedRun {
  readonly verdict: Verdict;
  /** In the order of firing. */
  readonly firings: ReadonlyMap<number, EventInfo>;
  readonly events: readonly ObservedEvent[];
  readonly decisions: readonly ObservedDecision[];
  /** What was done and where, if places are captured: by trace events and decisions, in the order of happening. */
  readonly steps: readonly ObservedStep[];
}

/** A trace event or a decision, and the stack of who did it. */
export interface ObservedStep {
  readonly firingId: number;
  readonly stack: KeptStack;
  readonly done: TraceEvent | ObservedDecision;
}

/** Each event between which something was decided has a place to be named by, as long as there are no more. */
const NAMED_MAX = 10_000;

/** How many events that are due together are all kept. */
const DUE_KEPT_MAX = 100;

class Observation implements DecisionSource {
  readonly firings = new Map<number, EventInfo>();
  readonly events: ObservedEvent[] = [];
  readonly decisions: ObservedDecision[] = [];
  readonly steps: ObservedStep[] = [];
  readonly #answers: DecisionSource;
  readonly #capturesPlaces: boolean;
  readonly #stacks = new KeptEnds<KeptStack>((stack) => stack.forget());
  readonly #placed = new KeptEnds<EventInfo>((event) => this.#forgetPlace(event));
  /** Events between which a decision was not the default: they are named. */
  readonly #named = new Set<number>();
  #firingId = 0;

  constructor(answers: DecisionSource, capturesPlaces: boolean) {
    this.#answers = answers;
    this.#capturesPlaces = capturesPlaces;
  }

  decide(question: Question, n: number, occurrence: number, describe?: DescribeAnswer): number {
    const asked = { question, n, occurrence, due: [], ...(describe === undefined ? {} : { describe }) };
    if (!this.#capturesPlaces) return this.#note(asked).answer;
    const stack = this.#keptStack();
    const done = this.#note({ ...asked, asked: stack });
    this.steps.push({ firingId: this.#firingId, stack, done });
    return done.answer;
  }

  order(question: Question, due: DueEvents, occurrence: number): number {
    const n = due.count;
    const candidates: DueEvent[] = [];
    const keep = (at: number): void => {
      candidates[at] = { id: due.idOf(at), topic: due.topicOf(at) };
    };
    const { answer } = this.#note({ question, n, occurrence, due: candidates });
    // All of a crowd at each of its decisions would be its square.
    if (n > DUE_KEPT_MAX) [0, answer].forEach(keep);
    else for (let at = 0; at < n; at += 1) keep(at);
    candidates.length = n;
    if (answer > 0 && this.#named.size < NAMED_MAX) candidates.forEach(({ id }) => this.#named.add(id));
    return answer;
  }

  drawn(name: string, value: unknown, asked: number): void {
    const drawn = { name, text: valueText(value) };
    const from = this.decisions.length - asked;
    this.decisions.push(...this.decisions.splice(from).map((decision) => ({ ...decision, drawn })));
  }

  fire(event: EventInfo): void {
    this.firings.set(event.id, event);
    this.#firingId = event.id;
    if (this.#capturesPlaces) this.#placed.add(event);
  }

  watch(event: TraceEvent): void {
    this.events.push({ event, firingId: this.#firingId });
    if (!this.#capturesPlaces) return;
    this.steps.push({ firingId: this.#firingId, stack: this.#keptStack(), done: event });
  }

  #keptStack(): KeptStack {
    const stack = new KeptStack(new Error('place'));
    this.#stacks.add(stack);
    return stack;
  }

  #forgetPlace({ id, cause, topic, atMs, late }: EventInfo): void {
    if (!this.#named.has(id)) this.firings.set(id, { id, cause, topic, atMs, late });
  }

  #note(asked: Omit<ObservedDecision, 'answer' | 'firingId' | 'traceIndex'>): ObservedDecision {
    const answer = this.#answers.decide(asked.question, asked.n, asked.occurrence);
    const traceIndex = this.events.length;
    const decision = { ...asked, answer, firingId: this.#firingId, traceIndex };
    this.decisions.push(decision);
    return decision;
  }
}

/** What was decided other than plainly, with one decision for each value that was drawn: the first that is not plain. */
export function unusualDecisions(run: Pick<ObservedRun, 'decisions'>): ObservedDecision[] {
  const seen = new Set<DrawnValue>();
  return run.decisions.filter(({ answer, drawn }) => {
    if (answer === 0 || (drawn !== undefined && seen.has(drawn))) return false;
    if (drawn !== undefined) seen.add(drawn);
    return true;
  });
}

/** Runs the answers of a log and watches; `capturePlaces` makes it remember where events were made. */
export async function observe(
  executor: Executor,
  log: readonly KeyedDecision[],
  capturePlaces: boolean,
): Promise<ObservedRun> {
  const observation = new Observation(answersOf(log), capturePlaces);
  const verdict = await executor.execute({
    source: observation,
    keepTrace: true,
    capturePlaces,
    onFire: (event) => observation.fire(event),
    watchers: [() => ({ watch: (event) => observation.watch(event), end() {} })],
  });
  const { firings, events, decisions, steps } = observation;
  return { verdict, firings, events, decisions, steps };
}
