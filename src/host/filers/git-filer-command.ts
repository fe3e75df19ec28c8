/**
 * Runs the installed git for the git filer. Invariants: when a cancelled command rejects, none of it is running any
 * more: its process group is asked to end first, so that git removes its lock files, and then killed; every group ends
 * with this process.
 */
import { messageOf } from '../../kernel/errors.ts';
import { LimitedWaiter } from '../../kernel/signal-waiters.ts';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { FilerError, cancelledOperation, throwIfCancelled } from '../../filers/filer-error.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import { SETTINGS, cleanEnvironment } from './git-filer-settings.ts';
import { endGroup, expectGroup } from '../process/group-watchdog.ts';
import { requireFiles } from '../process/os-execer-spawn.ts';
import { COOKIE_VARIABLE, cookieValue } from '../process/process-cookie.ts';

/** One git command. */
export interface GitCommand {
  /** Options that stand before the command's name. */
  readonly globals?: readonly string[];
  readonly args: readonly string[];
  /** Default: the root. Git fails in a directory that was removed, as that of a process may be that runs for weeks. */
  readonly cwd?: string;
  /** Merged over the cleaned environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input, as bytes in Latin-1, because paths in git are bytes. */
  readonly input?: string;
  /** Whether any output on standard error is a failure: some commands mention only there what they leave out. */
  readonly isSilent?: boolean;
  readonly cancel?: Cancellable | undefined;
  /** The exit code that runners report if it fails. */
  readonly exitCode: number;
}

/** How to run a command, apart from what it is. */
export type CommandOptions = Omit<GitCommand, 'args' | 'globals'>;

/** Runs git in a git directory of our own, made by `makeGitDir`, that borrows a repository's objects. */
export type GitWorkshop = (args: readonly string[], options: CommandOptions) => Promise<string>;

const KILL_GRACE_MS = 1_000;
/** A process that left the group may hold the pipes open; we wait for that no longer than this. */
const PIPE_GRACE_MS = 500;
const ERROR_LENGTH_MAX = 2_000;

/**
 * Runs git and resolves with its standard output, as bytes in Latin-1.
 *
 * @throws RunnerError (rejects) `RUNNER_FILER_FAILED` with git's own message; `RUNNER_CANCELLED`.
 */
export async function runGit(git: string, command: GitCommand): Promise<string> {
  const { args, cancel, exitCode, isSilent = false } = command;
  throwIfCancelled(cancel, 'git');
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  let stop: GroupStop | undefined;
  const watch = expectGroup();
  let end: number | string;
  try {
    const child = start(git, command, watch.token);
    if (child.pid !== undefined) watch.started(child.pid);
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    stop = new GroupStop(child, cancel);
    end = await endOf(child);
  } catch (cause) {
    throw new FilerError(`git could not be started: ${messageOf(cause)}`, { cause, exitCode });
  } finally {
    stop?.leave();
    watch.end();
  }
  if (stop.stopped) throw cancelledOperation('git');
  const text = Buffer.concat(err).toString().trim().slice(-ERROR_LENGTH_MAX);
  if (end === 0 && !(isSilent && text !== '')) return Buffer.concat(out).toString('latin1');
  throw new FilerError(`git ${args[0] ?? ''} ended with ${end}: ${text}`, { exitCode });
}

function start(git: string, command: GitCommand, token: string): ChildProcess {
  const { globals = [], args, cwd = '/', env = {}, input } = command;
  requireFiles();
  const child = spawn(git, [...SETTINGS, ...globals, ...args], {
    cwd,
    env: cleanEnvironment({
      ...env,
      [COOKIE_VARIABLE]: cookieValue(process.env[COOKIE_VARIABLE], token),
    }),
    // A group of its own, so that the processes that git starts are stopped with it.
    detached: true,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  // A git that ends without reading its input gives the reason on standard error.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input, 'latin1');
  return child;
}

/** Resolves with the exit code or the name of the signal. Rejects if the program could not be started. */
async function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      const timer = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, PIPE_GRACE_MS);
      child.once('close', () => {
        clearTimeout(timer);
        resolve(code ?? signal ?? 'an unknown end');
      });
    });
  });
}

/** Stops the child's group when the operation is cancelled. */
class GroupStop extends LimitedWaiter {
  stopped = false;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, cancel: Cancellable | undefined) {
    super();
    this.#child = child;
    this.limitBy(undefined, cancel?.signal);
  }

  leave(): void {
    this.leaveLimits();
    if (this.stopped) this.#kill('SIGKILL');
  }

  override cancelRequested(): void {
    this.stopped = true;
    this.#kill('SIGTERM');
    const timer = setTimeout(() => this.#kill('SIGKILL'), KILL_GRACE_MS);
    this.retime({ cancel: () => clearTimeout(timer) });
  }

  #kill(signal: NodeJS.Signals): void {
    if (this.#child.pid !== undefined) endGroup(this.#child.pid, signal);
  }
}
