/**
 * `dryrunner exec`: runs one real command through the exec runner, in place of `timeout` or `env`. Invariants: the exit
 * code is what those and the shell would give, except 0 if a real-time signal ended the command, as Node reaps it and
 * reports that like an exit with 0; a signal stops the command with all its children before this process ends.
 */
import type { Command } from '../model/command.ts';
import type { ExecCommand, Execer, Process, ProcessStatus, Sink } from '../model/execer.ts';
import { isPending, whenThere, type MaybePromise } from '../model/maybe-promise.ts';
import type { Chunk } from '../model/output.ts';
import { type ProcessEnd, execStatus, NOT_FOUND } from './exec-status.ts';
import { closeSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { isRunnerError, messageOf } from '../kernel/errors.ts';
import type { TempDirs } from '../model/collaborators.ts';
import type { World } from '../model/world.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import { createOsExecer } from '../host/process/os-execer.ts';
import { realWorld } from '../host/real-world.ts';
import { createMemoryFiler } from '../filers/memory-filer.ts';
import { makeTempFolder, type TempFolder } from '../host/temp-folder.ts';
import { createNullOutputs } from '../outputs/null-output.ts';
import { createQueueRunner, type QueueRunnerOptions } from '../runners/queue/create-queue-runner.ts';
import { createRecorder, type Recorder } from '../runners/recording/recorder.ts';
import { OutputDisplay, runToEnd, showEvent } from './exec-display.ts';
import { openInput } from './exec-files.ts';
import { UsageError } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import type { RemoteExecOptions } from './remote-exec.ts';
import type { Terminal } from './terminal.ts';
import { requireTextArguments } from './typed-bytes.ts';

/** Called with each piece of output. */
export type ShowChunk = (stream: 'stdout' | 'stderr', chunk: Chunk) => void;

/**
 * Shows the output of processes while it is also written to their logs, and remembers how the last of them started and
 * ended.
 */
export class ShownExecer implements Execer, ProcessEnd {
  startError: unknown;
  end: ProcessStatus | undefined;
  passedMemoryCap = false;
  readonly cancelBoundMs: number;
  readonly #execer: Execer;
  readonly #show: ShowChunk;

  constructor(execer: Execer, show: ShowChunk) {
    this.cancelBoundMs = execer.cancelBoundMs;
    this.#execer = execer;
    this.#show = show;
  }

  check(command: Command): void {
    this.#execer.check?.(command);
  }

  /** Stays synchronous if the execer is: output must come after RUNNING. */
  exec(command: ExecCommand): MaybePromise<Process> {
    const failed = (error: unknown): never => {
      this.startError = error;
      throw error;
    };
    try {
      const started = this.#execer.exec({
        ...command,
        stdout: this.#shown('stdout', command.stdout),
        stderr: this.#shown('stderr', command.stderr),
        onMemoryReport: (report) => {
          this.passedMemoryCap = true;
          command.onMemoryReport?.(report);
        },
      });
      return isPending(started)
        ? started.then((process) => this.#watched(process), failed)
        : this.#watched(started);
    } catch (error) {
      return failed(error);
    }
  }

  #watched(process: Process): Process {
    return {
      wait: () => whenThere(process.wait(), (status) => this.#ended(status)),
      abort: () => process.abort(),
      hasEnded: () => process.hasEnded?.() === true,
    };
  }

  #ended(status: ProcessStatus): ProcessStatus {
    this.end = status;
    return status;
  }

  #shown(stream: 'stdout' | 'stderr', sink: Sink | undefined): Sink {
    return {
      write: (chunk) => {
        this.#show(stream, chunk);
        return sink?.write(chunk);
      },
    };
  }
}

/** Options as typed. */
export interface ExecCommandOptions extends Omit<RemoteExecOptions, 'remote'> {
  readonly trace?: string;
  readonly cwd?: string;
  /** Runs in a new empty directory. */
  readonly freshDir?: boolean;
  /** `inherit`, `null` or a file. */
  readonly stdin: string;
  readonly signal: NodeJS.Signals;
  /** Grace period between the stop signal and SIGKILL, in milliseconds. */
  readonly killAfter?: number;
  /** Memory cap in MiB. */
  readonly memory?: number;
  /** URL of the build cluster that runs the command. */
  readonly remote?: string;
}

const MIB = 1024 * 1024;
/** As for the temporary directories of other runners, in milliseconds. */
const FRESH_DIR_BOUND_MS = 5_000;

/** Options that apply only to a local process, and options that apply only to a cluster. */
const LOCAL_OPTIONS = ['signal', 'killAfter', 'memory', 'cwd', 'freshDir', 'stdin', 'trace'] as const;
const REMOTE_OPTIONS = [
  'input',
  'output',
  'env',
  'platform',
  'instance',
  'tokenFile',
  'tlsCa',
  'retries',
] as const;

/**
 * Runs the command and shows its statuses. Returns its exit code, or one of those of `timeout`, `env` and the shell.
 * `wasTyped` is true for options that were typed rather than left at their default.
 */
export async function execCommand(
  terminal: Terminal,
  argv: readonly string[],
  options: ExecCommandOptions,
  wasTyped: (option: string) => boolean,
): Promise<number> {
  const { remote } = options;
  const wrong = (remote === undefined ? REMOTE_OPTIONS : LOCAL_OPTIONS).find(wasTyped);
  if (wrong !== undefined) {
    const flag = wrong.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(`--${flag}: only ${remote === undefined ? 'with' : 'without'} --remote`);
  }
  requireTextArguments();
  if (argv[0] === '') {
    terminal.note('error: expected a program, got ""');
    return NOT_FOUND;
  }
  if (remote !== undefined) {
    // Loaded on demand to keep local start-up fast.
    const { remoteExec } = await import('./remote-exec.ts');
    return remoteExec(terminal, argv, { ...options, remote });
  }
  return execProgram(terminal, argv, options);
}

