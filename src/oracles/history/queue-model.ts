/**
 * The model of a runner's queue: bounded, and first in, first out. Invariants: at most `capacity` runs are in it that are not over; a
 * run that has started is the first of those (R58, R67). A run ends by itself only when it is the first.
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

/** What is known of the queue. */
export interface QueueModelOptions {
  /** How many runs may be in the runner, the active one included, as in the runner's own options; 0 means 1. */
  readonly capacity: number;
  /** True if the runner forgets runs that are over (`history` of its options, which is 1 at capacity 1). Default false: none is missing. */
  readonly mayEvict?: boolean;
}

const MODEL_OPTIONS = is.optionsOf<QueueModelOptions>({ capacity: is.COUNT }, { mayEvict: is.BOOLEAN });
const PENDING = stateSetOf('PENDING');

/** A run in one of these has been started: all that can end it otherwise are an abort and a failure. */
const STARTED = stateSetOf('RUNNING') | stateSetOf('COMPLETE') | stateSetOf('TIMEDOUT');

/**
 * All that {@link statusStoreModel} says, and of the runs together: one is accepted just if there is room, and refused with
 * `RUNNER_BUSY` just if there is none, where a run whose end has been seen takes none (R58, R64, R69); and they start in the order in
 * which they were accepted, one at a time (R67). All clients of the runner must be in the history, since what others do takes room too.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a capacity that is negative or no integer.
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
    // Where more may be held than fits, the first ones must be over by now.
    admit(beliefs) {
      let surplus = beliefs.filter(isHeld).length - capacity + 1;
      return collect(beliefs, (belief) => {
        if (surplus <= 0 || !isHeld(belief)) return belief;
        surplus -= 1;
        return over(belief);
      });
    },
    // As many as fit are held, and of these only the first can have started.
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
    // It takes a run out of the queue, from wherever it is.
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
