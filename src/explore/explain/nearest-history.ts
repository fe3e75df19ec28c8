/** Describes how the nearest passing execution differs. */
import type { TraceEvent } from '../../model/trace-event.ts';
import { messageText, unstruckText } from '../../model/message-text.ts';
import { Topic } from '../../kernel/question.ts';
import { asksIfBack } from '../../simulation/node-strikes.ts';
import { isSameKey } from '../keyed-log.ts';
import { ROUTINE_EVENTS } from '../routine-events.ts';
import { EventNames } from './event-name.ts';
import { messageAskedAbout } from './arrivals.ts';
import type { ComparedPass } from './compared-pass.ts';
import { answerText, askedText, askersSentence, decisionText, outageClause } from './question-text.ts';
import type { AnswerChange } from './nearest-pass.ts';
import { decidedAtMs, type ObservedDecision, type ObservedEvent, type ObservedRun } from './observed-run.ts';
import { RepeatedChoices } from './repeated-choice.ts';
import type { RunIndex } from './run-index.ts';

/** Owner of the questions about partitions. */
const NETWORK = 'network';

/** The nearest passing execution. */
export interface NearestPass {
  /** One sentence: what would have had to be decided differently. */
  readonly text: string;
  /** What happened then, and what happens instead in the failing execution; absent if the traces do not differ. */
  readonly difference?: string;
  /** What does not happen in it, as a sentence, if it passes because less happens; absent otherwise. */
  readonly lack?: string;
  /** Number of decisions that differ. */
  readonly changes: number;
}

/** Describes the difference between the two executions. */
export function describeNearestPass(
  failing: RunIndex,
  { index: passing, lack }: ComparedPass,
  changes: readonly AnswerChange[],
): NearestPass {
  const text = nearestText(failing, passing, changes);
  const choices = new RepeatedChoices(failing.run, passing.run, changes);
  const difference = differenceText(failing, passing, choices);
  return {
    text,
    changes: changes.length,
    ...(lack === undefined ? {} : { lack }),
    ...(difference === undefined ? {} : { difference }),
  };
}

/** The decision as observed in the failing execution. */
export function observedIn(run: ObservedRun, { decision }: AnswerChange): ObservedDecision | undefined {
  return run.decisions.find((other) => isSameKey(other, decision));
}

/** With at most this many other changes, all are named. */
const OTHERS_NAMED_MAX = 2;

function nearestText(failing: RunIndex, passing: RunIndex, changes: readonly AnswerChange[]): string {
  const [change, ...others] = oncePerValue(changes);
  if (change === undefined) return '';
  if (others.length === 0 && change.answer === 0 && asksIfBack(change.decision.question.topic)) {
    const { subject: crash } = change.decision.question.topic;
    const node = crash instanceof Topic && typeof crash.owner === 'string' ? crash.owner : 'the node';
    return `If ${node} had not been back by then, nothing would have failed.`;
  }
  const clauses =
    others.length > OTHERS_NAMED_MAX
      ? [`${others.length} more choices had been the default`]
      : others.map((other) => insteadClause(failing, passing, other));
  const stated = statedChange(failing, passing, change);
  if (stated === undefined) {
    return `If ${[insteadClause(failing, passing, change), ...clauses].join(', and ')}, nothing would have failed.`;
  }
  const { how, text } = stated;
  const all = others.map((other) => statedChange(failing, passing, other));
  if (others.length > 0 && others.length <= OTHERS_NAMED_MAX && all.every((each) => each?.how === how)) {
    const texts = [text, ...all.flatMap((each) => each?.text ?? [])].join('; ');
    return `${leadOf(how, 'all of this')}, nothing would have failed: ${texts}.`;
  }
  const more = clauses.length === 0 ? '' : `, if ${clauses.join(', and ')}`;
  return `${leadOf(how, 'this')}, nothing would have failed${more}: ${text}.`;
}

