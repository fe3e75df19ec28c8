/**
 * An execer that hands each command to one of two others. It is stateless: the same command always goes to the same
 * one.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { EXECER } from '../model/argument-shapes.ts';
import type { Command } from '../model/command.ts';
import type { ExecCommand, Execer } from '../model/execer.ts';

/**
 * The first element of argv that marks a command as a script for the sim execer, which reads it as a comment (R146).
 * See {@link createInterceptExecer}.
 */
export const SIM_EXECER_MARK = '#! sim execer';

const WITH_ARGV = is.objectOf<Pick<Command, 'argv'>>(
  'an object with argv',
  { argv: is.listOf(is.ANY, 'an array of strings') },
  {},
);

/**
 * True if argv[0] equals {@link SIM_EXECER_MARK}; a longer text that starts with it does not count (R146). See
 * {@link createInterceptExecer}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything without an argv.
 */
export function isSimCommand(command: Pick<Command, 'argv'>): boolean {
  check('command', command, WITH_ARGV);
  return command.argv[0] === SIM_EXECER_MARK;
}

/** Which execer runs which commands. */
export interface InterceptExecerOptions {
  /** Chooses the commands of the interceptor. Default {@link isSimCommand}. */
  readonly intercepts?: ((command: Command | ExecCommand) => boolean) | undefined;
  readonly interceptor: Execer;
  /** Runs all other commands. */
  readonly fallback: Execer;
}

const INTERCEPT_OPTIONS = is.optionsOf<InterceptExecerOptions>(
  { interceptor: EXECER, fallback: EXECER },
  { intercepts: is.FUNCTION },
);

/**
 * Makes an execer that passes a command to `interceptor` if the predicate is true, else to `fallback` (R146). Its bound
 * for an abort is the greater of both.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if one of the two is not an execer.
 *
 * @example
 * ```ts
 * import { createDoneExecer, createInterceptExecer, SIM_EXECER_MARK } from 'dryrunner/kit';
 * const execer = createInterceptExecer({
 *   interceptor: createDoneExecer({ exitCode: 1 }),
 *   fallback: createDoneExecer({ exitCode: 2 }),
 * });
 * const process = await execer.exec({ argv: [SIM_EXECER_MARK], dir: '/', jobId: '', taskId: '', tag: '' });
 * const { exitCode } = await process.wait();
 * if (exitCode !== 1) throw new Error('expected the interceptor');
 * ```
 */
export function createInterceptExecer(options: InterceptExecerOptions): Execer {
  check('options', options, INTERCEPT_OPTIONS);
  const { intercepts = isSimCommand, interceptor, fallback } = options;
  const choose = (command: Command | ExecCommand): Execer => (intercepts(command) ? interceptor : fallback);
  return {
    get cancelBoundMs() {
      return Math.max(interceptor.cancelBoundMs, fallback.cancelBoundMs);
    },
    check: (command) => choose(command).check?.(command),
    exec: (command) => choose(command).exec(command),
  };
}
