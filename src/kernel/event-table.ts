/**
 * The data of all pending events: one row per event in three arrays. An event has no object of its own: of a sleep that
 * is not cancelled only the callback stays alive, so the collector has less to copy, and data that is used together is
 * stored together. Invariant: a row in use holds the id that was assigned with it, so that a timer of an earlier event
 * in the same row is recognized.
 */

import type { Topic } from './question.ts';

/** Position of a free row. */
export const NOT_PENDING = 0;

/** Added to the id of late events in their rank, which puts them after all ordinary ones of the same time. */
const LATE = 2 ** 52;
const FREE_RANK = 0;
const NO_ROW = -1;

// Offsets into the four numbers that a row has in `links`.
const POSITION = 0;
const NEXT = 1;
const PREVIOUS = 2;
const CAUSE = 3;

function vacant(): void {}

/** Rows of pending events. */
export class EventTable {
  /** Where events were created, for the rows where that was captured. */
  places: Map<number, Error> | undefined;
  /** Per row: position, next and previous row of its ring, cause. */
  private readonly links: number[] = [];
  /** Per row: id and lateness in one number. */
  private readonly ranks: number[] = [];
  /** Per row: callback, label. */
  private readonly texts: (string | Topic | (() => void))[] = [];
  /** The first free row; free rows are chained by `NEXT`. */
  private free = NO_ROW;

  /** Allocates a row for an event that has no position yet and is alone in its ring. */
  add(id: number, late: boolean, cause: number, label: string | Topic, fire: () => void): number {
    const { links, texts } = this;
    const rank = late ? id + LATE : id;
    const row = this.free;
    if (row === NO_ROW) {
      const added = this.ranks.push(rank) - 1;
      links.push(NOT_PENDING, added, added, cause);
      texts.push(fire, label);
      return added;
    }
    const link = row << 2;
    this.free = links[link + NEXT] as number;
    links[link + NEXT] = row;
    links[link + PREVIOUS] = row;
    links[link + CAUSE] = cause;
    this.ranks[row] = rank;
    texts[2 * row] = fire;
    texts[2 * row + 1] = label;
    return row;
  }

  /** Frees the row and returns its callback. */
  release(row: number): () => void {
    const fire = this.texts[2 * row] as () => void;
    this.texts[2 * row] = vacant;
    this.ranks[row] = FREE_RANK;
    this.links[(row << 2) + POSITION] = NOT_PENDING;
    this.links[(row << 2) + NEXT] = this.free;
    this.free = row;
    if (this.places !== undefined) this.places.delete(row);
    return fire;
  }

  /** The position of the event, as defined by the structure that holds it. */
  positionOf(row: number): number {
    return this.links[(row << 2) + POSITION] as number;
  }

  setPosition(row: number, position: number): void {
    this.links[(row << 2) + POSITION] = position;
  }

  nextOf(row: number): number {
    return this.links[(row << 2) + NEXT] as number;
  }

  /** Puts `row`, which is alone, at the end of the ring that begins with `head`. */
  append(head: number, row: number): void {
    const { links } = this;
    const last = links[(head << 2) + PREVIOUS] as number;
    links[(last << 2) + NEXT] = row;
    links[(row << 2) + PREVIOUS] = last;
    links[(row << 2) + NEXT] = head;
    links[(head << 2) + PREVIOUS] = row;
  }

  /** Removes `row` from its ring; its own links stay unchanged. */
  unlink(row: number): void {
    const { links } = this;
    const next = links[(row << 2) + NEXT] as number;
    const previous = links[(row << 2) + PREVIOUS] as number;
    links[(previous << 2) + NEXT] = next;
    links[(next << 2) + PREVIOUS] = previous;
  }

  /** The order among events of one time: ordinary ones before late ones, each in creation order. */
  rankOf(row: number): number {
    return this.ranks[row] as number;
  }

  /** True if a row holds an event with an id up to `id`; scans all rows. */
  hasUpTo(id: number): boolean {
    return this.ranks.some((rank) => rank !== FREE_RANK && (rank < LATE ? rank : rank - LATE) <= id);
  }

  idOf(row: number): number {
    const rank = this.ranks[row] as number;
    return rank < LATE ? rank : rank - LATE;
  }

  isLate(row: number): boolean {
    return (this.ranks[row] as number) >= LATE;
  }

  causeOf(row: number): number {
    return this.links[(row << 2) + CAUSE] as number;
  }

  labelOf(row: number): string | Topic {
    return this.texts[2 * row + 1] as string | Topic;
  }
}
