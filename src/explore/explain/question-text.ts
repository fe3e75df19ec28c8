/**
 * Texts for events and decisions. Invariant: unknown topics are shown as their author wrote them, in quotes, never
 * guessed at.
 */
import { Thing, Topic, type Question } from '../../kernel/question.ts';
import { filerCallText, timeFaultText } from '../../model/faults.ts';
import { ordinal } from '../../model/plural.ts';
import { SCENARIO_SLEEP } from '../../simulation/simulation.ts';
import type { ObservedDecision } from './observed-run.ts';
import { valueText } from './value-text.ts';

/** The event that ends a node fault, by the kind of the fault. */
const RECOVERIES: Readonly<Record<string, string>> = {
  crash: 'restart',
  pause: 'end of the pause',
  slow: 'end of the slowness',
};

/**
 * A clock event in words: `run/3 deadline` is the deadline of run 3. Its runner is named if `isShared` says that others
 * have runs with that id.
 */
export function eventText(topic: Topic, isShared: (runId: string) => boolean = () => false): string {
  if (topic === SCENARIO_SLEEP) return 'a sleep of the scenario';
  const { words, root } = phrasesOf(topic);
  const { owner, what, subject } = root;
  const phrase = words.join(' ');
  if (owner === '' && isThing(subject, 'run')) return `${phaseText(phrase)} of ${runText(subject, isShared)}`;
  if (owner === '' && isThing(subject, 'process')) return `the ${phrase} of process ${subject.id}`;
  const ofNode = typeof owner === 'string' && owner !== '' ? nodeEventText(owner, words, root) : undefined;
  if (ofNode !== undefined) return ofNode;
  if (!isThing(owner, 'filer')) return `"${topic.text}"`;
  const [, follows] = words;
  const call = filerCallText(owner.id, what, textOfSubject(root));
  return `the end of ${follows === 'cancel' ? 'the cancellation of ' : ''}${call}`;
}

function nodeEventText(node: string, words: readonly string[], { what, subject }: Topic): string | undefined {
  if (words.at(-1) === 'end' && Object.hasOwn(RECOVERIES, what)) return `the ${RECOVERIES[what]} of ${node}`;
  return what === 'sleep' && words.length === 1 && subject === '' ? `a sleep of ${node}` : undefined;
}

/** A clause for the firing of an event that ends a node fault: `locks restarts`; undefined for other events. */
export function recoveryText({ topic }: { readonly topic: Topic }): string | undefined {
  const { words, root } = phrasesOf(topic);
  const { owner, what } = root;
  if (words.at(-1) !== 'end' || typeof owner !== 'string' || !Object.hasOwn(RECOVERIES, what)) {
    return undefined;
  }
  return what === 'crash'
    ? `${owner} restarts`
    : `the ${what === 'slow' ? 'slowness' : what} of ${owner} ends`;
}

/** The innermost topic, and the words of the topics around it: `upload`, `bound` of run 3. */
function phrasesOf(topic: Topic): { readonly words: readonly string[]; readonly root: Topic } {
  const words = [topic.what];
  let root = topic;
  for (; root.owner === '' && root.subject instanceof Topic; words.unshift(root.what)) root = root.subject;
  return { words, root };
}

function isThing(part: Topic['subject'], type: string): part is Thing {
  return part instanceof Thing && part.type === type;
}

function textOfSubject({ subject }: Topic): string {
  return typeof subject === 'string' ? subject : subject.text;
}

function runText({ id, home }: Thing, isShared: (runId: string) => boolean): string {
  return home !== '' && isShared(id) ? `run ${id} of ${home}` : `run ${id}`;
}

/** An invocation names the event that ends a phase after the phase. */
function phaseText(what: string): string {
  return what === 'wait' ? 'the end of the process' : `the ${what}`;
}

/**
 * The subject of a question in a sentence. For a fault or a delay the topic is enough, because the sentence names the
 * kind.
 */
export function aboutOf({ kind, topic, text }: Question): string {
  return kind === 'order' ? text : topic.text;
}

/** The action at which a question is asked; a fault or a delay is about a call. */
export function actText({ topic }: Question): string {
  const { owner, what } = topic;
  return isThing(owner, 'filer') ? filerCallText(owner.id, what, textOfSubject(topic)) : `"${topic.text}"`;
}

/** The subject of a question, in quotes; with its ordinal if the same question was asked before. */
export function askedText({
  question,
  occurrence,
}: Pick<ObservedDecision, 'question' | 'occurrence'>): string {
  return `"${aboutOf(question)}"${timeText(occurrence)}`;
}

