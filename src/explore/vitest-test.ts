/**
 * References to Vitest tests in tokens and on command lines. Invariant: a reference is not a path, so no command takes
 * the test file for a scenario module.
 */

/** A Vitest test. */
export interface VitestTest {
  /** Path of the file as typed in the folder where the tests were started. */
  readonly file: string;
  /** Names of its groups and of the test itself, joined as `-t` matches them. */
  readonly name: string;
}

/** The reference of a Vitest test in a token. */
export function vitestReference({ file, name }: VitestTest): string {
  return `vitest:${file}#${name}`;
}

/** The Vitest test of a reference; undefined if it names a scenario. */
export function vitestTestOf(reference: string): VitestTest | undefined {
  const [, file, name] = /^vitest:(.*?\.[^./\\#]+)#(.*)$/su.exec(reference) ?? [];
  return file === undefined || name === undefined ? undefined : { file, name };
}

/** A pattern for `-t` that matches this name, and names that contain it. */
export function vitestPattern(name: string): string {
  return name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
