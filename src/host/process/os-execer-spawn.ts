/**
 * Starts the program of a command in a session and a process group of its own. Whatever prevents that becomes a
 * `RUNNER_EXEC_FAILED`, and then nothing runs.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Readable } from 'node:stream';
import { RunnerError } from '../../kernel/errors.ts';
import type { ExecCommand } from '../../model/execer.ts';
import type { MaybePromise } from '../../model/maybe-promise.ts';

/** A child that has started: its output is piped and its pid is known. */
export type StartedChild = ChildProcessByStdio<null, Readable, Readable> & { readonly pid: number };

/**
 * Starts `command` with exactly this environment and this standard input. Throws or rejects with `RUNNER_EXEC_FAILED`.
 */
export function spawnCommand(
  command: ExecCommand,
  env: NodeJS.ProcessEnv,
  stdin: 'ignore' | 'inherit' | number,
): MaybePromise<StartedChild> {
  const [program, ...args] = command.argv;
  if (program === undefined) throw new RunnerError('RUNNER_EXEC_FAILED', NO_COMMAND);
  if (program === '') throw new RunnerError('RUNNER_EXEC_FAILED', EMPTY_PROGRAM);
  let child: ChildProcessByStdio<null, Readable, Readable>;
  try {
    requireFiles();
    child = spawn(program, args, {
      cwd: command.dir === '' ? undefined : command.dir,
      env,
      detached: true,
      stdio: [stdin, 'pipe', 'pipe'],
    }) as ChildProcessByStdio<null, Readable, Readable>;
  } catch (error) {
    throw execFailed(error, command.dir);
  }
  if (hasStarted(child)) return child;
  return new Promise((_, reject) => {
    child.once('error', (error) => reject(execFailed(error, command.dir)));
  });
}

/** Two pairs of sockets and a pipe for the start, and a file for each of the threads that may open one meanwhile. */
const FILES_TAKEN = 10;

/**
 * Throws `EMFILE` if a start could run out of open files. Node leaves the pipes of a process open that could not be
 * started for that reason, so that each attempt would leave fewer, until there are none for good.
 */
export function requireFiles(): void {
  const files: number[] = [];
  try {
    while (files.length < FILES_TAKEN) files.push(openSync(devNull, 'r'));
  } finally {
    for (const file of files) closeSync(file);
  }
}

/** The message with which a command without arguments is refused (R121). */
export const NO_COMMAND = 'No command specified.';

const EMPTY_PROGRAM = 'expected the name of a program first, got ""';

function hasStarted(child: ChildProcessByStdio<null, Readable, Readable>): child is StartedChild {
  return child.pid !== undefined;
}

/** The system blames the program even if it was the directory that could not be entered. */
function execFailed(cause: unknown, dir: string): RunnerError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const text = dir === '' ? message : `${message}${directoryProblem(dir)}`;
  return new RunnerError('RUNNER_EXEC_FAILED', text, { cause });
}

function directoryProblem(dir: string): string {
  try {
    return statSync(dir).isDirectory() ? '' : ` (the working directory ${dir} is not a directory)`;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return ` (the working directory ${dir} cannot be entered: ${code})`;
  }
}
