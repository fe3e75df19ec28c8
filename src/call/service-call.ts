/**
 * A call on a `Service` as data: a method and its arguments. Everything that stands between callers and a service works
 * on this type.
 */
import { shownText } from '../kernel/errors.ts';
import { checkCommand, copyCommand, type Command } from '../model/command.ts';
import { checkQuery, copyQuery, copyWait, type Query, querySubject, checkWait } from '../model/query.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import type { Service, ServiceMethod } from '../model/service.ts';
import { ALL_MASK } from '../model/state-mask.ts';
import type { QueryResult, StatusResult } from '../model/status-reader.ts';

/**
 * A call on a {@link Service}. The arguments are exactly what the caller passed, well-formed or not.
 *
 * @example
 * ```ts
 * import type { ServiceCall } from 'dryrunner';
 * const call: ServiceCall = { method: 'abort', args: ['job-1'] };
 * if (call.method === 'abort') console.log(call.args[0]);
 * ```
 */
export type ServiceCall = {
  [M in ServiceMethod]: { readonly method: M; readonly args: Readonly<Parameters<Service[M]>> };
}[ServiceMethod];

/** A call of one of these methods. */
export type CallOf<M extends ServiceMethod> = Extract<ServiceCall, { readonly method: M }>;

/** Calls that ask for runs in given states, by any method. */
export type QueryCall = CallOf<'query' | 'queryNow' | 'statusAll'>;

const EVERYTHING: Query = Object.freeze({ allRuns: true, states: ALL_MASK });
/** Maximum length of the text of a command, in characters. */
const COMMAND_MAX = 24;

/** Makes the call on a service, in the same synchronous call. */
export function makeCall(service: Service, call: ServiceCall): ReturnType<Service[ServiceMethod]> {
  switch (call.method) {
    case 'run':
      return service.run(call.args[0]);
    case 'abort':
      return service.abort(call.args[0]);
    case 'query':
      return service.query(call.args[0], call.args[1]);
    case 'queryNow':
      return service.queryNow(call.args[0]);
    case 'status':
      return service.status(call.args[0]);
    case 'statusAll':
      return service.statusAll();
    case 'release':
      return service.release();
  }
}

/**
 * A copy of the call with its own arguments, so that later changes by the caller do not affect a call in flight.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a malformed command, query or wait.
 */
export function ownCall(call: ServiceCall): ServiceCall {
  const { method } = call;
  if (method === 'run') {
    const [command] = call.args;
    checkCommand(command);
    return { method, args: [copyCommand(command)] };
  }
  if (method === 'query') {
    const [query, wait] = call.args;
    checkQuery(query);
    checkWait(wait);
    return { method, args: [copyQuery(query), copyWait(wait)] };
  }
  if (method !== 'queryNow') return call;
  const [query] = call.args;
  checkQuery(query);
  return { method, args: [copyQuery(query)] };
}

/** True for a call that asks for runs in given states. */
export function isQuery(call: ServiceCall): call is QueryCall {
  return call.method === 'query' || call.method === 'queryNow' || call.method === 'statusAll';
}

/** The query of such a call; `statusAll` asks for everything. */
export function queryOf(call: QueryCall): Query {
  return call.method === 'statusAll' ? EVERYTHING : call.args[0];
}

/** The run that a call is about; empty if there is none or more than one. */
export function runIdOf(call: ServiceCall): RunID {
  if (call.method === 'abort' || call.method === 'status') return call.args[0];
  if (call.method !== 'query' && call.method !== 'queryNow') return '';
  const { runs = [], allRuns = false } = call.args[0];
  const [first = ''] = runs;
  return runs.length === 1 && !allRuns ? first : '';
}

/** The subject of a call in one word, for labels: the name of a command, a run id, `all`; empty if there is none. */
export function callSubject(call: ServiceCall): string {
  if (call.method === 'run') return commandName(call.args[0]);
  if (call.method === 'abort' || call.method === 'status') return shownText(call.args[0]);
  return call.method === 'query' || call.method === 'queryNow' ? querySubject(call.args[0]) : '';
}

/** The name that the user gave a command; empty if there is none. */
export function commandName({ taskId, tag, jobId }: Command): string {
  if (taskId !== undefined && taskId !== '') return taskId;
  return tag !== undefined && tag !== '' ? tag : (jobId ?? '');
}

/** The start of a command line, for people. */
export function commandText({ argv }: Command): string {
  const text = argv.map(shownText).join(' ');
  return text.length > COMMAND_MAX ? `${text.slice(0, COMMAND_MAX)}…` : text;
}

/** The statuses contained in a reply to the call. */
export function statusesOf(call: ServiceCall, reply: unknown): readonly RunStatus[] {
  if (isQuery(call)) return (reply as QueryResult).statuses;
  if (call.method === 'status') return [(reply as StatusResult).status];
  return call.method === 'release' ? [] : [reply as RunStatus];
}
