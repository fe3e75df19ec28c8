/**
 * The progress of work that may take minutes. Invariant: where no line can be overwritten, as in a pipe, there is a line
 * only now and then, and none of work that is short.
 */
import type { Terminal } from './terminal.ts';

/** How often a line is printed, in milliseconds. */
const NOTE_MS = 10_000;

/** Shows the latest text until it is ended. */
export class LongProgress {
  readonly #terminal: Pick<Terminal, 'isInteractive' | 'note' | 'progress'>;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #text = '';

  /** With `json`, nothing is printed for people who do not watch. */
  constructor(
    terminal: Pick<Terminal, 'isInteractive' | 'note' | 'progress'>,
    { json = false }: { readonly json?: boolean | undefined },
  ) {
    this.#terminal = terminal;
    const hasNotes = !terminal.isInteractive && !json;
    this.#timer = hasNotes ? setInterval(() => terminal.note(this.#text), NOTE_MS) : undefined;
  }

  show(text: string): void {
    this.#text = text;
    this.#terminal.progress(text);
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