/** A value counts once, however many answers made it. */
function oncePerValue(changes: readonly AnswerChange[]): readonly AnswerChange[] {
  const values = new Set<unknown>();
  return changes.filter(({ decision }) => {
    const value = decision.drawn ?? decision;
    return values.size < values.add(value).size;
  });
}

/** What would have had to be otherwise, as a clause behind `if`. */
function insteadClause(failing: RunIndex, passing: RunIndex, change: AnswerChange): string {
  const observed = observedIn(failing.run, change);
  const unstruck = observed && unstruckIn(failing, observed, change);
  if (unstruck !== undefined) return unstruck;
  const stated = statedChange(failing, passing, change);
  if (stated === undefined) return insteadText(failing, passing, observed, change);
  return `${CLAUSES[stated.how]}: ${stated.text}`;
}

/** How the other execution differs: without a fault, with one, or in an answer that its asker says in a sentence. */
type Difference = 'without' | 'with' | 'instead';

const CLAUSES: Readonly<Record<Difference, string>> = {
  without: 'this had not happened',
  with: 'this had happened',
  instead: 'this had been so instead',
};

function leadOf(how: Difference, what: 'this' | 'all of this'): string {
  return how === 'without' ? `Without ${what}` : `With ${what}${how === 'instead' ? ' instead' : ''}`;
}

/** A change that is stated in a clause of its own. */
interface StatedChange {
  readonly how: Difference;
  readonly text: string;
}

function statedChange(failing: RunIndex, passing: RunIndex, change: AnswerChange): StatedChange | undefined {
  const observed = observedIn(failing.run, change);
  if (observed === undefined || unstruckIn(failing, observed, change) !== undefined) return undefined;
  const fault = faultText(failing, passing, observed, change);
  if (fault !== undefined) return fault;
  const sentence = sentenceInstead(observed, change);
  return sentence === undefined ? undefined : { how: 'instead', text: sentence };
}

/** `the reply had not been lost`: the absence of a message fault; undefined for other changes. */
function unstruckIn(
  { faults }: RunIndex,
  observed: ObservedDecision,
  { answer }: AnswerChange,
): string | undefined {
  if (observed.question.kind !== 'fault' || answer !== 0) return undefined;
  const { event, message } = faults.of(observed) ?? {};
  return event?.type === 'fault' && message !== undefined ? unstruckText(event.kind, message) : undefined;
}

/** A fault is a clause of its own. */
function faultText(
  failing: RunIndex,
  passing: RunIndex,
  observed: ObservedDecision,
  { answer }: AnswerChange,
): StatedChange | undefined {
  if (observed.question.kind !== 'fault' || observed.describe === undefined) return undefined;
  if (answer === 0 || answerText(observed, answer) === '') {
    return { how: 'without', text: failing.faults.textOf(observed) };
  }
  const other = passing.run.decisions.find((decision) => isSameKey(decision, observed));
  return other === undefined ? undefined : { how: 'with', text: passing.faults.textOf(other) };
}

/** What the asker says of the other answer in a sentence of its own; undefined if it says nothing, or the same. */
function sentenceInstead(observed: ObservedDecision, { answer }: AnswerChange): string | undefined {
  const instead = askersSentence({ ...observed, answer });
  return instead === askersSentence(observed) ? undefined : instead;
}

/** A delay, or the duration of a node fault, as it would have had to be. */
function delayInsteadText(observed: ObservedDecision, instead: number, about: string): string {
  const { question, answer, n } = observed;
  const [here, there] = [answerText(observed, answer), answerText(observed, instead)];
  const outage = outageClause(question.topic, 'had been');
  if (instead === 0) return outage === undefined ? `${about} had not been delayed` : `${outage} for 0 ms`;
  const lengths =
    here === undefined || there === undefined
      ? `${instead} instead of ${answer} (of ${n - 1})`
      : `${there} ms instead of ${answer === 0 ? 'not at all' : `${here} ms`}`;
  return outage === undefined ? `${about} had been delayed by ${lengths}` : `${outage} for ${lengths}`;
}

