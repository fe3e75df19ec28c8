/**
 * Globals that a library of fake timers has replaced. Fakes of `@sinonjs/fake-timers`, and so those of Vitest and Jest,
 * carry their clock.
 */

/** Globals that such a library can replace; it replaces some of them at least. */
export const FAKEABLE_GLOBALS = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'Date',
  'performance',
  'queueMicrotask',
] as const;

/** A global that is a fake. */
export interface FakeGlobal {
  readonly name: (typeof FAKEABLE_GLOBALS)[number];
  readonly clock: unknown;
}

/** The first such global; undefined if there is none. */
export function fakeGlobal(): FakeGlobal | undefined {
  for (const name of FAKEABLE_GLOBALS) {
    const { clock } = globalThis[name] as { readonly clock?: unknown };
    if (clock !== undefined) return { name, clock };
  }
  return undefined;
}
