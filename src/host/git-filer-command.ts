/**
 * Runs the git that is installed, for the git filer. Invariant: a command is over when this says so: when cancelled, the whole
 * process group is stopped first, gently (git removes its lock files), then not.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { FilerError, cancelledOperation, throwIfCancelled } from '../filers/filer-error.ts';
import type { Cancellable } from '../model/cancellation.ts';

/** One git command. */
export interface GitCommand {
  /** What stands before the command's name. */
  readonly globals?: readonly string[];
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Added over the cleaned environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input, as bytes in Latin-1, because paths in git are bytes. */
  readonly input?: string;
  readonly cancel?: Cancellable | undefined;
  /** The exit code that runners count if it fails. */
  readonly exitCode: number;
}

const KILL_GRACE_MS = 1_000;
/** A process that left the group may hold the pipes open; nobody waits for it longer than this. */
const PIPE_GRACE_MS = 500;
const ERROR_LENGTH_MAX = 2_000;

// What the machine is set up to do to files and in the background must not change snapshots or outlive a command.
const SETTINGS = [
  'core.autocrlf=false',
  'core.fileMode=true',
  'core.fsmonitor=false',
  'core.hooksPath=/dev/null',
  'core.symlinks=true',
  'gc.auto=0',
  'i18n.commitEncoding=UTF-8',
  'maintenance.auto=false',
  'protocol.ext.allow=never',
].flatMap((setting) => ['-c', setting]);

/** The environment without what would point git at another repository or make it ask somebody. */
function cleanEnvironment(added: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('GIT_') || name.startsWith('GIT_SSH'),
  );
  return {
    ...Object.fromEntries(kept),
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    ...added,
  };
}

/**
 * Runs git and gives its standard output, as bytes in Latin-1.
 *
 * @throws RunnerError (rejects) `RUNNER_FILER_FAILED` with git's own words; `RUNNER_CANCELLED`.
 */
export async function runGit(git: string, command: GitCommand): Promise<string> {
  const { args, cancel, exitCode } = command;
  throwIfCancelled(cancel, 'git');
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  let stop: GroupStop | undefined;
  let end: number | string;
  try {
    const child = start(git, command);
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    stop = new GroupStop(child, cancel);
    end = await endOf(child);
  } catch (cause) {
    throw new FilerError('git could not be started', { cause, exitCode });
  } finally {
    stop?.leave();
  }
  if (stop.stopped) throw cancelledOperation('git');
  if (end === 0) return Buffer.concat(out).toString('latin1');
  const text = Buffer.concat(err).toString().trim().slice(-ERROR_LENGTH_MAX);
  throw new FilerError(`git ${args[0] ?? ''} ended with ${end}: ${text}`, { exitCode });
}

function start(git: string, { globals = [], args, cwd, env = {}, input }: GitCommand): ChildProcess {
  const child = spawn(git, [...SETTINGS, ...globals, ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    env: cleanEnvironment(env),
    // A group of its own, so that what git starts is stopped with it.
    detached: true,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  // A git that ends without reading its input says why on standard error.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input, 'latin1');
  return child;
}

/** The exit code or the name of the signal. Rejects if the program could not be started. */
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
class GroupStop {
  stopped = false;
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#stop();
  #timer: NodeJS.Timeout | undefined;

  constructor(child: ChildProcess, cancel: Cancellable | undefined) {
    this.#child = child;
    this.#signal = cancel?.signal;
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  leave(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    clearTimeout(this.#timer);
    if (this.stopped) this.#kill('SIGKILL');
  }

  #stop(): void {
    this.stopped = true;
    this.#kill('SIGTERM');
    this.#timer = setTimeout(() => this.#kill('SIGKILL'), KILL_GRACE_MS);
  }

  #kill(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      // Nobody of the group is left.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
