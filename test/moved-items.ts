// Counts what long lists cost, which no clock of a busy machine shows: an `Array` that gives up its first item moves all others.

const METHODS = ['shift', 'unshift', 'splice', 'slice'] as const;

/** The number of items that methods of arrays move or copy in all code while `work` goes on. */
export async function movedItems(work: () => unknown): Promise<number> {
  let moved = 0;
  const originals = METHODS.map((name) => [name, Array.prototype[name]] as const);
  for (const [name, original] of originals) {
    const value = function (this: unknown[], ...args: unknown[]): unknown {
      const result: unknown = Reflect.apply(original, this, args);
      moved += (name === 'slice' ? (result as unknown[]) : this).length;
      return result;
    };
    Object.defineProperty(Array.prototype, name, { value });
  }
  try {
    await work();
  } finally {
    for (const [name, value] of originals) Object.defineProperty(Array.prototype, name, { value });
  }
  return moved;
}
