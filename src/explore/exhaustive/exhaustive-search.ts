/**
 * The search itself: repeats the path of questions up to the last one with an untried answer, continues from there, and
 * records what it sees. Invariant: everything about the steps before `#kept` is known from earlier executions; later
 * steps are measured anew.
 */
import { invariant } from '../../kernel/invariant.ts';
import { EventOrder, stretchEnd, traceClass } from './event-order.ts';
import { OrderPoint, type Step, asleepAfter, type Point, type ValuePoint } from './exhaustive-path.ts';
import { sleepsWith, isAsleep, NOBODY, type Sleeper } from './exhaustive-sleep.ts';
import { type DueEvents, ExecutionAbandoned } from '../../kernel/decisions.ts';
import type { EventInfo } from '../../kernel/event-queue.ts';
import type { Question } from '../../kernel/question.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import type { LimitingBound, SearchBounds } from './certificate.ts';
import { EventIdentity } from './event-identity.ts';
import { ExhaustiveStates } from './exhaustive-states.ts';
import { EVERYTHING, type FootprintMeter } from './footprint.ts';

/**
 * Finds the events of a schedule that could have come the other way round with another effect, and asks for the
 * schedules in which they do: dynamic partial-order reduction (Flanagan and Godefroid, POPL 2005) with source sets
 * (Abdulla, Aronis, Jonsson and Sagonas, "Optimal Dynamic Partial Order Reduction", POPL 2014, algorithm 1). Each event
 * acts as a process with one step. Events that another one cancels count as racing with it, because they no longer fire
 * to show it.
 *
 * Looks at the steps from `first` on; those before were looked at in earlier executions. `dueAtEnd`: identities of what
 * was due when the execution was abandoned; empty if it came to its end.
 */
function wantReversals(steps: readonly Step[], first: number, dueAtEnd: readonly number[]): void {
  for (let start = steps[first]?.stretch ?? steps.length; start < steps.length;) {
    const end = stretchEnd(steps, start);
    const from = Math.max(start, first);
    const order = new EventOrder(steps, start, end);
    for (let later = from; later < end; later += 1) wantEarlier(order, later - start);
    // What follows the step before the first one may be new, too.
    for (let index = Math.max(start, from - 1); index < end; index += 1) {
      wantCancelled(steps, index, index + 1 < end ? dueBefore(steps[index + 1] as Step) : endOf(end));
    }
    start = end;
  }

  function endOf(end: number): readonly number[] {
    return end === steps.length ? dueAtEnd : [];
  }
}

/** For each event that raced with `later`, requests a schedule in which `later` comes first. */
function wantEarlier(order: EventOrder, later: number): void {
  for (const rival of order.rivalsOf(later)) {
    const { point } = order.step(rival);
    const initials = initialsWithout(order, rival, later);
    invariant(point !== undefined, 'expected a question where events raced');
    if (!initials.some((place) => isCovered(point, order.step(place)))) {
      point.want(positionIn(point, order.step(initials.includes(later) ? later : (initials[0] as number))));
    }
  }
}

/**
 * The events that could have come instead of `rival`: the initial ones among those up to `later` that did not have to
 * come after it.
 */
function initialsWithout(order: EventOrder, rival: number, later: number): number[] {
  const free: number[] = [];
  const initials: number[] = [];
  for (let place = rival + 1; place <= later; place += 1) {
    if (place !== later && order.precedes(rival, place)) continue;
    if (!free.some((other) => order.precedes(other, place))) initials.push(place);
    free.push(place);
  }
  return initials;
}

/** True if a schedule in which `step` comes at that point was or will be explored. */
function isCovered(point: OrderPoint, step: Step): boolean {
  const event = step.identity.number;
  return point.isWanted(positionIn(point, step)) || sleepsWith(point.sleepers, event, step.answers);
}

function positionIn(point: OrderPoint, { identity }: Step): number {
  const position = point.due.indexOf(identity.number);
  invariant(position >= 0, 'expected what comes first without its rival to be due with it');
  return position;
}

