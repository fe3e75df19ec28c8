/** An executor whose decisions are written to shared memory as they are taken, so that they outlive a thread that hangs or dies. */
import type { DecisionSource } from '../kernel/decisions.ts';
import type { Executor } from '../explore/executor.ts';
import type { ExploreSharedState } from './shared-state.ts';

/** Shows in `state` that executions of `executor` go on. */
export function watchedExecutor(executor: Executor, state: ExploreSharedState): Executor {
  return {
    scenario: executor.scenario,
    execute(request) {
      state.beginExecution();
      return executor.execute({
        ...request,
        onTurn: () => {
          state.noteTurn();
          request.onTurn?.();
        },
      });
    },
  };
}

/** Shows in `state` what is decided in executions of `executor`. */
export function loggedExecutor(executor: Executor, state: ExploreSharedState): Executor {
  return {
    scenario: executor.scenario,
    execute: (request) => executor.execute({ ...request, source: loggedSource(request.source, state) }),
  };
}

function loggedSource(source: DecisionSource, state: ExploreSharedState): DecisionSource {
  const decide: DecisionSource['decide'] = (label, n, occurrence, hash) => {
    const answer = source.decide(label, n, occurrence, hash);
    state.noteDecision(label, n, answer);
    return answer;
  };
  if (source.order === undefined) return { decide };
  return {
    decide,
    order: (label, due, occurrence, hash) => {
      const answer = source.order?.(label, due, occurrence, hash) ?? 0;
      state.noteDecision(label, due.count, answer);
      return answer;
    },
  };
}
