/**
 * Calls of clients as slices of a timeline, from call to return. Invariant: calls of one client that overlap are drawn in lanes of their
 * own, so that the slices of a lane nest.
 */
import { callSubject, commandName, commandText } from '../../call/service-call.ts';
import { isRunnerError } from '../../kernel/errors.ts';
import type { Command } from '../../model/command.ts';
import type { RunStatus } from '../../model/run-status.ts';
import type { CallOutcome, ObservedCall } from './observed-services.ts';
import { LaneSlots, type Slot, type TimelineLanes } from './timeline-lanes.ts';

/** A call that has not returned. */
interface OpenCall {
  readonly slot: Slot;
  readonly fromTs: number;
}

/** How many statuses of a reply are told. */
const STATUSES_MAX = 3;

/** Turns calls into slices. */
export class CallSlices {
  readonly #lanes: TimelineLanes;
  readonly #slots = new LaneSlots();
  readonly #open = new Map<ObservedCall, OpenCall>();
  /** Calls of `run` that have not returned, by their command. */
  readonly #runs = new Map<string, Set<ObservedCall>>();
  /** The last that has begun: one that reaches its runner at once. */
  #newest: ObservedCall | undefined;

  constructor(lanes: TimelineLanes) {
    this.#lanes = lanes;
  }

  begin(call: ObservedCall, ts: number): void {
    this.#newest = call;
    if (call.method === 'run') {
      const identity = identityOf(call.args[0]);
      const equal = this.#runs.get(identity) ?? new Set();
      this.#runs.set(identity, equal.add(call));
    }
    this.#open.set(call, { slot: this.#slots.take(laneOf(call)), fromTs: ts });
  }

  end(call: ObservedCall, ts: number): void {
    const open = this.#open.get(call);
    if (open === undefined) return;
    this.#open.delete(call);
    if (call.method === 'run') this.#runs.get(identityOf(call.args[0]))?.delete(call);
    const { slot, fromTs } = open;
    this.#slots.free(slot);
    const { service, outcome, caller } = call;
    const args = { caller: caller.place, ...(outcome === undefined ? {} : { reply: replyText(outcome) }) };
    const name = `${subjectOf(call)} on ${service}${endText(outcome)}`;
    this.#lanes.add(slot.lane, { name, cat: 'call', ph: 'X', ts: fromTs, dur: ts - fromTs, args });
  }

  /** Where the call began that a runner has accepted this command for; undefined if it might be one of several. */
  starting(command: Command): OpenCall | undefined {
    const equal = this.#runs.get(identityOf(command)) ?? new Set();
    const [only] = equal;
    const newest = this.#newest !== undefined && equal.has(this.#newest) ? this.#newest : undefined;
    const call = equal.size === 1 ? only : newest;
    return call === undefined ? undefined : this.#open.get(call);
  }

  /** Time has passed since the last call began. */
  goOn(): void {
    this.#newest = undefined;
  }

  /** Ends what has not returned, at the end of the execution. */
  endAll(ts: number): void {
    for (const call of [...this.#open.keys()]) this.end(call, ts);
  }
}

function laneOf({ client, caller }: ObservedCall): string {
  return `client ${client ?? caller.name}`;
}

/** What is asked for, in a few words; arguments of wrong calls may be anything. */
function subjectOf(call: ObservedCall): string {
  let subject = '';
  try {
    if (call.method === 'run') subject = commandName(call.args[0]) || commandText(call.args[0]);
    else if (call.method === 'query' || call.method === 'queryNow') {
      subject = call.args[0].allRuns === true ? 'all runs' : `run ${callSubject(call)}`;
    } else if (call.method === 'abort' || call.method === 'status') subject = `run ${callSubject(call)}`;
  } catch {
    // It says no more than its name.
  }
  return subject === '' ? call.method : `${call.method} ${subject}`;
}

/** What tells commands apart as far as a reader sees. */
function identityOf(command: Command | null | undefined): string {
  const { argv, taskId = '', tag = '', jobId = '', timeoutMs = 0 } = command ?? { argv: [] };
  return JSON.stringify([argv, taskId, tag, jobId, timeoutMs]);
}

/** What a glance must show. */
function endText(outcome: CallOutcome | undefined): string {
  if (outcome === undefined) return ': no reply';
  return 'error' in outcome ? `: ${errorText(outcome.error)}` : '';
}

function errorText(error: unknown): string {
  if (isRunnerError(error)) return error.code;
  return error instanceof Error ? error.name : 'error';
}

function replyText(outcome: CallOutcome): string {
  if ('error' in outcome) return outcome.error instanceof Error ? outcome.error.message : 'an error';
  const { statuses, status } = (outcome.reply ?? {}) as {
    readonly statuses?: readonly RunStatus[];
    readonly status?: RunStatus;
  };
  const all = statuses ?? [status ?? (outcome.reply as RunStatus | undefined)];
  const texts = all.flatMap((each) =>
    each?.runId === undefined ? [] : [`run ${each.runId} is ${each.state}`],
  );
  const more = texts.length - STATUSES_MAX;
  if (statuses?.length === 0) return 'no runs';
  return `${texts.slice(0, STATUSES_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}` || 'done';
}
