// The file that counts silent executions as they come: a line that says what is explored, and one per batch. Invariant: a line that was cut off by
// the end of a process is no line, and its batch is done again.
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parsedLine } from '../parsed-line.ts';

/** What makes two explorations the same one. */
export interface SilenceHeader {
  readonly seed: string;
  readonly batch: number;
  /** A digest of what is explored, and of what explores. */
  readonly sources: string;
}

/** What a batch has come to; one that was interrupted has fewer executions than others. */
export interface SilenceBatch {
  readonly runner: string;
  readonly batch: number;
  readonly executions: number;
  readonly cpuMs: number;
  /** What must be reached, and was not in this batch. */
  readonly missed: readonly string[];
  readonly failure?: { readonly message: string; readonly text: string };
}

/** What is known of one runner. */
export interface SilenceCount {
  readonly executions: number;
  readonly cpuMs: number;
  /** The numbers of the batches, from 1 on; one that was lost with its process is missing among them. */
  readonly batches: ReadonlySet<number>;
  /** What no batch has reached; undefined before the first. */
  readonly missed: readonly string[] | undefined;
  readonly failure: SilenceBatch['failure'];
}

const NOTHING: SilenceCount = {
  executions: 0,
  cpuMs: 0,
  batches: new Set(),
  missed: undefined,
  failure: undefined,
};

/** One such file. */
export class SilenceFile {
  readonly #path: string;
  /** The lines that were read, without those that were cut off. */
  readonly #whole: string;
  readonly #counts = new Map<string, SilenceCount>();

  /**
   * Reads the file, if it is there. Nothing is written before {@link begin}.
   *
   * @throws Error if the file is of another exploration, or of other sources.
   */
  constructor(path: string, header: SilenceHeader, anew = false) {
    this.#path = path;
    const [first = '', ...lines] =
      anew || !existsSync(path) ? [JSON.stringify(header)] : readFileSync(path, 'utf8').split('\n');
    if (first !== JSON.stringify(header)) {
      const { sources } = parsedLine<Partial<SilenceHeader>>(first) ?? {};
      throw new Error(
        sources === header.sources
          ? `${path}: expected ${JSON.stringify(header)}, got ${first}`
          : `${path}: the sources have changed since it was begun: name another --state, or begin it --anew`,
      );
    }
    const whole = lines.flatMap((line) => parsedLine<SilenceBatch>(line) ?? []);
    for (const batch of whole) this.#count(batch);
    this.#whole = [first, ...whole.map((batch) => JSON.stringify(batch)), ''].join('\n');
  }

  /** Goes on where the file ends, or begins it. Replaces the file at once: the process may be killed meanwhile. */
  begin(): this {
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(`${this.#path}.new`, this.#whole);
    renameSync(`${this.#path}.new`, this.#path);
    return this;
  }

  of(runner: string): SilenceCount {
    return this.#counts.get(runner) ?? NOTHING;
  }

  add(batch: SilenceBatch): void {
    this.#count(batch);
    appendFileSync(this.#path, `${JSON.stringify(batch)}\n`);
  }

  #count({ runner, batch, executions, cpuMs, missed, failure }: SilenceBatch): void {
    const before = this.of(runner);
    this.#counts.set(runner, {
      executions: before.executions + executions,
      cpuMs: before.cpuMs + cpuMs,
      batches: new Set([...before.batches, batch]),
      missed: before.missed?.filter((name) => missed.includes(name)) ?? missed,
      failure: before.failure ?? failure,
    });
  }
}

/** The lines of a failure, with a last one that repeats it here. */
export function failureText({ message, text }: NonNullable<SilenceBatch['failure']>): string {
  const token = /dr2:\S+/.exec(text)?.[0];
  const repeat = token === undefined ? [] : [`npm run silence -- --replay ${token}`];
  return [...text.split('\n').filter((line) => !line.includes('dr2:')), ...repeat].join('\n') || message;
}
