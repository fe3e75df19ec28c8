/** One sentence that says what went wrong and what it took. Invariant: it claims no cause beyond the decisions without which it holds. */
import { counted } from '../../model/plural.ts';
import type { Failure } from '../../simulation/verdict.ts';
import { EventNames } from './event-name.ts';
import { headlineOf } from '../failure-key.ts';
import type { QuestionKind } from '../../kernel/question.ts';
import { unusualDecisions } from './observed-run.ts';
import type { ObservedDecision, ObservedRun } from './observed-run.ts';
import { PassedOver } from './passed-over.ts';
import { ShownFaults } from './shown-fault.ts';

const TOLD_MAX = 3;
/** What says most first. */
const TELLING: readonly QuestionKind[] = ['fault', 'order', 'delay', 'choice', 'draw'];

/** The sentence about a failing execution. */
export function sentenceOf(run: ObservedRun, failure: Failure): string {
  const { scenario } = run.verdict;
  return `${scenario} fails at ${failure.atMs} ms: ${whatOf(failure)}, ${circumstances(run)}.`;
}

function whatOf({ kind, rule, message, details }: Failure): string {
  const text = headlineOf(message).headline.replace(/\.$/, '');
  switch (kind) {
    case 'rule':
      return `rule ${rule} is broken, ${text}`;
    case 'error':
      return `"${text}" was thrown`;
    case 'deadlock':
    case 'stall': {
      const [first] = details;
      const isHeld = text.includes('Still held or awaited');
      return isHeld && first !== undefined ? `${text}, such as ${first.split('\n')[0]}` : text;
    }
    case 'check':
    case 'always':
    case 'eventually':
    case 'leftovers':
    case 'escape':
    case 'budget':
    case 'diverged':
    case 'interrupted':
    case 'abandoned':
      return text;
  }
}

function circumstances(run: ObservedRun): string {
  const decisions = unusualDecisions(run);
  if (decisions.length === 0) return 'also with every choice at its default';
  const names = new EventNames(run);
  const faults = new ShownFaults(run, names);
  const passed = new PassedOver(decisions);
  const told = decisions
    .filter((decision) => passed.isTold(decision))
    .sort((a, b) => weightOf(faults, a) - weightOf(faults, b))
    .slice(0, TOLD_MAX);
  const inOrder = decisions
    .filter((decision) => told.includes(decision))
    .map((decision) => passed.textOf(decision, names) ?? faults.textOf(decision));
  const others = decisions.length - told.reduce((sum, decision) => sum + passed.countOf(decision), 0);
  const more =
    others === 0
      ? ''
      : `, and ${counted(others, 'more choice')} ${others === 1 ? 'differs' : 'differ'} from the default`;
  return `when ${inOrder.join(' and ')}${more}`;
}

/** A fault that spared what it was asked about says least. */
function weightOf(faults: ShownFaults, decision: ObservedDecision): number {
  return faults.isSpared(decision) ? TELLING.length : TELLING.indexOf(decision.question.kind);
}
