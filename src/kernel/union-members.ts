/**
 * Lists of all members of a union of strings, checked by the compiler: a missing or an extra member does not compile.
 */

/** The members in the order given: `membersOf<'a' | 'b'>({ a: true, b: true })`. */
export function membersOf<M extends string>(all: Readonly<Record<M, true>>): readonly M[] {
  return Object.freeze(Object.keys(all) as M[]);
}