/** Requests schedules that start with events which were due together with a step and were cancelled by it. */
function wantCancelled(steps: readonly Step[], index: number, dueAfter: readonly number[]): void {
  const { point, identity } = steps[index] as Step;
  if (point === undefined) return;
  point.due.forEach((event, k) => {
    if (event !== identity.number && !dueAfter.includes(event)) point.want(k);
  });
}

function dueBefore({ point, identity }: Step): readonly number[] {
  return point === undefined ? [identity.number] : point.due;
}

function isSame(known: Point, question: Question): boolean {
  return known.question === question || known.question.key === question.key;
}

const ASLEEP_TOO_LONG = 'expected what sleeps to be due still: something unexpected has touched it';

/** Depth-first search through all schedules of one scenario. */
export class ExhaustiveSearch {
  schedules = 0;
  failures = 0;
  equivalent = 0;
  hasDiverged = false;
  readonly states: ExhaustiveStates = new ExhaustiveStates();
  readonly #meter: FootprintMeter;
  readonly #maxDecisions: number;
  readonly #maxDelays: number;
  readonly #maxFaults: number;
  readonly #limitedBy = new Set<LimitingBound>();
  /**
   * The classes seen, if delays or decisions are bounded; undefined otherwise. Such a bound counts differently for
   * equivalent schedules, and a state contains neither the rest of it nor which due event comes first. So all orders
   * within it are run, nothing is reduced and no states are merged.
   */
  readonly #classes: Set<string> | undefined;
  readonly #origin = new EventIdentity();
  readonly #points: Point[] = [];
  readonly #steps: Step[] = [];
  /** Number of points answered in this execution. */
  #cursor = 0;
  /** Index of the step that is firing; -1 before the first. */
  #current = -1;
  /** Number of steps that are known from earlier executions. */
  #kept = 0;
  /** Number of points that are known when an execution begins. */
  #keptPoints = 0;
  /** True while the current schedule has not been run to its end. */
  #isPending = true;
  #isMeasuring = false;
  /** The question that the next event answers. */
  #asked: OrderPoint | undefined;
  #abandonedWith: readonly number[] | undefined;

  constructor(meter: FootprintMeter, bounds: SearchBounds) {
    const { maxDecisions = Infinity, maxDelays = Infinity, maxFaults = Infinity } = bounds;
    this.#meter = meter;
    this.#maxDecisions = maxDecisions;
    this.#maxDelays = maxDelays;
    this.#maxFaults = maxFaults;
    this.#classes = maxDelays === Infinity && maxDecisions === Infinity ? undefined : new Set();
  }

