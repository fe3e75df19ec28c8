/** Where the command line writes: people read stderr and stdout, programs read stdout alone. */
import { styleText } from 'node:util';
import { EXIT_STATUS, exitByHangUp } from './exit-status.ts';

/** Styles in use. */
export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

/** The two streams, and whether a person is watching. */
export class Terminal {
  readonly #out: NodeJS.WriteStream;
  readonly #err: NodeJS.WriteStream;

  constructor(out: NodeJS.WriteStream = process.stdout, err: NodeJS.WriteStream = process.stderr) {
    this.#out = out;
    this.#err = err;
    out.on('error', (error: NodeJS.ErrnoException) => this.#lost('stdout', error));
    err.on('error', (error: NodeJS.ErrnoException) => this.#lost('stderr', error));
  }

  /** Nobody can read on: end as a closed pipe ends other commands, or say why where that is still possible. */
  #lost(stream: 'stdout' | 'stderr', error: NodeJS.ErrnoException): void {
    if (error.code === 'EIO') exitByHangUp();
    const isClosed = error.code === 'EPIPE' || error.code === 'EIO';
    if (isClosed || process.exitCode !== undefined) process.exit(process.exitCode ?? EXIT_STATUS.CLOSED);
    if (stream === 'stdout') process.stderr.write(`error: stdout cannot be written: ${error.message}\n`);
    process.exit(EXIT_STATUS.USAGE);
  }

  /** Whether progress can be drawn over itself. */
  get isInteractive(): boolean {
    return this.#err.isTTY && process.env['TERM'] !== 'dumb';
  }

  get columns(): number {
    return this.#err.columns || 80;
  }

  /** A result: one line on stdout. */
  line(text = ''): void {
    this.#out.write(`${harmless(text, this.#isColoured)}\n`);
  }

  /** One object for programs: one line of JSON on stdout. */
  json(value: unknown): void {
    this.#out.write(`${JSON.stringify(value)}\n`);
  }

  /** Raw output of a command that is shown as it comes. */
  raw(stream: 'stdout' | 'stderr', bytes: string | Uint8Array): void {
    (stream === 'stdout' ? this.#out : this.#err).write(bytes);
  }

  /** Something about the work itself, on stderr. */
  note(text: string): void {
    this.#err.write(`${harmless(text, false)}\n`);
  }

  /** Replaces the progress line; an empty text removes it. Only if a person is watching. */
  progress(text: string): void {
    if (this.isInteractive) this.#err.write(`\r\u001b[2K${text.slice(0, this.columns - 1)}`);
  }

  /** Colours a text for stdout, unless it goes to a file or `NO_COLOR` is set. */
  style(style: Style, text: string): string {
    return this.#isColoured ? styleText(style, text) : text;
  }

  get #isColoured(): boolean {
    return this.#out.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  }
}

const CONTROLS = /(\u001b\[[\d;]*m)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Texts of scenarios are shown too: what they hold must not move the cursor, clear the screen or ring. */
function harmless(text: string, isColoured: boolean): string {
  return text.replace(CONTROLS, (found: string, colour?: string) =>
    isColoured && colour !== undefined ? found : `\\u${hex(found)}${found.slice(1)}`,
  );
}

function hex(text: string): string {
  return text.charCodeAt(0).toString(16).padStart(4, '0');
}
