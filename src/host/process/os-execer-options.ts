/** The settings of the OS execer: their defaults, units and limits. */
import * as is from '../../kernel/shape.ts';
import { constants } from 'node:os';
import type { Clock } from '../../kernel/clock.ts';
import type { MaybePromise } from '../../model/maybe-promise.ts';
import { METRICS } from '../../model/argument-shapes.ts';
import type { Metrics } from '../../model/metrics.ts';
import { REST_OF_WORLD } from '../../model/world.ts';

/** What {@link createOsExecer} takes. All but the clock may be left out. */
export interface OsExecerOptions {
  readonly clock: Clock;
  /** What a command reads: nothing (`null`, the default), what this process reads, or a file that is open at this descriptor. */
  readonly stdin?: 'null' | 'inherit' | number;
  /** Which signal an abort sends first; SIGTERM by default (R125). */
  readonly stopSignal?: NodeJS.Signals;
  /** Between the signal of an abort and the SIGKILL; 10,000 by default (R125). */
  readonly graceMs?: number;
  /**
   * What is left of it when the leader of an aborted command has ended and descendants have not, and how long output is waited
   * for when the whole tree has ended; 1,000 by default (R123, R127).
   */
  readonly drainGraceMs?: number;
  /** How long a killed tree may take to be gone before the rest is given up and recorded; 5,000 by default. */
  readonly reapMs?: number;
  /** How long a sink may hold one write before it gets nothing more; 5,000 by default. */
  readonly sinkGraceMs?: number;
  /** Memory that a command may use with all its descendants; 0, the default, does not watch it (R130). */
  readonly memoryCapBytes?: number;
  /** Between two looks at the memory; 500 by default. */
  readonly memoryPeriodMs?: number;
  /** Instead of the resident memory that /proc shows: bytes in use by the command whose leader has this pid (R131). */
  readonly memoryUsage?: (pid: number) => MaybePromise<number>;
  readonly metrics?: Metrics | undefined;
  /**
   * Whether each command gets a control group of its own, where the machine is Linux and lets this process make one: then also those
   * descendants are found that overwrite their environment. Default true; commands started by worker threads get none.
   */
  readonly cgroups?: boolean;
  /**
   * Whether commands end also if this process dies of SIGKILL: a small shell beside it, which runs before the first command does, ends their process
   * groups. What has left its group is found, on Linux, by its environment. Default false.
   */
  readonly watchdog?: boolean;
  /** The environment under the command's own; this process's by default (R122). */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The shapes of those but the clock. */
export const OS_EXECER_FIELDS: is.ShapesOf<Omit<OsExecerOptions, 'clock'>> = {
  stdin: is.anyOf('"null", "inherit" or a descriptor', is.oneOf('null', 'inherit'), is.COUNT),
  stopSignal: is.such('the name of a signal such as SIGINT', (value) =>
    Object.hasOwn(constants.signals, value as string),
  ),
  ...is.each(['graceMs', 'drainGraceMs', 'reapMs', 'sinkGraceMs', 'memoryCapBytes'], is.finite(0)),
  memoryPeriodMs: is.such('a finite number > 0', (value) => Number.isFinite(value) && (value as number) > 0),
  memoryUsage: is.FUNCTION,
  metrics: METRICS,
  cgroups: is.BOOLEAN,
  watchdog: is.BOOLEAN,
  env: is.OPAQUE,
};
/** Processes of the machine are in no trace. */
const OF_WORLD = { tracer: is.ANY };
/** The shape of those. */
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

/** The times and sizes, all given. */
export type OsExecerLimits = Readonly<Record<keyof typeof DEFAULTS, number>>;

/** The limits that the options give, and the defaults. */
export function osExecerLimits(options: OsExecerOptions): OsExecerLimits {
  const names = Object.keys(DEFAULTS) as (keyof OsExecerLimits)[];
  return Object.fromEntries(names.map((name) => [name, options[name] ?? DEFAULTS[name]])) as OsExecerLimits;
}
