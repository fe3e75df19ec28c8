/**
 * The calls of one sequence on a runner and their outcomes, as the history of a failure. Invariants: a call is passed
 * on in the same synchronous call; a look that shows nothing new gets no line, unless it comes last; texts are made
 * lazily.
 */
import type { Clock } from '../kernel/clock.ts';
import { onOneLine } from '../kernel/one-line.ts';
import { statusesOf, type ServiceCall } from '../call/service-call.ts';
import { callText, refusalText, replyText } from '../explore/explain/answer-texts.ts';
import { counted } from '../model/plural.ts';
import { STATUS_FIELDS } from '../model/run-status.ts';
import type { ServiceMethod } from '../model/service.ts';

/** A call, and its outcome if it has ended. */
interface NotedCall {
  readonly call: ServiceCall;
  readonly sinceMs: number;
  readonly atMs: number;
  readonly outcome?: { readonly reply: unknown } | { readonly error: unknown };
}

const LOOKS: ReadonlySet<ServiceMethod> = new Set(['query', 'queryNow', 'status', 'statusAll']);
/** Nobody reads more lines than this. */
const LINES_MAX = 30;

/** The calls of one sequence. */
export class CallHistory {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #ended: NotedCall[] = [];
  readonly #open = new Set<NotedCall>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Makes a call, and records its outcome. */
  async note<R>(call: ServiceCall, make: (call: ServiceCall) => Promise<R>): Promise<R> {
    const sinceMs = this.#clock.now();
    const open = { call, sinceMs, atMs: sinceMs };
    this.#open.add(open);
    const end = (outcome: NotedCall['outcome'] & object): void => {
      this.#open.delete(open);
      this.#ended.push({ call, sinceMs, atMs: this.#clock.now(), outcome });
    };
    try {
      const reply = await make(call);
      end({ reply });
      return reply;
    } catch (error) {
      end({ error });
      throw error;
    }
  }

  /** The last calls in the order of their ends, then those without an answer. */
  lines(): string[] {
    const all = [...this.#telling(), ...this.#open];
    const shown = all.slice(-LINES_MAX);
    const more = all.length - shown.length;
    const width = Math.max(0, ...shown.map(({ atMs }) => msText(atMs).length));
    return [
      ...(more === 0 ? [] : [`(${counted(more, 'call')} before)`]),
      ...shown.map((noted) => `${msText(noted.atMs).padStart(width)} ms   ${onOneLine(textOf(noted))}`),
    ];
  }

  #telling(): NotedCall[] {
    const last = this.#ended.at(-1);
    const known = new Map<string, string>();
    return this.#ended.filter((noted) => showsMore(noted, known) || noted === last);
  }
}

/** False for a look that takes no time and shows nothing new. Adds to `known` what it shows. */
function showsMore({ call, sinceMs, atMs, outcome }: NotedCall, known: Map<string, string>): boolean {
  if (outcome === undefined || 'error' in outcome) return true;
  let isNew = !LOOKS.has(call.method) || atMs !== sinceMs;
  try {
    for (const status of statusesOf(call, outcome.reply)) {
      // Named, because they may be getters of a class.
      const text = JSON.stringify(STATUS_FIELDS.map((field) => status[field]));
      isNew ||= known.get(status.runId) !== text;
      known.set(status.runId, text);
    }
  } catch {
    // An unreadable reply may be the very cause of the failure.
    isNew = true;
  }
  return isNew;
}

function textOf({ call, sinceMs, atMs, outcome }: NotedCall): string {
  const since = msText(sinceMs) === msText(atMs) ? '' : `, called at ${msText(sinceMs)} ms,`;
  return `${callText(call)}${since} ${outcomeText(call, outcome)}`;
}

function outcomeText(call: ServiceCall, outcome: NotedCall['outcome']): string {
  if (outcome === undefined) return 'has no answer yet';
  if ('error' in outcome) return `is refused: ${refusalText(outcome.error)}`;
  if (call.method === 'release') return 'ends';
  try {
    return `gives ${replyText(call, outcome.reply)}`;
  } catch (error) {
    return `gives what cannot be read: ${refusalText(error)}`;
  }
}

/** Fractions of a millisecond are noise on the machine's clock. */
function msText(ms: number): string {
  return String(Math.round(ms));
}
