/**
 * One execution, fully observed: which clock events fired and what created them, their trace events, and which
 * decisions were asked in between. Invariant: watching changes nothing; the trace hash is that of the same run
 * unwatched.
 */
import type { DecisionSource, DescribeAnswer, DueEvents } from '../../kernel/decisions.ts';
import type { EventInfo } from '../../kernel/event-queue.ts';
import type { Question, Topic } from '../../kernel/question.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { SCENARIO_SLEEP } from '../../simulation/simulation.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import type { Executor } from '../executor.ts';
import { KeptEnds, KeptStack } from './kept-stack.ts';
import { answersOf } from '../keyed-log.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import { valueText } from './value-text.ts';

/** A trace event, and the clock event that caused it; 0 before the first. */
export interface ObservedEvent {
  readonly event: TraceEvent;
  readonly firingId: number;
}

/** An event that was due when an order was decided. */
export interface DueEvent {
  readonly id: number;
  readonly topic: Topic;
}

/** A value that several answers produced. */
export interface DrawnValue {
  readonly name: string;
  /** Its name in a sentence: in quotes, and said to be a draw if a choice of the same run has the same name. */
  readonly label: string;
  readonly text: string;
}

/** A decision and its position in the execution. */
export interface ObservedDecision extends KeyedDecision {
  /** The clock event that was firing, or fired last; 0 before the first. */
  readonly firingId: number;
  /** Number of earlier trace events. */
  readonly traceIndex: number;
  /** The time at which it was asked; of a decision about order, see {@link decidedAtMs}. */
  readonly askedAtMs: number;
  /**
   * For a decision about order, the events due: the answer picks one of them. Of more than a hundred, only the first
   * and the picked one are kept.
   */
  readonly due: readonly DueEvent[];
  /** The value it was asked for; one object for all decisions of one draw. */
  readonly drawn?: DrawnValue;
  /** Describes what answers mean, in the words of the asker. */
  readonly describe?: DescribeAnswer;
  /** The stack of the asker, if places are captured and the decision is not about order. */
  readonly asked?: KeptStack;
}

/** One execution, with everything that was decided, fired and traced. */
export interface ObservedRun {
  readonly verdict: Verdict;
  /**
   * In the order of firing. `atMs` is when it fired, which is later than when it was due after a stall of the clock.
   */
  readonly firings: ReadonlyMap<number, EventInfo>;
  /** Where the sleeps of the scenario were set that were due and never fired, if places are captured; by their id. */
  readonly asleep: ReadonlyMap<number, KeptStack>;
  readonly events: readonly ObservedEvent[];
  readonly decisions: readonly ObservedDecision[];
  /** Actions with their stacks, if places are captured: trace events and decisions, in order. */
  readonly steps: readonly ObservedStep[];
}

/** A trace event or a decision, with the stack of the code responsible. */
export interface ObservedStep {
  readonly firingId: number;
  readonly stack: KeptStack;
  readonly done: TraceEvent | ObservedDecision;
}

/** Maximum number of events whose places are kept to name them in decisions. */
const NAMED_MAX = 10_000;

/** Up to this many events due together are all kept. */
const DUE_KEPT_MAX = 100;

/** Up to this many answers of a choice are all described. */
const DESCRIBED_MAX = 16;

class Observation implements DecisionSource {
  readonly firings = new Map<number, EventInfo>();
  readonly asleep = new Map<number, KeptStack>();
  readonly events: ObservedEvent[] = [];
  readonly decisions: ObservedDecision[] = [];
  readonly steps: ObservedStep[] = [];
  readonly #answers: DecisionSource;
  readonly #capturesPlaces: boolean;
  readonly #stacks = new KeptEnds<KeptStack>((stack) => stack.forget());
  readonly #placed = new KeptEnds<EventInfo>((event) => this.#forgetPlace(event));
  /** Events between which a non-default decision chose: these are named. */
  readonly #named = new Set<number>();
  #firingId = 0;
  #now: (() => number) | undefined;

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
      const [id, topic, place] = [due.idOf(at), due.topicOf(at), due.placeOf(at)];
      candidates[at] = { id, topic };
      if (topic === SCENARIO_SLEEP && place !== undefined) this.asleep.set(id, new KeptStack(place));
    };
    const { answer } = this.#note({ question, n, occurrence, due: candidates });
    // Keeping all of a large set at each of its decisions would grow quadratically.
    if (n > DUE_KEPT_MAX) [0, answer].forEach(keep);
    else for (let at = 0; at < n; at += 1) keep(at);
    candidates.length = n;
    if (answer > 0 && this.#named.size < NAMED_MAX) candidates.forEach(({ id }) => this.#named.add(id));
    return answer;
  }

  drawn(name: string, value: unknown, asked: number): void {
    const drawn = { name, label: `"${name}"`, text: valueText(value) };
    const from = this.decisions.length - asked;
    this.decisions.push(...this.decisions.splice(from).map((decision) => ({ ...decision, drawn })));
  }

  fire(due: EventInfo, now: () => number): void {
    this.#now = now;
    const event = firedAt(due, now());
    this.firings.set(event.id, event);
    this.asleep.delete(event.id);
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

  #note(asked: Omit<ObservedDecision, 'answer' | 'firingId' | 'traceIndex' | 'askedAtMs'>): ObservedDecision {
    const answer = this.#answers.decide(asked.question, asked.n, asked.occurrence);
    const traceIndex = this.events.length;
    const askedAtMs = this.#now?.() ?? this.events.at(-1)?.event.at ?? 0;
    const { question, n, describe } = asked;
    const isValue = describe !== undefined && question.kind === 'choice';
    const words = isValue ? { describe: describedNow(describe, question, n, answer) } : {};
    const decision = { ...asked, ...words, answer, firingId: this.#firingId, traceIndex, askedAtMs };
    this.decisions.push(decision);
    return decision;
  }
}

