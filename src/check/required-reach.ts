/** What a property of a runner must reach to prove something, given its options, and its failure if it did not. */
import * as is from '../kernel/shape.ts';
import { check, isInstance } from '../kernel/argument-check.ts';
import { invalidArgument, shownText } from '../kernel/errors.ts';
import { neverReachedText } from '../model/reached-names.ts';
import { REACH_KINDS, type ReachKind, ServiceReach } from '../oracles/reach-kinds.ts';

/** The options that decide what can be reached. */
export interface ReachOptions {
  readonly capacity?: number;
  readonly maxTimeoutMs?: number;
  readonly mayRelease?: boolean;
  readonly faults?: readonly unknown[];
  readonly mayMiss?: Partial<Record<ReachKind, string>>;
}

/** All kinds, except those that the options make impossible or allow to be missed. */
export function requiredReach({
  capacity = 1,
  maxTimeoutMs,
  mayRelease = true,
  faults = [],
  mayMiss = {},
}: ReachOptions): readonly ReachKind[] {
  const excluded = new Set<ReachKind>();
  // A runner with one slot refuses every command offered while a run is active.
  if (capacity <= 1) excluded.add('run offered while another is active');
  if (maxTimeoutMs === 0) excluded.add('end TIMEDOUT');
  // At the end of a sequence, all runs that can end have ended.
  if (!mayRelease) excluded.add('release with runs left');
  if (faults.length === 0) excluded.add('injected fault');
  return REACH_KINDS.filter((kind) => !excluded.has(kind) && mayMiss[kind] === undefined);
}

/**
 * A property passed, but proved too little. Lists what was never reached, and how often everything else was.
 * See {@link runnerProperty}.
 */
export class NeverReachedError extends Error {
  override readonly name = 'NeverReachedError';
  /** The kinds that were never reached. */
  readonly missed: readonly ReachKind[];

  constructor(missed: readonly ReachKind[], sequences: number, reach: ServiceReach) {
    check('missed', missed, is.listOf(is.ANY, 'a list of kinds'));
    if (!isInstance(reach, ServiceReach)) throw invalidArgument('reach', 'the counts of a watch', reach);
    super(
      [
        neverReachedText(`${shownText(sequences)} sequences`, missed.map(shownText)),
        'If that cannot happen here, say why in `mayMiss`. Reached so far:',
        reach.toString(),
      ].join('\n'),
    );
    this.missed = missed;
  }
}
