/**
 * The last chance: when this process exits while commands still run, their trees are killed on the way out. A death by SIGKILL,
 * or by a signal that nobody handles, leaves no such chance. Invariant: the exit listener exists only while there is a tree.
 */
import type { ProcessTree } from './process-tree.ts';

const guarded = new Set<ProcessTree>();
const ROUNDS = 3;
const DISPOSE_TRIES = 20;
const DISPOSE_PAUSE_MS = 2;

/** Kills the tree if this process exits before the returned function was called. */
export function guardAtExit(tree: ProcessTree): () => void {
  if (guarded.size === 0) process.on('exit', killGuarded);
  guarded.add(tree);
  return () => {
    if (guarded.delete(tree) && guarded.size === 0) process.off('exit', killGuarded);
  };
}

function killGuarded(): void {
  // Nothing can be awaited any more, so a few rounds have to do.
  for (let round = 0; round < ROUNDS; round++) for (const tree of guarded) killOnce(tree);
  for (const tree of guarded) dispose(tree);
}

/** What was just killed takes a moment to be gone. */
function dispose(tree: ProcessTree): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 0; attempt < DISPOSE_TRIES && !tree.dispose(); attempt++) {
    Atomics.wait(clock, 0, 0, DISPOSE_PAUSE_MS);
  }
}

function killOnce(tree: ProcessTree): void {
  try {
    tree.killNow();
  } catch {
    // The other trees still have to be killed, and there is nobody left to be told.
  }
}
