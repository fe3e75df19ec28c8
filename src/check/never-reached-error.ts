/** The failure of a property that holds and has proved too little: something that matters never happened. */
import type { ReachKind, ServiceReach } from '../oracles/service-reach.ts';

/** Names what was never reached, with how often everything else was. */
export class NeverReachedError extends Error {
  override readonly name = 'NeverReachedError';
  /** What never happened. */
  readonly missed: readonly ReachKind[];

  constructor(missed: readonly ReachKind[], sequences: number, reach: ServiceReach) {
    super(
      [
        `never reached in ${sequences} sequences: ${missed.join(', ')}`,
        'If that cannot happen here, say why in `mayMiss`. Reached so far:',
        reach.toString(),
      ].join('\n'),
    );
    this.missed = missed;
  }
}
