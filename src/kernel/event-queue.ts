/**
 * The pending events of one clock: those due now in a list, all later ones (and the end-of-instant ones of now) in a heap; and which of
 * those due together fires next.
 * Invariants: time and ids never go back; what is cancelled is gone at once.
 */
import type { Choices, DueEvents } from './decisions.ts';
import { DueList } from './due-list.ts';
import { invalidArgument } from './errors.ts';
import { EventTable, NOT_PENDING } from './event-table.ts';
import { LaterEvents } from './later-events.ts';
import { withPlace } from './event-origin.ts';
import { topicOf, type Topic } from './question.ts';

/** What is known of an event. */
export interface EventInfo {
  /** Number in the order of making, from 1. */
  readonly id: number;
  /** Id of the event that was firing when this one was made; 0 if none had fired yet. */
  readonly cause: number;
  /** What it is about. */
  readonly topic: Topic;
  /** When it is due, in milliseconds of its clock. */
  readonly atMs: number;
  /** True if it fires after everything else due at its time. */
  readonly late: boolean;
  /** Stack of where it was made, if places are captured. */
  readonly place?: string;
}

/** What a source of decisions may know of the events that are due. */
class DueCandidates implements DueEvents {
  private readonly queue: EventQueue;

  constructor(queue: EventQueue) {
    this.queue = queue;
  }

  get count(): number {
    return this.queue.dueCount;
  }

  topicOf(k: number): Topic {
    return topicOf(this.queue.labelOf(this.queue.pick(k)));
  }

  textOf(k: number): string {
    const label = this.queue.labelOf(this.queue.pick(k));
    return typeof label === 'string' ? label : label.text;
  }

  idOf(k: number): number {
    return this.queue.idOf(this.queue.pick(k));
  }

  causeOf(k: number): number {
    return this.queue.causeOf(this.queue.pick(k));
  }

  countUpTo(id: number): number {
    return this.queue.dueUpTo(id);
  }

  get batch(): number {
    return this.queue.batch;
  }
}

/** Pending events by (time, late, order of making). */
export class EventQueue {
  /** The current instant in microseconds. */
  nowUs = 0;
  /** See {@link DueEvents}. */
  batch = 0;
  private readonly table = new EventTable();
  private readonly later = new LaterEvents(this.table);
  private readonly due = new DueList(this.table);
  private made = 0;
  /** True while events are pending that were due before now; what is due now waits for them. */
  private isBehind = false;
  /** The candidates after {@link advance} has found several. */
  readonly dueEvents: DueEvents = new DueCandidates(this);

  get size(): number {
    return this.due.size + this.later.count;
  }

  /** Time of the next event, `Infinity` if there is none. */
  get nextTimeUs(): number {
    return this.due.size > 0 ? this.nowUs : this.later.firstTimeUs;
  }

  /** Before it no event can be added: now, unless some are late. */
  get leastTimeUs(): number {
    return this.isBehind ? 0 : this.nowUs;
  }

  /** Id of the event that was added last. */
  get lastId(): number {
    return this.made;
  }

  /** True if an event that was among the first `id` made is pending. */
  hasUpTo(id: number): boolean {
    return this.table.hasUpTo(id);
  }

  /** Adds an event due at `timeUs`, an integer not before `leastTimeUs`, and returns its row. */
  add(timeUs: number, late: boolean, cause: number, label: string | Topic, fire: () => void): number {
    const id = ++this.made;
    const row = this.table.add(id, late, cause, label, fire);
    if (timeUs === this.nowUs && !late && !this.isBehind) this.due.append(row);
    else this.later.add(row, timeUs, late);
    return row;
  }

  /** Takes the event out if it is still pending; `id` distinguishes it from later events in the same row. */
  cancel(row: number, id: number): void {
    if (this.table.idOf(row) === id) this.remove(row);
  }

  /**
   * Moves time to the next event and returns how many alternatives there are for what fires: the ordinary events due then,
   * 1 if only end-of-instant ones are left (they are first-in-first-out), 0 if nothing is pending.
   */
  advance(): number {
    const { due, later, table } = this;
    if (due.size > 0) return due.size;
    if (later.count === 0) return 0;
    const timeUs = later.firstTimeUs;
    if (timeUs >= this.nowUs) {
      this.nowUs = timeUs;
      this.isBehind = false;
    }
    // One that is alone need not pass through the list.
    if (later.isFirstAlone) return 1;
    while (later.firstTimeUs === timeUs && !table.isLate(later.first)) later.shiftInto(due);
    this.batch += 1;
    return due.size > 0 ? due.size : 1;
  }

  /** Moves time on to `timeUs` and fires nothing: what was due until then fires late, in the order in which it was due. */
  pass(timeUs: number): void {
    this.nowUs = timeUs;
    this.isBehind = this.due.size > 0 || this.later.firstTimeUs < timeUs;
  }

  /** Row of the `k`-th candidate, k below what {@link advance} returned. */
  pick(k: number): number {
    if (this.due.size === 0) return this.later.first;
    return k === 0 ? this.due.first : this.due.at(k);
  }

  /** Lets `choices` decide which of the `n` candidates fires: the order of events that are due together. */
  choose(choices: Choices, n: number): number {
    const { dueEvents } = this;
    const answer =
      choices.order === undefined
        ? choices.choose(dueEvents.topicOf(0).asks('order'), n)
        : choices.order(dueEvents);
    if (!(answer >= 0 && answer < n && Number.isInteger(answer))) {
      throw invalidArgument('answer of choices', `an integer in [0, ${n})`, answer);
    }
    return answer;
  }

  /** Takes out a pending event, frees its row and returns its callback. */
  remove(row: number): () => void {
    if (this.table.positionOf(row) > NOT_PENDING) this.later.remove(row);
    else this.due.remove(row);
    return this.table.release(row);
  }

  idOf(row: number): number {
    return this.table.idOf(row);
  }

  causeOf(row: number): number {
    return this.table.causeOf(row);
  }

  labelOf(row: number): string | Topic {
    return this.table.labelOf(row);
  }

  /** How many are due now, once {@link advance} has moved time there. */
  get dueCount(): number {
    return this.due.size;
  }

  /** How many of those have an id up to that. */
  dueUpTo(id: number): number {
    return this.due.countUpTo(id);
  }

  /** `place` was taken by the function that a caller of the clock calls, two frames further down. */
  notePlace(row: number, place: Error): void {
    this.table.places ??= new Map();
    this.table.places.set(row, place);
  }

  /** All pending events in the order in which they would fire first-in-first-out. */
  sorted(): EventInfo[] {
    return [...this.due.toArray(), ...this.later.sorted()].map((row) => this.describe(row));
  }

  /** What is known of a pending event. */
  describe(row: number): EventInfo {
    const { table, later } = this;
    const place = table.places?.get(row);
    const info = {
      id: table.idOf(row),
      cause: table.causeOf(row),
      topic: topicOf(table.labelOf(row)),
      atMs: (table.positionOf(row) > NOT_PENDING ? later.timeUsOf(row) : this.nowUs) / 1000,
      late: table.isLate(row),
    };
    return place === undefined ? info : withPlace(info, place);
  }
}
