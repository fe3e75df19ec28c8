/** How the engine works in a process that simulates again and again. Invariant: it changes the speed and nothing else. */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

/** The first V8 that counts calls; those before count what was executed, in bytes of bytecode. */
const COUNTING_V8 = 12;

/**
 * Has the engine make all objects young, and compile hot functions with its best compiler sooner. Concerns what is compiled after the call, in
 * all threads; to be called before simulations begin.
 *
 * By default it makes the objects of a literal in the old generation once most of its kind were seen to survive. Where one short simulation
 * follows the other, one such object keeps a whole dead simulation alive until a full collection, then all others survive with it, and an
 * execution costs twice as much.
 *
 * From Node 22 on it waits for 3,000 calls of a function before it optimizes, so that the first 10,000 executions of an exploration, which for
 * many are all, ran at half of the speed that they have on Node 20. A tenth of that is enough here, because a simulation does the same again
 * and again.
 */
export function tuneEngine(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
  const countsCalls = Number(process.versions.v8.split('.')[0]) >= COUNTING_V8;
  setFlagsFromString(countsCalls ? '--invocation-count-for-turbofan=300' : '--interrupt-budget=20000');
}
