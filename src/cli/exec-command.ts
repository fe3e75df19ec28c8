/** `dryrunner exec`: one real command through the exec runner. Ctrl-C stops it with all its children. */
import { hostname } from 'node:os';
import type { TraceEvent } from '../model/trace-event.ts';
import { isRunnerError, messageOf } from '../kernel/errors.ts';
import type { Chunk } from '../model/output.ts';
import { isTerminal } from '../model/run-state.ts';
import type { RunStatus } from '../model/run-status.ts';
import { finalStatus } from '../model/status-lookup.ts';
import { createExecRunner } from '../host/exec-runner.ts';
import { createOsExecer } from '../host/os-execer.ts';
import { realWorld } from '../host/real-world.ts';
import { writeTraceFile } from '../host/trace-file.ts';
import { requireWritable } from './trace-target.ts';
import type { Recording } from '../model/recording.ts';
import { createRecorder } from '../runners/recorder.ts';
import { recordingLines } from '../trace/recording-file.ts';
import { EXIT_STATUS, UsageError, type ExitStatus } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import { formatSpan } from './quantity-text.ts';
import { showOutput } from './shown-execer.ts';
import { StreamText } from './stream-text.ts';
import type { Terminal } from './terminal.ts';

type StreamName = 'stdout' | 'stderr';

/** Options as typed. */
export interface ExecCommandOptions {
  readonly timeout?: number;
  readonly trace?: string;
  readonly json?: boolean;
}

/** Runs the command and prints its statuses; 0 if it completed with exit code 0. */
export async function execCommand(
  terminal: Terminal,
  argv: readonly string[],
  { timeout, trace, json = false }: ExecCommandOptions,
): Promise<ExitStatus> {
  if (trace !== undefined) await requireWritable(trace);
  const interruption = new Interruption({ hasProcesses: true });
  const plain = realWorld();
  const display = new OutputDisplay(terminal, json);
  const show = (event: TraceEvent): void => {
    if (event.type === 'status') {
      // The end of a run comes after all of its output.
      if (isTerminal(event.status.state)) display.end();
      showStatus(terminal, event.status, event.at, json);
    }
    if (event.type === 'recorded') terminal.note(`${event.what}: ${event.error}`);
  };
  const world = { ...plain, tracer: { record: show } };
  const recorder = createRecorder(world);
  const os = createOsExecer({ clock: world.clock });
  const execer = showOutput(os, (stream, chunk) => display.show(stream, chunk));
  const runner = createExecRunner({ world, execer, recorder });
  try {
    const { runId } = await runner.run({ argv, ...(timeout === undefined ? {} : { timeoutMs: timeout }) });
    const abort = (): void =>
      void runner.abort(runId).catch((error: unknown) => terminal.note(messageOf(error)));
    interruption.signal.addEventListener('abort', abort);
    if (interruption.requested) abort();
    const { status } = await finalStatus(runner, runId);
    if (trace !== undefined) await writeRecording(trace, recorder.recording());
    if (interruption.status !== undefined) return interruption.status;
    return status.state === 'COMPLETE' && status.exitCode === 0 ? EXIT_STATUS.HELD : EXIT_STATUS.FAILED;
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_INVALID_ARGUMENT') || isRunnerError(error, 'RUNNER_OUTPUT_FAILED')) {
      throw new UsageError(error.message);
    }
    throw error;
  } finally {
    await runner.release();
    await runner.outputs.dispose();
    interruption.dispose();
  }
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

async function writeRecording(path: string, recording: Recording): Promise<void> {
  await writeTraceFile(
    path,
    recordingLines(recording, { host: hostname(), startedAt: new Date().toISOString() }),
  );
}

function showStatus(terminal: Terminal, status: RunStatus, atMs: number, json: boolean): void {
  if (json) {
    terminal.json({ type: 'status', atMs, ...status });
    return;
  }
  const { state, exitCode, error } = status;
  const end = isTerminal(state) && (state === 'COMPLETE' || state === 'FAILED') ? ` ${exitCode}` : '';
  terminal.note(`${formatSpan(atMs).padStart(8)}  ${state}${end}${error === '' ? '' : `  ${error}`}`);
}
