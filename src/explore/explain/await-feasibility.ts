/**
 * Finds out whether a failure under controlled awaits can happen in the engine's order of microtasks, or may need the
 * awaited values to be really late. Invariant: "native-feasible" was observed, in an execution whose promises take a
 * few more microtasks and that otherwise keeps the engine's order; the opposite is never proven, so the text states how
 * much was tried.
 */
import type { DecisionSource } from '../../kernel/decisions.ts';
import { createRandomStream } from '../../kernel/seeded-random.ts';
import { counted } from '../../model/plural.ts';
import { isAboutAwait } from '../../simulation/ambience.ts';
import type { Executor } from '../executor.ts';
import { failureKey } from '../failure-key.ts';
import { answersOf, keyDecisions, nonZeroOf, type KeyedDecision } from '../keyed-log.ts';
import type { ObservedRun } from './observed-run.ts';

/** With this many executions, nearly every race that some microtasks can show was seen. */
const EXECUTIONS = 300;
const SHOWN_MAX = 3;

/** The finding, as details of the failure; none if the failing execution controls no awaits, or nothing was tried. */
export async function awaitFeasibility(
  executor: Executor,
  run: ObservedRun,
  shouldStop: () => boolean,
): Promise<{ readonly text: string; readonly frames: readonly string[] }[]> {
  const text = await feasibilityText(executor, run, shouldStop);
  return text === undefined ? [] : [{ text, frames: [] }];
}

async function feasibilityText(
  executor: Executor,
  run: ObservedRun,
  shouldStop: () => boolean,
): Promise<string | undefined> {
  const { failure } = run.verdict;
  if (failure === undefined) return undefined;
  const key = failureKey(failure);
  if (run.decisions.some(isHop)) return `native-feasible: ${hopsText(run.decisions.filter(isHop))}`;
  const events = [...run.firings.values(), ...run.decisions.flatMap(({ due }) => due)];
  if (!events.some(({ topic }) => isAboutAwait(topic))) return undefined;
  const fails = async (source: DecisionSource): Promise<readonly KeyedDecision[] | undefined> => {
    const verdict = await executor.execute({ source, nativeAwaits: true, omitStacks: true });
    const isSame = verdict.failure !== undefined && failureKey(verdict.failure) === key;
    return isSame ? nonZeroOf(keyDecisions(verdict.decisions())) : undefined;
  };
  let tried = 0;
  while (tried < EXECUTIONS && !shouldStop()) {
    const found = await fails(withHops(run.decisions, tried));
    tried += 1;
    if (found !== undefined) return `native-feasible: ${hopsText(await fewest(found, fails, shouldStop))}`;
  }
  if (tried === 0) return undefined;
  const executions = `${counted(tried, 'execution')} ${tried === 1 ? 'shows' : 'show'}`;
  const end = tried < EXECUTIONS ? '; the search was stopped' : '';
  return `needs latency, as far as ${executions}: none in which promises take only a few more microtasks fails the same way${end}`;
}

/** Answers from the log, with any number of microtasks for awaits; with none the first time. */
function withHops(log: readonly KeyedDecision[], index: number): DecisionSource {
  const answers = answersOf(log);
  const random = createRandomStream(`awaits ${index}`);
  return {
    decide(question, n, occurrence) {
      const isLate = question.kind === 'delay' && isAboutAwait(question.topic);
      if (!isLate) return answers.decide(question, n, occurrence);
      return index === 0 || random.int(2) === 0 ? 0 : random.int(n);
    },
  };
}

/** Leaves out hops, then lowers their numbers of microtasks, while it still fails and there is time. */
async function fewest(
  log: readonly KeyedDecision[],
  fails: (source: DecisionSource) => Promise<readonly KeyedDecision[] | undefined>,
  shouldStop: () => boolean,
): Promise<readonly KeyedDecision[]> {
  let kept = log;
  const canBe = async (simpler: readonly KeyedDecision[]): Promise<boolean> => {
    if (shouldStop() || (await fails(answersOf(simpler))) === undefined) return false;
    kept = simpler;
    return true;
  };
  for (const hop of log.filter(isHop)) await canBe(kept.filter((other) => other !== hop));
  for (const hop of kept.filter(isHop)) {
    for (let answer = 1; answer < hop.answer; answer += 1) {
      if (await canBe(kept.map((other) => (other === hop ? { ...hop, answer } : other)))) break;
    }
  }
  return kept.filter(isHop);
}

function isHop({ question }: KeyedDecision): boolean {
  return question.kind === 'delay' && isAboutAwait(question.topic);
}

function hopsText(hops: readonly KeyedDecision[]): string {
  const late = nonZeroOf(hops);
  if (late.length === 0) return 'it also fails in the native order of the engine';
  const shown = late
    .slice(0, SHOWN_MAX)
    .map(({ question, answer }) => `${question.topic.text} takes ${counted(answer, 'microtask')} more`);
  const more = late.length - shown.length;
  const others = more === 0 ? '' : `, and ${more} more are late`;
  return `it fails in the engine's order when ${shown.join(' and ')}${others}`;
}
