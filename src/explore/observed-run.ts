/**
 * One execution watched from all sides: which events of the clock fired and who made them, what they left in the trace, which decisions
 * were asked meanwhile and between what. Invariant: watching changes nothing; the trace hash is that of the same run unwatched.
 */
import type { DecisionSource, DueEvents } from '../kernel/decisions.ts';
import type { EventInfo } from '../kernel/event-queue.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { Verdict } from '../simulation/verdict.ts';
import type { Executor } from './executor.ts';
import { answersOf } from './keyed-log.ts';
import type { KeyedDecision } from './keyed-log.ts';
import { valueText } from './value-text.ts';

/** A trace event and the event of the clock that brought it; 0 before the first. */
export interface ObservedEvent {
  readonly event: TraceEvent;
  readonly firingId: number;
}

/** An event that was due when an order was decided. */
export interface DueEvent {
  readonly id: number;
  readonly label: string;
}

/** A value that several answers made. */
export interface DrawnValue {
  readonly label: string;
  readonly text: string;
}

/** A decision and where it stands in the execution. */
export interface ObservedDecision extends KeyedDecision {
  /** The event of the clock that was firing, or had fired last; 0 before the first. */
  readonly firingId: number;
  /** How many trace events there were before. */
  readonly traceIndex: number;
  /** What was due, if it is about an order: the answer picks one of these. */
  readonly due: readonly DueEvent[];
  /** What it was asked for; one object for all decisions of one draw. */
  readonly drawn?: DrawnValue;
  /** The stack of who asked, if places are captured and it is not about an order. */
  readonly place?: string;
}

/** See the head of the file. */
export interface ObservedRun {
  readonly verdict: Verdict;
  /** In the order of firing. */
  readonly firings: ReadonlyMap<number, EventInfo>;
  readonly events: readonly ObservedEvent[];
  readonly decisions: readonly ObservedDecision[];
}

class Observation implements DecisionSource {
  readonly firings = new Map<number, EventInfo>();
  readonly events: ObservedEvent[] = [];
  readonly decisions: ObservedDecision[] = [];
  readonly #answers: DecisionSource;
  readonly #capturesPlaces: boolean;
  #firingId = 0;

  constructor(answers: DecisionSource, capturesPlaces: boolean) {
    this.#answers = answers;
    this.#capturesPlaces = capturesPlaces;
  }

  decide(label: string, n: number, occurrence: number): number {
    const place = this.#capturesPlaces ? new Error('place').stack : undefined;
    return this.#note({ label, n, occurrence, due: [], ...(place === undefined ? {} : { place }) });
  }

  order(label: string, due: DueEvents, occurrence: number): number {
    const candidates = Array.from({ length: due.count }, (_, at) => ({
      id: due.idOf(at),
      label: due.labelOf(at),
    }));
    return this.#note({ label, n: due.count, occurrence, due: candidates });
  }

  drawn(label: string, value: unknown, asked: number): void {
    const drawn = { label, text: valueText(value) };
    const from = this.decisions.length - asked;
    this.decisions.push(...this.decisions.splice(from).map((decision) => ({ ...decision, drawn })));
  }

  fire(event: EventInfo): void {
    this.firings.set(event.id, event);
    this.#firingId = event.id;
  }

  watch(event: TraceEvent): void {
    this.events.push({ event, firingId: this.#firingId });
  }

  #note(question: Omit<ObservedDecision, 'answer' | 'firingId' | 'traceIndex'>): number {
    const answer = this.#answers.decide(question.label, question.n, question.occurrence);
    this.decisions.push({
      ...question,
      answer,
      firingId: this.#firingId,
      traceIndex: this.events.length,
    });
    return answer;
  }
}

/** What was decided other than plainly, with one decision for each value that was drawn: the first that is not plain. */
export function unusualDecisions(run: ObservedRun): ObservedDecision[] {
  const told = new Set<DrawnValue>();
  return run.decisions.filter(({ answer, drawn }) => {
    if (answer === 0 || (drawn !== undefined && told.has(drawn))) return false;
    if (drawn !== undefined) told.add(drawn);
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
  const { firings, events, decisions } = observation;
  return { verdict, firings, events, decisions };
}
