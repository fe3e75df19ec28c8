/**
 * The progress of work that may take minutes. Invariant: where no line can be overwritten, as in a pipe, there is a line
 * only now and then, none of work that is short, and never minutes without one: CI systems end a job that is silent.
 */
import type { Terminal } from './terminal.ts';

/** How often a line is printed in the first minute, in milliseconds. */
const NOTE_MS = 10_000;
/** After the first minute, one line in this many is printed. */
const LATER_EVERY = 6;

/** Shows the latest text until it is ended. */
export class LongProgress {
  readonly #terminal: Pick<Terminal, 'isInteractive' | 'note' | 'progress'>;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #text = '';
  #periods = 0;

  /** With `json`, nothing is printed for people who do not watch. */
  constructor(
    terminal: Pick<Terminal, 'isInteractive' | 'note' | 'progress'>,
    { json = false }: { readonly json?: boolean | undefined },
  ) {
    this.#terminal = terminal;
    const hasNotes = !terminal.isInteractive && !json;
    this.#timer = hasNotes ? setInterval(() => this.#note(), NOTE_MS) : undefined;
    // A command whose user code waits in vain ends once nothing else keeps it alive.
    this.#timer?.unref();
  }

  show(text: string): void {
    this.#text = text;
    this.#terminal.progress(text);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #note(): void {
    this.#periods += 1;
    const isDue = this.#periods <= LATER_EVERY || this.#periods % LATER_EVERY === 0;
    if (isDue && this.#text !== '') this.#terminal.note(this.#text);
  }
}
