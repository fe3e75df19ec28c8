// The file that a hunt is kept in as it goes: a line that says what is hunted, and one per mutant. Invariant: a line that was cut off by the end
// of a process is no line.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parsedLine } from '../parsed-line.ts';
import type { HuntRecord } from './hunt-record.ts';
import type { Way } from './trial.ts';

/** What makes two hunts the same one. */
export interface HuntHeader {
  readonly seed: string;
  readonly count: number;
  readonly seconds: number;
  readonly only: string;
  readonly ways: readonly Way[];
  /** A digest of what is hunted, and of what hunts. */
  readonly sources: string;
}

/** One such file. */
export class HuntFile {
  readonly #path: string;
  readonly #records = new Map<string, HuntRecord>();

  /**
   * Begins anew, or goes on where the file ends.
   *
   * @throws Error if it is to go on and the file is one of another hunt, or of other sources.
   */
  constructor(path: string, header: HuntHeader, resumes: boolean) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    if (!resumes || !existsSync(path)) {
      writeFileSync(path, `${JSON.stringify(header)}\n`);
      return;
    }
    const [first = '', ...lines] = readFileSync(path, 'utf8').split('\n');
    const { sources, ...asked } = header;
    const { sources: before, ...begun } = parsedLine<Partial<HuntHeader>>(first) ?? {};
    if (JSON.stringify(begun) === JSON.stringify(asked) && before !== sources) {
      throw new Error(`${path}: the sources have changed since this hunt began: begin it anew`);
    }
    if (first !== JSON.stringify(header)) {
      throw new Error(`${path}: expected the hunt ${JSON.stringify(header)}, got ${first}`);
    }
    for (const line of lines) {
      const record = parsedLine<HuntRecord>(line);
      if (record !== undefined) this.#records.set(record.mutant.id, record);
    }
    writeFileSync(
      path,
      [first, ...[...this.#records.values()].map((record) => JSON.stringify(record)), ''].join('\n'),
    );
  }

  /** What is known of a mutant already. */
  find(id: string): HuntRecord | undefined {
    return this.#records.get(id);
  }

  add(record: HuntRecord): void {
    this.#records.set(record.mutant.id, record);
    appendFileSync(this.#path, `${JSON.stringify(record)}\n`);
  }
}
