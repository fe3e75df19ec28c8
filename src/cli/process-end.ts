/**
 * How the process ends. Invariants: its exit code is that of the command, whatever a module or a scenario does to it;
 * user code that ends the process itself is named, and never ends it with 0; once the output is written the process
 * ends, whatever a module has left open.
 */
import { userFrameOf } from '../explore/explain/source-place.ts';
import { messageOf, stackOf } from '../kernel/errors.ts';
import { performance, setTimeout } from '../threads/real-timers.ts';
import { chooseExitCode, chosenExitCode, endProcess, EXIT_STATUS, type ExitStatus } from './exit-status.ts';
import { awaitedCode, endedBy, holdsForeignModule, lastForeignCode } from './user-code.ts';
import { FILE_REQUEST } from './settled-files.ts';
import { shownFrame } from './source-line.ts';
import type { Terminal } from './terminal.ts';

/** Grace period in milliseconds for what is left open; no verdict depends on it. */
const LEFT_OPEN_MS = 250;
/** The same for file requests alone: they end by themselves, as soon as the disk and the machine have time for them. */
const LEFT_REQUESTS_MS = 10_000;

/** The exit code for a failure of the command line itself: `usual`, unless the command leaves low codes to another. */
type OwnFailure = (usual: ExitStatus) => number;

/** Watches the end of this process from now on. */
export function watchProcessEnd(terminal: Terminal, ownFailure: OwnFailure): void {
  const onExit = (exitCode: number): void => {
    chooseExitCode(chosenExitCode() ?? codeOfForeignEnd(terminal, exitCode));
  };
  process.on('exit', onExit);
  guardReallyExit(terminal);
  const failed = ownFailure(EXIT_STATUS.FAILED);
  process.on('uncaughtException', (error) => onStray(terminal, 'uncaughtException', error, failed));
  process.on('unhandledRejection', (reason) => onStray(terminal, 'unhandledRejection', reason, failed));
  // The event loop is empty but the command is not done: loaded code awaits a promise that will never settle.
  process.once('beforeExit', () => {
    if (chosenExitCode() !== undefined) return;
    const status = Number(process.exitCode ?? 0);
    if (status !== 0) chooseExitCode(status);
    else {
      const foreign = lastForeignCode();
      terminal.note(`error: ${awaitedCode()} awaits a promise that nobody will settle`);
      chooseExitCode(
        foreign === undefined
          ? ownFailure(EXIT_STATUS.USAGE)
          : endedBy({ ...foreign, status: EXIT_STATUS.USAGE }),
      );
    }
  });
}

/**
 * Guards `process.reallyExit`, which `process.exit` calls after the `exit` listeners; those could be removed by any
 * module.
 */
function guardReallyExit(terminal: Terminal): void {
  const ending = process as unknown as { reallyExit(code?: number): never };
  const reallyExit = ending.reallyExit.bind(process);
  ending.reallyExit = (code = 0) => reallyExit(chosenExitCode() ?? codeOfForeignEnd(terminal, code));
}

/** Ends the command: writes its output, then ends the process with this code. */
export async function finishProcess(terminal: Terminal, status: number): Promise<void> {
  chooseExitCode(status);
  if (!holdsForeignModule()) return;
  // Registered last, so that no listener of a module overrides the code.
  process.on('exit', () => {
    chooseExitCode(chosenExitCode() ?? status);
  });
  await terminal.flush();
  const deadlineMs = performance.now() + LEFT_REQUESTS_MS;
  let hasSeenNothing = false;
  const endUnlessBusy = (): void => {
    const left = [...new Set(process.getActiveResourcesInfo())].filter((name) => !STDIO.test(name));
    const isOnlyFiles = left.length > 0 && left.every((name) => FILE_REQUEST.test(name));
    // What was left may have ended in this very turn; nothing keeps the process from ending after it.
    const mayEnd = left.length === 0 && !hasSeenNothing;
    hasSeenNothing = left.length === 0;
    if (mayEnd || (isOnlyFiles && performance.now() < deadlineMs)) {
      setTimeout(endUnlessBusy, LEFT_OPEN_MS).unref();
      return;
    }
    const names = left.length === 0 ? 'a pipe or a standard stream' : left.join(', ');
    terminal.note(`what was loaded left real timers or handles open: ${names}`);
    endProcess(status);
  };
  setTimeout(endUnlessBusy, LEFT_OPEN_MS).unref();
}

/** Handles of the standard streams. */
const STDIO = /^(TTY|Pipe)Wrap$/;

function codeOfForeignEnd(terminal: Terminal, exitCode: number): number {
  const foreign = lastForeignCode();
  if (foreign === undefined) return exitCode;
  terminal.note(`error: ${foreign.name} called process.exit(${exitCode})`);
  return endedBy(foreign);
}

type StrayEvent = 'uncaughtException' | 'unhandledRejection';

/** `failed` is the exit code for an error of this package itself. */
function onStray(terminal: Terminal, event: StrayEvent, error: unknown, failed: number): void {
  // Callers that run a scenario have a listener too, and report this as a failure of the scenario.
  if (process.listenerCount(event) > 1) return;
  const foreign = lastForeignCode();
  if (foreign === undefined) {
    terminal.note(stackOf(error) ?? messageOf(error));
    endProcess(failed);
  }
  const what = event === 'uncaughtException' ? 'uncaught exception' : 'unhandled rejection';
  const frame = userFrameOf(error);
  const place = frame === undefined ? '' : ` (at ${shownFrame(frame)})`;
  terminal.note(`error: ${foreign.name}: ${what}: ${messageOf(error)}${place}`);
  endProcess(endedBy(foreign));
}
