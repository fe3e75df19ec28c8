/** The failure of a property that holds and has proved too little: something that matters never happened. */
import { checkArray, isInstance } from '../kernel/argument-check.ts';
import { invalidArgument, shownText } from '../kernel/errors.ts';
import { type ReachKind, ServiceReach } from '../oracles/service-reach.ts';

/** Names what was never reached, with how often everything else was. */
export class NeverReachedError extends Error {
  override readonly name = 'NeverReachedError';
  /** What never happened. */
  readonly missed: readonly ReachKind[];

  constructor(missed: readonly ReachKind[], sequences: number, reach: ServiceReach) {
    checkArray('missed', 'a list of kinds', missed);
    if (!isInstance(reach, ServiceReach)) throw invalidArgument('reach', 'the counts of a watch', reach);
    super(
      [
        `never reached in ${shownText(sequences)} sequences: ${missed.map(shownText).join(', ')}`,
        'If that cannot happen here, say why in `mayMiss`. Reached so far:',
        reach.toString(),
      ].join('\n'),
    );
    this.missed = missed;
  }
}
