/**
 * Texts for a call on a service and its outcome: a reply, a refusal, or a value of the wrong shape. Invariant:
 * malformed arguments, any thrown value, and a value whose fields throw when read have a text too.
 */
import { isRunnerError, messageOf } from '../../kernel/errors.ts';
import { callSubject, type ServiceCall, statusesOf } from '../../call/service-call.ts';
import { valueText } from './value-text.ts';
import type { RunStatus } from '../../model/run-status.ts';
import { hasField } from '../../model/run-state.ts';
import { formatMask } from '../../model/state-mask.ts';
import { thrownText } from '../../oracles/answer-form.ts';

/** A call with its arguments, such as `query(DONE_MASK of run 0, without limit)`. */
export function callText(call: ServiceCall): string {
  return `${call.method}(${argumentsText(call)})`;
}

/** The arguments of a call, which may be malformed on purpose. */
export function argumentsText(call: ServiceCall): string {
  try {
    if (call.method === 'run') {
      const { argv, timeoutMs = 0 } = call.args[0];
      return `${JSON.stringify(argv)}${timeoutMs > 0 ? `, timeout ${timeoutMs} ms` : ''}`;
    }
    if (call.method !== 'query' && call.method !== 'queryNow') return runText(callSubject(call));
    const [{ allRuns = false, runs = [], states }] = call.args;
    const whose = [...(allRuns ? ['all runs'] : []), ...runs.map(runText)].join(', ');
    const wait = call.method === 'query' ? call.args[1].timeoutMs : 0;
    const how = wait === Infinity ? ', without limit' : wait > 0 ? `, for ${wait} ms` : '';
    return `${formatMask(states)} of ${whose === '' ? 'no run' : whose}${how}`;
  } catch {
    return call.args.map((arg) => valueText(arg)).join(', ');
  }
}

function runText(runId: string): string {
  return runId === '' ? '' : `run ${runId}`;
}

/** The outcome of a call, such as `run 0 COMPLETE 0`; empty for a release. */
export function replyText(call: ServiceCall, reply: unknown): string {
  if (call.method === 'release') return '';
  const statuses = statusesOf(call, reply);
  if (call.method === 'abort' || call.method === 'status') return statuses.map(outcomeText).join();
  if (statuses.length === 0) return 'no run';
  return statuses.map((status) => `run ${status.runId} ${outcomeText(status)}`).join(', ');
}

function outcomeText({ state, exitCode }: RunStatus): string {
  return hasField(state, 'exitCode') ? `${state} ${exitCode}` : state;
}

/** A refusal by its code; any other error by its name and message. */
export function refusalText(error: unknown): string {
  return isRunnerError(error) ? `${error.code} (${JSON.stringify(messageOf(error))})` : thrownText(error);
}
