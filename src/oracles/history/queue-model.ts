/**
 * The model of a runner's queue: bounded, and first in, first out. Invariants: at most `capacity` runs are in it that are not over; a
 * run that has started is the first of those (R58, R67). A run ends by itself only when it is the first.
 */
import type { ServiceCall } from '../../call/service-call.ts';
import { checkOptions } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import type { RunID } from '../../model/run-status.ts';
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
  checkOptions(options);
  const { capacity, mayEvict = false } = options;
  if (!Number.isInteger(capacity) || capacity < 0) {
    throw invalidArgument('capacity', 'an integer, 0 or more', capacity);
  }
  return {
    ...createServiceModel(new QueueRules(Math.max(1, capacity), mayEvict)),
    key: (beliefs) => beliefsKey(beliefs).join(' '),
  };
}

class QueueRules implements ServiceRules {
  readonly isOrdered = true;
  readonly mayEvict: boolean;
  readonly #capacity: number;

  constructor(capacity: number, mayEvict: boolean) {
    this.#capacity = capacity;
    this.mayEvict = mayEvict;
  }

  /** Where more may be held than fits, the first ones must be over by now. */
  admit(beliefs: RunBeliefs): readonly RunBeliefs[] {
    let surplus = beliefs.filter(isHeld).length - this.#capacity + 1;
    return collect(beliefs, (belief) => {
      if (surplus <= 0 || !isHeld(belief)) return belief;
      surplus -= 1;
      return this.#over(belief);
    });
  }

  /** As many as fit are held, and of these only the first can have started. */
  refuse(beliefs: RunBeliefs): readonly RunBeliefs[] {
    if (beliefs.filter(isHeld).length < this.#capacity) return [];
    const first = beliefs.findIndex(isHeld);
    return collect(beliefs, (belief, index) => {
      if (!isHeld(belief)) return belief;
      return look(belief, { states: index === first ? HELD : PENDING }, this.mayEvict);
    });
  }

  settle(beliefs: RunBeliefs): readonly RunBeliefs[] {
    const lastStarted = beliefs.findLastIndex(isStarted);
    return collect(beliefs, (belief, index) => (index < lastStarted ? this.#over(belief) : belief));
  }

  /** It takes a run out of the queue, from wherever it is. */
  abortUnseen(beliefs: RunBeliefs, runId: RunID): readonly RunBeliefs[] {
    const index = beliefs.findIndex((belief) => belief.runId === runId);
    const aborted = index === -1 ? undefined : this.#over(beliefs[index] as RunBelief);
    return aborted === undefined ? [beliefs] : [beliefs.with(index, aborted)];
  }

  #over(belief: RunBelief): RunBelief | undefined {
    return mayBe(belief, HELD) ? look(belief, { states: OVER }, this.mayEvict) : belief;
  }
}

function isHeld(belief: RunBelief): boolean {
  return mayBe(belief, HELD);
}

function isStarted({ states }: RunBelief): boolean {
  return states !== 0 && (states & ~STARTED) === 0;
}
