/** Lists of all members of a union of strings that the compiler holds to the union: one that is missing, or too much, is an error there. */

/** The members, in the order in which they stand: `membersOf<'a' | 'b'>({ a: true, b: true })`. */
export function membersOf<M extends string>(all: Readonly<Record<M, true>>): readonly M[] {
  return Object.freeze(Object.keys(all) as M[]);
}
