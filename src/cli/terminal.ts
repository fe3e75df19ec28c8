/** Output of the command line: people read stderr and stdout, programs read stdout alone. */
import { writeSync } from 'node:fs';
import { messageOf } from '../kernel/errors.ts';
import { escaped, onOneLine } from '../kernel/one-line.ts';
import { cutToWidth } from '../kernel/text-width.ts';
import { endProcess, EXIT_STATUS, exitByHangUp, type ExitStatus } from './exit-status.ts';
import { painted, type Style, styled } from './styled-text.ts';

/** In bytes. */
const LINE_FEED = 10;

type StreamName = 'stdout' | 'stderr';

/** The two output streams, and whether a person is watching. */
export class Terminal {
  readonly #out: NodeJS.WriteStream;
  readonly #err: NodeJS.WriteStream;
  #lostStatus: number;
  /** Their own methods: those of `process` may be replaced. */
  readonly #writers: Readonly<Record<StreamName, NodeJS.WriteStream['write']>>;
  /** True while the loss of a stream's reader does not end the process. */
  #endsAfter = false;
  #onUnread: (() => void) | undefined;
  readonly #gone = new Set<StreamName>();
  /** True if the last raw output on stderr did not end its line. */
  #isMidLine = false;

  /** `lostStatus` is the exit code if a stream cannot be written for a reason other than a missing reader. */
  constructor({ lostStatus }: { readonly lostStatus: number }) {
    this.#out = process.stdout;
    this.#err = process.stderr;
    this.#writers = { stdout: this.#out.write.bind(this.#out), stderr: this.#err.write.bind(this.#err) };
    this.#lostStatus = lostStatus;
    this.#out.on('error', (error: NodeJS.ErrnoException) => this.#lost('stdout', error));
    this.#err.on('error', (error: NodeJS.ErrnoException) => this.#lost('stderr', error));
  }

  /** A failure is to be reported: the exit code says so even if the report cannot be written. */
  noteFailure(): void {
    this.noteResult(EXIT_STATUS.FAILED);
  }

  /** A result is to be reported: unless all held, its exit code stays even if the report cannot be written. */
  noteResult(status: ExitStatus): void {
    if (status !== EXIT_STATUS.HELD) this.#lostStatus = status;
  }

  /** Keeps stdout for what this object prints: what others print there, as `console.log` does, goes to stderr. */
  reserveOutput(): void {
    this.#out.write = this.#writers.stderr;
  }

  /**
   * The stream can no longer be written: ends the process as a closed pipe ends other commands, or reports the reason
   * if the other stream still works.
   */
  #lost(stream: StreamName, error: NodeJS.ErrnoException): void {
    const { isTTY } = stream === 'stdout' ? this.#out : this.#err;
    // A closed terminal fails with EIO, as a broken disk does.
    const isHungUp = error.code === 'EIO' && isTTY;
    if (isHungUp) exitByHangUp();
    if (this.#endsAfter && error.code === 'EPIPE') {
      const isFirst = this.#gone.size === 0;
      this.#gone.add(stream);
      if (isFirst) this.#onUnread?.();
      return;
    }
    if (isHungUp || error.code === 'EPIPE') this.#endClosed();
    if (stream === 'stdout') process.stderr.write(`error: stdout cannot be written: ${error.message}\n`);
    // That of a signal, if one has asked the process to end.
    endProcess(Number(process.exitCode ?? 0) || this.#lostStatus);
  }

