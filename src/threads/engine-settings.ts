/** Tunes V8 for a process that simulates again and again. Invariant: this changes the speed and nothing else. */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

/** The first version of V8 that counts calls; earlier ones count executed bytecode, in bytes. */
const COUNTING_V8 = 12;

/**
 * Makes V8 allocate all objects in the young generation, and compile hot functions with its best compiler sooner.
 * Affects all code compiled after the call, in all threads; call it before simulations begin.
 *
 * By default V8 allocates the objects of a literal in the old generation once most of its kind were seen to survive.
 * With one short simulation after the other, one such object keeps a whole dead simulation alive until a full
 * collection; then all others survive with it, and an execution costs twice as much.
 *
 * From Node 22 on, V8 waits for 3,000 calls of a function before it optimizes; a tenth of that is enough here, because
 * a simulation does the same again and again. Node 20 waits for 66 KB of executed bytecode instead; here, for 8 KB.
 */
export function tuneEngine(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
  const countsCalls = Number(process.versions.v8.split('.')[0]) >= COUNTING_V8;
  setFlagsFromString(countsCalls ? '--invocation-count-for-turbofan=300' : '--interrupt-budget=8000');
}

/**
 * As {@link tuneEngine}, for a process that runs few executions of a simulation before the next one: V8 also inlines
 * little. A function is then compiled in less time, and its code is slower.
 *
 * See docs/internals.md#threads for the figures.
 */
export function tuneEngineForFewExecutions(): void {
  tuneEngine();
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=100');
}
