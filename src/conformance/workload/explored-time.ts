/**
 * Which options of an exploration have no effect in the time that its subject lives in. Invariant: none is ignored in
 * silence.
 */
import { mustBeAbsent } from '../../kernel/argument-check.ts';
import type { ConformanceSubject } from '../subject.ts';
import type { ExploreWorkloadOptions } from './explore-workload.ts';

/** Why an option must be absent. */
type Reasons = Readonly<Record<string, string>>;

/** In virtual time, each execution is repeated by its log. */
const VIRTUAL_ONLY: Reasons = {
  replay: 'only virtual time can be replayed',
  executions: 'on the machine’s time and held time, sequences says how many are run',
  reachWithin: 'on the machine’s time and held time, what was missed is only reported',
  shrinkExecutions: 'only a failure in virtual time can be made small',
} satisfies Partial<Record<keyof ExploreWorkloadOptions, string>>;

const ELSEWHERE_ONLY: Reasons = {
  sequences: 'in virtual time, executions says how many are run',
};

/** Whether the runners of a subject live in virtual time, where an exploration can choose what comes first. */
export function isVirtual(subject: Pick<ConformanceSubject, 'wallWorld' | 'heldWorld'>): boolean {
  return subject.wallWorld === undefined && subject.heldWorld === undefined;
}

/**
 * Refuses what would have no effect on this subject; `name` is that of the options.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` with the name of the option.
 */
export function refuseWithoutEffect(name: string, subject: ConformanceSubject, options: object): void {
  mustBeAbsent(`${name}.`, options, isVirtual(subject) ? ELSEWHERE_ONLY : VIRTUAL_ONLY);
}
