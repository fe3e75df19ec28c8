/** Sets of run states as a bit mask: the bit of state s is `1 << code(s)` (R6). */

declare const stateMask: unique symbol;

/** A set of states; make one with `maskForState`, or use a named constant. */
export type StateMask = number & { readonly [stateMask]: true };
