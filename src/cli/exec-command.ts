/**
 * `dryrunner exec`: one real command through the exec runner, in place of `timeout` or `env`. Invariants: the exit code is what those
 * and the shell would give; a signal stops the command with all its children before this process ends.
 */
import type { Command } from '../model/command.ts';
import type { ExecCommand, Execer, Process, ProcessStatus, Sink } from '../model/execer.ts';
import { isPending, whenThere, type MaybePromise } from '../model/maybe-promise.ts';
import type { Chunk } from '../model/output.ts';
import { type ProcessEnd, execStatus, NOT_FOUND } from './exec-status.ts';
import { closeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { isRunnerError, messageOf } from '../kernel/errors.ts';
import type { TempDirs } from '../model/collaborators.ts';
import { hasField, isTerminal } from '../model/run-state.ts';
import type { RunStatus } from '../model/run-status.ts';
import { finalStatus } from '../model/status-lookup.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import { createExecRunner, type ExecRunner } from '../host/exec-runner.ts';
import { createOsExecer } from '../host/process/os-execer.ts';
import { realWorld } from '../host/real-world.ts';
import { createRecorder, type Recorder } from '../runners/recording/recorder.ts';
import { openInput, watchFolder } from './exec-files.ts';
import { UsageError } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import { formatSpan } from './quantity-text.ts';
import type { Terminal } from './terminal.ts';

/** Gets the output, piece by piece. */
export type ShowChunk = (stream: 'stdout' | 'stderr', chunk: Chunk) => void;

/** Shows what processes write while it goes into their logs, and remembers how the last of them started and ended. */
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

  /** An answer that is there at once stays so: output comes after RUNNING. */
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

/**
 * The text of one stream whose bytes come in pieces; what is not UTF-8 reads as U+FFFD. Invariant: the pieces of text together are the text of
 * all the bytes, wherever those were cut.
 */
export class StreamText {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** The text that is complete with this piece; the first bytes of a character wait for the rest. */
  add(chunk: Chunk): string {
    return typeof chunk === 'string' ? this.end() + chunk : this.#decoder.decode(chunk, { stream: true });
  }

  /** What still waits, once nothing comes any more. */
  end(): string {
    return this.#decoder.decode();
  }
}

type StreamName = 'stdout' | 'stderr';

/** Options as typed. */
export interface ExecCommandOptions {
  /** Milliseconds. */
  readonly timeout?: number;
  readonly trace?: string;
  readonly json?: boolean;
  readonly cwd?: string;
  /** Runs in a new empty directory. */
  readonly freshDir?: boolean;
  /** `inherit`, `null` or a file. */
  readonly stdin: string;
  readonly signal: NodeJS.Signals;
  /** Milliseconds. */
  readonly killAfter?: number;
  /** MiB. */
  readonly memory?: number;
}

const MIB = 1024 * 1024;

/** Runs the command and shows its statuses; gives its exit code, or one of `timeout`, `env` and the shell. */
export async function execCommand(
  terminal: Terminal,
  argv: readonly string[],
  options: ExecCommandOptions,
): Promise<number> {
  if (argv[0] === '') {
    terminal.note('error: expected a program, got ""');
    return NOT_FOUND;
  }
  const tidyTempRoot = watchFolder(tmpdir());
  try {
    return await execProgram(terminal, argv, options);
  } finally {
    tidyTempRoot();
  }
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
  const display = new OutputDisplay(terminal, json);
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
  });
  const execer = new ShownExecer(os, (stream, chunk) => display.show(stream, chunk));
  const recorder = trace === undefined ? undefined : createRecorder(world);
  const runner = createExecRunner({
    world,
    execer,
    recorder,
    ...(directory === undefined ? {} : { tempDirs: fixedDirectory(directory) }),
  });
  try {
    const timeoutMs = timeout === undefined ? {} : { timeoutMs: timeout };
    const status = await runToEnd(terminal, runner, { argv, ...timeoutMs }, interruption);
    await runner.release();
    await writeRecording(trace, recorder, directory, interruption);
    return interruption.status ?? execStatus(status, execer);
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_INVALID_ARGUMENT') || isRunnerError(error, 'RUNNER_OUTPUT_FAILED')) {
      throw new UsageError(error.message);
    }
    throw error;
  } finally {
    await runner.release();
    await runner.outputs.dispose();
    if (typeof stdin === 'number') closeSync(stdin);
    interruption.dispose();
  }
}

