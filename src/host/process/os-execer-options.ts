/** The settings of the OS execer: their defaults, units and limits. */
import * as is from '../../kernel/shape.ts';
import { constants } from 'node:os';
import type { Clock } from '../../kernel/clock.ts';
import type { MaybePromise } from '../../model/maybe-promise.ts';
import { METRICS } from '../../model/argument-shapes.ts';
import type { Metrics } from '../../model/metrics.ts';
import { REST_OF_WORLD } from '../../model/world.ts';

/** Options of {@link createOsExecer}. All but the clock are optional. */
export interface OsExecerOptions {
  readonly clock: Clock;
  /**
   * The standard input of a command: empty (`null`, the default), that of this process, or a file that is open at this
   * descriptor.
   */
  readonly stdin?: 'null' | 'inherit' | number;
  /** The signal that an abort sends first. Default SIGTERM (R125). */
  readonly stopSignal?: NodeJS.Signals;
  /** The time between an abort's signal and the SIGKILL. Default 10,000 (R125). */
  readonly graceMs?: number;
  /**
   * The grace that remains when the leader of an aborted command has ended and descendants have not, and how long to
   * wait for output when the whole tree has ended. Default 1,000 (R123, R127).
   */
  readonly drainGraceMs?: number;
  /** How long a killed tree may take to be gone before the survivors are given up and recorded. Default 5,000. */
  readonly reapMs?: number;
  /** How long a sink may hold up one write before it gets nothing more. Default 5,000. */
  readonly sinkGraceMs?: number;
  /** The most memory that a command and all its descendants may use. Default 0: not watched (R130). */
  readonly memoryCapBytes?: number;
  /** The time between two checks of the memory. Default 500. */
  readonly memoryPeriodMs?: number;
  /**
   * Replaces the resident memory that /proc shows: returns the bytes in use by the command whose leader has this pid
   * (R131).
   */
  readonly memoryUsage?: (pid: number) => MaybePromise<number>;
  readonly metrics?: Metrics | undefined;
  /**
   * Whether each command gets a control group of its own, on Linux and if this process may make one: descendants that
   * overwrite their environment are then found, too. Default true. Commands started by worker threads never get one.
   */
  readonly cgroups?: boolean;
  /**
   * Whether commands also end if this process dies of SIGKILL: a small shell, which runs before the first command does,
   * then ends their process groups. On Linux, a descendant that has left its group is found by its environment. The
   * shell also ends the commands of a worker thread that `terminate()` ends. Default false; true in scenarios that the
   * command line runs.
   */
  readonly watchdog?: boolean;
  /** The environment below the command's own. Default: that of this process (R122). */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The shapes of all options but the clock. */
export const OS_EXECER_FIELDS: is.ShapesOf<Omit<OsExecerOptions, 'clock'>> = {
  stdin: is.anyOf('"null", "inherit" or a descriptor', is.oneOf('null', 'inherit'), is.COUNT),
  stopSignal: is.satisfying('the name of a signal such as SIGINT', (value) =>
    Object.hasOwn(constants.signals, value as string),
  ),
  ...is.each(['graceMs', 'drainGraceMs', 'reapMs', 'sinkGraceMs', 'memoryCapBytes'], is.finite(0)),
  memoryPeriodMs: is.satisfying(
    'a finite number > 0',
    (value) => Number.isFinite(value) && (value as number) > 0,
  ),
  memoryUsage: is.FUNCTION,
  metrics: METRICS,
  cgroups: is.BOOLEAN,
  watchdog: is.BOOLEAN,
  env: is.mapOf(
    is.satisfying('a string or undefined', (value) => value === undefined || typeof value === 'string'),
    'an object of strings',
  ),
};
/** Accepted because a world has one, and ignored: processes of the machine are in no trace. */
const OF_WORLD = { tracer: is.ANY };
/** The shape of all options. */
export const OS_EXECER_OPTIONS: is.RecordShape = is.optionsOf<OsExecerOptions>(
  { clock: is.CLOCK },
  { ...REST_OF_WORLD, ...OF_WORLD, ...OS_EXECER_FIELDS },
);

const DEFAULTS = {
  graceMs: 10_000,
  drainGraceMs: 1_000,
  reapMs: 5_000,
  sinkGraceMs: 5_000,
  memoryCapBytes: 0,
  memoryPeriodMs: 500,
} as const;

/** The times and sizes, with defaults filled in. */
export type OsExecerLimits = Readonly<Record<keyof typeof DEFAULTS, number>>;

/** The limits from the options, with defaults filled in. */
export function osExecerLimits(options: OsExecerOptions): OsExecerLimits {
  const names = Object.keys(DEFAULTS) as (keyof OsExecerLimits)[];
  return Object.fromEntries(names.map((name) => [name, options[name] ?? DEFAULTS[name]])) as OsExecerLimits;
}