function insteadText(
  failing: RunIndex,
  passing: RunIndex,
  observed: ObservedDecision | undefined,
  change: AnswerChange,
): string {
  const { question } = change.decision;
  if (observed === undefined) return `"${question.text}" had been ${change.answer}`;
  const { due, answer } = observed;
  const about = messageAskedAbout(failing.run, observed, failing.args) ?? askedText(observed);
  if (due.length > 0) return orderInsteadText(failing, passing, observed, change.answer);
  const partitionInstead = partitionInsteadText(failing.run, passing.run, observed);
  if (partitionInstead !== undefined) return partitionInstead;
  const drawnInstead = drawnInsteadText(observed, passing.run);
  if (drawnInstead !== undefined) return drawnInstead;
  const here = answerText(observed, answer);
  const there = answerText(observed, change.answer);
  switch (question.kind) {
    case 'fault':
      return change.answer === 0
        ? `no fault had struck ${about}`
        : decisionText({ ...observed, answer: change.answer });
    case 'delay':
      return delayInsteadText(observed, change.answer, about);
    case 'order':
    case 'draw':
    case 'choice':
      return here === undefined || there === undefined || here === there
        ? `${about} had been ${change.answer} instead of ${answer}`
        : `${about} had been ${there} instead of ${here}`;
  }
}

/** For a decision that partitions the network: which nodes. Undefined for others. */
function partitionInsteadText(
  failing: ObservedRun,
  passing: ObservedRun,
  observed: ObservedDecision,
): string | undefined {
  if (observed.question.kind !== 'choice') return undefined;
  const other = passing.decisions.find((decision) => isSameKey(decision, observed));
  const [here, there] = [partitionBegunBy(failing, observed), partitionBegunBy(passing, other)];
  if (here === undefined || there === undefined) return undefined;
  const was = here.how === there.how ? here.parts : `${here.how} ${here.parts}`;
  return `the network had been ${there.how} ${there.parts} instead of ${was}`;
}

function partitionBegunBy(
  { events }: ObservedRun,
  decision: ObservedDecision | undefined,
): { readonly how: 'cut' | 'partitioned'; readonly parts: string } | undefined {
  if (decision?.question.topic.owner !== NETWORK) return undefined;
  const { event, firingId } = events[decision.traceIndex] ?? {};
  if (event?.type !== 'fault' || firingId !== decision.firingId) return undefined;
  if (event.parts === undefined) return undefined;
  return { how: event.kind === 'cut' ? 'cut' : 'partitioned', parts: event.parts };
}

function orderInsteadText(
  failing: RunIndex,
  passing: RunIndex,
  decision: ObservedDecision,
  instead: number,
): string {
  const { due, answer } = decision;
  const names = new EventNames(failing, passing);
  const [taken, other] = [due[answer], due[instead]].map((event) =>
    event === undefined ? 'another event' : names.of(event),
  );
  const atMs = decidedAtMs(failing.run, decision);
  const arrival = names.broughtBy(due[instead]?.id ?? 0);
  const first = names.broughtBy(due[answer]?.id ?? 0);
  if (arrival !== undefined && taken !== other) {
    const { args } = failing;
    const before = first === undefined ? taken : messageText(first, args.of(first));
    return `${messageText(arrival, args.of(arrival))} had arrived before ${before} at ${atMs} ms`;
  }
  return taken === other
    ? `of several events ${taken} due at ${atMs} ms, ${instead < answer ? 'an earlier' : 'a later'} one had come first`
    : `${other} had come before ${taken} at ${atMs} ms`;
}

/** For a part of a drawn value: the values. The answers behind them say nothing to a reader. Undefined for others. */
function drawnInsteadText(
  { drawn, ...observed }: ObservedDecision,
  passing: ObservedRun,
): string | undefined {
  if (drawn === undefined) return undefined;
  const other = passing.decisions.find((decision) => isSameKey(decision, observed))?.drawn;
  // Long texts may differ only after their cut.
  return other === undefined || other.text === drawn.text
    ? `${drawn.label} had been another value`
    : `${drawn.label} had been ${other.text} instead of ${drawn.text}`;
}

