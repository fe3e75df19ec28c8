/**
 * The steps of a simulated process as plain frozen data, with a constructor per step and their text form. Invariant:
 * `parseSimScript(simScript(...steps))` gives the same steps back, so that generated scripts can be written down and
 * parsed again.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import type { ExitCode } from '../model/exit-code.ts';
import { EXIT_CODE } from './process-status.ts';

/** One step of a sim script (R135, R144). {@link simStep} describes what each does to the process. */
export type SimStep =
  | { readonly op: 'complete'; readonly exitCode: ExitCode }
  | { readonly op: 'pause' }
  | { readonly op: 'sleep'; readonly ms: number }
  | { readonly op: 'stdout'; readonly text: string }
  | { readonly op: 'stderr'; readonly text: string }
  | { readonly op: 'comment'; readonly text: string }
  | { readonly op: 'fail'; readonly exitCode: ExitCode; readonly text: string }
  | { readonly op: 'signal'; readonly signal: string }
  | { readonly op: 'mem'; readonly bytes: number }
  | { readonly op: 'ignore-term' }
  | { readonly op: 'hang' }
  | { readonly op: 'orphan' }
  | { readonly op: 'fork' };

/** Signals that `signal NAME` accepts: those that end a process which does not handle them. */
export const FATAL_SIGNALS: readonly string[] = Object.freeze([
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGKILL',
  'SIGUSR1',
  'SIGSEGV',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGSYS',
]);

/** The longest `sleep`: about 285 years, the most that integer microseconds can represent. */
export const MAX_SLEEP_MS: number = Math.floor(Number.MAX_SAFE_INTEGER / 1000);

/** Whether a value is a valid time for `sleep`. */
export function isSleepMs(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_SLEEP_MS;
}

const PAUSE: SimStep = Object.freeze({ op: 'pause' });
const IGNORE_TERM: SimStep = Object.freeze({ op: 'ignore-term' });
const HANG: SimStep = Object.freeze({ op: 'hang' });
const ORPHAN: SimStep = Object.freeze({ op: 'orphan' });
const FORK: SimStep = Object.freeze({ op: 'fork' });

const SLEEP_MS = is.satisfying(`a number from 0 to ${MAX_SLEEP_MS}`, isSleepMs);
const FATAL_SIGNAL = is.satisfying('a signal that ends a process, such as SIGSEGV', (value) =>
  FATAL_SIGNALS.includes(value as string),
);
interface AnyStep {
  readonly op: string;
  readonly exitCode?: ExitCode;
  readonly text?: string;
  readonly ms?: number;
  readonly signal?: string;
  readonly bytes?: number;
}

const STEP = is.objectOf<AnyStep>(
  'a step such as simStep.sleep(5)',
  { op: is.TEXT },
  { exitCode: EXIT_CODE, text: is.TEXT, ms: SLEEP_MS, signal: FATAL_SIGNAL, bytes: is.COUNT },
);

/** Returns a value after checking it; -0 becomes 0. */
function fitting<T>(name: string, value: T, shape: is.Shape): T {
  check(name, value, shape);
  return value === 0 ? (0 as T) : value;
}

