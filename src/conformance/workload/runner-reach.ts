/**
 * What a workload of a runner must have reached to have proved something, all of it declared before anything happens.
 * Invariant: nothing in it is impossible for the subject.
 */
import { RUN_STATES } from '../../model/run-state.ts';
import type { RunStatus } from '../../model/run-status.ts';
import { ALL_MASK, DONE_MASK, maskForState, type StateMask } from '../../model/state-mask.ts';
import { SERVICE_METHODS } from '../../model/service.ts';
import type { ConformanceSubject } from '../subject.ts';
import { commandKinds, type CommandTrait, type DrawnCommand } from './drawn-command.ts';
import type { PartsReach } from './parts-workload.ts';
import type { WorkloadHost } from './workload-host.ts';

const ALWAYS: readonly string[] = [
  'end COMPLETE 0',
  'end COMPLETE with another exit code',
  'end ABORTED',
  'abort of a run that is in the queue or active',
  'abort of a run that is over',
  'abort of a run that is unknown',
  'abort twice at once',
  'abort at some event',
  'run refused as full',
  'run refused after the release',
  'abort refused after the release',
  'query refused as malformed',
  'wait refused as malformed',
  'read asked once more',
  'read of an unknown run',
  'read of no runs',
  'read of several runs',
  'read of a run listed twice',
  'read of all runs',
  'read of all runs and some',
  'wait met at once',
  'wait met later',
  'wait timed out',
  'wait cancelled',
  'wait with a signal that was aborted before',
  'wait that shares its signal',
  'wait that cannot be met',
  'wait that can no longer be met',
  'wait ended by a release',
  'wait without limit',
  'wait for no time',
  'release by a client',
  'release twice',
  'release with runs left',
  'command changed after it was run',
  'query changed after it was asked',
  'answer changed by its caller',
  'empty mask',
  'mask of all states',
  'mask of all ends',
  'some other mask',
  ...RUN_STATES.map((state) => `mask of ${state}`),
];

const TIMEOUTS: readonly CommandTrait[] = [
  'a timeout that does not matter',
  'a timeout just at the end',
  'a timeout before the end',
  'a timeout of next to nothing',
  'a timeout below 0',
];

/** For runners that take filers, processors and an uploader. */
const PLANNED: readonly PartsReach[] = [
  'a checkout failed',
  'a filer was updated',
  'a postprocessor was given up',
  'a run was aborted in the queue',
  'a run was stopped by abort during checkout',
  'a run was stopped by abort during preprocess',
  'an update was given up',
  'checkout was given up',
  'one of two init signals failed',
  'preprocess was given up',
  'refused with RUNNER_BUSY',
  'refused with RUNNER_INITIALIZING',
  'release was given up',
  'two init signals failed',
  'two init signals succeeded',
];

/** For runners that also take their execer and outputs. */
const PLANNED_ON_MACHINE: readonly PartsReach[] = [
  'a process could not be started',
  'an output could not be created',
  'exec was given up',
  'temporary directory was given up',
];

function plannedOf(subject: ConformanceSubject): readonly string[] {
  if (!takesPlans(subject)) return [];
  const names = subject.createOn === undefined ? PLANNED : [...PLANNED, ...PLANNED_ON_MACHINE];
  return names.map(plannedText);
}

/** Whether every part of the subject can have a plan, so that all times are known. */
export function takesPlans({ supports, wallWorld, heldWorld }: ConformanceSubject): boolean {
  const hasTime = supports.virtualTime === true && wallWorld === undefined && heldWorld === undefined;
  const takesParts = supports.filers === true && supports.collaborators === true;
  return hasTime && takesParts && supports.exactStates === true;
}

/** Everything that a subject must reach. */
export function requiredOf(subject: ConformanceSubject): readonly string[] {
  const { supports } = subject;
  return [
    ...SERVICE_METHODS.map((method) => `call of ${method}`),
    ...commandKinds(subject).map((kind) => `command that can ${kind}`),
    ...ALWAYS,
    'command with tags',
    'command with an environment',
    ...(canFail(subject) ? ['end FAILED'] : []),
    ...(supports.timeouts === true
      ? ['end TIMEDOUT', ...TIMEOUTS.map((trait) => `command with ${trait}`)]
      : []),
    ...(supports.capacity === true ? CAPACITIES.map((capacity) => `capacity ${capacity}`) : []),
    ...(supports.history === true ? HISTORIES.map((history) => `history ${history}`) : []),
    ...(supports.idPrefix === true ? ['ids with a prefix'] : []),
    ...(subject.wallWorld === undefined && subject.heldWorld === undefined ? ['world without a trace'] : []),
    ...(supports.outputs === true ? ['output that was read'] : []),
    ...(supports.filers === true && subject.wallWorld === undefined ? ['checkout of a snapshot'] : []),
    ...(supports.virtualTime === true ? timedOf(subject) : []),
    ...plannedOf(subject),
  ];
}

/** Whether some run of the workload can fail: a malformed command need not. */
function canFail({ supports }: ConformanceSubject): boolean {
  if (supports.unstartable === true || supports.failures === true) return true;
  return supports.filers === true && supports.virtualTime === true;
}

/** What happens, or is known to have happened, only where times are exact. */
function timedOf({ supports }: ConformanceSubject): readonly string[] {
  return [
    'wait until just when something happens',
    ...(supports.history === true ? ['a run that was forgotten'] : []),
    ...(supports.failures === true ? ['run refused as unhealthy'] : []),
    ...(supports.filers === true ? ['end by a checkout that failed', 'checkout that was cancelled'] : []),
    ...(supports.collaborators === true && supports.filers === true
      ? ['log that was uploaded', 'upload that was cancelled']
      : []),
  ];
}

/** The capacities tried; the first is the plain one. */
export const CAPACITIES: readonly number[] = [1, 2, 3, 0, 8];
/** The histories tried; the first is the runner's own default. */
export const HISTORIES: readonly (number | 'by default')[] = ['by default', 0, 1, 2, 5];

/** How what a workload of planned parts reaches is listed among what any runner's workload reaches. */
export function plannedText(name: string): string {
  return `planned parts: ${name}`;
}

/** Records what an execution reaches. */
export class RunnerReach {
  readonly #host: Pick<WorkloadHost, 'sometimes'>;
  readonly #noted = new Set<string>();

  constructor(host: Pick<WorkloadHost, 'sometimes'>, required: readonly string[]) {
    this.#host = host;
    for (const name of required) host.sometimes(name, false);
  }

  note(name: string): void {
    if (this.#noted.has(name)) return;
    this.#noted.add(name);
    this.#host.sometimes(name);
  }

  /** Records that a run has ended. */
  end(drawn: DrawnCommand, { state, exitCode }: RunStatus): void {
    if (state === 'COMPLETE') {
      this.note(exitCode === 0 ? 'end COMPLETE 0' : 'end COMPLETE with another exit code');
    } else this.note(`end ${state}`);
    if (drawn.kind !== 'malformed') this.note(`command that can ${drawn.kind}`);
  }

  /** Records that a client asks for a mask. */
  mask(mask: StateMask): void {
    if (mask === 0) this.note('empty mask');
    else if (mask === ALL_MASK) this.note('mask of all states');
    else if (mask === DONE_MASK) this.note('mask of all ends');
    else {
      const state = RUN_STATES.find((each) => maskForState(each) === mask);
      this.note(state === undefined ? 'some other mask' : `mask of ${state}`);
    }
  }
}
