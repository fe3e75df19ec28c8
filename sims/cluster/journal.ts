/**
 * What a program has to remember, on a disk: lines that are only ever added. Invariants: what is said to be durable is synced; a line that
 * was torn is no line; after an error, when nobody knows what is in a file, all that is remembered goes to another one.
 */
import type { Disk } from 'dryrunner/cluster';

/** What is remembered. It changes in memory first; the line that says so follows. */
export interface Journaled {
  /** Back to the beginning. */
  clear(): void;
  /** A line that was written by it, or by a process before it. */
  read(line: string): void;
  /** All there is, in as few lines as that takes. */
  lines(): string[];
}

/** A number that is remembered: the last line counts. */
export class LastNumber implements Journaled {
  value = 0;

  clear(): void {
    this.value = 0;
  }

  read(line: string): void {
    this.value = Number(line);
  }

  lines(): string[] {
    return [String(this.value)];
  }
}

const FOLDER = 'journal';
/** So that their names are in the order of their numbers. */
const DIGITS = 4;
/** Ends each line, so that a part of one can be recognized. */
const END = ' .';
/** The line that ends what a file begins with: all that was known then. */
const WHOLE = 'whole';

/** The lines on one disk. */
export class Journal {
  readonly #disk: Disk;
  readonly #memory: Journaled;
  #generation: number;
  #lines = '';
  readonly #waiting: (() => void)[] = [];
  #isWriting = false;

  private constructor(disk: Disk, memory: Journaled, generation: number) {
    this.#disk = disk;
    this.#memory = memory;
    this.#generation = generation;
  }

  /** Puts into memory what the processes before this one have left. */
  static async open(disk: Disk, memory: Journaled): Promise<Journal> {
    const paths = (await disk.list(FOLDER)).reverse();
    for (const path of paths) {
      const text = await disk.readText(path);
      memory.clear();
      if (!readLines(text, memory)) continue;
      const journal = new Journal(disk, memory, generationOf(path));
      // Ends a line that was torn.
      if (!text.endsWith('\n')) journal.#lines = '\n';
      try {
        // What a process wrote and did not sync can be read, and still be lost.
        await disk.sync(path);
      } catch {
        await journal.#startOver();
      }
      return journal;
    }
    memory.clear();
    // What a crash has left of a file that was never whole must not stand before the first line.
    const [last] = paths;
    const journal = new Journal(disk, memory, last === undefined ? 0 : generationOf(last) + 1);
    journal.add(WHOLE);
    return journal;
  }

  add(line: string): void {
    this.#lines += `${line}${END}\n`;
  }

  /** Calls `act` once all that was added by now is durable. */
  whenDurable(act: () => void): void {
    if (this.#lines === '' && !this.#isWriting) {
      act();
      return;
    }
    this.#waiting.push(act);
    if (!this.#isWriting) void this.#write();
  }

  /** Resolves once all that was added by now is durable. */
  durable(): Promise<void> {
    return new Promise((resolve) => {
      this.whenDurable(resolve);
    });
  }

  /** Adds a line, and resolves once it is durable. */
  write(line: string): Promise<void> {
    this.add(line);
    return this.durable();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const acts = this.#waiting.splice(0);
      if (this.#lines !== '') await this.#store();
      for (const act of acts) act();
    }
    this.#isWriting = false;
  }

  async #store(): Promise<void> {
    const path = this.#path;
    const lines = this.#lines;
    this.#lines = '';
    try {
      await this.#disk.append(path, lines);
      await this.#disk.sync(path);
    } catch {
      await this.#startOver();
    }
  }

  async #startOver(): Promise<void> {
    for (;;) {
      this.#generation += 1;
      this.#lines = '';
      const lines = [...this.#memory.lines(), WHOLE].map((line) => `${line}${END}\n`);
      try {
        await this.#disk.write(this.#path, lines.join(''));
        await this.#disk.sync(this.#path);
        return;
      } catch {
        // It is full or broken, maybe not for long.
      }
    }
  }

  get #path(): string {
    return `${FOLDER}/${String(this.#generation).padStart(DIGITS, '0')}`;
  }
}

function generationOf(path: string): number {
  return Number(path.slice(-DIGITS));
}

/** False if the file was never whole. */
function readLines(text: string, memory: Journaled): boolean {
  let isWhole = false;
  for (const line of text.split('\n')) {
    if (!line.endsWith(END)) continue;
    const said = line.slice(0, -END.length);
    if (said === WHOLE) isWhole = true;
    else memory.read(said);
  }
  return isWhole;
}
