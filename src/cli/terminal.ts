/** Where the command line writes: people read stderr and stdout, programs read stdout alone. */
import { styleText } from 'node:util';
import { EXIT_STATUS } from './exit-status.ts';

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
    if (error.code === 'EPIPE') process.exit(EXIT_STATUS.CLOSED);
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
    this.#out.write(`${text}\n`);
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
    this.#err.write(`${text}\n`);
  }

  /** Replaces the progress line; an empty text removes it. Only if a person is watching. */
  progress(text: string): void {
    if (this.isInteractive) this.#err.write(`\r\u001b[2K${text.slice(0, this.columns - 1)}`);
  }

  /** Colours a text for stdout, unless it goes to a file or `NO_COLOR` is set. */
  style(style: Style, text: string): string {
    const isColoured = this.#out.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
    return isColoured ? styleText(style, text) : text;
  }
}
