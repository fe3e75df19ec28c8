/**
 * Finds the work that the faults of remote calls and of stores concern: the runs that were struck, those of clients that
 * try the same work again, and those of the workers that carry it out. Invariant: work is compared by its tags, action
 * or command line, because a server learns nothing else of the run that it works for.
 */
import { type Command, tagsOf } from '../../model/command.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { type Observed, struckRuns } from './struck-runs.ts';

/** The acceptance of a run. */
export type Accepted = Extract<TraceEvent, { readonly type: 'accepted' }>;

/** The work that such faults concern. */
export interface StruckJobs {
  /** The runners of the runs that they struck. */
  readonly runners: ReadonlySet<string>;
  /** True for the acceptance of a run of that work, on any runner. */
  readonly isOf: (event: Accepted) => boolean;
}

/** The work that such faults concern in an execution. */
export function struckJobs(run: Observed): StruckJobs {
  const struck = struckRuns(run);
  const keys = new Set(struck.map(({ runner, runId }) => `${runner} ${runId}`));
  const jobs = new Set<string>();
  for (const { event } of run.events) {
    if (event.type !== 'accepted' || !keys.has(`${event.runner} ${event.runId}`)) continue;
    const { names, kind, line } = workOf(event.command);
    for (const key of [...names, `${kind} ${line}`]) jobs.add(key);
  }
  const found = new Map<Command, boolean>();
  const isOf = ({ command }: Accepted): boolean => {
    const known = found.get(command) ?? isAmong(command, jobs);
    found.set(command, known);
    return known;
  };
  return { runners: new Set(struck.map(({ runner }) => runner)), isOf };
}

/** Of work that has names of the same kind, the names alone count; of other work, the command line does too. */
function isAmong(command: Command, jobs: ReadonlySet<string>): boolean {
  const { names, kind, line } = workOf(command);
  if (names.some((name) => jobs.has(name))) return true;
  const others = command.argv.length === 0 ? [] : KINDS.filter((other) => (kind & other) === 0);
  return others.some((other) => jobs.has(`${other} ${line}`));
}

interface Work {
  readonly names: readonly string[];
  /** Which kinds of names it has. */
  readonly kind: number;
  readonly line: string;
}

const HAS_TAGS = 1;
const HAS_ACTION = 2;
const KINDS = [0, HAS_TAGS, HAS_ACTION, HAS_TAGS | HAS_ACTION];

/** What the work of a command is known by. */
export function workOf(command: Command): Work {
  const { jobId, taskId, tag } = tagsOf(command);
  const { argv, executeRequest, snapshotId } = command;
  const isTagged = [jobId, taskId, tag].some((part) => part !== '');
  const isAction = executeRequest !== undefined;
  return {
    names: [
      ...(isTagged ? [JSON.stringify(['tags', jobId, taskId, tag])] : []),
      ...(isAction ? [JSON.stringify(['action', snapshotId])] : []),
    ],
    kind: (isTagged ? HAS_TAGS : 0) | (isAction ? HAS_ACTION : 0),
    line: JSON.stringify(argv),
  };
}
