// A hash without collisions: it keeps the whole sequence. Two digests are equal only if the same was added.
import { createHash } from 'node:crypto';
import type { EventHash } from '../../src/trace/event-hasher.ts';

export class ExactHash implements EventHash {
  readonly added: (number | string)[] = [];

  addNumber(value: number): void {
    this.added.push(value);
  }

  addString(value: string): void {
    this.added.push(value);
  }

  digest(): string {
    return createHash('sha256').update(JSON.stringify(this.added)).digest('hex').slice(0, 16);
  }
}
