/** Replies of a runner as small plain data, which the models of a runner judge, and texts for replies and calls. */
import { commandText, isQuery, queryOf, type ServiceCall } from '../../call/service-call.ts';
import { type RunnerErrorCode, shownText } from '../../kernel/errors.ts';
import type { Query } from '../../model/query.ts';
import { formatRunState, type RunState } from '../../model/run-state.ts';
import type { ExitCode } from '../../model/exit-code.ts';
import type { RunID } from '../../model/run-status.ts';
import { ALL_MASK, formatMask } from '../../model/state-mask.ts';

/** What a reply shows of a run. */
export interface SeenRun {
  readonly runId: RunID;
  readonly state: RunState;
  readonly exitCode: ExitCode;
  readonly error: string;
}

/** A reply: the runs that it shows (one, except for a query), or the code of a refusal, which is an answer as well. */
export type ServiceReply = { readonly runs: readonly SeenRun[] } | { readonly refused: RunnerErrorCode };

/** How many runs of a reply are shown. */
const SHOWN_MAX = 12;

/** Shows a call: `run(build)`, `status(3)`, `query(3, 4: DONE_MASK)`. `statusAll` and `queryNow` are queries too. */
export function showServiceCall(call: ServiceCall): string {
  if (isQuery(call)) return showQuery(queryOf(call));
  if (call.method === 'release') return call.method;
  if (call.method !== 'run') return `${call.method}(${shownText(call.args[0])})`;
  const text = commandText(call.args[0]);
  return text === '' ? 'run' : `run(${text})`;
}

function showQuery({ runs = [], allRuns = false, states }: Query): string {
  const which = (allRuns ? ['all', ...runs] : runs).join(', ');
  return states === ALL_MASK ? `query(${which})` : `query(${which}: ${formatMask(states)})`;
}

/** Shows a reply: the id for a `run`, the state for one run, the list for a query. */
export function showServiceReply(reply: ServiceReply | undefined, call?: ServiceCall): string {
  if (reply === undefined) return '?';
  if ('refused' in reply) return reply.refused;
  const [first] = reply.runs;
  if (call?.method === 'run' && first?.state === 'PENDING') return first.runId;
  if (call?.method === 'abort' || call?.method === 'status') return first === undefined ? '' : showEnd(first);
  if (first === undefined) return 'none';
  const shown = reply.runs.slice(0, SHOWN_MAX).map((run) => `${run.runId} ${showEnd(run)}`);
  const more = reply.runs.length - shown.length;
  return [...shown, ...(more === 0 ? [] : [`${more} more`])].join(', ');
}

function showEnd({ state, exitCode, error }: SeenRun): string {
  const code = exitCode === 0 ? '' : ` ${exitCode}`;
  return `${formatRunState(state)}${code}${error === '' ? '' : ` ${JSON.stringify(error)}`}`;
}
