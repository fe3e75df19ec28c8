/**
 * Finds the answers on which a failure turns: those that several callers in its text got from one node, about a value
 * in its text, such as two votes in one term. Invariant: of each caller only the last such answer of a node counts, and
 * an answer that never arrived does not.
 */
import type { MessageEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { isAnswer } from './exchanges.ts';
import { nameWords } from './name-words.ts';
import type { RunIndex } from './run-index.ts';

const DIGIT = /\d/;

/** The answers of one node to calls of one method, by their callers. */
type Answers = Map<string, MessageEvent>;

/** `decisive` are those of one node, `others` those of all other nodes. */
export interface DecisiveAnswers {
  readonly decisive: ReadonlySet<TraceEvent>;
  readonly others: ReadonlySet<TraceEvent>;
}

/** The answers in their visible steps; none unless the words name two callers and a value. */
export function decisiveAnswers(index: RunIndex, words: ReadonlySet<string>): DecisiveAnswers {
  const groups = answersIn(index, words);
  const callers = new Set(groups.flatMap((answers) => [...answers.keys()]));
  if (callers.size < 2) return { decisive: new Set(), others: new Set() };
  const decisive = groups.filter(({ size }) => size > 1).toSorted(byContradiction)[0] ?? new Map();
  const isDecisive = new Set<TraceEvent>(visibleSteps(index, [...decisive.values()]));
  const all = groups.flatMap((answers) => [...answers.values()]);
  const others = visibleSteps(index, all).filter((event) => !isDecisive.has(event));
  return { decisive: isDecisive, others: new Set<TraceEvent>(others) };
}

/** The last answers that named callers got about a named value, by node and method. */
function answersIn({ run, args }: RunIndex, words: ReadonlySet<string>): readonly Answers[] {
  const ends = new Set(
    run.events.flatMap(({ event }) => (event.type === 'message' ? [event.runner, event.to] : [])),
  );
  // A number says more than the noun before it, which any message may contain.
  const values = [...words].filter((word) => DIGIT.test(word) && !ends.has(word));
  if (values.length === 0) return [];
  const groups = new Map<string, Answers>();
  for (const { event } of run.events) {
    if (event.type !== 'message' || event.kind !== 'reply' || event.step !== 'delivered') continue;
    if (!words.has(event.to)) continue;
    const said = new Set(nameWords(args.of(event) ?? ''));
    if (!values.some((value) => said.has(value))) continue;
    const key = JSON.stringify([event.runner, event.name]);
    const answers = groups.get(key) ?? new Map<string, MessageEvent>();
    groups.set(key, answers.set(event.to, event));
  }
  return [...groups.values()];
}

/** A node that gave all callers the same answer comes before others, then the one that answered last. */
function byContradiction(one: Answers, other: Answers): number {
  return Number(isSame(other)) - Number(isSame(one)) || lastAt(other) - lastAt(one);
}

function isSame(answers: Answers): boolean {
  return new Set([...answers.values()].map(({ detail }) => detail)).size === 1;
}

function lastAt(answers: Answers): number {
  return Math.max(...[...answers.values()].map(({ at }) => at));
}

/** The step of each answer that has a line: its sending, if something was decided before it arrived. */
function visibleSteps(
  { run, exchanges }: RunIndex,
  answers: readonly MessageEvent[],
): readonly MessageEvent[] {
  const ids = new Set(answers.map(({ id }) => id));
  const steps = new Map<number, MessageEvent>();
  for (const { event } of run.events) {
    if (event.type !== 'message' || !ids.has(event.id) || !isAnswer(event)) continue;
    if (event.step !== 'sent' && event.step !== 'delivered') continue;
    if (!steps.has(event.id) && !exchanges.isRedundant(event)) steps.set(event.id, event);
  }
  return [...steps.values()];
}
