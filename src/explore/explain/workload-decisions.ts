/**
 * Recognizes decisions that generate the work of a workload's clients. Invariant: the calls of the clients already show
 * the work, so these decisions are redundant.
 */
import type { ObservedDecision, ObservedRun } from './observed-run.ts';

/** The nodes and clients that call others. */
export function callersIn({ events }: Pick<ObservedRun, 'events'>): ReadonlySet<string> {
  return new Set(
    events.flatMap(({ event }) => (event.type === 'message' && event.kind === 'call' ? [event.runner] : [])),
  );
}

/** True for the choice of a client's step, which its calls show: `"client 1/step 2 does" is abort`. */
export function isOfCaller(
  { question: { kind, topic } }: Pick<ObservedDecision, 'question'>,
  callers: ReadonlySet<string>,
): boolean {
  const { owner } = topic;
  return kind === 'choice' && typeof owner !== 'string' && callers.has(owner.type);
}

/** The name without its number: a numbered client that called stands for the others. */
function stemOf(name: string): string {
  return name.replace(/\d+$/, '');
}

/** True for a decision about the setup of a workload, which no call shows. */
export function isOfSetup({
  question: { kind },
  describe,
}: Pick<ObservedDecision, 'question' | 'describe'>): boolean {
  return kind === 'choice' && describe?.isSetup === true;
}

/**
 * True for a decision about which work there is: without the work nothing fails, but that does not explain the failure.
 */
export function isOfWork(
  decision: Pick<ObservedDecision, 'question' | 'describe'>,
  callers: ReadonlySet<string>,
): boolean {
  const { kind, topic } = decision.question;
  const owner = typeof topic.owner === 'string' ? topic.owner : topic.owner.type;
  if (kind !== 'choice' || callers.size === 0) return false;
  if (isOfSetup(decision)) return true;
  // What has no owner is the scenario's own choice, however clients are called.
  return owner !== '' && [...callers].some((caller) => stemOf(caller) === stemOf(owner));
}
