/** Conditions that end a search, asked of the caller. */
import { trueOrFalse } from '../kernel/argument-check.ts';

/**
 * The option `shouldStop` as a function that must return true or false, and throws otherwise: a promise would be truthy
 * and end every search before its first execution.
 */
export function stopOf(shouldStop: (() => boolean) | undefined): () => boolean {
  if (shouldStop === undefined) return () => false;
  return () => trueOrFalse('shouldStop()', shouldStop());
}