/**
 * The difference in the most informative events, if there is one, else in all events. Events differ if their texts
 * differ, because that is all a reader sees. What only repeats the choice is no difference.
 */
function differenceText(failing: RunIndex, passing: RunIndex, choices: RepeatedChoices): string | undefined {
  const both = { failing, passing, choices };
  const found =
    firstDifference(both, isEffect) ?? firstDifference(both, isTelling) ?? firstDifference(both, () => true);
  if (found === undefined) return undefined;
  const [failed, held] = found;
  if (choices.doAtOnce(failed, held)) return undefined;
  if (held === undefined) {
    return `In the failing execution: ${failed?.text}. In the passing execution: that does not happen.`;
  }
  if (held.isMessage) {
    const other = messageDifference(failed, held, failing, passing);
    if (other !== undefined) return other;
  }
  if (failed !== undefined && !isComparable(failed.event, held.event)) {
    return oneSided(failed, held, failing, passing);
  }
  const instead = failed?.text ?? insteadOf(held, failing.run);
  return instead === undefined
    ? undefined
    : `In the passing execution: ${held.text}. In the failing execution: ${instead}.`;
}

/** What the failing execution has where the passing one has an extra event; nothing if it has failed by then. */
function insteadOf({ atMs }: Shown, { verdict: { failure } }: ObservedRun): string | undefined {
  if (failure?.kind === 'deadlock') return 'nothing more happens';
  return failure !== undefined && atMs < failure.atMs ? 'that does not happen' : undefined;
}

/** Of two events that have nothing to do with each other: one that the other execution does not have, or not then. */
function oneSided(failed: Shown, held: Shown, failing: RunIndex, passing: RunIndex): string | undefined {
  const timesIn = (index: RunIndex, { event }: Shown, of: RunIndex): readonly number[] =>
    index.run.events.flatMap((other) =>
      index.textOf(other.event) === of.textOf(event) ? [other.event.at] : [],
    );
  const endMs = failing.run.verdict.failure?.atMs ?? 0;
  // That a runner is released only repeats that all is well.
  const isHeldTelling = held.event.type !== 'released' && held.atMs < endMs;
  if (isHeldTelling && timesIn(failing, held, passing).length === 0) {
    return `In the passing execution: ${held.text}. In the failing execution: that does not happen.`;
  }
  const [there, ...more] = timesIn(passing, failed, failing);
  if (there === failed.atMs || more.includes(failed.atMs)) return undefined;
  const instead = there === undefined ? 'that does not happen' : `at ${there} ms`;
  return `In the failing execution: ${failed.text}. In the passing execution: ${instead}.`;
}

/** True if the two are about one thing, so that the one stands in the place of the other. */
function isComparable(one: TraceEvent, other: TraceEvent): boolean {
  const [first, second] = [thingOf(one), thingOf(other)];
  if (first === undefined || second === undefined || first === second) return true;
  // One call is accepted here, and refused there.
  return one.runner === other.runner && [one, other].some(isRefusal) && [one, other].some(isBeginning);
}

function isRefusal({ type }: TraceEvent): boolean {
  return type === 'rejected';
}

function isBeginning(event: TraceEvent): boolean {
  return event.type === 'accepted' || (event.type === 'status' && event.status.state === 'PENDING');
}

/** What an event is about; undefined for one that is compared with any other, such as a message. */
function thingOf(event: TraceEvent): string | undefined {
  const { type, runner } = event;
  switch (type) {
    case 'status':
    case 'dropped':
      return `run ${runner} ${event.status.runId}`;
    case 'accepted':
    case 'evicted':
    case 'abort':
    case 'recorded':
      return `run ${runner} ${event.runId}`;
    case 'rejected':
    case 'service':
    case 'released':
      return `${type} ${runner}`;
    case 'note':
      return `note ${runner} ${event.text.split(' ').slice(0, SUBJECT_WORDS).join(' ')}`;
    case 'acquired':
    case 'freed':
    case 'abandoned':
      if (event.owner !== undefined) return undefined;
      return `${event.resource} ${event.name} ${runner} ${event.runId}`;
    case 'phase':
    case 'wrote':
    case 'metric':
    case 'message':
    case 'disk':
    case 'node':
    case 'fault':
      return undefined;
  }
}

