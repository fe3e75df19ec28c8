/**
 * The last chance: when this process exits while commands still run, their trees are killed on the way out. A death by SIGKILL,
 * or by a signal that nobody handles, leaves no such chance. Invariant: the exit listener exists only while there is a tree.
 */
import type { ProcessTree } from './process-tree.ts';

const guarded = new Set<ProcessTree>();
const ROUNDS = 3;

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
}

function killOnce(tree: ProcessTree): void {
  try {
    tree.kill();
  } catch {
    // The other trees still have to be killed, and there is nobody left to be told.
  }
}
