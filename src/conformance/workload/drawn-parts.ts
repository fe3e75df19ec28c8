/** The options and collaborators of a runner under a workload, drawn from the log, with what is known of what they do to its runs. */
import type { Command } from '../../model/command.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import type { ServiceStatus } from '../../model/service-status.ts';
import type { ConformanceSubject, SubjectOptions } from '../subject.ts';
import type { Draws } from './draws.ts';
import type { WorkloadHost } from './workload-host.ts';

/** A run that is over, as its workload knows it. */
export interface EndedRun {
  readonly runId: RunID;
  /** As it was offered. */
  readonly command: Command;
  readonly acceptedAtMs: number;
  /** The first abort or release that concerned it, if there was one. */
  readonly stopAskedAtMs: number | undefined;
  readonly status: RunStatus;
}

/** What was drawn for one runner. */
export interface DrawnParts {
  /** Beside capacity, history and prefix, which the workload draws itself. */
  readonly options: SubjectOptions;
  /** Whether nothing of it takes time, fails or changes an end, so that the times of runs are known exactly. */
  readonly isPlain: boolean;
  /** Changes a command so that it meets the parts: a snapshot, a run type. Absent: commands are run as they are. */
  prepare?(draws: Draws, command: Command): Command;
  /** Whether the parts can have given a run this end, which is not that of its command, its deadline or an abort. Absent: never. */
  allowsEnd?(run: EndedRun): boolean;
  /** What the service must say of itself now; undefined where this instant leaves it open. Absent: initialized and healthy, without error. */
  service?(): ServiceStatus | undefined;
  /** Called with each end, once, as soon as somebody has seen it. */
  ended?(run: EndedRun): void;
  /** Called after the release, with the runs in order of acceptance: what the parts have seen must fit. Fails by `host.check`. */
  check(runs: readonly EndedRun[]): void;
}

/** Draws the parts for one runner. Answer 0 throughout gives none. */
export function drawParts(_draws: Draws, _subject: ConformanceSubject, _host: WorkloadHost): DrawnParts {
  return { options: {}, isPlain: true, check: () => undefined };
}
