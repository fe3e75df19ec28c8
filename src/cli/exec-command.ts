/** `dryrunner exec`: one real command through the exec runner. Ctrl-C stops it with all its children. */
import type { TraceEvent } from '../model/trace-event.ts';
import { isRunnerError } from '../kernel/errors.ts';
import { isTerminal } from '../model/run-state.ts';
import type { RunStatus } from '../model/run-status.ts';
import { finalStatus } from '../model/status-lookup.ts';
import { createExecRunner } from '../host/exec-runner.ts';
import { createOsExecer } from '../host/os-execer.ts';
import { realWorld } from '../host/real-world.ts';
import { EXIT_STATUS, UsageError, type ExitStatus } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import { formatSpan } from './quantity-text.ts';
import { showOutput } from './shown-execer.ts';
import type { Terminal } from './terminal.ts';

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
  { timeout, json = false }: ExecCommandOptions,
): Promise<ExitStatus> {
  const interruption = new Interruption();
  const plain = realWorld();
  const show = (event: TraceEvent): void => {
    if (event.type === 'status') showStatus(terminal, event.status, event.at, json);
    if (event.type === 'recorded') terminal.note(`${event.what}: ${event.error}`);
  };
  const world = { ...plain, tracer: { record: show } };
  const execer = showOutput(createOsExecer({ clock: world.clock }), (stream, chunk) => {
    if (json)
      terminal.json({
        type: 'output',
        stream,
        text: typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'),
      });
    else terminal.raw(stream, chunk);
  });
  const runner = createExecRunner({ world, execer });
  try {
    const { runId } = await runner.run({ argv, ...(timeout === undefined ? {} : { timeoutMs: timeout }) });
    const abort = (): void => void runner.abort(runId).catch(() => undefined);
    interruption.signal.addEventListener('abort', abort);
    if (interruption.requested) abort();
    const { status } = await finalStatus(runner, runId);
    if (interruption.requested) return EXIT_STATUS.INTERRUPTED;
    return status.state === 'COMPLETE' && status.exitCode === 0 ? EXIT_STATUS.HELD : EXIT_STATUS.FAILED;
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_INVALID_ARGUMENT')) throw new UsageError(error.message);
    throw error;
  } finally {
    await runner.release();
    await runner.outputs.dispose();
    interruption.dispose();
  }
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
