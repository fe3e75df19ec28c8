/** How long held time goes on, and what may be left in it. Invariant: nothing in it goes on for ever. */
import type { HeldWorld } from './subject.ts';

/** In held time nothing is slow. */
export const HELD_MOVES_MAX = 200_000;

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
