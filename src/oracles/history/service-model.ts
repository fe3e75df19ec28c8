/**
 * The model of a runner as its clients see it: beliefs about runs in order of acceptance, and how each reply changes
 * them. The differences between the models of a status store and of a queue are in {@link ServiceRules}. Invariant: a
 * run whose reply was lost has no id until a client sees a run that no known reply accounts for.
 */
import { type CallOf, isQuery, type QueryCall, queryOf, type ServiceCall } from '../../call/service-call.ts';
import type { Query } from '../../model/query.ts';
import type { RunID } from '../../model/run-status.ts';
import { ALL_MASK, DONE_MASK, maskMatches } from '../../model/state-mask.ts';
import {
  acceptedRun,
  endOf,
  GONE,
  look,
  stateSetOf,
  withId,
  withoutId,
  type RunBelief,
  type RunLook,
  type StateSet,
} from './run-belief.ts';
import { TooManyStatesError, type SequentialModel } from './sequential-model.ts';
import { showServiceCall, showServiceReply, type SeenRun, type ServiceReply } from './service-reply.ts';

/** All runs of a runner that may exist, in order of acceptance. */
export type RunBeliefs = readonly RunBelief[];

/**
 * The rules of a particular model. Each method returns the possible beliefs afterwards; none if the event is
 * impossible.
 */
export interface ServiceRules {
  /** Whether it matters which of two runs was accepted first. */
  readonly isOrdered: boolean;
  /** Whether runs that are over can be forgotten (R47). */
  readonly mayEvict: boolean;
  /** There is room for one more run. */
  admit(beliefs: RunBeliefs): readonly RunBeliefs[];
  /** There is no room for one more run. */
  refuse(beliefs: RunBeliefs): readonly RunBeliefs[];
  /** Runs were looked at. */
  settle(beliefs: RunBeliefs): readonly RunBeliefs[];
  /** An abort whose reply was lost took effect. */
  abortUnseen(beliefs: RunBeliefs, runId: RunID): readonly RunBeliefs[];
}

type Calls = SequentialModel<ServiceCall, ServiceReply, RunBeliefs>;

/** The parts that all models of a runner share, except for `key`. */
export function createServiceModel(
  rules: ServiceRules,
): Pick<Calls, 'initial' | 'step' | 'operationKey' | 'showOperation' | 'showReply'> {
  const replies = new ServiceReplies(rules);
  return {
    initial: [],
    step: (beliefs, call, reply) => replies.step(beliefs, call, reply),
    // No model looks at the command.
    operationKey: (call) => (call.method === 'run' ? 'run' : showServiceCall(call)),
    showOperation: showServiceCall,
    showReply: showServiceReply,
  };
}

/**
 * A query can show as many unknown runs as there are lost replies; if order matters, the ways to match them soon become
 * too many.
 */
const ALTERNATIVES_MAX = 10_000;

class ServiceReplies {
  readonly #rules: ServiceRules;

  constructor(rules: ServiceRules) {
    this.#rules = rules;
  }

  step(beliefs: RunBeliefs, call: ServiceCall, reply: ServiceReply | undefined): readonly RunBeliefs[] {
    if (call.method === 'run') return this.#run(beliefs, reply);
    if (call.method === 'release') return [beliefs];
    if (reply === undefined) {
      return call.method === 'abort' ? this.#rules.abortUnseen(beliefs, call.args[0]) : [beliefs];
    }
    if ('refused' in reply) return this.#refusedLook(beliefs, call, reply.refused);
    if (isQuery(call)) return this.#query(beliefs, queryOf(call), reply.runs);
    const [seen] = reply.runs;
    if (seen?.runId !== call.args[0]) return [];
    // An abort returns when the run is over (R70).
    const states = stateSetOf(seen.state) & (call.method === 'abort' ? DONE_MASK : ALL_MASK);
    return this.#settled(this.#look(beliefs, seen.runId, { states, end: seenEnd(seen) }));
  }

