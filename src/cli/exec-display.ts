/**
 * Shows a run of `exec` to its user, on this machine or on a cluster: its output, its statuses, and its end by a
 * signal.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../kernel/errors.ts';
import { onOneLine } from '../kernel/one-line.ts';
import type { Command } from '../model/command.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import type { Chunk } from '../model/output.ts';
import { notStartedReason } from '../model/end-text.ts';
import { hasField, isTerminal } from '../model/run-state.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { Service } from '../model/service.ts';
import { finalStatus } from '../model/status-lookup.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import type { Interruption } from './interruption.ts';
import { startHint } from './exec-status.ts';
import { formatSpan } from './quantity-text.ts';
import type { Terminal } from './terminal.ts';

/**
 * Decodes one stream whose bytes arrive in pieces; invalid UTF-8 becomes U+FFFD. Invariant: the pieces of text together
 * equal the text of all the bytes, wherever these were cut.
 */
export class StreamText {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** Returns the text that is complete with this piece; the first bytes of an incomplete character are held back. */
  add(chunk: Chunk): string {
    return typeof chunk === 'string' ? this.end() + chunk : this.#decoder.decode(chunk, { stream: true });
  }

  /** Returns the text for bytes still held back, when the stream has ended. */
  end(): string {
    return this.#decoder.decode();
  }
}

type StreamName = 'stdout' | 'stderr';

/** How often to check whether the output has been read. */
export const READER_POLL_MS = 20;
/** How much of the output waits in memory for its reader, about. */
const UNREAD_BYTES_MAX = 8 * 1024 * 1024;

/** Shows the output of the command: its bytes unchanged, or as text with `--json`. */
export class OutputDisplay {
  readonly #terminal: Terminal;
  readonly #texts: Readonly<Record<StreamName, StreamText>> | undefined;
  /** True if the command runs on a cluster. */
  readonly isRemote: boolean;
  /** The directory in which it runs here; undefined for a new one, and on a cluster. */
  readonly directory: string | undefined;

  constructor(
    terminal: Terminal,
    json: boolean,
    {
      isRemote = false,
      directory,
    }: { readonly isRemote?: boolean; readonly directory?: string | undefined } = {},
  ) {
    this.#terminal = terminal;
    this.isRemote = isRemote;
    this.directory = directory;
    this.#texts = json ? { stdout: new StreamText(), stderr: new StreamText() } : undefined;
  }

  show(stream: StreamName, chunk: Chunk): void {
    if (this.#texts === undefined) this.#terminal.raw(stream, chunk);
    else this.#line(stream, this.#texts[stream].add(chunk));
  }

  /** As {@link show}; if so much then waits for its reader, resolves once that is read or `isOver`. */
  showHeldUp(stream: StreamName, chunk: Chunk, isOver: () => boolean): MaybePromise<void> {
    this.show(stream, chunk);
    return this.isFull(stream) ? this.#untilRead(stream, isOver) : undefined;
  }

  async #untilRead(stream: StreamName, isOver: () => boolean): Promise<void> {
    while (this.isFull(stream) && !isOver()) await pause(READER_POLL_MS);
  }

  /** True while so much waits for its reader that the command should not write to this stream. */
  isFull(stream: StreamName): boolean {
    const shownOn = this.#texts === undefined ? stream : 'stdout';
    return this.#terminal.unreadBytesOf(shownOn) > UNREAD_BYTES_MAX;
  }

  /** Must be called when all output has arrived. */
  end(): void {
    if (this.#texts === undefined) return;
    this.#line('stdout', this.#texts.stdout.end());
    this.#line('stderr', this.#texts.stderr.end());
  }

  #line(stream: StreamName, text: string): void {
    if (text !== '') this.#terminal.json({ type: 'output', stream, text });
  }
}

/** What a remote runner does after a failure that does not end the run. */
function againText({ what, isRepeated }: Extract<TraceEvent, { readonly type: 'recorded' }>): string {
  if (isRepeated === true) return ' is executed again';
  return what === 'watch' ? ' is tried again' : '';
}

/** Shows the events of a run, except its output. */
export function showEvent(
  terminal: Terminal,
  display: OutputDisplay,
  event: TraceEvent,
  json: boolean,
): void {
  // The status of a command that was not started repeats why.
  if (event.type === 'recorded' && notStartedReason(event.error) === undefined) {
    terminal.note(`${event.what}${againText(event)}: ${onOneLine(event.error)}`);
  }
  if (event.type !== 'status') return;
  // The end of a run must come after all of its output.
  if (isTerminal(event.status.state)) display.end();
  const { state, error } = event.status;
  const end = hasField(state, 'exitCode') ? event.status.exitCode : undefined;
  if (json) {
    terminal.json({
      type: 'status',
      atMs: event.at,
      ...event.status,
      // A program would read the zero of a run that has none as success.
      exitCode: end,
      // The output is on lines of its own, and the log files that these fields could name do not exist.
      stdoutRef: undefined,
      stderrRef: undefined,
    });
    return;
  }
  terminal.note(
    `${formatSpan(event.at).padStart(8)}  ${state}${end === undefined ? '' : ` ${end}`}${error === '' ? '' : `  ${onOneLine(error)}`}${startHint(event.status, display)}`,
  );
}

/** Runs a command until it has ended; a signal aborts the run. */
export async function runToEnd(
  terminal: Terminal,
  runner: Service,
  command: Command,
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
