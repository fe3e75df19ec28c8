/**
 * How many frames the stacks of errors have for a while. Invariant: it is as it was afterwards, and nothing is thrown, whatever code under
 * test has made of `Error`; where it cannot be changed, stacks are as long as that code wants them. The drains need it, so the package built
 * has it in their file, as `drain-` at the beginning of its name says.
 */
const NAME = 'stackTraceLimit';
const OWN_PROPERTY = { configurable: true, enumerable: true, writable: true };

/** Sets it, if `frames` are given; what it gives puts back what was there. An assignment would throw, or call what code has put there. */
export function setStackLimit(frames?: number): () => void {
  const before = Object.getOwnPropertyDescriptor(Error, NAME);
  if (frames !== undefined) {
    const changed = before === undefined ? { ...OWN_PROPERTY, value: frames } : { value: frames };
    Reflect.defineProperty(Error, NAME, changed);
  }
  return () => {
    if (before === undefined) Reflect.deleteProperty(Error, NAME);
    else Reflect.defineProperty(Error, NAME, before);
  };
}

/** What `make` gives, with stacks of so many frames. */
export function withStackLimit<T>(frames: number, make: () => T): T {
  const restore = setStackLimit(frames);
  try {
    return make();
  } finally {
    restore();
  }
}
