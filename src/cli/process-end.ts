/**
 * How the process ends. Invariants: its exit code is that of the command, whatever a module or a scenario does to it; one that ends the
 * process itself is named, and never ends it with 0; the process ends once its output is written, whatever a module has left open.
 */
import { userFrameOf } from '../explore/explain/source-place.ts';
import { messageOf, stackOf } from '../kernel/errors.ts';
import { chooseExitCode, chosenExitCode, endProcess, EXIT_STATUS } from './exit-status.ts';
import { holdsForeignModule, lastForeignCode } from './user-code.ts';
import { shownFrame } from './source-line.ts';
import type { Terminal } from './terminal.ts';

/** What is left open may still close by itself for this long: no verdict depends on it. */
const LEFT_OPEN_MS = 250;

/** Watches over the end of this process from now on. */
export function watchProcessEnd(terminal: Terminal): void {
  const onExit = (exitCode: number): void => {
    chooseExitCode(chosenExitCode() ?? codeOfForeignEnd(terminal, exitCode));
  };
  process.on('exit', onExit);
  guardReallyExit(terminal);
  process.on('uncaughtException', (error) => onStray(terminal, 'uncaughtException', error));
  process.on('unhandledRejection', (reason) => onStray(terminal, 'unhandledRejection', reason));
  // Nothing left to wait for, and yet not done: something that was loaded awaits what nobody will settle.
  process.once('beforeExit', () => {
    if (chosenExitCode() !== undefined) return;
    const status = Number(process.exitCode ?? 0);
    if (status === 0) terminal.note('error: what was loaded awaits a promise that nobody will settle');
    chooseExitCode(status === 0 ? EXIT_STATUS.USAGE : status);
  });
}

/** What `process.exit` ends with, after the listeners of `exit`: any module can remove those. */
function guardReallyExit(terminal: Terminal): void {
  const ending = process as unknown as { reallyExit(code?: number): never };
  const reallyExit = ending.reallyExit.bind(process);
  ending.reallyExit = (code = 0) => reallyExit(chosenExitCode() ?? codeOfForeignEnd(terminal, code));
}

/** The command is done: its output is written, then the process ends with this code. */
export async function finishProcess(terminal: Terminal, status: number): Promise<void> {
  chooseExitCode(status);
  if (!holdsForeignModule()) return;
  // Last of all, so that no listener of a module's has the last word.
  process.on('exit', () => {
    chooseExitCode(chosenExitCode() ?? status);
  });
  await terminal.flush();
  setTimeout(() => {
    const left = [...new Set(process.getActiveResourcesInfo())].filter((name) => !STDIO.test(name));
    terminal.note(`what was loaded left real timers or handles open: ${left.join(', ')}`);
    endProcess(status);
  }, LEFT_OPEN_MS).unref();
}

/** Of the streams of this process. */
const STDIO = /^(TTY|Pipe)Wrap$/;

function codeOfForeignEnd(terminal: Terminal, exitCode: number): number {
  const foreign = lastForeignCode();
  if (foreign === undefined) return exitCode;
  terminal.note(`error: ${foreign.name} called process.exit(${exitCode})`);
  return foreign.status;
}

type StrayEvent = 'uncaughtException' | 'unhandledRejection';

function onStray(terminal: Terminal, event: StrayEvent, error: unknown): void {
  // Callers that run a scenario make it the failure of that scenario.
  if (process.listenerCount(event) > 1) return;
  const foreign = lastForeignCode();
  if (foreign === undefined) {
    terminal.note(stackOf(error) ?? messageOf(error));
    endProcess(EXIT_STATUS.FAILED);
  }
  const what = event === 'uncaughtException' ? 'uncaught exception' : 'unhandled rejection';
  const frame = userFrameOf(error);
  const place = frame === undefined ? '' : ` (at ${shownFrame(frame)})`;
  terminal.note(`error: ${foreign.name}: ${what}: ${messageOf(error)}${place}`);
  endProcess(foreign.status);
}
