/**
 * Who waits on one run, or on all of them: a linked list per mask, so that a write looks at those whose mask matches and at nobody
 * else. Invariant: a list is there only while it is not empty, and its links stand in the order of registration.
 */
import type { StateMask } from '../model/state-mask.ts';

/** What can be waited on: a run, or all runs. */
export interface Awaited<W> {
  lists: WaiterList<W> | undefined;
}

/** Those who wait on one {@link Awaited} with one mask. There are at most 128 masks, whatever the number of waiters. */
export class WaiterList<W> {
  readonly mask: StateMask;
  /** The list of another mask. */
  next: WaiterList<W> | undefined;
  first: WaiterLink<W> | undefined = undefined;
  last: WaiterLink<W> | undefined = undefined;

  constructor(mask: StateMask, next: WaiterList<W> | undefined) {
    this.mask = mask;
    this.next = next;
  }
}

/** A waiter's place in one list. */
export class WaiterLink<W> {
  readonly waiter: W;
  readonly on: Awaited<W>;
  readonly list: WaiterList<W>;
  /** The same waiter's place in the list of another run. */
  readonly sibling: WaiterLink<W> | undefined;
  previous: WaiterLink<W> | undefined;
  next: WaiterLink<W> | undefined = undefined;

  constructor(waiter: W, on: Awaited<W>, list: WaiterList<W>, sibling: WaiterLink<W> | undefined) {
    this.waiter = waiter;
    this.on = on;
    this.list = list;
    this.sibling = sibling;
    this.previous = list.last;
  }
}

/** Appends a waiter to the list of its mask. `sibling` is the place that it took before on another run. */
export function linkWaiter<W>(
  waiter: W,
  on: Awaited<W>,
  mask: StateMask,
  sibling: WaiterLink<W> | undefined,
): WaiterLink<W> {
  const list = listOf(on, mask);
  const link = new WaiterLink(waiter, on, list, sibling);
  if (list.last === undefined) list.first = link;
  else list.last.next = link;
  list.last = link;
  return link;
}

/** Takes one link out of its list, and the list away if it was the last. */
export function unlinkWaiter<W>({ on, list, previous, next }: WaiterLink<W>): void {
  if (previous === undefined) list.first = next;
  else previous.next = next;
  if (next === undefined) list.last = previous;
  else next.previous = previous;
  if (list.first === undefined) dropList(on, list);
}

function listOf<W>(on: Awaited<W>, mask: StateMask): WaiterList<W> {
  for (let list = on.lists; list !== undefined; list = list.next) {
    if (list.mask === mask) return list;
  }
  on.lists = new WaiterList(mask, on.lists);
  return on.lists;
}

function dropList<W>(on: Awaited<W>, empty: WaiterList<W>): void {
  if (on.lists === empty) {
    on.lists = empty.next;
    return;
  }
  for (let list = on.lists; list !== undefined; list = list.next) {
    if (list.next === empty) list.next = empty.next;
  }
}