async function execProgram(
  terminal: Terminal,
  argv: readonly string[],
  options: ExecCommandOptions,
): Promise<number> {
  const { trace, timeout, json = false } = options;
  const directory = await workingDirectory(options);
  if (trace !== undefined) await requireTrace(trace, argv, directory, options);
  const interruption = new Interruption({ hasProcesses: true });
  const display = new OutputDisplay(terminal, json, { directory });
  const world = {
    ...realWorld(),
    tracer: { record: (event: TraceEvent) => showEvent(terminal, display, event, json) },
  };
  const stdin = await openInput(options.stdin, interruption);
  const os = createOsExecer({
    clock: world.clock,
    stdin,
    stopSignal: options.signal,
    ...(options.killAfter === undefined ? {} : { graceMs: options.killAfter }),
    memoryCapBytes: (options.memory ?? 0) * MIB,
    watchdog: true,
  });
  const execer = new ShownExecer(os, (stream, chunk) => display.show(stream, chunk));
  const recorder = trace === undefined ? undefined : createRecorder(world);
  const temporary = directory === undefined ? makeTempFolder('exec') : undefined;
  const tempDirs = temporary === undefined ? fixedDirectory(directory ?? '') : freshDirectory(temporary);
  const runner = createQueueRunner(world, { ...runnerParts(world), execer, recorder, tempDirs });
  try {
    const timeoutMs = timeout === undefined ? {} : { timeoutMs: timeout };
    terminal.onUnread(() => interruption.endUnread());
    const status = await runToEnd(terminal, runner, { argv, ...timeoutMs }, interruption);
    await runner.release();
    await writeRecording(trace, recorder, directory, interruption);
    return interruption.status ?? execStatus(status, execer);
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_INVALID_ARGUMENT')) throw new UsageError(error.message);
    throw error;
  } finally {
    try {
      await runner.release();
    } finally {
      await removeFresh(temporary, terminal);
      if (typeof stdin === 'number') closeSync(stdin);
      interruption.dispose();
    }
  }
}

/** Refuses a trace file that would overwrite the input or the program. */
async function requireTrace(
  path: string,
  [program = '']: readonly string[],
  directory: string | undefined,
  { stdin }: ExecCommandOptions,
): Promise<void> {
  const { requireOwnFile, requireWritable } = await import('./trace-target.ts');
  await requireWritable('--trace', path);
  // A program without a slash is looked up in PATH, and `inherit` and `null` are not files.
  const programs = program.includes('/') && directory !== undefined ? [resolve(directory, program)] : [];
  const inputs = ['inherit', 'null'].includes(stdin) ? [] : [stdin];
  await requireOwnFile('--trace', path, [...inputs, ...programs]);
}

/** Directory in which the command runs; undefined for a new one. */
async function workingDirectory({ cwd, freshDir = false }: ExecCommandOptions): Promise<string | undefined> {
  if (freshDir && cwd !== undefined) throw new UsageError('expected --cwd or --fresh-dir, got both');
  if (freshDir) return undefined;
  // An unset shell variable, most likely.
  if (cwd === '') throw new UsageError('--cwd: expected a directory, got an empty text');
  const refuse = (error: unknown): never => {
    throw new UsageError(`--cwd: ${resolve(cwd ?? '.')} cannot be entered: ${messageOf(error)}`);
  };
  // As the machine resolves it: in `link/..`, the folder above the one to which the link leads.
  const directory = cwd === undefined ? resolve('.') : await realpath(cwd).catch(refuse);
  const found = await stat(directory).catch(refuse);
  if (!found.isDirectory()) throw new UsageError(`--cwd: expected a directory, got ${directory}`);
  return directory;
}

/** Settings of every run: output is shown as it arrives, and run ids are unique. */
function runnerParts({
  random,
}: World): Pick<QueueRunnerOptions, 'name' | 'idPrefix' | 'filers' | 'outputs'> {
  return {
    name: 'exec',
    idPrefix: `${random.fork('incarnation').uint32().toString(16).padStart(8, '0')}-`,
    filers: new Map([['scoot', { filer: createMemoryFiler() }]]),
    outputs: createNullOutputs(),
  };
}

/** A directory that the runner neither creates nor removes. */
function fixedDirectory(path: string): TempDirs {
  return { boundMs: 0, create: () => ({ path, id: '', release: () => undefined }) };
}

function freshDirectory(folder: TempFolder): TempDirs {
  const release = (): Promise<void> => folder.remove();
  return { boundMs: FRESH_DIR_BOUND_MS, create: () => ({ path: folder.path, id: '', release }) };
}

/** Only reports a failure: the command has ended, and its exit code counts. */
async function removeFresh(folder: TempFolder | undefined, terminal: Terminal): Promise<void> {
  try {
    await folder?.remove();
  } catch (error) {
    terminal.note(`--fresh-dir: ${folder?.path ?? ''} could not be removed: ${messageOf(error)}`);
  }
}

async function writeRecording(
  path: string | undefined,
  recorder: Recorder | undefined,
  directory: string | undefined,
  interruption: Interruption,
): Promise<void> {
  if (path === undefined || recorder === undefined) return;
  const header = {
    host: hostname(),
    startedAt: new Date().toISOString(),
    ...(directory === undefined ? {} : { directory }),
  };
  // Loaded on demand to keep start-up fast.
  const { recordingLines } = await import('../trace/recording/recording-file.ts');
  const { writeTarget } = await import('./trace-target.ts');
  await writeTarget(path, recordingLines(recorder.recording(), header), interruption);
}