  #run(beliefs: RunBeliefs, reply: ServiceReply | undefined): readonly RunBeliefs[] {
    if (reply !== undefined && 'refused' in reply) {
      return reply.refused === 'RUNNER_BUSY' ? this.#rules.refuse(beliefs) : [beliefs];
    }
    const admitted = this.#rules.admit(beliefs);
    if (reply === undefined) return admitted.map((before) => [...before, acceptedRun()]);
    const [seen] = reply.runs;
    if (seen === undefined || beliefs.some(({ runId }) => runId === seen.runId)) return [];
    const own = look(acceptedRun(seen.runId), { states: stateSetOf(seen.state), end: seenEnd(seen) }, false);
    if (own === undefined) return [];
    return this.#settled(admitted.map((before) => [...before, own]));
  }

  #refusedLook(
    beliefs: RunBeliefs,
    call: QueryCall | CallOf<'abort' | 'status'>,
    code: string,
  ): readonly RunBeliefs[] {
    const query = isQuery(call) ? queryOf(call) : undefined;
    const runs = isQuery(call) ? (queryOf(call).runs ?? []) : [call.args[0]];
    if (code === 'RUNNER_UNKNOWN_RUN') return runs.flatMap((runId) => this.#missing(beliefs, runId));
    if (code !== 'RUNNER_CANNOT_HAPPEN' || query === undefined) return [beliefs];
    // A wait for all runs can be met by a new one (R36).
    if (query.allRuns === true) return [];
    const states = DONE_MASK & ~query.states;
    return this.#settled(this.#lookAtEach([beliefs], runs, () => ({ states })));
  }

  #query(beliefs: RunBeliefs, query: Query, shown: readonly SeenRun[]): readonly RunBeliefs[] {
    const { runs, allRuns = false, states } = query;
    const listed = new Set(runs);
    const seen = new Map(shown.map((run) => [run.runId, run]));
    const isAsked = ({ runId, state }: SeenRun): boolean =>
      maskMatches(states, state) && (allRuns || listed.has(runId));
    if (!shown.every(isAsked)) return [];
    const outside = ALL_MASK & ~states;
    const looked = this.#lookAtEach([beliefs], new Set([...seen.keys(), ...listed]), (runId) => {
      const run = seen.get(runId);
      return run === undefined ? { states: outside } : { states: stateSetOf(run.state), end: seenEnd(run) };
    });
    if (!allRuns) return this.#settled(looked);
    const isShown = ({ runId = '' }: RunBelief): boolean => seen.has(runId) || listed.has(runId);
    return this.#settled(
      looked.flatMap((after) =>
        collect(after, (belief) =>
          isShown(belief) ? belief : look(belief, { states: outside | GONE }, this.#rules.mayEvict),
        ),
      ),
    );
  }

  #lookAtEach(
    before: readonly RunBeliefs[],
    runIds: Iterable<RunID>,
    lookAt: (runId: RunID) => RunLook,
  ): readonly RunBeliefs[] {
    let after = before;
    for (const runId of runIds) {
      after = after.flatMap((beliefs) => this.#look(beliefs, runId, lookAt(runId)));
      if (after.length > ALTERNATIVES_MAX) throw new TooManyStatesError();
    }
    return after;
  }

  /** Applies a look at one run: the one with that id, or each one that may have it. */
  #look(beliefs: RunBeliefs, runId: RunID, seen: RunLook): RunBeliefs[] {
    const { mayEvict } = this.#rules;
    const known = beliefs.findIndex((belief) => belief.runId === runId);
    if (known !== -1) {
      const belief = look(beliefs[known] as RunBelief, seen, mayEvict);
      return belief === undefined ? [] : [beliefs.with(known, belief)];
    }
    const tried = new Set<string>();
    return beliefs.flatMap((belief, index) => {
      if (belief.runId !== undefined || belief.notIds.includes(runId)) return [];
      if (!this.#rules.isOrdered && tried.has(belief.key)) return [];
      tried.add(belief.key);
      const own = look(withId(belief, runId), seen, mayEvict);
      if (own === undefined) return [];
      return [beliefs.with(index, own)];
    });
  }

  /** There is no run with that id, or no longer. */
  #missing(beliefs: RunBeliefs, runId: RunID): RunBeliefs[] {
    const isKnown = beliefs.some((belief) => belief.runId === runId);
    return isKnown
      ? this.#look(beliefs, runId, { states: GONE })
      : [beliefs.map((other) => withoutId(other, runId))];
  }

  #settled(looked: readonly RunBeliefs[]): readonly RunBeliefs[] {
    return looked.flatMap((beliefs) => this.#rules.settle(beliefs));
  }
}

/** Changes the beliefs one by one; no result if one of the changes is impossible. */
export function collect(
  beliefs: RunBeliefs,
  change: (belief: RunBelief, index: number) => RunBelief | undefined,
): RunBeliefs[] {
  const changed = beliefs.map(change);
  return changed.includes(undefined) ? [] : [changed as RunBeliefs];
}

function seenEnd({ state, exitCode, error }: SeenRun): string | undefined {
  return endOf(state, exitCode, error);
}

/** Equal if the beliefs are equal one by one. */
export function beliefsKey(beliefs: RunBeliefs): string[] {
  return beliefs.map(({ key }) => key);
}

/** True if the run can be in one of these states. */
export function mayBe({ states }: RunBelief, some: StateSet): boolean {
  return (states & some) !== 0;
}
