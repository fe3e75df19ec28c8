/**
 * Ranks steps of messages: those that led to the failure, that it names, that did not arrive, and that came last before
 * a crash.
 */
import { isOfRemoteCall, type MessageEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { CallArguments } from './call-arguments.ts';
import { type DecisiveAnswers, decisiveAnswers } from './decisive-answers.ts';
import { isAnswer } from './exchanges.ts';
import type { IsAbout } from './failure-subjects.ts';
import { RANK, type Rank } from './history-candidate.ts';
import { nameWords } from './name-words.ts';
import type { ObservedRun } from './observed-run.ts';
import type { RunIndex } from './run-index.ts';
import type { RecurringLines } from './recurring-lines.ts';
import { undeliveredIn } from './undelivered-messages.ts';

/** Maximum length of the chain of deliveries leading to the failure that is shown first. */
const CHAIN_MAX = 4;

/** Facts for ranking from the failure and the rest of the trace. */
export interface MessageContext {
  readonly isAbout: IsAbout;
  /** Words of the failure that may be names. */
  readonly words: ReadonlySet<string>;
  /** Events that came last before a crash. */
  readonly beforeCrash: ReadonlySet<TraceEvent>;
  readonly recurring: RecurringLines;
}

/** Ranks the messages of one execution. */
export class MessageRanks {
  readonly #context: MessageContext;
  /** The last deliveries that led to the failure, and the last of these. */
  readonly #chain: ReadonlySet<TraceEvent>;
  readonly #ledLast: ReadonlySet<TraceEvent>;
  readonly #undelivered: ReadonlySet<TraceEvent>;
  readonly #answers: DecisiveAnswers;
  readonly #args: CallArguments;
  /** Ids of remote calls that were made before with the same arguments. */
  readonly #repeated: ReadonlySet<number>;

  constructor(index: RunIndex, context: MessageContext) {
    const { run, args } = index;
    this.#context = context;
    const chain = chainIn(run);
    this.#chain = new Set(chain.flat());
    this.#ledLast = new Set(chain[0]);
    this.#undelivered = undeliveredIn(run.events);
    this.#answers = decisiveAnswers(index, context.words);
    this.#args = args;
    this.#repeated = repeatedCallsIn(run);
  }

  rankOf(event: MessageEvent): Rank {
    return isOfRemoteCall(event) ? this.#rankOfRemoteCall(event) : this.#rankOfMessage(event);
  }

  #rankOfMessage(event: MessageEvent): Rank {
    const { step, name } = event;
    const { isAbout, words, beforeCrash, recurring } = this.#context;
    if (this.#undelivered.has(event)) return RANK.undelivered;
    if (this.#ledLast.has(event)) return RANK.struck;
    if (this.#answers.decisive.has(event)) return RANK.pointed;
    if (this.#chain.has(event) || this.#answers.others.has(event)) return RANK.named;
    if (words.has(name)) return this.#rankOfNamedCall(event);
    if (beforeCrash.has(event)) return RANK.namedPart;
    if (recurring.isBetween(event)) return RANK.minor;
    if (step !== 'sent' && step !== 'delivered') return isAbout(event) ? RANK.namedPart : RANK.around;
    // A reply is shown separately if something was decided before it arrived.
    const isEffect = step === 'delivered' || isAnswer(event);
    return isAbout(event) && isEffect ? RANK.context : RANK.around;
  }

  /** What failed, and what was asked for again, is evidence. The rest is what every run does. */
  #rankOfRemoteCall(event: MessageEvent): Rank {
    if (this.#context.recurring.isBetween(event)) return RANK.minor;
    const isExecution = EXECUTIONS.has(event.name);
    if (event.kind === 'error') return RANK.undelivered;
    if (isExecution && this.#repeated.has(event.id)) return RANK.named;
    return isExecution ? RANK.context : RANK.minor;
  }

  #rankOfNamedCall(event: MessageEvent): Rank {
    if (event.step === 'sent' && !isAnswer(event)) return RANK.namedPart;
    return this.#exchangeMentions(event) ? RANK.named : RANK.context;
  }

  /** True if its arguments or its reply contain a word or a number of the failure. */
  #exchangeMentions(event: MessageEvent): boolean {
    const said = [this.#args.of(event), event.detail].flatMap((text = '') => nameWords(text));
    return said.some((word) => this.#context.words.has(word));
  }
}

/** Remote calls on which the end of a run depends. */
const EXECUTIONS: ReadonlySet<string> = new Set(['Execute', 'WaitExecution']);

/** The ids of remote calls that their clients have made before with the same arguments. */
function repeatedCallsIn({ events }: ObservedRun): ReadonlySet<number> {
  const made = new Set<string>();
  const repeated = new Set<number>();
  for (const { event } of events) {
    if (event.type !== 'message' || event.step !== 'sent' || !isOfRemoteCall(event)) continue;
    const { runner, name, detail, id } = event;
    const call = JSON.stringify([runner, name, detail]);
    if (made.has(call)) repeated.add(id);
    made.add(call);
  }
  return repeated;
}

/** Deliveries along the chain of causes that leads to the last clock event, the last first. */
function chainIn({ firings, events }: ObservedRun): readonly (readonly TraceEvent[])[] {
  const deliveredBy = new Map<number, TraceEvent[]>();
  for (const { event, firingId } of events) {
    if (event.type !== 'message' || event.step !== 'delivered' || isOfRemoteCall(event)) continue;
    deliveredBy.set(firingId, [...(deliveredBy.get(firingId) ?? []), event]);
  }
  const chain: TraceEvent[][] = [];
  let at = [...firings.values()].at(-1);
  while (at !== undefined && chain.length < CHAIN_MAX) {
    const delivered = deliveredBy.get(at.id);
    if (delivered !== undefined) chain.push(delivered);
    at = firings.get(at.cause);
  }
  return chain;
}
