// What the package is tried on: the one place for versions, which docs/platforms.md repeats and a test compares.

/** All majors of Node that the package supports; the first is what the others are compared with. */
export const NODE_MAJORS = [20, 22, 24, 26] as const;

/** The first Node that each major of Vitest runs on. */
const FIRST_NODE = new Map([
  [4, 20],
  [5, 22],
]);

/** All majors of Vitest that the package supports. */
export const VITESTS: readonly number[] = [...FIRST_NODE.keys()];

/** The one that the checkout is developed with, and that runs on every Node. */
export const OWN_VITEST = 4;

/** The versions of TypeScript that the types of the package are compiled with. */
export const TYPESCRIPTS: readonly string[] = ['5.4', '7'];

/** The majors of Vitest that run on this Node. */
export function vitestsOn(nodeMajor: number): number[] {
  return [...FIRST_NODE].flatMap(([vitest, first]) => (nodeMajor >= first ? [vitest] : []));
}
