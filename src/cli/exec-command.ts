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
import { setTimeout as pause } from 'node:timers/promises';
import { isRunnerError, messageOf } from '../kernel/errors.ts';
import { TIMER_MS_MAX } from '../kernel/int32.ts';
import type { TempDirs } from '../model/collaborators.ts';
import type { World } from '../model/world.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { RecordingHeader } from '../trace/trace-header.ts';
import { createOsExecer } from '../host/process/os-execer.ts';
import { realWorld } from '../host/real-world.ts';
import { createMemoryFiler } from '../filers/memory-filer.ts';
import { makeTempFolder, type TempFolder } from '../host/temp-folder.ts';
import { createNullOutputs } from '../outputs/null-output.ts';
import { createQueueRunner, type QueueRunnerOptions } from '../runners/queue/create-queue-runner.ts';
import { createRecorder, type Recorder } from '../runners/recording/recorder.ts';
import { OutputDisplay, READER_POLL_MS, runToEnd, showEvent } from './exec-display.ts';
import { openInput } from './exec-files.ts';
import { UsageError } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import type { RemoteExecOptions } from './remote-exec.ts';
import type { Terminal } from './terminal.ts';
import { requireTextArguments } from './typed-bytes.ts';

/** Takes the output of a process to those who read it. */
interface ShownOutput {
  show(stream: 'stdout' | 'stderr', chunk: Chunk): void;
  /** True while the process should not write to that stream, because its output is not read. */
  isFull(stream: 'stdout' | 'stderr'): boolean;
}

/**
 * Shows the output of processes while it is also written to their logs, and remembers how the last of them started and
 * ended. Invariant: a process whose output is not read is held up, as by a full pipe; one that is stopped is not, nor is
 * what a process has left in its pipe.
 */
export class ShownExecer implements Execer, ProcessEnd {
  startError: unknown;
  end: ProcessStatus | undefined;
  passedMemoryCap = false;
  readonly cancelBoundMs: number;
  readonly #execer: Execer;
  readonly #output: ShownOutput;
  #process: Process | undefined;

  constructor(execer: Execer, output: ShownOutput) {
    this.cancelBoundMs = execer.cancelBoundMs;
    this.#execer = execer;
    this.#output = output;
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
    this.#process = process;
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
        this.#output.show(stream, chunk);
        const written = sink?.write(chunk);
        return this.#isHeldUp(stream) ? this.#untilRead(stream, written) : written;
      },
    };
  }

  #isHeldUp(stream: 'stdout' | 'stderr'): boolean {
    return this.#output.isFull(stream) && this.#process?.hasEnded?.() !== true;
  }

  async #untilRead(stream: 'stdout' | 'stderr', written: MaybePromise<void>): Promise<void> {
    await written;
    while (this.#isHeldUp(stream)) await pause(READER_POLL_MS);
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
  const { timeout, json = false } = options;
  const directory = await workingDirectory(options);
  if (options.trace !== undefined) await requireTrace(options.trace, argv, directory, options);
  const interruption = new Interruption({ hasProcesses: true });
  const display = new OutputDisplay(terminal, json, { directory });
  const world = {
    ...realWorld(),
    tracer: { record: (event: TraceEvent) => showEvent(terminal, display, event, json) },
  };
  const stdin = await openInput(options.stdin, interruption);
  const execer = new ShownExecer(programExecer(world, stdin, options), display);
  const trace = options.trace === undefined ? undefined : beginTrace(options.trace, world, directory);
  const temporary = directory === undefined ? makeTempFolder('exec') : undefined;
  const tempDirs = temporary === undefined ? fixedDirectory(directory ?? '') : freshDirectory(temporary);
  const runner = createQueueRunner(world, {
    ...runnerParts(world),
    execer,
    recorder: trace?.recorder,
    tempDirs,
  });
  try {
    const timeoutMs = timeout === undefined ? {} : { timeoutMs: timeout };
    terminal.onUnread(() => interruption.endUnread());
    const status = await runToEnd(terminal, runner, { argv, ...timeoutMs }, interruption);
    await runner.release();
    const code = interruption.status ?? execStatus(status, execer);
    if (trace !== undefined) await writeRecording(terminal, code, trace, interruption);
    return interruption.status ?? code;
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

function programExecer(
  { clock }: World,
  stdin: 'inherit' | 'null' | number,
  { signal, killAfter, memory = 0 }: ExecCommandOptions,
): Execer {
  return createOsExecer({
    clock,
    stdin,
    stopSignal: signal,
    ...(killAfter === undefined ? {} : { graceMs: killAfter }),
    memoryCapBytes: memory * MIB,
    // The reader of the output takes its time.
    sinkGraceMs: TIMER_MS_MAX,
    watchdog: true,
  });
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

/** A recording in progress, and the file that it is for. */
interface Trace {
  readonly path: string;
  readonly recorder: Recorder;
  readonly header: Omit<RecordingHeader, 'kind'>;
}

function beginTrace(path: string, world: World, directory: string | undefined): Trace {
  const startedAt = new Date().toISOString();
  const header = { host: hostname(), startedAt, ...(directory === undefined ? {} : { directory }) };
  return { path, recorder: createRecorder(world), header };
}

async function writeRecording(
  terminal: Terminal,
  code: number,
  { path, recorder, header }: Trace,
  interruption: Interruption,
): Promise<void> {
  // Loaded on demand to keep start-up fast.
  const { recordingLines } = await import('../trace/recording/recording-file.ts');
  const { writeAfterResult, writeTarget } = await import('./trace-target.ts');
  const lines = recordingLines(recorder.recording(), header);
  await writeAfterResult(terminal, code, () => writeTarget(path, lines, interruption));
}
