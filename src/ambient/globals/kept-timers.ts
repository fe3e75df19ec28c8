/**
 * Notices timers of the machine that code of a simulation creates by a function that it has kept from before the
 * stand-ins were there. Invariant: a timer that is created elsewhere is the same object as without this.
 */
import { realFunctions } from '../../kernel/drain-real-functions.ts';
import { hub } from '../hub.ts';

/**
 * A field that Node's constructors of timers and immediates assign: one that no prototype has, so that a setter there
 * sees each creation, whichever function leads to it.
 */
const FIELD = '_idlePrev';

/** Prototypes are shared by all contexts of a thread, and all copies of the package. */
export function watchKeptTimers(): void {
  const timeout = realFunctions.setTimeout(() => {}, 0);
  realFunctions.clearTimeout(timeout);
  const immediate = realFunctions.setImmediate(() => {});
  watchCreation('setTimeout or setInterval', Object.getPrototypeOf(timeout) as object);
  watchCreation('setImmediate', Object.getPrototypeOf(immediate) as object);
}

function watchCreation(what: string, prototype: object): void {
  // A fake timer is a plain object.
  if (Object.getPrototypeOf(prototype) === null) return;
  Object.defineProperty(prototype, FIELD, {
    configurable: true,
    set(this: object, value: unknown) {
      Object.defineProperty(this, FIELD, { value, writable: true, configurable: true, enumerable: true });
      const error = hub.world?.realTimer(what);
      if (error !== undefined) throw error;
    },
  });
}
