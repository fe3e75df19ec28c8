/**
 * Splits calls on a runner into parts without a run in common. Invariant: a run that nobody is known to have made may come from any
 * `run` whose reply was lost, so all of these are one part; and who asks for all runs is about all of them.
 */
import { isQuery, queryOf, type ServiceCall } from '../../call/service-call.ts';
import type { HistoryOperation } from './history-operation.ts';
import type { ServiceReply } from './service-reply.ts';

type ServiceOperation = HistoryOperation<ServiceCall, ServiceReply>;

/** Names the part of what may come from a lost reply; no run id is a list. */
const LOST = '[lost]';
/** Names the part of refused runs, which are about no run at all. */
const NONE = '[none]';

/** The parts, in the order of their first operations. */
export function partitionByRun(operations: readonly ServiceOperation[]): ServiceOperation[][] {
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

/** The run that a `run` has made, if its reply says so. */
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

/** Names in groups that can be joined (union-find). */
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
