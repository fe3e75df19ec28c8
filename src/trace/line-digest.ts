/** SHA-256 over lines, each taken with one newline at its end, whatever ended it in the file. */
import { createHash } from 'node:crypto';

/** One update of the hash costs about as much as this many characters of it. */
const BATCH_LENGTH = 16_384;

/** Collects lines into one digest. */
export class LineDigest {
  readonly #hash = createHash('sha256');
  #batch = '';

  add(line: string): void {
    this.#batch += `${line}\n`;
    if (this.#batch.length >= BATCH_LENGTH) this.#flush();
  }

  /** 64 hexadecimal digits; nothing may be added afterwards. */
  end(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #flush(): void {
    this.#hash.update(this.#batch, 'utf8');
    this.#batch = '';
  }
}
