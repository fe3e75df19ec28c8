/**
 * The pending events of one clock: those due now in a list, all later ones (and the end-of-instant ones of now) in a
 * heap; and the choice of which one fires next among those due together.
 *
 * Invariants: time and ids never decrease; a cancelled event is removed at once.
 */
import type { Choices, DueEvents } from './decisions.ts';
import { DueList } from './due-list.ts';
import { invalidArgument } from './errors.ts';
import { EventTable, NOT_PENDING } from './event-table.ts';
import { LaterEvents } from './later-events.ts';
import { withPlace } from './event-origin.ts';
import { topicOf, type Topic } from './question.ts';

/** What is known about an event. */
export interface EventInfo {
  /** Number in creation order, from 1. */
  readonly id: number;
  /** Id of the event that was firing when this one was created; 0 if none had fired yet. */
  readonly cause: number;
  /** What it is about. */
  readonly topic: Topic;
  /** When it is due, in milliseconds of its clock. */
  readonly atMs: number;
  /** True if it fires after everything else due at the same time. */
  readonly late: boolean;
  /** Stack of where it was created, if places are captured. */
  readonly place?: string;
}

/** The due events as a source of decisions sees them. */
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

  placeOf(k: number): Error | undefined {
    return this.queue.placeOf(this.queue.pick(k));
  }

  countUpTo(id: number): number {
    return this.queue.dueUpTo(id);
  }

  get batch(): number {
    return this.queue.batch;
  }
}

/** Pending events by (time, late, creation order). */
export class EventQueue {
  /** The current instant in microseconds. */
  nowUs = 0;
  /** See {@link DueEvents}. */
  batch = 0;
  private readonly table = new EventTable();
  private readonly later = new LaterEvents(this.table);
  private readonly due = new DueList(this.table);
  private made = 0;
  /** True while events are pending that time passed without firing; events added for now come after them. */
  private isBehind = false;
  /** Then, the time at which the events in the list were due. */
  private overdueUs = 0;
  /** The candidates after {@link advance} has found several. */
  readonly dueEvents: DueEvents = new DueCandidates(this);

  get size(): number {
    return this.due.size + this.later.count;
  }

  /** Time of the next event; `Infinity` if there is none. */
  get nextTimeUs(): number {
    return this.due.size > 0 ? this.nowUs : this.later.firstTimeUs;
  }

  /** The earliest time at which an event can be added: now, unless some events are overdue. */
  get leastTimeUs(): number {
    return this.isBehind ? 0 : this.nowUs;
  }

  /** Id of the event that was added last. */
  get lastId(): number {
    return this.made;
  }

  /** True if one of the first `id` events is still pending. */
  hasUpTo(id: number): boolean {
    return this.table.hasUpTo(id);
  }

  /** Adds an event due at `timeUs`, an integer not before `leastTimeUs`, and returns its row. */
  add(timeUs: number, late: boolean, cause: number, label: string | Topic, fire: () => void): number {
    const id = ++this.made;
    const row = this.table.add(id, late, cause, label, fire);
    if (!late && this.isDueWithList(timeUs)) this.due.append(row);
    else this.later.add(row, timeUs, late);
    return row;
  }

  /** Removes the event if it is still pending; `id` distinguishes it from later events in the same row. */
  cancel(row: number, id: number): void {
    if (this.table.idOf(row) === id) this.remove(row);
  }

  /**
   * Advances time to the next event and returns how many alternatives there are for which event fires: the number of
   * ordinary events due then, 1 if only end-of-instant ones are left (they are first-in-first-out), 0 if nothing is
   * pending.
   */
  advance(): number {
    const { due, later, table } = this;
    if (due.size > 0) return due.size;
    if (later.count === 0) return 0;
    const timeUs = later.firstTimeUs;
    if (timeUs >= this.nowUs) {
      this.nowUs = timeUs;
      this.isBehind = false;
    } else this.overdueUs = timeUs;
    // A single event need not pass through the list.
    if (later.isFirstAlone) return 1;
    while (later.firstTimeUs === timeUs && !table.isLate(later.first)) later.shiftInto(due);
    this.batch += 1;
    return due.size > 0 ? due.size : 1;
  }

  /** Advances time to `timeUs` without firing anything: events due until then fire late, in the order they were due. */
  pass(timeUs: number): void {
    if (timeUs === this.nowUs) return;
    if (!this.isBehind) this.overdueUs = this.nowUs;
    this.nowUs = timeUs;
    this.isBehind = this.due.size > 0 || this.later.firstTimeUs <= timeUs;
  }

  /** Row of the `k`-th candidate, where k is less than {@link advance} returned. */
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

  /** Removes a pending event, frees its row and returns its callback. */
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

  placeOf(row: number): Error | undefined {
    return this.table.places?.get(row);
  }

  /** Number of events due now, once {@link advance} has advanced time. */
  get dueCount(): number {
    return this.due.size;
  }

  /** Number of those with an id up to `id`. */
  dueUpTo(id: number): number {
    return this.due.countUpTo(id);
  }

  /** `place` was captured by the function that the clock's caller calls, two frames further down. */
  notePlace(row: number, place: Error): void {
    this.table.places ??= new Map();
    this.table.places.set(row, place);
  }

  /** When the events in the list of those due were due. */
  private get dueUs(): number {
    return this.isBehind ? this.overdueUs : this.nowUs;
  }

  /** True if an ordinary event of that time belongs into the list of those due. */
  private isDueWithList(timeUs: number): boolean {
    return this.isBehind ? timeUs === this.overdueUs && this.due.size > 0 : timeUs === this.nowUs;
  }

  /** True if an ordinary event with an id up to `id` is due at `timeUs`, which must not be later than now. */
  hasDueUpTo(id: number, timeUs: number): boolean {
    const { due, later, table, dueUs } = this;
    if (due.size > 0 && dueUs === timeUs && due.countUpTo(id) > 0) return true;
    if (later.firstTimeUs > timeUs) return false;
    let isThere = false;
    later.visit(Infinity, (row, eachUs) => {
      isThere ||= eachUs === timeUs && table.idOf(row) <= id && !table.isLate(row);
    });
    return isThere;
  }

  /** The first `limit` pending events in first-in-first-out firing order. */
  sorted(limit: number = Infinity): EventInfo[] {
    const { due, later, dueUs } = this;
    const infos: EventInfo[] = [];
    if (limit >= due.size) for (const row of due.toArray()) infos.push(this.info(row, dueUs));
    else for (let k = 0; k < limit; k += 1) infos.push(this.info(due.at(k), dueUs));
    later.visit(limit - infos.length, (row, timeUs) => infos.push(this.info(row, timeUs)));
    return infos;
  }

  /** What is known about an event that may fire next. */
  describe(row: number): EventInfo {
    const isLater = this.table.positionOf(row) > NOT_PENDING;
    return this.info(row, isLater ? this.later.timeUsOf(row) : this.dueUs);
  }

  private info(row: number, timeUs: number): EventInfo {
    const { table } = this;
    const place = this.placeOf(row);
    const info = {
      id: table.idOf(row),
      cause: table.causeOf(row),
      topic: topicOf(table.labelOf(row)),
      atMs: timeUs / 1000,
      late: table.isLate(row),
    };
    return place === undefined ? info : withPlace(info, place);
  }
}
