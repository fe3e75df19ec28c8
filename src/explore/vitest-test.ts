/**
 * How a test of Vitest is named in a token and on a command line. Invariant: its name is no path, so that no command takes its file for the
 * module of a scenario.
 */

/** A test of Vitest. */
export interface VitestTest {
  /** As it is typed where the tests are started. */
  readonly file: string;
  /** The names of its groups and its own, as `-t` matches them. */
  readonly name: string;
}

/** What names a test of Vitest in a token. */
export function vitestReference({ file, name }: VitestTest): string {
  return `vitest:${file}#${name}`;
}

/** The test of Vitest that is named so; undefined if it is a scenario. */
export function vitestTestOf(reference: string): VitestTest | undefined {
  const [, file, name] = /^vitest:(.*?\.[^./\\#]+)#(.*)$/su.exec(reference) ?? [];
  return file === undefined || name === undefined ? undefined : { file, name };
}

/** For `-t`: matches the name and what contains it. */
export function vitestPattern(name: string): string {
  return name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
