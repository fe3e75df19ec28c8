/**
 * The model of a runner's queue: bounded, and first in, first out. Invariants: at most `capacity` runs in it are not
 * over; a run that has started is the first of those (R58, R67). Only the first run ends by itself.
 */
import * as is from '../../kernel/shape.ts';
import type { ServiceCall } from '../../call/service-call.ts';
import { check } from '../../kernel/argument-check.ts';
import { HELD, look, OVER, stateSetOf, type RunBelief } from './run-belief.ts';
import type { SequentialModel } from './sequential-model.ts';
import type { ServiceReply } from './service-reply.ts';
import {
  beliefsKey,
  collect,
  createServiceModel,
  mayBe,
  type RunBeliefs,
  type ServiceRules,
} from './service-model.ts';

/** What to assume of the queue. */
export interface QueueModelOptions {
  /** How many runs fit into the runner, the active one included, as in the runner's own options; 0 means 1. */
  readonly capacity: number;
  /**
   * True if the runner forgets runs that are over (see its `history` option, which is 1 at capacity 1). Default false:
   * no run goes missing.
   */
  readonly mayEvict?: boolean;
}

const MODEL_OPTIONS = is.optionsOf<QueueModelOptions>({ capacity: is.COUNT }, { mayEvict: is.BOOLEAN });
const PENDING = stateSetOf('PENDING');

/**
 * A run in one of these states has been started; in any other final state it may have been aborted or failed before.
 */
const STARTED = stateSetOf('RUNNING') | stateSetOf('COMPLETE') | stateSetOf('TIMEDOUT');

/**
 * A model with the rules of {@link statusStoreModel}, and rules for the runs together: a run is accepted exactly if
 * there is room, and refused with `RUNNER_BUSY` exactly if there is none, where a run whose end has been seen takes no
 * room (R58, R64, R69); runs start one at a time, in the order of acceptance (R67). All clients of the runner must be
 * in the history, because their runs take room too.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless the capacity is an integer ≥ 0.
 * @example
 * ```ts
 * import { queueModel } from 'dryrunner';
 * const model = queueModel({ capacity: 1 });
 * const run = { method: 'run', args: [{ argv: ['make'] }] } as const;
 * const early = model.step(model.initial, run, { refused: 'RUNNER_BUSY' }) ?? [];
 * if (early.length > 0) throw new Error('an empty queue has room');
 * ```
 */
export function queueModel(
  options: QueueModelOptions,
): SequentialModel<ServiceCall, ServiceReply, RunBeliefs> {
  check('options', options, MODEL_OPTIONS);
  const { capacity, mayEvict = false } = options;
  return {
    ...createServiceModel(queueRules(Math.max(1, capacity), mayEvict)),
    key: (beliefs) => beliefsKey(beliefs).join(' '),
  };
}

function queueRules(capacity: number, mayEvict: boolean): ServiceRules {
  const over = (belief: RunBelief): RunBelief | undefined =>
    mayBe(belief, HELD) ? look(belief, { states: OVER }, mayEvict) : belief;
  return {
    isOrdered: true,
    mayEvict,
    // If more runs might be held than fit, the first ones must be over by now.
    admit(beliefs) {
      let surplus = beliefs.filter(isHeld).length - capacity + 1;
      return collect(beliefs, (belief) => {
        if (surplus <= 0 || !isHeld(belief)) return belief;
        surplus -= 1;
        return over(belief);
      });
    },
    // The queue is full, and only the first run in it can have started.
    refuse(beliefs) {
      if (beliefs.filter(isHeld).length < capacity) return [];
      const first = beliefs.findIndex(isHeld);
      return collect(beliefs, (belief, index) => {
        if (!isHeld(belief)) return belief;
        return look(belief, { states: index === first ? HELD : PENDING }, mayEvict);
      });
    },
    settle(beliefs) {
      const lastStarted = beliefs.findLastIndex(isStarted);
      return collect(beliefs, (belief, index) => (index < lastStarted ? over(belief) : belief));
    },
    // An abort removes a run from any position in the queue.
    abortUnseen(beliefs, runId) {
      const index = beliefs.findIndex((belief) => belief.runId === runId);
      const aborted = index === -1 ? undefined : over(beliefs[index] as RunBelief);
      return aborted === undefined ? [beliefs] : [beliefs.with(index, aborted)];
    },
  };
}

function isHeld(belief: RunBelief): boolean {
  return mayBe(belief, HELD);
}

function isStarted({ states }: RunBelief): boolean {
  return states !== 0 && (states & ~STARTED) === 0;
}
