/** How much steps of messages are worth showing: what led to the failure, what it names, what did not arrive, and what was said before a crash. */
import type { MessageEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { CallArguments } from './call-arguments.ts';
import { isAnswer } from './exchanges.ts';
import type { IsAbout } from './failure-subjects.ts';
import { RANK, type Rank } from './history-candidate.ts';
import { nameWords } from './name-words.ts';
import type { ObservedRun } from './observed-run.ts';
import type { RunIndex } from './run-index.ts';
import { undeliveredIn } from './undelivered-messages.ts';

/** So many arrivals that led to the failure, one after the other, are shown first. */
const CHAIN_MAX = 4;
/** What is sent more often than that says the same each time. */
const OFTEN = 3;

/** What the failure and the rest of the trace say of the messages. */
export interface MessageContext {
  readonly isAbout: IsAbout;
  /** What may be names in the failure. */
  readonly words: ReadonlySet<string>;
  /** What was last before a crash. */
  readonly beforeCrash: ReadonlySet<TraceEvent>;
}

/** The ranks of the messages of one execution. */
export class MessageRanks {
  readonly #context: MessageContext;
  /** Deliveries that led to the failure, the nearest ones. */
  readonly #chain: ReadonlySet<TraceEvent>;
  readonly #often: ReadonlySet<TraceEvent>;
  readonly #undelivered: ReadonlySet<TraceEvent>;
  readonly #args: CallArguments;

  constructor({ run, args }: RunIndex, context: MessageContext) {
    this.#context = context;
    this.#chain = chainIn(run);
    this.#often = oftenIn(run.events);
    this.#undelivered = undeliveredIn(run.events);
    this.#args = args;
  }

  rankOf(event: MessageEvent): Rank {
    const { step, name } = event;
    const { isAbout, words, beforeCrash } = this.#context;
    if (this.#undelivered.has(event)) return RANK.telling;
    if (this.#chain.has(event)) return RANK.named;
    if (words.has(name)) return this.#rankOfNamedCall(event);
    if (beforeCrash.has(event)) return RANK.namedPart;
    if (this.#often.has(event)) return RANK.minor;
    if (step !== 'sent' && step !== 'delivered') return isAbout(event) ? RANK.namedPart : RANK.around;
    // That it was answered is shown by itself if something was decided before the answer came.
    const isEffect = step === 'delivered' || isAnswer(event);
    return isAbout(event) && isEffect ? RANK.context : RANK.around;
  }

  #rankOfNamedCall(event: MessageEvent): Rank {
    if (event.step === 'sent' && !isAnswer(event)) return RANK.namedPart;
    return this.#exchangeMentions(event) ? RANK.named : RANK.context;
  }

  /** Whether its arguments or its answer have a word or a number that the failure has. */
  #exchangeMentions(event: MessageEvent): boolean {
    const said = [this.#args.of(event), event.detail].flatMap((text = '') => nameWords(text));
    return said.some((word) => this.#context.words.has(word));
  }
}

/** What has arrived with the last events of the clock that led to the end, each set by the next. */
function chainIn({ firings, events }: ObservedRun): ReadonlySet<TraceEvent> {
  const deliveredBy = new Map<number, TraceEvent[]>();
  for (const { event, firingId } of events) {
    if (event.type !== 'message' || event.step !== 'delivered') continue;
    deliveredBy.set(firingId, [...(deliveredBy.get(firingId) ?? []), event]);
  }
  const chain: TraceEvent[][] = [];
  let at = [...firings.values()].at(-1);
  while (at !== undefined && chain.length < CHAIN_MAX) {
    const delivered = deliveredBy.get(at.id);
    if (delivered !== undefined) chain.push(delivered);
    at = firings.get(at.cause);
  }
  return new Set(chain.flat());
}

/** All but the first and the last of what goes the same way again and again. */
function oftenIn(events: ObservedRun['events']): ReadonlySet<TraceEvent> {
  const alike = new Map<string, TraceEvent[]>();
  for (const { event } of events) {
    if (event.type !== 'message') continue;
    const { runner, to, step, kind, name } = event;
    const key = JSON.stringify([runner, to, step, kind, name]);
    const list = alike.get(key);
    if (list === undefined) alike.set(key, [event]);
    else list.push(event);
  }
  return new Set([...alike.values()].flatMap((list) => (list.length > OFTEN ? list.slice(1, -1) : [])));
}
