/** Labels of events and decisions in words. Invariant: what no convention names is shown as it is, in quotes, and never guessed at. */
import { decisionKind } from '../kernel/decision-kind.ts';
import type { ObservedDecision } from './observed-run.ts';

const OF_RUN = /^run\/(\S+) (.+)$/;
const OF_PROCESS = /^process\/(\S+) (.+)$/;
const SCENARIO_SLEEP = 'scenario sleep';

/** What an event of the clock is: `run/3 deadline` is the deadline of run 3. */
export function eventText(label: string): string {
  if (label === SCENARIO_SLEEP) return 'a sleep of the scenario';
  const [, runId, what] = OF_RUN.exec(label) ?? [];
  if (runId !== undefined && what !== undefined) return `${phaseText(what)} of run ${runId}`;
  const [, process, doing] = OF_PROCESS.exec(label) ?? [];
  if (process !== undefined && doing !== undefined) return `the ${doing} of process ${process}`;
  return `"${label}"`;
}

/** An invocation names the event that ends a phase after the phase. */
function phaseText(what: string): string {
  return what === 'wait' ? 'the end of the process' : `the ${what}`;
}

/** The two events whose order a decision turned round: the one that was taken, and the first of those that it passed over. */
function turnedRound({ due, answer }: ObservedDecision): readonly [first: string, second: string] {
  return [eventText(due[answer]?.label ?? ''), eventText(due[0]?.label ?? '')];
}

/** What a fault or delay is about: its label without the word that says which of the two it is. */
export function aboutOf(label: string): string {
  return label.replace(/ (fault|delay)$/, '');
}

/** What a fault or delay is about, in quotes; of a question that was asked before, the how manieth. */
export function askedText({ label, occurrence }: ObservedDecision): string {
  const about = `"${aboutOf(label)}"`;
  return occurrence === 0 ? about : `${about} (${ordinal(occurrence + 1)})`;
}

function ordinal(count: number): string {
  const isTeen = Math.floor(count / 10) % 10 === 1;
  return `${count}${(isTeen ? undefined : ['th', 'st', 'nd', 'rd'][count % 10]) ?? 'th'}`;
}

/** A decision in words. */
export function decisionText(decision: ObservedDecision): string {
  const { label, n, answer, due, drawn } = decision;
  if (due.length > 0) return orderText(decision);
  const about = askedText(decision);
  if (drawn !== undefined) {
    const { text } = drawn;
    return isDelay(label) ? `${about} is delayed by ${text} ms` : `"${drawn.label}" is ${text}`;
  }
  switch (decisionKind(label)) {
    case 'fault':
      return answer === 0 ? `no fault strikes ${about}` : `a fault strikes ${about} (${answer} of ${n - 1})`;
    case 'delay':
      return answer === 0 ? `${about} is not delayed` : `${about} is delayed (${answer} of ${n - 1})`;
    case 'order':
    case 'choice':
      return `"${label}" is ${answer} (of 0 to ${n - 1})`;
  }
}

/** What is drawn for a delay is its length in milliseconds. */
export function isDelay(label: string): boolean {
  return decisionKind(label) === 'delay';
}

function orderText(decision: ObservedDecision): string {
  const { answer, due } = decision;
  const [taken, passed] = turnedRound(decision);
  if (answer === 0) return `${taken} comes first of ${due.length} due together, as they were made`;
  const others = answer === 1 ? '' : ` and ${answer - 1} more`;
  return taken === passed
    ? `of events due together, ${taken} that was made later comes first`
    : `${taken} comes before ${passed}${others}, due at the same time`;
}
