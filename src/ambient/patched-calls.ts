/**
 * Puts a look-out in front of functions, and takes it away again. Invariants: what is called does what it did, with the same `this`;
 * afterwards each property is described as it was, unless somebody else has replaced it meanwhile.
 */
import { syncBuiltinESMExports } from 'node:module';
import type { OutsideCall } from './outside.ts';

/** Told of each call, before it is made. */
export type NoteCall = (call: Pick<OutsideCall, 'kind' | 'what'>) => void;

interface Patch {
  readonly owner: object;
  readonly key: string;
  readonly before: PropertyDescriptor;
  readonly patched: unknown;
}

const NEW_DATE = { kind: 'clock', what: 'new Date' } as const;

/** Functions with a look-out in front of them. */
export class PatchedCalls {
  readonly #patches: Patch[] = [];

  constructor(calls: readonly OutsideCall[], note: NoteCall) {
    for (const { kind, what, owner, key } of calls) {
      const seen = { kind, what };
      this.#patch(owner, key, (original) => noting(original, () => note(seen)));
    }
    this.#patch(globalThis, 'Date', (original) =>
      notingDate(original as DateConstructor, () => note(NEW_DATE)),
    );
    // Code that imported a function of a module by its name has to see the replacement too.
    syncBuiltinESMExports();
  }

  /** Puts everything back. */
  restore(): void {
    for (const { owner, key, before, patched } of this.#patches.splice(0).reverse()) {
      const now = Object.getOwnPropertyDescriptor(owner, key)?.value as unknown;
      if (now === patched) Object.defineProperty(owner, key, before);
    }
    syncBuiltinESMExports();
  }

  #patch(owner: object, key: string, make: (original: unknown) => unknown): void {
    const before = Object.getOwnPropertyDescriptor(owner, key);
    if (before?.configurable !== true || !('value' in before)) return;
    const patched = make(before.value);
    Object.defineProperty(owner, key, { ...before, value: patched });
    this.#patches.push({ owner, key, before, patched });
  }
}

/** A proxy, so that the properties of the function are there as before. */
function noting(original: unknown, note: () => void): unknown {
  return new Proxy(original as (...args: unknown[]) => unknown, {
    apply(target, self, args): unknown {
      note();
      return Reflect.apply(target, self, args);
    },
  });
}

/** A date made from a number or a text reads no clock. */
function notingDate(original: DateConstructor, note: () => void): unknown {
  return new Proxy(original, {
    apply(target, self, args): unknown {
      note();
      return Reflect.apply(target, self, args) as unknown;
    },
    construct(target, args, made) {
      if (args.length === 0) note();
      return Reflect.construct(target, args, made) as object;
    },
  });
}
