/** Decisions that make the work of a workload's clients. Invariant: which work there is shows in their calls, so these decisions say nothing more. */
import type { ObservedDecision, ObservedRun } from './observed-run.ts';

/** Who calls others. */
export function callersIn({ events }: Pick<ObservedRun, 'events'>): ReadonlySet<string> {
  return new Set(
    events.flatMap(({ event }) => (event.type === 'message' && event.kind === 'call' ? [event.runner] : [])),
  );
}

/** What a client of a workload was to do in one of its steps is said by its calls: `"client 1/step 2 does" is abort`. */
export function isOfCaller(
  { question: { kind, topic } }: Pick<ObservedDecision, 'question'>,
  callers: ReadonlySet<string>,
): boolean {
  const { owner } = topic;
  return kind === 'choice' && typeof owner !== 'string' && callers.has(owner.type);
}

/** Of clients that are numbered, those that came to call stand for the others. */
function stemOf(name: string): string {
  return name.replace(/\d+$/, '');
}

/** True for what a workload is made of, which none of its calls shows. */
export function isOfSetup({
  question: { kind },
  describe,
}: Pick<ObservedDecision, 'question' | 'describe'>): boolean {
  return kind === 'choice' && describe?.isSetup === true;
}

/** True for what decides which work there is: without it nothing fails, but that says nothing of why it does. */
export function isOfWork(
  decision: Pick<ObservedDecision, 'question' | 'describe'>,
  callers: ReadonlySet<string>,
): boolean {
  const { kind, topic } = decision.question;
  const owner = typeof topic.owner === 'string' ? topic.owner : topic.owner.type;
  if (kind !== 'choice' || callers.size === 0) return false;
  return isOfSetup(decision) || [...callers].some((caller) => stemOf(caller) === stemOf(owner));
}
