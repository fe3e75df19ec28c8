/**
 * The likely cause of a failure that does not repeat. Invariant: nothing is blamed that is virtual where the failure
 * was found.
 */

/** Facts about the place where the failure was found. */
export interface UnrepeatedPlace {
  /** True if time and randomness of the scenario are virtual. */
  readonly isAmbient: boolean;
  /** What makes them virtual, or shows where they are not: a predicate. */
  readonly remedy: string;
  /** What makes those virtual too that code keeps references to when it is loaded, if that may be missing. */
  readonly keptRemedy?: string;
}

/** One line of text. */
export function unrepeatedText({ isAmbient, remedy, keptRemedy }: UnrepeatedPlace): string {
  if (!isAmbient) {
    return `likely cause: Math.random, Date.now, a timer of the machine or a module variable affects it: ${remedy}, and sim.load loads fresh modules`;
  }
  const kept =
    keptRemedy === undefined
      ? ''
      : `, or, without ${keptRemedy}, a clock or randomness that code captured when it was loaded`;
  return `likely cause: a module variable that keeps its value from one execution to the next (sim.load loads fresh modules)${kept}`;
}
