/** The likely cause of what does not repeat. Invariant: it accuses nothing that is virtual where the failure was found. */

/** What is known of the place where it was found. */
export interface UnrepeatedPlace {
  /** The time and the randomness of the scenario are virtual. */
  readonly isAmbient: boolean;
  /** What makes them so, or shows where they are not: a predicate. */
  readonly remedy: string;
  /** What makes those virtual too that code keeps when it is loaded, where this may be missing. */
  readonly keptRemedy?: string;
}

/** In one line. */
export function unrepeatedText({ isAmbient, remedy, keptRemedy }: UnrepeatedPlace): string {
  if (!isAmbient) {
    return `likely cause: Math.random, Date.now or a timer of the machine, or a variable of a module, decides: ${remedy}, and sim.load loads modules anew`;
  }
  const kept =
    keptRemedy === undefined
      ? ''
      : `, or, without ${keptRemedy}, a clock or randomness that code has kept when it was loaded`;
  return `likely cause: a variable of a module that one execution leaves to the next (sim.load loads modules anew)${kept}`;
}
