/**
 * The model of a status store: each accepted run is there, moves along the graph of R4 by itself, and keeps its end.
 * Invariant: runs are independent, except where one call looks at several, or where a reply that would name a run was
 * lost.
 */
import * as is from '../../kernel/shape.ts';
import { type ServiceCall, isQuery, queryOf } from '../../call/service-call.ts';
import { check } from '../../kernel/argument-check.ts';
import { beliefsKey, createServiceModel, type RunBeliefs } from './service-model.ts';
import type { SequentialModel } from './sequential-model.ts';
import type { ServiceReply } from './service-reply.ts';
import type { HistoryOperation } from './history.ts';

/** What to assume of the store. */
export interface StatusStoreModelOptions {
  /**
   * True if the runner forgets runs that are over (see its `history` option, which is 1 at capacity 1). Default false:
   * no run goes missing.
   */
  readonly mayEvict?: boolean;
}

const MODEL_OPTIONS = is.optionsOf<StatusStoreModelOptions>({}, { mayEvict: is.BOOLEAN });

/**
 * A model of what `run`, `abort`, `status` and `query` show of runs: an accepted run has a new id and is found from
 * then on (R26, R44); its states are a path of the graph of R4, and its end never changes (R4, R200); an abort returns
 * when the run is over, with its end (R70, R207); a query shows all runs in the requested states, and no others (R24,
 * R38). It does not judge which `run` is refused.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but options.
 * @example
 * ```ts
 * import { statusStoreModel, type SeenRun } from 'dryrunner';
 * const model = statusStoreModel();
 * const run = (state: SeenRun['state']) => ({ runs: [{ runId: '0', state, exitCode: 0, error: '' }] });
 * const [accepted = []] = model.step(model.initial, { method: 'run', args: [{ argv: ['make'] }] }, run('PENDING')) ?? [];
 * const [over = []] = model.step(accepted, { method: 'status', args: ['0'] }, run('COMPLETE')) ?? [];
 * const back = model.step(over, { method: 'status', args: ['0'] }, run('RUNNING')) ?? [];
 * if (back.length > 0) throw new Error('nothing leads out of an end');
 * ```
 */
export function statusStoreModel(
  options: StatusStoreModelOptions = {},
): SequentialModel<ServiceCall, ServiceReply, RunBeliefs> {
  check('options', options, MODEL_OPTIONS);
  const { mayEvict = false } = options;
  const same = (beliefs: RunBeliefs): readonly RunBeliefs[] => [beliefs];
  return {
    // A lost abort may end its run, but so may anything else at any time.
    ...createServiceModel({
      isOrdered: false,
      mayEvict,
      admit: same,
      refuse: same,
      settle: same,
      abortUnseen: same,
    }),
    key: (beliefs) => beliefsKey(beliefs).sort().join(' '),
    partition: partitionByRun,
  };
}

type ServiceOperation = HistoryOperation<ServiceCall, ServiceReply>;

/** The part of operations on runs that may come from a lost reply; no run id is a list. */
const LOST = '[lost]';
/** The part of refused runs, which concern no run at all. */
const NONE = '[none]';

/**
 * Groups operations by run, in the order of their first operations. A run that no known reply accounts for may come
 * from any `run` whose reply was lost, so all of these form one part; a query for all runs concerns every run.
 */
function partitionByRun(operations: readonly ServiceOperation[]): ServiceOperation[][] {
  if (operations.some(({ operation }) => isQuery(operation) && queryOf(operation).allRuns === true)) {
    return [[...operations]];
  }
  const made = new Set(operations.flatMap(madeBy));
  const groups = new RunGroups();
  for (const operation of operations) {
    const [first = NONE, ...others] = subjectsOf(operation, made);
    for (const other of others) groups.join(first, other);
  }
  const parts = new Map<string, ServiceOperation[]>();
  for (const operation of operations) {
    const [first = NONE] = subjectsOf(operation, made);
    const name = groups.find(first);
    const part = parts.get(name);
    if (part === undefined) parts.set(name, [operation]);
    else part.push(operation);
  }
  return [...parts.values()];
}

/** The run that a `run` created, if its reply shows it. */
function madeBy({ operation, reply }: ServiceOperation): string[] {
  if (operation.method !== 'run' || reply === undefined || 'refused' in reply) return [];
  return reply.runs.map(({ runId }) => `run ${runId}`);
}

function subjectsOf(of: ServiceOperation, made: ReadonlySet<string>): string[] {
  const { operation, reply } = of;
  if (operation.method === 'run') return reply === undefined ? [LOST] : madeBy(of);
  if (operation.method === 'release') return [];
  const runs = isQuery(operation) ? (queryOf(operation).runs ?? []) : [operation.args[0]];
  return runs.flatMap((runId) => {
    const name = `run ${runId}`;
    return made.has(name) ? [name] : [name, LOST];
  });
}

/** Groups of names that can be merged (union-find). */
class RunGroups {
  readonly #above = new Map<string, string>();

  find(name: string): string {
    let at = name;
    for (;;) {
      const above = this.#above.get(at);
      if (above === undefined) return at;
      at = above;
    }
  }

  join(a: string, b: string): void {
    const [top, other] = [this.find(a), this.find(b)];
    if (top !== other) this.#above.set(other, top);
  }
}
