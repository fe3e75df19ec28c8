/**
 * Finds the events of a schedule that could have come the other way round with another effect, and asks for the schedules in which they
 * do: dynamic partial-order reduction (Flanagan and Godefroid, POPL 2005) with source sets (Abdulla, Aronis, Jonsson and Sagonas,
 * "Optimal Dynamic Partial Order Reduction", POPL 2014, algorithm 1). Each event takes the part of a process with one step. Events that
 * another one cancels count as racing with it, because they do not come any more to show it.
 */
import { invariant } from '../../kernel/invariant.ts';
import { EventOrder, stretchEnd } from './event-order.ts';
import type { OrderPoint, Step } from './exhaustive-path.ts';
import { sleepsWith } from './exhaustive-sleep.ts';

/**
 * Looks at the steps from `first` on; those before were looked at in earlier executions. `dueAtEnd`: identities of what was due when the
 * execution was abandoned; empty if it came to its end.
 */
export function wantReversals(steps: readonly Step[], first: number, dueAtEnd: readonly number[]): void {
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

/** For each event with which `later` raced, asks for a schedule in which `later` comes first. */
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
 * What could have come instead of `rival`: the first ones among those up to `later` that did not have to come after it.
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

/** True if a schedule in which `step` comes at that point is or was explored. */
function isCovered(point: OrderPoint, step: Step): boolean {
  const event = step.identity.number;
  return point.isWanted(positionIn(point, step)) || sleepsWith(point.sleepers, event, step.answers);
}

function positionIn(point: OrderPoint, { identity }: Step): number {
  const position = point.due.indexOf(identity.number);
  invariant(position >= 0, 'expected what comes first without its rival to be due with it');
  return position;
}

/** Asks for the events first that were due with a step and gone after it. */
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
