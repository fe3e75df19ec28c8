/**
 * Functions of the machine, wrapped so that each call is reported. Invariants: a wrapped function does what it did, with
 * the same `this`; once restored, each property has its original descriptor, unless other code has replaced it in the
 * meantime.
 */
import { syncBuiltinESMExports } from 'node:module';
import { isVirtual, noteFront } from '../globals/stand-in.ts';
import { hub } from '../hub.ts';
import type { OutsideCall } from './outside.ts';

/** Called before each watched call. */
export type NoteCall = (call: Pick<OutsideCall, 'kind' | 'what'>) => void;

interface Patch {
  readonly owner: object;
  readonly key: string;
  readonly before: PropertyDescriptor;
  readonly patched: unknown;
}

const NEW_DATE = { kind: 'clock', what: 'new Date' } as const;

/** Wraps the functions from its creation until {@link restore}. */
export class PatchedCalls {
  readonly #patches: Patch[] = [];

  constructor(calls: readonly OutsideCall[], note: NoteCall) {
    for (const { kind, what, owner, key } of calls) {
      const seen = { kind, what };
      this.#patch(owner, key, (original) =>
        noting(
          original,
          noteUnlessVirtual(original, () => note(seen)),
        ),
      );
    }
    this.#patch(globalThis, 'Date', (original) =>
      notingDate(
        original as DateConstructor,
        noteUnlessVirtual(original, () => note(NEW_DATE)),
      ),
    );
    // Makes named imports of builtin modules see the replacement too.
    syncBuiltinESMExports();
  }

  /** Restores the originals. */
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
    noteFront(patched as object, before.value);
    Object.defineProperty(owner, key, { ...before, value: patched });
    this.#patches.push({ owner, key, before, patched });
  }
}

/**
 * A stand-in uses nothing of the machine while a simulation in ambient time runs, so its calls are then not counted.
 */
function noteUnlessVirtual(original: unknown, note: () => void): () => void {
  if (!isVirtual(original)) return note;
  return () => {
    if (hub.world === undefined) note();
  };
}

/** Wraps in a proxy, so that the function's properties remain visible. */
function noting(original: unknown, note: () => void): unknown {
  return new Proxy(original as (...args: unknown[]) => unknown, {
    apply(target, self, args): unknown {
      note();
      return Reflect.apply(target, self, args);
    },
  });
}

/** Counts only calls that read the clock: a date made from a number or text does not. */
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
