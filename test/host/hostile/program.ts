// What a hostile program is: a shell script that knows $HOSTILE_MARK, some digits that are also in its environment, so that every process
// of it carries the mark in its environment or its arguments. All are bounded: some hundred processes, and none outlives a minute even
// if nobody kills it.
import type { ProcessStatus } from '../../../src/model/execer.ts';
import type { Need } from './needs.ts';

/** When to stop a program: once it has written `ready` to stdout, some time after its start, or not at all. */
export type AbortMoment = 'when ready' | { readonly afterMs: number } | 'never';

/** What its output is written to. */
export type SinkKind = 'collects' | 'throws' | 'rejects' | 'never settles' | 'slow' | 'missing';

export type Ending = Pick<ProcessStatus, 'state' | 'exitCode' | 'signal'>;

export interface HostileProgram {
  /** The rules and defects that it is about, then what it does; the title of its test. */
  readonly title: string;
  readonly script: string;
  readonly abort: AbortMoment;
  readonly sink: SinkKind;
  /** Every way in which it may legally end. */
  readonly endings: readonly Ending[];
  /** What it needs of the machine. */
  readonly needs?: readonly Need[];
  /** What the run says of what the program leaves, if it leaves something. */
  readonly reports?: RegExp;
  /** The command that takes away what was left in its directory. */
  readonly cleanup?: (dir: string) => readonly string[];
}

export const NATURAL: Ending = { state: 'COMPLETE', exitCode: 0 };
export const TERMINATED: Ending = { state: 'FAILED', exitCode: -1, signal: 'SIGTERM' };
export const KILLED: Ending = { state: 'FAILED', exitCode: -1, signal: 'SIGKILL' };

export const SLEEP = 'sleep 50.$HOSTILE_MARK';
/** Starts its argument as a daemon: a session of its own, adopted by process 1. */
export const DAEMON = (command: string): string => `(setsid ${command} &)`;
export const HOP: string = `case $1 in 0) exec ${SLEEP};; *) setsid sh -c "$2" hop $(($1-1)) "$2" & esac`;

export const natural = (
  title: string,
  script: string,
  more: Partial<HostileProgram> = {},
): HostileProgram => ({
  title,
  script,
  abort: 'never',
  sink: 'collects',
  endings: [NATURAL],
  ...more,
});

export const aborted = (title: string, script: string, more: Partial<HostileProgram> = {}): HostileProgram =>
  natural(title, script, { abort: 'when ready', endings: [TERMINATED], ...more });
