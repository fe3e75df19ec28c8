/**
 * Finds the runs that faults strike which name none, such as those of remote calls and of stores. Invariant: where a
 * fault says for which run the struck call was made, that one counts. Where it names nothing that is in the trace, it
 * is the run in whose step it struck: a store learns only which blob is wanted.
 */
import type { EventInfo } from '../../kernel/event-queue.ts';
import { Thing, Topic } from '../../kernel/question.ts';
import type { FaultEvent } from '../../model/faults.ts';
import { isTerminal } from '../../model/run-state.ts';
import { SERVICE_METHODS } from '../../model/service.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedRun } from './observed-run.ts';

/** A run that was struck. */
export interface StruckRun {
  readonly runner: string;
  /** Absent if it is not known which run of that runner it was. */
  readonly runId?: string;
}

/** What was observed of an execution, as far as it is needed here. */
export type Observed = Pick<ObservedRun, 'events' | 'firings'>;

const METHODS: ReadonlySet<string> = new Set(SERVICE_METHODS);

/** The runs that were struck, in order of the faults. */
export function struckRuns(run: Observed): StruckRun[] {
  const known = new Set(run.events.flatMap(({ event }) => (event.type === 'fault' ? [] : [event.runner])));
  const active = new ActiveRuns();
  const struck: StruckRun[] = [];
  for (const { event, firingId } of run.events) {
    if (event.type !== 'fault') active.watch(event);
    else if (event.client !== undefined) struck.push(runOf(event.client, event.clientRunId));
    else if (namesNothing(event, known)) {
      struck.push(...runOfStep(stepOf(run, firingId, event.runner), active));
    }
  }
  return struck;
}

function runOf(runner: string, runId: string | undefined): StruckRun {
  return runId === undefined ? { runner } : { runner, runId };
}

/** False for calls of a service too: the scenario makes them, in a step that may belong to a run of another job. */
function namesNothing(fault: FaultEvent, known: ReadonlySet<string>): boolean {
  const { runner, operation, runId, message, parts, file } = fault;
  if (runId !== '' || known.has(runner) || METHODS.has(operation)) return false;
  return message === undefined && parts === undefined && file === undefined;
}

/** The clock event in which a part was called: it may have waited since, by events of its own. */
function stepOf({ firings }: Observed, firingId: number, part: string): EventInfo | undefined {
  let step = firings.get(firingId);
  while (step !== undefined && ownerOf(step.topic) === part) step = firings.get(step.cause);
  return step;
}

function ownerOf({ owner, subject }: Topic): string | Thing {
  return owner === '' && subject instanceof Topic ? ownerOf(subject) : owner;
}

function runOfStep(step: EventInfo | undefined, active: ActiveRuns): StruckRun[] {
  if (step === undefined) return [];
  const { topic } = step;
  const thing = runIn(topic);
  if (thing !== undefined) return [{ runner: thing.home, runId: thing.id }];
  const owner = ownerOf(topic);
  return typeof owner !== 'string' || owner === '' ? [] : [runOf(owner, active.onlyOf(owner))];
}

function runIn({ owner, subject }: Topic): Thing | undefined {
  if (subject instanceof Topic) return runIn(subject);
  return [subject, owner].find((part): part is Thing => part instanceof Thing && part.type === 'run');
}

/** The runs that have been accepted and have not ended. */
class ActiveRuns {
  readonly #byRunner = new Map<string, Set<string>>();

  watch(event: TraceEvent): void {
    const { runner } = event;
    if (event.type === 'accepted') {
      const runs = this.#byRunner.get(runner);
      if (runs === undefined) this.#byRunner.set(runner, new Set([event.runId]));
      else runs.add(event.runId);
    }
    if (event.type !== 'status' || !isTerminal(event.status.state)) return;
    this.#byRunner.get(runner)?.delete(event.status.runId);
  }

  /** The run of that runner, if there is just one. */
  onlyOf(runner: string): string | undefined {
    const [runId, ...others] = this.#byRunner.get(runner) ?? [];
    return others.length === 0 ? runId : undefined;
  }
}
