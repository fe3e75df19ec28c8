/**
 * One sentence that says what went wrong and what it took. Invariant: it names no causes other than decisions without
 * which the execution holds.
 */
import { factLine, factsOf, isWait } from '../../simulation/failure-fact.ts';
import type { Failure } from '../../simulation/verdict.ts';
import { errorNameOf, isError, isRunnerError } from '../../kernel/errors.ts';
import { headlineOf } from '../failure-key.ts';
import type { QuestionKind } from '../../kernel/question.ts';
import type { ObservedDecision } from './observed-run.ts';
import { counted } from '../../model/plural.ts';
import { PassedOver } from './passed-over.ts';
import type { RunIndex } from './run-index.ts';
import type { ShownFaults } from './shown-fault.ts';
import { isOfWork } from './workload-decisions.ts';

const SHOWN_MAX = 3;
/** Kinds of questions, most informative first. */
const TELLING: readonly QuestionKind[] = ['fault', 'order', 'delay', 'choice', 'draw'];

/**
 * What went wrong and what it took, and the whole sentence with scenario and time. With `hasHeldBefore`, the decisions
 * are not what it took.
 */
export function sentenceOf(
  index: RunIndex,
  failure: Failure,
  hasHeldBefore = false,
): { readonly sentence: string; readonly what: string } {
  const what = `${withCircumstances(failure, hasHeldBefore ? HELD_BEFORE : circumstances(index))}.`;
  return { sentence: `${index.run.verdict.scenario} fails at ${failure.atMs} ms: ${what}`, what };
}

/** Behind advice, which is a sentence of its own, the circumstances would read as part of that. */
function withCircumstances(failure: Failure, circumstance: string): string {
  const what = whatOf(failure);
  const hasAdvice = failure.kind === 'escape' && ADVICE.test(what);
  return hasAdvice && circumstance !== ''
    ? `${what}. It fails ${circumstance.replace(/^, /, '')}`
    : `${what}${circumstance}`;
}

/** The beginning of what to do instead of a call to the outside. */
const ADVICE = /\. [A-Z]/;

const HELD_BEFORE = ', although the same decisions have held before';

function whatOf(failure: Failure): string {
  const { kind, rule, message } = failure;
  const text = headlineOf(message).headline.replace(/\.$/, '');
  switch (kind) {
    case 'rule':
      return `rule ${rule} is broken, ${text}`;
    case 'error':
      return `${thrownName(failure)}"${message.trim() === '' ? '' : text}" was thrown`;
    case 'deadlock':
    case 'stall':
      return standstillText(failure, text);
    case 'check':
    case 'always':
    case 'eventually':
    case 'leftovers':
    case 'escape':
    case 'budget':
    case 'diverged':
    case 'hang':
    case 'interrupted':
    case 'abandoned':
      return text;
  }
}

/** The code or the name of what was thrown, and a space; empty if it says nothing. */
function thrownName({ cause }: Failure): string {
  try {
    if (isRunnerError(cause)) return `${cause.code} `;
    const name = isError(cause) ? errorNameOf(cause) : undefined;
    return name === undefined || name === 'Error' ? '' : `${name} `;
  } catch {
    // The thrown value throws when it is inspected.
    return '';
  }
}

/** What is stuck, and who waits for what. */
function standstillText(failure: Failure, text: string): string {
  const { standstill } = failure;
  if (standstill === undefined) return text;
  const { what, wait } = standstill;
  const facts = factsOf(failure);
  if (wait === 'circle') return `${text}: ${facts.find(({ kind }) => kind === 'circle')?.brief ?? ''}`;
  const owed = facts.find(({ isOwed }) => isOwed);
  if (owed !== undefined) return `${what}, and ${factLine(owed)}`;
  if (wait === 'held') return facts[0] === undefined ? text : `${text}, such as ${factLine(facts[0])}`;
  // The first wait; among calls to other nodes, the one that was made first.
  const [first, ...others] = facts.filter(isWait);
  if (first === undefined) return text;
  const more = others.length === 0 ? '' : `, beside ${counted(others.length, 'other wait')}`;
  return `${what}, and ${factLine(first)}${more}`;
}

function circumstances({ names, faults, unusual, callers }: RunIndex): string {
  const said = new Set(unusual.flatMap((decision) => faults.detailsBehind(decision)));
  const decisions = unusual.filter((decision) => !said.has(decision));
  // The calls in the history already show the work of the clients.
  const telling = decisions.filter((decision) => !isOfWork(decision, callers));
  if (decisions.length === 0) return ', even with every choice at its default';
  if (telling.length === 0) return '';
  const passed = new PassedOver(decisions);
  const shown = telling
    .filter((decision) => passed.isShown(decision))
    .sort((a, b) => weightOf(faults, a) - weightOf(faults, b))
    .slice(0, SHOWN_MAX);
  const inOrder = decisions
    .filter((decision) => shown.includes(decision))
    .map((decision) => passed.textOf(decision, names) ?? faults.textOf(decision));
  const others = telling.length - shown.reduce((sum, decision) => sum + passed.countOf(decision), 0);
  const differ = others === 1 ? 'differs' : 'differ';
  if (inOrder.length === 0) return `, when ${counted(others, 'choice')} ${differ} from the default`;
  const more = others <= 0 ? '' : `, and ${counted(others, 'more choice')} ${differ} from the default`;
  return `, when ${inOrder.join(' and ')}${more}`;
}

/** Lower is more informative. Faults that did not strike come last. */
function weightOf(faults: ShownFaults, decision: ObservedDecision): number {
  return faults.isSpared(decision) ? TELLING.length : TELLING.indexOf(decision.question.kind);
}
