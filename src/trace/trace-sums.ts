/**
 * Counts and hashes in the last line of a file, about the lines before it. Writer and reader both compute them, and the
 * reader compares: a file that was truncated, modified or pieced together does not match.
 */
import { createHash } from 'node:crypto';
import { createRollingHash } from '../kernel/rolling-hash.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import { EventHasher } from './event-hasher.ts';
import type { TraceFooter, TraceKind } from './trace-header.ts';

/** Updating the hash has a fixed cost, about that of hashing this many characters. */
const BATCH_LENGTH = 16_384;

/** SHA-256 over lines, each terminated by one newline, whatever terminates it in the file. */
class LineDigest {
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

/** Computes the sums of one file. */
export class TraceSums {
  readonly #kind: TraceKind;
  readonly #lines = new LineDigest();
  readonly #hash = createRollingHash();
  readonly #events = new EventHasher(this.#hash);
  #decisionCount = 0;
  #eventCount = 0;
  #stepCount = 0;

  constructor(kind: TraceKind) {
    this.#kind = kind;
  }

  addHeader(line: string): void {
    this.#lines.add(line);
  }

  addDecision(line: string): void {
    this.#decisionCount += 1;
    this.#lines.add(line);
  }

  addEvent(line: string, event: TraceEvent): void {
    this.#eventCount += 1;
    this.#events.record(event);
    this.#lines.add(line);
  }

  addStep(line: string): void {
    this.#stepCount += 1;
    this.#lines.add(line);
  }

  /** The footer for the lines added; nothing may be added afterwards. */
  end(): TraceFooter {
    return {
      decisions: this.#decisionCount,
      events: this.#eventCount,
      runs: 0,
      ...(this.#kind === 'recording' ? { steps: this.#stepCount } : {}),
      ...(this.#kind === 'simulation' ? { traceHash: this.#hash.digest() } : {}),
      sha256: this.#lines.end(),
    };
  }
}