/** The constructors of steps; each throws `RUNNER_INVALID_ARGUMENT` for a value that the step does not accept. */
export interface SimStepConstructors {
  /** Ends the process with this exit code: COMPLETE (R137). Its forked children end with it. */
  complete(exitCode: ExitCode): SimStep;
  /** Blocks until `resume` of the execer picks this process, or until it is stopped (R140). */
  pause(): SimStep;
  /** Lets that much time pass, in microsecond resolution; 0 yields once to other events that are due now (R138). */
  sleep(ms: number): SimStep;
  /** Writes the text unchanged to standard output; an empty text writes nothing. */
  stdout(text: string): SimStep;
  /** Writes the text unchanged to standard error; an empty text writes nothing. */
  stderr(text: string): SimStep;
  /** Does nothing. */
  comment(text: string): SimStep;
  /** The machinery loses the process: FAILED with this code and text; the tree is killed. */
  fail(exitCode: ExitCode, text?: string): SimStep;
  /** The process dies of this signal, one of `FATAL_SIGNALS`: COMPLETE −1 and the signal's name (R124). */
  signal(signal: string): SimStep;
  /** From here on the tree holds this many bytes of resident memory. See `memoryCapBytes` of the sim execer. */
  mem(bytes: number): SimStep;
  /**
   * From here on SIGTERM is ignored, also by children forked later: an abort waits out the grace and ends with SIGKILL.
   */
  ignoreTerm(): SimStep;
  /** Waits for ever and cannot be resumed; SIGTERM ends it unless it is ignored. */
  hang(): SimStep;
  /**
   * Starts a child that outlives its parent: the execer kills it with the rest of the tree (R129) and records that as a
   * fault.
   */
  orphan(): SimStep;
  /** Starts a child that ends when its parent ends. */
  fork(): SimStep;
}

/**
 * Makes steps; {@link simScript} turns them into an argv.
 *
 * @example
 * ```ts
 * import { simScript, simStep } from 'dryrunner';
 * const argv = simScript(simStep.stdout('building\n'), simStep.sleep(250), simStep.complete(3));
 * if (argv[1] !== 'sleep 250') throw new Error('expected the text form');
 * ```
 */
export const simStep: SimStepConstructors = Object.freeze({
  complete: (exitCode: ExitCode): SimStep =>
    Object.freeze({ op: 'complete', exitCode: fitting('exitCode', exitCode, EXIT_CODE) }),
  pause: (): SimStep => PAUSE,
  sleep: (ms: number): SimStep => {
    check('ms', ms, SLEEP_MS);
    return Object.freeze({ op: 'sleep', ms: roundedMs(ms) });
  },
  stdout: (text: string): SimStep => Object.freeze({ op: 'stdout', text: fitting('text', text, is.TEXT) }),
  stderr: (text: string): SimStep => Object.freeze({ op: 'stderr', text: fitting('text', text, is.TEXT) }),
  comment: (text: string): SimStep => Object.freeze({ op: 'comment', text: fitting('text', text, is.TEXT) }),
  fail: (exitCode: ExitCode, text = ''): SimStep =>
    Object.freeze({
      op: 'fail',
      exitCode: fitting('exitCode', exitCode, EXIT_CODE),
      text: fitting('text', text, is.TEXT),
    }),
  signal: (signal: string): SimStep =>
    Object.freeze({ op: 'signal', signal: fitting('signal', signal, FATAL_SIGNAL) }),
  mem: (bytes: number): SimStep => Object.freeze({ op: 'mem', bytes: fitting('bytes', bytes, is.COUNT) }),
  ignoreTerm: (): SimStep => IGNORE_TERM,
  hang: (): SimStep => HANG,
  orphan: (): SimStep => ORPHAN,
  fork: (): SimStep => FORK,
});

/**
 * The text of a step, as an element of argv. See {@link simStep}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything that these constructors did not make.
 */
export function formatSimStep(step: SimStep): string {
  check('step', step, STEP);
  switch (step.op) {
    case 'complete':
      return `complete ${step.exitCode}`;
    case 'sleep':
      return `sleep ${step.ms}`;
    case 'stdout':
    case 'stderr':
      return `${step.op} ${step.text}`;
    case 'comment':
      return `#${step.text}`;
    case 'fail':
      return `fail ${step.exitCode} ${step.text}`;
    case 'signal':
      return `signal ${step.signal}`;
    case 'mem':
      return `mem ${step.bytes}`;
    case 'pause':
    case 'ignore-term':
    case 'hang':
    case 'orphan':
    case 'fork':
      return step.op;
  }
  throw invalidArgument('step.op', 'the name of a step', (step as { readonly op?: unknown }).op);
}

/**
 * The argv of a simulated command that performs these steps, in order. See {@link simStep}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but steps.
 */
export function simScript(...steps: readonly SimStep[]): string[] {
  return steps.map(formatSimStep);
}
