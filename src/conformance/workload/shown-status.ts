/**
 * Checks each status that an answer shows of a run with a plan, as soon as it comes: its fields, and that it agrees with
 * what was known of the run (R11, R12, R46, R53, R73, R99, R200, R201). Invariant: answers to calls that overlap may be of
 * different instants, so a call is only held to what was known when it was made, and to the one end of its run.
 */
import { hasField, isTerminal, type OutcomeField, type RunState } from '../../model/run-state.ts';
import { STATUS_FIELDS, type RunStatus } from '../../model/run-status.ts';
import type { PlannedRun, TakenParts } from './planned-parts.ts';
import type { WorkloadHost } from './workload-host.ts';

/** The answer that shows a status. */
export interface Showing {
  /** The call that it answers. */
  readonly call: string;
  /** The status that was known when the call was made. */
  readonly before: RunStatus | undefined;
  readonly taken: TakenParts;
}

/** Checks a status that an answer shows. */
export function checkShown(
  host: Pick<WorkloadHost, 'check'>,
  run: PlannedRun,
  status: RunStatus,
  { call, before, taken }: Showing,
): void {
  const { plan, shown } = run;
  const fault =
    fieldsFault(run, status) ??
    moveFault(status, before) ??
    runningFault(run, status, taken) ??
    endFault(status, shown);
  if (fault !== undefined) {
    const [rules, expected] = fault;
    host.check(
      false,
      `${rules} ${call} shows run ${plan.name} as ${status.state}: expected ${expected}, got ${JSON.stringify(status)}`,
    );
  }
  if (shown === undefined || !isTerminal(shown.state)) run.shown = status;
}

type Fault = readonly [rules: string, expected: string];

function fieldsFault({ plan }: PlannedRun, status: RunStatus): Fault | undefined {
  const { state, jobId, taskId, tag, stdoutRef, stderrRef } = status;
  const { command } = plan;
  if (jobId !== command.jobId || taskId !== command.taskId || tag !== command.tag) {
    return [state === 'PENDING' ? 'R46' : 'R53 R87', 'the tags of its command'];
  }
  if (state === 'PENDING' && (stdoutRef !== '' || stderrRef !== '')) return ['R12', 'no refs'];
  const field = OUTCOME_FIELDS.find((each) => status[each] !== ZEROS[each] && !hasField(state, each));
  return field === undefined ? undefined : ['R11', `no ${field}`];
}

/** RUNNING comes after the start of the process, and has the refs of its logs. */
function runningFault(
  { logs, hasProcess }: PlannedRun,
  { state, stdoutRef, stderrRef }: RunStatus,
  { hasMachine, hasRefs }: TakenParts,
): Fault | undefined {
  if (state !== 'RUNNING') return undefined;
  if (!hasMachine) {
    const isTwo = stdoutRef !== '' && stderrRef !== '' && stdoutRef !== stderrRef;
    if (isTwo || (!hasRefs && stdoutRef === '' && stderrRef === '')) return undefined;
    return ['R99', 'the refs of two logs'];
  }
  if (!hasProcess) return ['R99', 'that only once its process is started'];
  const [stdout, stderr] = [logs.get('stdout')?.uri, logs.get('stderr')?.uri];
  if (stdoutRef === stdout && stderrRef === stderr) return undefined;
  return ['R99', `the refs of its logs, ${stdout} and ${stderr}`];
}

/** What was known is not forgotten. */
function moveFault({ state }: RunStatus, before: RunStatus | undefined): Fault | undefined {
  if (before === undefined || isLater(state, before.state)) return undefined;
  return [
    isTerminal(before.state) ? 'R200' : 'R201',
    `${before.state} or further, as an earlier answer has shown`,
  ];
}

function isLater(state: RunState, than: RunState): boolean {
  return isTerminal(state) || (!isTerminal(than) && (state === 'RUNNING' || than === 'PENDING'));
}

/** A run has one end, whichever answer shows it. */
function endFault(status: RunStatus, shown: RunStatus | undefined): Fault | undefined {
  if (shown === undefined || !isTerminal(shown.state) || !isTerminal(status.state)) return undefined;
  if (STATUS_FIELDS.every((field) => status[field] === shown[field])) return undefined;
  return ['R73 R200', `its end as another answer has shown it, ${JSON.stringify(shown)}`];
}

const ZEROS: Readonly<Record<OutcomeField, string | number>> = { snapshotId: '', exitCode: 0, error: '' };
const OUTCOME_FIELDS = Object.keys(ZEROS) as OutcomeField[];