async function runToEnd(
  terminal: Terminal,
  runner: ExecRunner,
  command: { readonly argv: readonly string[]; readonly timeoutMs?: number },
  interruption: Interruption,
): Promise<RunStatus> {
  const { runId } = await runner.run(command);
  const abort = (): void => {
    runner.abort(runId).catch((error: unknown) => terminal.note(messageOf(error)));
  };
  interruption.signal.addEventListener('abort', abort);
  if (interruption.requested) abort();
  try {
    return (await finalStatus(runner, runId)).status;
  } finally {
    interruption.signal.removeEventListener('abort', abort);
  }
}

/** Neither the input nor the program is overwritten. */
async function requireTrace(
  path: string,
  [program = '']: readonly string[],
  directory: string | undefined,
  { stdin }: ExecCommandOptions,
): Promise<void> {
  const { requireOwnFile, requireWritable } = await import('./trace-target.ts');
  await requireWritable('--trace', path);
  // A program without a slash is looked up elsewhere, and `inherit` and `null` are no files.
  const programs = program.includes('/') && directory !== undefined ? [resolve(directory, program)] : [];
  const inputs = ['inherit', 'null'].includes(stdin) ? [] : [stdin];
  await requireOwnFile('--trace', path, [...inputs, ...programs]);
}

/** Where the command runs; undefined for a new directory of its own. */
async function workingDirectory({ cwd, freshDir = false }: ExecCommandOptions): Promise<string | undefined> {
  if (freshDir && cwd !== undefined) throw new UsageError('expected --cwd or --fresh-dir, got both');
  if (freshDir) return undefined;
  const directory = resolve(cwd ?? '.');
  const found = await stat(directory).catch((error: unknown) => {
    throw new UsageError(`--cwd: ${directory} cannot be entered: ${messageOf(error)}`);
  });
  if (!found.isDirectory()) throw new UsageError(`--cwd: expected a directory, got ${directory}`);
  return directory;
}

/** Not the runner's to make or remove. */
function fixedDirectory(path: string): TempDirs {
  return { boundMs: 0, create: () => ({ path, id: '', release: () => undefined }) };
}

/** Shows what the command writes: its bytes as they are, or with `--json` as text. */
class OutputDisplay {
  readonly #terminal: Terminal;
  readonly #texts: Readonly<Record<StreamName, StreamText>> | undefined;

  constructor(terminal: Terminal, json: boolean) {
    this.#terminal = terminal;
    this.#texts = json ? { stdout: new StreamText(), stderr: new StreamText() } : undefined;
  }

  show(stream: StreamName, chunk: Chunk): void {
    if (this.#texts === undefined) this.#terminal.raw(stream, chunk);
    else this.#line(stream, this.#texts[stream].add(chunk));
  }

  /** Nothing comes any more. */
  end(): void {
    if (this.#texts === undefined) return;
    this.#line('stdout', this.#texts.stdout.end());
    this.#line('stderr', this.#texts.stderr.end());
  }

  #line(stream: StreamName, text: string): void {
    if (text !== '') this.#terminal.json({ type: 'output', stream, text });
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
  // Loaded for those who ask for it: a command that only runs starts the sooner.
  const { recordingLines } = await import('../trace/recording/recording-file.ts');
  const { writeTarget } = await import('./trace-target.ts');
  await writeTarget(path, recordingLines(recorder.recording(), header), interruption);
}

function showEvent(terminal: Terminal, display: OutputDisplay, event: TraceEvent, json: boolean): void {
  if (event.type === 'recorded') terminal.note(`${event.what}: ${event.error}`);
  if (event.type !== 'status') return;
  // The end of a run comes after all of its output.
  if (isTerminal(event.status.state)) display.end();
  if (json) {
    terminal.json({ type: 'status', atMs: event.at, ...event.status });
    return;
  }
  const { state, exitCode, error } = event.status;
  const end = hasField(state, 'exitCode') ? ` ${exitCode}` : '';
  terminal.note(`${formatSpan(event.at).padStart(8)}  ${state}${end}${error === '' ? '' : `  ${error}`}`);
}
