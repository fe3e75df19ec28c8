/** What a property of a runner must reach to prove something, as far as its options allow it, and its failure where it did not. */
import * as is from '../kernel/shape.ts';
import { check, isInstance } from '../kernel/argument-check.ts';
import { invalidArgument, shownText } from '../kernel/errors.ts';
import { REACH_KINDS, type ReachKind, ServiceReach } from '../oracles/reach-kinds.ts';

/** The options that it depends on. */
export interface ReachOptions {
  readonly capacity?: number;
  readonly maxTimeoutMs?: number;
  readonly mayRelease?: boolean;
  readonly faults?: readonly unknown[];
  readonly mayMiss?: Partial<Record<ReachKind, string>>;
}

/** All kinds but those that the options exclude, and those that are allowed to be missed. */
export function requiredReach({
  capacity = 1,
  maxTimeoutMs,
  mayRelease = true,
  faults = [],
  mayMiss = {},
}: ReachOptions): readonly ReachKind[] {
  const excluded = new Set<ReachKind>();
  // A runner with one slot refuses whatever is offered beside the active run.
  if (capacity <= 1) excluded.add('run offered while another is active');
  if (maxTimeoutMs === 0) excluded.add('end TIMEDOUT');
  // At the end all runs that can end have ended.
  if (!mayRelease) excluded.add('release with runs left');
  if (faults.length === 0) excluded.add('injected fault');
  return REACH_KINDS.filter((kind) => !excluded.has(kind) && mayMiss[kind] === undefined);
}

/**
 * A property holds and has proved too little. Names what was never reached, with how often everything else was. See {@link runnerProperty}.
 */
export class NeverReachedError extends Error {
  override readonly name = 'NeverReachedError';
  /** What never happened. */
  readonly missed: readonly ReachKind[];

  constructor(missed: readonly ReachKind[], sequences: number, reach: ServiceReach) {
    check('missed', missed, is.listOf(is.ANY, 'a list of kinds'));
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
