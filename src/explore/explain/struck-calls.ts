/**
 * Finds the remote calls that faults struck, and what their clients got instead of an answer. Invariant: an answer is
 * the outcome of a fault only if it came in the same step, so that one which a call got in spite of its fault has a line
 * of its own.
 */
import { INJECTED, type FaultEvent } from '../../model/faults.ts';
import { isOfRemoteCall, type MessageEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedRun } from './observed-run.ts';

/** A message of a remote call, and its place in the trace. */
interface Step {
  readonly event: MessageEvent;
  readonly at: number;
  readonly firingId: number;
}

/** A remote call that a fault struck. */
export interface StruckCall {
  readonly begin: Step;
  /** Absent if it got none. */
  readonly end?: Step;
}

interface Fault {
  readonly event: FaultEvent;
  readonly firingId: number;
}

/** The struck calls of one execution. */
export class StruckCalls {
  readonly #byFault = new Map<TraceEvent, StruckCall>();
  readonly #outcomes = new Set<TraceEvent>();
  readonly #texts = new Map<TraceEvent, string>();

  constructor(events: ObservedRun['events']) {
    const begun = new Map<string, Step[]>();
    const ends = new Map<number, Step>();
    const faults: { readonly fault: Fault; readonly begin: Step }[] = [];
    events.forEach(({ event, firingId }, at) => {
      if (event.type === 'fault') {
        const begin = beginOf(event, begun.get(event.operation) ?? [], ends);
        if (begin !== undefined) faults.push({ fault: { event, firingId }, begin });
      }
      if (event.type !== 'message' || !isOfRemoteCall(event)) return;
      const step = { event, at, firingId };
      if (event.kind !== 'call') ends.set(event.id, step);
      else if (begun.has(event.name)) begun.get(event.name)?.push(step);
      else begun.set(event.name, [step]);
    });
    for (const { fault, begin } of faults) this.#add(fault, begin, ends.get(begin.event.id));
  }

  /** The call that the fault struck; undefined for other faults, and for a call that is not in the trace. */
  of(fault: TraceEvent): StruckCall | undefined {
    return this.#byFault.get(fault);
  }

  /** True for the end of a call that the line of its fault includes. */
  isOutcome(event: TraceEvent): boolean {
    return this.#outcomes.has(event);
  }

  /** What the client got and when it called, to be added to the line of the fault; empty if that is not known. */
  outcomeText(fault: TraceEvent): string {
    return this.#texts.get(fault) ?? '';
  }

  #add({ event, firingId }: Fault, begin: Step, end: Step | undefined): void {
    this.#byFault.set(event, end === undefined ? { begin } : { begin, end });
    if (end?.firingId !== firingId) return;
    this.#outcomes.add(end.event);
    this.#texts.set(event, outcomeText(begin.event, end.event));
  }
}

/** The last of the calls that the fault may have struck, if possible one that was under way. */
function beginOf(
  fault: FaultEvent,
  calls: readonly Step[],
  ends: ReadonlyMap<number, Step>,
): Step | undefined {
  const mayBe = ({ event }: Step): boolean => isStruckBy(fault, event);
  return calls.findLast((call) => mayBe(call) && !ends.has(call.event.id)) ?? calls.findLast(mayBe);
}

function isStruckBy({ client, clientRunId, detail: about = '' }: FaultEvent, call: MessageEvent): boolean {
  const { runner, detail = '' } = call;
  if (client !== undefined && runner !== client) return false;
  return detail === about || (clientRunId !== undefined && detail === `run ${clientRunId}, ${about}`);
}

/** What the line of the fault says already: that it was injected, and that there is no result. */
const SAID = new RegExp(`^no result|: [^:]* ${escaped(INJECTED)}| \\([^(]* ${escaped(INJECTED)}\\)`);

function escaped(text: string): string {
  return text.replace(/[()]/g, '\\$&');
}

function outcomeText(call: MessageEvent, { at, to, detail = '' }: MessageEvent): string {
  const rest = detail.replace(SAID, '');
  const got = rest === '' || rest.startsWith(',') ? rest : `: ${to} gets ${rest}`;
  return call.at === at ? got : `${got}, called at ${call.at} ms`;
}
