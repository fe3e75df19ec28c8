/** How the engine allocates in a process that simulates again and again. Invariant: it changes the speed and nothing else. */
import { setFlagsFromString } from 'node:v8';

/**
 * Has the engine make all objects young. By default it makes those of an object literal in the old generation once most of its
 * kind were seen to survive; in a process that runs one short simulation after the other one such object keeps a whole dead
 * simulation alive until a full collection, then all others survive with it, and an execution costs twice as much. Concerns what is
 * compiled after the call, in all threads; to be called before simulations begin.
 */
export function allocateYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
