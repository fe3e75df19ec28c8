/** A sink whose writes end when the test says so. */
import type { Sink } from '../../src/model/execer.ts';

/** What the sinks of these tests fail with. */
export class SinkError extends Error {}

export interface SlowSink extends Sink {
  /** The texts in the order of writing. */
  readonly begun: string[];
  /** Ends the n-th write. */
  done(index: number): void;
  /** Rejects the n-th write with `lost TEXT`. */
  fail(index: number): void;
}

export function slowSink(): SlowSink {
  const begun: string[] = [];
  const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
  return {
    begun,
    write: (chunk) => {
      begun.push(String(chunk));
      return new Promise<void>((resolve, reject) => {
        ends.push({ resolve, reject });
      });
    },
    done: (index) => ends[index]!.resolve(),
    fail: (index) => ends[index]!.reject(new SinkError(`lost ${begun[index]}`)),
  };
}