  #endClosed(): never {
    const status = Number(process.exitCode ?? 0);
    endProcess(status === 0 ? EXIT_STATUS.CLOSED : status);
  }

  /**
   * Runs work that writes requested files to its end even if nobody reads the output any more; the process ends
   * afterwards.
   */
  async endAfter<T>(work: () => Promise<T>): Promise<T> {
    this.#endsAfter = true;
    try {
      return await work();
    } catch (error) {
      // States why the file is missing.
      if (this.#gone.size > 0) this.note(`error: ${messageOf(error)}`);
      throw error;
    } finally {
      this.#endsAfter = false;
      if (this.#gone.size > 0) this.#endClosed();
    }
  }

  /** Sets a function that is called if nobody reads the output any more during {@link endAfter}. */
  onUnread(call: () => void): void {
    this.#onUnread = call;
  }

  /** True if a progress line can be overwritten in place. */
  get isInteractive(): boolean {
    return this.#err.isTTY && process.env['TERM'] !== 'dumb';
  }

  get columns(): number {
    return this.#err.columns || 80;
  }

  /** Width available to a table on stdout; undefined if unknown, as in a pipe. */
  get tableColumns(): number | undefined {
    const { COLUMNS: given = '' } = process.env;
    if (/^[1-9]\d{0,4}$/.test(given)) return Number(given);
    return this.#out.isTTY ? this.#out.columns || undefined : undefined;
  }

  /**
   * How wide a line of a report on stdout may be; undefined if stdout is no terminal, because piped lines stay whole.
   */
  get lineColumns(): number | undefined {
    return this.#out.isTTY ? this.tableColumns : undefined;
  }

  /** Bytes printed on stdout that wait for its reader, in memory. */
  get unreadBytes(): number {
    return this.#out.writableLength;
  }

  /** Bytes printed on a stream that wait for its reader, in memory; 0 if nobody reads it any more. */
  unreadBytesOf(stream: StreamName): number {
    if (this.#gone.has(stream)) return 0;
    return (stream === 'stdout' ? this.#out : this.#err).writableLength;
  }

  /** Prints a result: one line on stdout. */
  line(text = ''): void {
    this.#write('stdout', `${painted(harmless(text))}\n`);
  }

  /** Prints one object for programs: one line of JSON on stdout. */
  json(value: unknown): void {
    this.#write('stdout', `${JSON.stringify(value)}\n`);
  }

  /** Writes raw output of a command as it comes. */
  raw(stream: StreamName, bytes: string | Uint8Array): void {
    this.#write(stream, bytes);
    const last = bytes.at(-1);
    if (stream === 'stderr' && last !== undefined) this.#isMidLine = last !== '\n' && last !== LINE_FEED;
  }

  /** Writes to a file synchronously: Node's file stream takes a short write, as on a full disk, for a complete one. */
  #write(stream: StreamName, text: string | Uint8Array): void {
    if (this.#gone.has(stream)) return;
    const to = stream === 'stdout' ? this.#out : this.#err;
    if (!isFile(to)) {
      this.#writers[stream](text);
      return;
    }
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(stream === 'stdout' ? 1 : 2, bytes, at);
    } catch (error) {
      this.#lost(stream, error as NodeJS.ErrnoException);
    }
  }

  /** Settles when everything printed so far has been written. */
  async flush(): Promise<void> {
    for (const write of Object.values(this.#writers)) {
      await new Promise<void>((resolve) => {
        write('', () => resolve());
      });
    }
  }

  /** Prints a message about the work itself, on stderr. */
  note(text: string): void {
    this.#write('stderr', `${this.#isMidLine ? '\n' : ''}${harmless(text)}\n`);
    this.#isMidLine = false;
  }

  /** Replaces the progress line; an empty text removes it. Does nothing unless a person is watching. */
  progress(text: string): void {
    if (this.isInteractive) this.#err.write(`\r\u001b[2K${cutToWidth(onOneLine(text), this.columns - 1)}`);
  }

  /** Styles a text for stdout, unless stdout is not a terminal or `NO_COLOR` is set. */
  style(style: Style, text: string): string {
    return this.#isColoured ? styled(style, text) : text;
  }

  get #isColoured(): boolean {
    return this.#out.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  }
}

/**
 * Uses Node's own type of the stream. Calling `fstat` on the descriptor kept `sim.load` from finding a rolldown that is
 * a symbolic link.
 */
function isFile(stream: NodeJS.WriteStream & { readonly _type?: string }): boolean {
  return stream._type === 'fs';
}

const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * Escapes control characters: text of a scenario must not move the cursor, clear the screen or ring the bell. Line
 * breaks stay.
 */
function harmless(text: string): string {
  return text.replace(CONTROLS, escaped);
}