/** So many words name what a note is about: `the reader`, `client 1`. */
const SUBJECT_WORDS = 2;

interface Shown extends ObservedEvent {
  readonly atMs: number;
  readonly text: string;
  readonly isMessage: boolean;
}

/** A message that both executions have, or only one, says more than another event at the same place. */
function messageDifference(
  failed: Shown | undefined,
  held: Shown,
  failing: RunIndex,
  passing: RunIndex,
): string | undefined {
  const timesIn = (index: RunIndex, { text, atMs }: Shown): readonly number[] => {
    const words = text.slice(`${atMs} ms: `.length);
    return index.run.events.flatMap(({ event }) =>
      event.type === 'message' && index.textOf(event) === words ? [event.at] : [],
    );
  };
  const there = timesIn(failing, held);
  if (!there.includes(held.atMs)) {
    // For a repeated event it is unclear which one is meant.
    if (timesIn(passing, held).length > 1) return undefined;
    const [later] = there;
    const endMs = failing.run.verdict.failure?.atMs ?? 0;
    if (later === undefined && held.atMs >= endMs) return undefined;
    const instead = later === undefined ? 'that does not happen' : `at ${later} ms`;
    return `In the passing execution: ${held.text}. In the failing execution: ${instead}.`;
  }
  if (failed?.isMessage !== true) return undefined;
  const [here, ofPassing] = [timesIn(failing, failed), timesIn(passing, failed)].map(
    (times) => times.filter((at) => at === failed.atMs).length,
  );
  if (here === undefined || ofPassing === undefined || here <= ofPassing) return undefined;
  return ofPassing === 0
    ? `In the failing execution: ${failed.text}. In the passing execution: that does not happen then.`
    : `In the failing execution: ${failed.text}, ${here} times. In the passing execution: ${ofPassing === 1 ? 'once' : `${ofPassing} times`}.`;
}

/** The first place at which the texts of the shown events differ. */
function firstDifference(
  {
    failing,
    passing,
    choices,
  }: { readonly failing: RunIndex; readonly passing: RunIndex; readonly choices: RepeatedChoices },
  isShown: (event: TraceEvent) => boolean,
): readonly [Shown | undefined, Shown | undefined] | undefined {
  const [first, second] = [failing, passing].map(({ run }) =>
    run.events.filter(({ event }) => isShown(event)),
  );
  const length = Math.max(first?.length ?? 0, second?.length ?? 0);
  for (let at = 0; at < length; at += 1) {
    const [here, there] = [shownIn(failing, first?.[at]), shownIn(passing, second?.[at])];
    if (here?.text === there?.text) continue;
    if (here === undefined || there === undefined || !choices.isInWords(here.text, there.text)) {
      return [here, there];
    }
  }
  return undefined;
}

function shownIn(index: RunIndex, observed: ObservedEvent | undefined): Shown | undefined {
  if (observed === undefined) return undefined;
  const { event } = observed;
  return {
    ...observed,
    atMs: event.at,
    text: `${event.at} ms: ${index.textOf(event)}`,
    isMessage: event.type === 'message',
  };
}

/** An acceptance of another command only repeats that another one was chosen. */
function isEffect(event: TraceEvent): boolean {
  return event.type !== 'accepted' && !isTransit(event) && isTelling(event);
}

/** Steps of a message on its way only repeat that a fault struck it; what matters is the consequence. */
function isTransit(event: TraceEvent): boolean {
  return event.type === 'message' && event.step !== 'delivered' && event.step !== 'refused';
}

function isTelling(event: TraceEvent): boolean {
  return event.type !== 'fault' && !ROUTINE_EVENTS.has(event.type);
}
