/** Labels of events and decisions in words. Invariant: what no convention names is shown as it is, in quotes, and never guessed at. */
import { decisionKind } from '../../kernel/decision-kind.ts';
import { filerCallText } from '../../model/fault-text.ts';
import type { ObservedDecision } from './observed-run.ts';
import { valueText } from './value-text.ts';

const OF_RUN = /^run\/(\S+) (.+)$/;
const OF_PROCESS = /^process\/(\S+) (.+)$/;
/** The label of a sleep to which the scenario gave no name. */
export const ANONYMOUS_SLEEP = 'scenario sleep';

/** What an event of the clock is: `run/3 deadline` is the deadline of run 3. */
export function eventText(label: string): string {
  if (label === ANONYMOUS_SLEEP) return 'a sleep of the scenario';
  const [, runId, what] = OF_RUN.exec(label) ?? [];
  if (runId !== undefined && what !== undefined) return `${phaseText(what)} of run ${runId}`;
  const [, process, doing] = OF_PROCESS.exec(label) ?? [];
  if (process !== undefined && doing !== undefined) return `the ${doing} of process ${process}`;
  const isCancel = label.endsWith(' cancel');
  const filerCall = filerCallText(isCancel ? label.slice(0, -' cancel'.length) : label);
  if (filerCall === undefined) return `"${label}"`;
  return `the end of ${isCancel ? 'the cancellation of ' : ''}${filerCall}`;
}

/** An invocation names the event that ends a phase after the phase. */
function phaseText(what: string): string {
  return what === 'wait' ? 'the end of the process' : `the ${what}`;
}

/** What a fault or delay is about: its label without the word that says which of the two it is. */
export function aboutOf(label: string): string {
  return label.replace(/ (fault|delay)$/, '');
}

/** What is done where a question is asked: a fault or delay is asked about a call. */
export function actText(label: string): string {
  return filerCallText(aboutOf(label)) ?? `"${aboutOf(label)}"`;
}

/** What a question is about, in quotes; of one that was asked before, its ordinal. */
export function askedText({ label, occurrence }: Pick<ObservedDecision, 'label' | 'occurrence'>): string {
  return `"${aboutOf(label)}"${timeText(occurrence)}`;
}

function timeText(occurrence: number): string {
  return occurrence === 0 ? '' : ` (${ordinal(occurrence + 1)})`;
}

function ordinal(count: number): string {
  const isTeen = Math.floor(count / 10) % 10 === 1;
  return `${count}${(isTeen ? undefined : ['th', 'st', 'nd', 'rd'][count % 10]) ?? 'th'}`;
}

/** What an answer stands for, in the words of who asked; undefined if they gave none. Empty for a fault that does not strike. */
export function answerText(
  { label, describe }: Pick<ObservedDecision, 'label' | 'describe'>,
  answer: number,
): string | undefined {
  if (describe === undefined) return undefined;
  try {
    const value = describe(answer, label);
    if (typeof value !== 'string') return valueText(value);
    return value === '' && decisionKind(label) !== 'fault' ? '""' : value;
  } catch {
    // Words of the code under test; what they break on says nothing of the failure.
    return undefined;
  }
}

type EventName = (event: ObservedDecision['due'][number]) => string;

/** A decision in words; `eventName` names the events of an order. */
export function decisionText(
  decision: ObservedDecision,
  eventName: EventName = ({ label }) => eventText(label),
): string {
  const { label, n, answer, due, drawn, occurrence } = decision;
  if (due.length > 0) return orderText(decision, eventName);
  if (drawn !== undefined) return `"${drawn.label}" is ${drawn.text}`;
  const about = askedText(decision);
  const told = answerText(decision, answer);
  switch (decisionKind(label)) {
    case 'fault':
      if (told !== undefined && told !== '') return `${told}${timeText(occurrence)}`;
      return answer === 0 || told === ''
        ? `no fault strikes ${about}`
        : `a fault strikes ${about} (${answer} of ${n - 1})`;
    case 'delay':
      if (answer === 0) return `${about} is not delayed`;
      return told === undefined
        ? `${about} is delayed (${answer} of ${n - 1})`
        : `${about} is delayed by ${told} ms`;
    case 'order':
    case 'choice':
      return `${about} is ${told ?? `${answer} (of 0 to ${n - 1})`}`;
  }
}

function orderText({ answer, due }: ObservedDecision, eventName: EventName): string {
  const [taken, passed] = [due[answer], due[0]].map((event) => (event === undefined ? '' : eventName(event)));
  if (answer === 0) return `${taken} comes first of ${due.length} due together, as they were made`;
  const others = answer === 1 ? '' : ` and ${answer - 1} more`;
  return taken === passed
    ? `of events due together, ${taken} that was made later comes first`
    : `${taken} comes before ${passed}${others}, due at the same time`;
}