/**
 * Describes the answers of a choice while it is made: the scenario may change the values afterwards. Of many answers,
 * only the one that was taken.
 */
function describedNow(
  describe: DescribeAnswer,
  question: Question,
  n: number,
  taken: number,
): DescribeAnswer {
  const words = new Map<number, string>();
  const answers = n <= DESCRIBED_MAX ? Array.from({ length: n }, (_, answer) => answer) : [taken];
  for (const answer of answers) {
    try {
      const value = describe(answer, question);
      words.set(answer, typeof value === 'string' ? value : valueText(value));
    } catch {
      // Asked for later, the words fail again, which leaves them out.
    }
  }
  const described = (answer: number, asked: Question): unknown =>
    words.get(answer) ?? describe(answer, asked);
  return Object.assign(described, { ...describe });
}

/** The event with the time at which it fired; its place is still formatted only when it is read. */
function firedAt(event: EventInfo, atMs: number): EventInfo {
  if (event.atMs === atMs) return event;
  const { id, cause, topic, late } = event;
  const fired = { id, cause, topic, atMs, late };
  if (!('place' in event)) return fired;
  return {
    ...fired,
    get place() {
      return event.place ?? '';
    },
  };
}

/**
 * When it was decided: an order, when the picked event fired, since it may be decided before the clock is ever read.
 */
export function decidedAtMs(
  { firings }: Pick<ObservedRun, 'firings'>,
  { due, answer, askedAtMs }: Pick<ObservedDecision, 'due' | 'answer' | 'askedAtMs'>,
): number {
  return firings.get(due[answer]?.id ?? 0)?.atMs ?? askedAtMs;
}

/** The non-default decisions; of those that drew one value, only the first. */
export function unusualDecisions(run: Pick<ObservedRun, 'decisions'>): ObservedDecision[] {
  const seen = new Set<DrawnValue>();
  return run.decisions.filter(({ answer, drawn }) => {
    if (answer === 0 || (drawn !== undefined && seen.has(drawn))) return false;
    if (drawn !== undefined) seen.add(drawn);
    return true;
  });
}

/** The decisions, with other labels for draws that share their name with a choice. */
function labelledApart(decisions: readonly ObservedDecision[]): readonly ObservedDecision[] {
  const chosen = new Set<string>();
  for (const { question } of decisions) if (question.kind === 'choice') chosen.add(question.topic.text);
  const relabelled = new Map<DrawnValue, DrawnValue>();
  for (const { drawn } of decisions) {
    if (drawn === undefined || !chosen.has(drawn.name)) continue;
    relabelled.set(drawn, { ...drawn, label: `draw "${drawn.name}"` });
  }
  if (relabelled.size === 0) return decisions;
  return decisions.map((decision) => {
    const drawn = decision.drawn === undefined ? undefined : relabelled.get(decision.drawn);
    return drawn === undefined ? decision : { ...decision, drawn };
  });
}

/** Runs the answers of a log and observes; `capturePlaces` records where events were created. */
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
    onFire: (event, _made, now) => observation.fire(event, now),
    watchers: [() => ({ watch: (event) => observation.watch(event), end() {} })],
  });
  const { firings, asleep, events, steps } = observation;
  const decisions = labelledApart(observation.decisions);
  return { verdict, firings, asleep, events, decisions, steps };
}
