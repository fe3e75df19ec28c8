/** Describes trace events, one line each, for reports and for the first difference of two traces. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { onOneLine } from '../kernel/one-line.ts';
import { tagsOf, type Command } from '../model/command.ts';
import { digestOfSnapshot, shortHash } from '../model/digest.ts';
import { resourceEventText } from '../model/resource-text.ts';
import { hasField } from '../model/run-state.ts';
import type { RunStatus } from '../model/run-status.ts';
import { diskEventText, nodeEventText, messageEventText } from '../model/message-text.ts';
import { faultText } from '../model/faults.ts';
import type { ServiceStatus } from '../model/service-status.ts';
import type { TraceEvent } from '../model/trace-event.ts';

/**
 * Describes an event and its time in one line.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but an object.
 * @example
 * ```ts
 * import { formatEvent } from 'dryrunner/trace';
 * const line = formatEvent({ type: 'abort', at: 5, runner: 'worker', runId: '0' });
 * if (line !== '5 ms: worker was asked to abort run 0') throw new Error(line);
 * ```
 */
export function formatEvent(event: TraceEvent): string {
  check('event', event, is.readable('a trace event'));
  return `${event.at} ms: ${eventText(event)}`;
}

/** Describes an event without its time, in one line. */
export function eventText(event: TraceEvent): string {
  // An event of another version may be of a type that is not known here.
  return onOneLine(String('runId' in event ? ofRun(event) : ofRunner(event)));
}

type RunEvent = Extract<TraceEvent, { readonly runId: string }>;
type RunnerEvent = Exclude<TraceEvent, RunEvent>;

function ofRun(event: RunEvent): string {
  const runner = named(event.runner);
  // Waits on all runs, and faults of calls that name no run, belong to no run.
  const run = event.runId === '' ? runner : `run ${event.runId} of ${runner}`;
  switch (event.type) {
    case 'accepted':
      return `${runner} accepted run ${event.runId}${taggedText(event.command)}: ${commandText(event.command)}`;
    case 'evicted':
      return `${runner} forgot run ${event.runId}`;
    case 'abort':
      return `${runner} was asked to abort run ${event.runId}`;
    case 'phase':
      return `${run} began phase ${event.phase}`;
    case 'acquired':
    case 'freed':
    case 'abandoned':
      return resourceEventText(event);
    case 'recorded':
      return `${run} ${recordedText(event)}`;
    case 'wrote':
      return `${run} wrote ${event.bytes} bytes to ${event.output} (${event.digest})`;
    case 'fault':
      return faultText(event);
  }
}

/** Describes an error after which a runner continues: one that does not end the run, or one that makes it retry. */
function recordedText({
  what,
  error,
  exitCode,
  isRepeated,
}: Extract<RunEvent, { readonly type: 'recorded' }>): string {
  const why = exitCode === 0 ? error : `${error} (${exitCode})`;
  return isRepeated === true
    ? `needs its ${what} executed again: ${why}`
    : `recorded a failure of ${what}: ${why}`;
}

function ofRunner(event: RunnerEvent): string {
  const runner = named(event.runner);
  switch (event.type) {
    case 'status':
      return `run ${event.status.runId} of ${runner} became ${outcomeOf(event.status)}`;
    case 'dropped':
      return `run ${event.status.runId} of ${runner} had ended and did not become ${outcomeOf(event.status)}`;
    case 'rejected':
      return `${runner} refused a run (${event.code === '' ? 'an error without a code' : event.code})`;
    case 'service':
      return `${runner} is ${serviceText(event.service)}`;
    case 'released':
      return `${runner} was released`;
    case 'metric':
      return `${runner} measured ${event.name} = ${event.value}`;
    case 'message':
      return messageEventText(event);
    case 'disk':
      return diskEventText(event);
    case 'node':
      return nodeEventText(event);
    case 'note':
      return `${event.runner === 'scenario' ? 'note' : `${runner} notes`}: ${event.text.trim() === '' ? JSON.stringify(event.text) : event.text}`;
  }
}

function commandText({ argv, timeoutMs = 0 }: Command): string {
  return `${JSON.stringify(argv)}${timeoutMs > 0 ? `, timeout ${timeoutMs} ms` : ''}`;
}

/** The name that the scheduler gave a run, and the action that it carries out. */
function taggedText(command: Command): string {
  const { jobId, taskId, tag } = tagsOf(command);
  const { executeRequest, snapshotId = '' } = command;
  const names = [[jobId, taskId, tag].filter((part) => part !== '').join('/')];
  // The snapshot names the action too, and unlike the request is checked when a trace is read.
  const action = executeRequest === undefined ? undefined : digestOfSnapshot(snapshotId);
  if (action !== undefined) names.push(`action ${shortHash(action)}`);
  const text = names.filter((name) => name !== '').join(', ');
  return text === '' ? '' : ` for ${text}`;
}

function named(runner: string): string {
  return runner === '' ? 'the runner' : runner;
}

function outcomeOf({ state, exitCode, error }: RunStatus): string {
  const code = hasField(state, 'exitCode') ? ` with exit code ${exitCode}` : '';
  return `${state}${code}${error === '' ? '' : ` (${error})`}`;
}

function serviceText({ initialized, isHealthy, error }: ServiceStatus): string {
  const health = isHealthy ? 'healthy' : 'unhealthy';
  return `${initialized ? '' : 'not initialized and '}${health}${error === '' ? '' : ` (${error})`}`;
}
