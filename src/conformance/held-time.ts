/** How long held time goes on, and what may be left in it. Invariant: nothing in it goes on for ever. */
import type { HeldWorld } from './subject.ts';

/** In held time nothing is slow. */
const HELD_MOVES_MAX = 200_000;

/** Moves time until the work, which must not reject, has ended. Returns why it does not end; undefined if it has. */
export async function endInHeldTime(
  held: HeldWorld,
  work: Promise<unknown>,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const ended: true[] = [];
  void work.then(() => ended.push(true));
  for (let moves = 1; ended.at(0) === undefined; moves += 1) {
    signal?.throwIfAborted();
    const hasMoved = await held.advance();
    if (ended.at(0) !== undefined || (hasMoved && moves < HELD_MOVES_MAX)) continue;
    return hasMoved ? `cut off after ${moves} events` : 'nothing is left to happen';
  }
  return undefined;
}

/** What goes on in held time although all is released; undefined if nothing does. */
export async function leftInHeldTime(held: HeldWorld, signal?: AbortSignal): Promise<string | undefined> {
  const { clock } = held.world;
  const endMs = clock.now();
  for (let moves = 1; await held.advance(); moves += 1) {
    signal?.throwIfAborted();
    if (clock.now() >= endMs + 1) return 'a timer is left when all is released';
    if (moves === HELD_MOVES_MAX) {
      return `events without end are left when all is released: cut off after ${moves}`;
    }
  }
  return undefined;
}
