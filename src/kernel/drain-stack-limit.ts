/**
 * Sets the number of frames in error stacks for a while. Invariant: the limit is restored afterwards, and nothing is
 * thrown, whatever code under test has done to `Error`; if it cannot be changed, stacks have the length that code set.
 * The drains need it, so the built package includes it in their file, as the prefix `drain-` of its name says.
 */
const NAME = 'stackTraceLimit';
const OWN_PROPERTY = { configurable: true, enumerable: true, writable: true };

/** True if a plain assignment changes the property and nothing else; it takes a tenth of the time of a definition. */
function isPlain(property: PropertyDescriptor | undefined): boolean {
  return property?.writable === true && property.enumerable === true && property.configurable === true;
}

/**
 * Sets the limit, if `frames` is given; returns a function that restores the previous one. An assignment without a look
 * at the property could throw, or call a setter of the code under test.
 */
export function setStackLimit(frames?: number): () => void {
  const before = Object.getOwnPropertyDescriptor(Error, NAME);
  if (frames !== undefined) {
    const changed = before === undefined ? { ...OWN_PROPERTY, value: frames } : { value: frames };
    if (isPlain(before)) Error.stackTraceLimit = frames;
    else Reflect.defineProperty(Error, NAME, changed);
  }
  return () => {
    if (before === undefined) Reflect.deleteProperty(Error, NAME);
    else if (isPlain(before) && isPlain(Object.getOwnPropertyDescriptor(Error, NAME))) {
      Error.stackTraceLimit = before.value as number;
    } else Reflect.defineProperty(Error, NAME, before);
  };
}

/**
 * Suppresses stacks of errors; pass the result to {@link putStacksBack}. Only an error may be made in between: the
 * property is usually assigned rather than redefined, which takes a tenth of the time but would throw if code had made
 * it read-only meanwhile.
 */
export function leaveStacksOut(): PropertyDescriptor | undefined {
  const before = Object.getOwnPropertyDescriptor(Error, NAME);
  if (before?.writable === true) {
    Error.stackTraceLimit = 0;
  } else {
    Reflect.defineProperty(Error, NAME, before === undefined ? { ...OWN_PROPERTY, value: 0 } : { value: 0 });
  }
  return before;
}

/** Restores what {@link leaveStacksOut} returned. */
export function putStacksBack(before: PropertyDescriptor | undefined): void {
  if (before?.writable === true) Error.stackTraceLimit = before.value as number;
  else if (before === undefined) Reflect.deleteProperty(Error, NAME);
  else Reflect.defineProperty(Error, NAME, before);
}

/** Calls `make` with stacks of this many frames, and returns its result. */
export function withStackLimit<T>(frames: number, make: () => T): T {
  const restore = setStackLimit(frames);
  try {
    return make();
  } finally {
    restore();
  }
}