  get limitedBy(): readonly LimitingBound[] {
    return [...this.#limitedBy];
  }

  /** Moves to the next schedule, unless the current one has yet to be run to its end; false if there is none. */
  advance(): boolean {
    if (this.#isPending) return true;
    for (let point = this.#points.at(-1); point !== undefined; point = this.#points.at(-1)) {
      if (point.kind === 'order' ? point.advance() : this.#advanceValue(point)) {
        this.#kept = Math.max(0, point.step);
        this.#keptPoints = this.#points.length;
        this.states.leave(point.step);
        this.#isPending = true;
        return true;
      }
      this.#points.pop();
    }
    this.states.leave(-Infinity);
    return false;
  }

  /** Begins the current schedule. What an execution has added that did not come to its end is forgotten. */
  begin(): void {
    this.#points.length = this.#keptPoints;
    this.#steps.length = this.#kept;
    this.states.begin();
    this.#cursor = 0;
    this.#current = -1;
    this.#isMeasuring = false;
    this.#asked = undefined;
    this.#abandonedWith = undefined;
    this.#meter.begin();
  }

  decide(question: Question, n: number): number {
    const step = this.#current;
    const known = this.#points[this.#cursor];
    let answer = 0;
    if (known !== undefined) {
      if (known.kind === 'value' && known.n === n && known.step === step && isSame(known, question)) {
        answer = known.answer;
      } else this.hasDiverged = true;
      this.#cursor += 1;
    } else if (this.#mayBranch()) {
      this.#add({ kind: 'value', question, step, n, faultsBefore: this.#spent().faults, answer });
    }
    if (step >= this.#kept) this.#steps[step]?.answers.push(answer);
    return answer;
  }

  order(question: Question, due: DueEvents): number {
    const known = this.#points[this.#cursor];
    if (known !== undefined) {
      this.#asked = this.#repeated(known, question, due.count);
      this.#cursor += 1;
      return this.#asked.answer;
    }
    const events = this.#identitiesOf(due);
    this.#settle(events);
    const sleepers = this.#asleep();
    invariant(
      sleepers.every(({ event }) => events.includes(event)),
      ASLEEP_TOO_LONG,
    );
    const answer = events.findIndex((event) => !isAsleep(sleepers, event));
    if (answer < 0) this.#abandon(events);
    this.#asked = this.#newOrderPoint(question, events, sleepers, answer);
    return answer;
  }

  /**
   * False if what can follow this state is explored elsewhere, so that one continuation is enough. States on the repeated
   * path still have something left to try.
   */
  onState(read: () => string, isLast: boolean): boolean {
    if (this.#classes !== undefined) return true;
    this.states.declare();
    if (isLast) this.states.reachLast(read());
    if (isLast || this.#cursor < this.#points.length) return true;
    const spent = this.#maxFaults === Infinity ? '' : `, ${this.#spent().faults} faults so far`;
    const after = this.states.reach(this.#current + 1, `${read()}${spent}`);
    if (after === 'abandon') this.#abandon([]);
    return after === 'explore';
  }

  onFire(event: EventInfo, made: number): void {
    const point = this.#asked;
    this.#asked = undefined;
    if (this.#current + 1 >= this.#kept) this.#addStep(event, made, point);
    this.#current += 1;
    this.#meter.open();
  }

  /** Called when the execution is over. */
  end(verdict: Verdict): void {
    this.#isPending = false;
    const isAbandoned = this.#abandonedWith !== undefined;
    if (!isAbandoned && this.#cursor < this.#points.length) this.hasDiverged = true;
    if (this.hasDiverged) return;
    if (this.states.isDeclared) {
      if (this.states.end(verdict) === 'new') this.#count(verdict);
      return;
    }
    const isNew = !isAbandoned && !this.#endsAsRepetition();
    for (const { point, answers, footprint } of this.#steps.slice(this.#kept)) {
      point?.outcomes.push({ answers, footprint });
    }
    if (this.#isReducing) wantReversals(this.#steps, this.#kept, this.#abandonedWith ?? []);
    if (isNew && this.#isNewClass()) this.#count(verdict);
    else this.equivalent += 1;
  }

  /**
   * False if states are merged, or delays or decisions bounded: then all orders are run, because the omitted events
   * would have requested others.
   */
  get #isReducing(): boolean {
    return this.#classes === undefined && !this.states.isDeclared;
  }

  #count({ held }: Verdict): void {
    this.schedules += 1;
    if (!held) this.failures += 1;
  }

  #addStep({ id, atMs, late }: EventInfo, made: number, point: OrderPoint | undefined): void {
    const identity = this.#identityOf(id);
    if (point === undefined) this.#settle([identity.number]);
    const index = this.#current + 1;
    const before = this.#steps.at(-1);
    const stretch = before === undefined || late || atMs !== before.atMs ? index : before.stretch;
    const sleepers = point === undefined ? this.#asleep() : point.asleep;
    if (point === undefined) {
      invariant(stretch !== index || sleepers.length === 0, ASLEEP_TOO_LONG);
      if (isAsleep(sleepers, identity.number)) this.#abandon([identity.number]);
    }
    this.#steps.push({
      identity,
      maker: this.#makerOf(id),
      made,
      atMs,
      stretch,
      point,
      sleepers: this.#isReducing ? sleepers : NOBODY,
      answers: [],
      footprint: EVERYTHING,
    });
    this.#isMeasuring = true;
  }

  /** Called when all promise reactions of the previous step have run. `due`: identities of the events due now. */
  #settle(due: readonly number[]): void {
    if (!this.#isMeasuring) return;
    if (this.#close(this.#meter.close())) this.#abandon(due);
  }

  /** Records what the last step touched; true if it went as in an equivalent schedule before. */
  #close(footprint: number): boolean {
    this.#isMeasuring = false;
    const step = this.#steps[this.#current] as Step;
    const { answers, identity, sleepers } = step;
    step.footprint = footprint;
    return sleepsWith(sleepers, identity.number, answers);
  }

  /** The last event touches everything, because events still due at the end do not fire any more. */
  #endsAsRepetition(): boolean {
    return this.#isMeasuring && this.#close(EVERYTHING);
  }

  #isNewClass(): boolean {
    if (this.#classes === undefined) return true;
    const answers = this.#points.flatMap((point) => (point.step < 0 ? [point.answer] : []));
    const name = traceClass(this.#steps, answers);
    if (this.#classes.has(name)) return false;
    this.#classes.add(name);
    return true;
  }

  #abandon(due: readonly number[]): never {
    this.#abandonedWith = due;
    throw new ExecutionAbandoned('What would follow was seen in an equivalent schedule');
  }

  #repeated(known: Point, question: Question, dueCount: number): OrderPoint {
    const isHere = known.step === this.#current + 1 && isSame(known, question);
    if (known.kind === 'order' && known.due.length === dueCount && isHere) return known;
    this.hasDiverged = true;
    throw new ExecutionAbandoned('The scenario did not do the same again with the same answers');
  }

  #newOrderPoint(
    question: Question,
    due: readonly number[],
    sleepers: readonly Sleeper[],
    answer: number,
  ): OrderPoint {
    const { delays } = this.#spent();
    const point = new OrderPoint(question, this.#current + 1, due, sleepers, answer);
    if (!this.#mayBranch()) return point;
    if (!this.#isReducing) {
      const rest = this.#maxDelays - delays;
      point.wantUpTo(rest);
      if (rest < due.length - 1) this.#limitedBy.add('maxDelays');
    }
    this.#add(point);
    return point;
  }

  #add(point: Point): void {
    this.#points.push(point);
    this.#cursor += 1;
  }

  /** A question beyond a bound gets one answer, and is not part of the path. */
  #mayBranch(): boolean {
    if (this.#points.length < this.#maxDecisions) return true;
    this.#limitedBy.add('maxDecisions');
    return false;
  }

  #advanceValue(point: ValuePoint): boolean {
    if (point.answer + 1 >= point.n) return false;
    if (point.faultsBefore >= this.#maxFaults) {
      this.#limitedBy.add('maxFaults');
      return false;
    }
    point.answer += 1;
    return true;
  }

  /** What this path has taken of the bounds so far: events passed over, and other answers that are not 0. */
  #spent(): { readonly delays: number; readonly faults: number } {
    let delays = 0;
    let faults = 0;
    for (const { kind, answer } of this.#points) {
      if (answer === 0) continue;
      if (kind === 'order') delays += answer;
      else faults += 1;
    }
    return { delays, faults };
  }

  #asleep(): readonly Sleeper[] {
    return this.#isReducing ? asleepAfter(this.#steps) : NOBODY;
  }

  #identitiesOf(due: DueEvents): number[] {
    return Array.from({ length: due.count }, (_, k) => this.#identityOf(due.idOf(k)).number);
  }

  #identityOf(id: number): EventIdentity {
    const maker = this.#steps[this.#makerOf(id)];
    return maker === undefined ? this.#origin.child(id) : maker.identity.child(id - maker.made);
  }

  /**
   * Index of the step that put an event into the queue of the clock; -1 for none. The cause of an event may be an
   * earlier step, if the event waited in another queue first.
   */
  #makerOf(id: number): number {
    let low = 0;
    let high = this.#steps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#steps[middle] as Step).made < id) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