/** The ordinal of a repeated question, after a label in quotes. */
export function timeText(occurrence: number): string {
  return occurrence === 0 ? '' : ` (${ordinal(occurrence + 1)})`;
}

/**
 * The ordinal after a clause. A bare number would seem to count what the clause says, which may not have happened
 * before.
 */
function momentText(earlier: number): string {
  return earlier === 0 ? '' : ` (the ${ordinal(earlier + 1)} such moment)`;
}

/**
 * The meaning of an answer in the asker's words; undefined if the asker gave none. Empty for a fault that does not
 * strike.
 */
export function answerText(
  { question, describe }: Pick<ObservedDecision, 'question' | 'describe'>,
  answer: number,
): string | undefined {
  if (describe === undefined) return undefined;
  try {
    const value = describe(answer, question);
    // The details of some faults are decided only afterwards, and are in the trace.
    if (value === undefined && question.kind === 'fault') return undefined;
    if (typeof value !== 'string') return valueText(value);
    return value === '' && question.kind !== 'fault' ? '""' : value;
  } catch {
    // The words come from code under test; an error in them is not the failure.
    return undefined;
  }
}

/** The answer as the asker's sentence, if there is one. */
export function askersSentence({
  describe,
  answer,
}: Pick<ObservedDecision, 'describe' | 'answer'>): string | undefined {
  try {
    return describe?.sentence?.(answer);
  } catch {
    // As for other words of the asker.
    return undefined;
  }
}

type EventName = (event: ObservedDecision['due'][number]) => string;

/**
 * A decision in words. `eventName` names the events of an order. `earlier` is how often the same words applied before:
 * for a fault described by what it strikes, fewer times than its question was asked.
 */
export function decisionText(
  decision: ObservedDecision,
  eventName: EventName = ({ topic }) => eventText(topic),
  earlier: number = decision.occurrence,
): string {
  const { question, n, answer, due, drawn } = decision;
  if (due.length > 0) return orderText(decision, eventName);
  if (drawn !== undefined) return `${drawn.label} is ${drawn.text}`;
  const about = askedText(decision);
  const words = answerText(decision, answer);
  switch (question.kind) {
    case 'fault':
      if (words !== undefined && words !== '') return `${words}${momentText(earlier)}`;
      return answer === 0 || words === ''
        ? `no fault strikes ${about}`
        : `${unwordedFault(decision) ?? `a fault strikes ${about}`} (${answer} of ${n - 1})`;
    case 'delay':
      if (answer === 0) return `${about} is not delayed`;
      return words === undefined
        ? `${about} is delayed (${answer} of ${n - 1})`
        : delayText(question.topic, about, words);
    case 'order':
    case 'draw':
    case 'choice':
      return askersSentence(decision) ?? `${about} is ${words ?? `${answer} (of 0 to ${n - 1})`}`;
  }
}

const OUTAGES: Readonly<Record<string, string>> = { crash: 'down', pause: 'paused', slow: 'slow' };

function delayText(topic: Topic, about: string, ms: string): string {
  const outage = outageClause(topic, 'is');
  return outage === undefined ? `${about} is delayed by ${ms} ms` : `${outage} for ${ms} ms`;
}

/**
 * For the duration of a fault, the state of the node, or of the call that it strikes: `n1 had been down`; undefined for
 * other delays.
 */
export function outageClause({ owner, what, subject }: Topic, verb: 'is' | 'had been'): string | undefined {
  if (!Object.hasOwn(OUTAGES, what) || !(subject instanceof Topic)) return undefined;
  const struck = owner === '' ? subject : owner;
  return `${typeof struck === 'string' ? struck : struck.text} ${verb} ${OUTAGES[what]}`;
}

/** A fault known only by its kind, as in a log. */
function unwordedFault({ question: { topic }, occurrence }: ObservedDecision): string | undefined {
  const text = topic.owner === 'time' ? timeFaultText(topic.what) : undefined;
  return text === undefined ? undefined : `${text}${momentText(occurrence)}`;
}

function orderText({ answer, due }: ObservedDecision, eventName: EventName): string {
  const [taken, passed] = [due[answer], due[0]].map((event) => (event === undefined ? '' : eventName(event)));
  if (answer === 0) {
    return `${taken} comes first of ${due.length} due together, in the order of their creation`;
  }
  const others = answer === 1 ? '' : ` and ${answer - 1} more`;
  return taken === passed
    ? `of several events ${taken} due together, a later one comes first`
    : `${taken} comes before ${passed}${others}, due at the same time`;
}
