/**
 * References to Vitest tests in tokens and on command lines. Invariant: a reference is not a path, so no command takes
 * the test file for a scenario module.
 */

/** A Vitest test. */
export interface VitestTest {
  /** Path of the file as typed in the folder where the tests were started. */
  readonly file: string;
  /** Names of its groups and of the test itself, joined by spaces. */
  readonly name: string;
  /** Its place among the tests of that name in its file, from 1; default: 1. */
  readonly ordinal?: number;
}

/** The reference of a Vitest test in a token. */
export function vitestReference({ file, name, ordinal = 1 }: VitestTest): string {
  return `vitest${ordinal === 1 ? '' : `/${ordinal}`}:${file}#${name}`;
}

/** The Vitest test of a reference; undefined if it names a scenario. */
export function vitestTestOf(reference: string): VitestTest | undefined {
  const [, ordinal, file, name] = /^vitest(?:\/(\d+))?:(.*?\.[^./\\#]+)#(.*)$/su.exec(reference) ?? [];
  if (file === undefined || name === undefined) return undefined;
  return { file, name, ...(ordinal === undefined ? {} : { ordinal: Number(ordinal) }) };
}

/** Between the names of groups and tests, Vitest 4 expects a space and Vitest 5 ` > `. */
const BETWEEN_NAMES = ' (?:> )?';

/**
 * A pattern for `-t` that matches the test with these names, of its groups and its own, alone: not one whose name only
 * begins with it.
 */
export function vitestPattern(names: readonly string[]): string {
  const literal = names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return `^${literal.join(BETWEEN_NAMES)}$`;
}
