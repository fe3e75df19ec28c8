/** A sink that remembers what a process wrote, fast, slowly, or not at all, and reports who writes to it after the end. */
import type { Chunk, MaybePromise, Simulation, Sink } from 'dryrunner';

/** How a sink takes what it is given. */
export type SinkKind = 'fast' | 'slow' | 'stuck' | 'failing';

const SLOW_MS = 15;
/** Longer than any grace, but not for ever: who gives a sink up must do so before. */
const STUCK_MS = 500;

/** One stream of one process. */
export class WatchedSink implements Sink {
  /** What has arrived. */
  text = '';
  /** Writes that are under way. */
  pending = 0;
  readonly #sim: Simulation;
  readonly #kind: SinkKind;
  #isOver = false;

  constructor(sim: Simulation, kind: SinkKind) {
    this.#sim = sim;
    this.#kind = kind;
  }

  /** From here on nothing may be written any more. */
  end(): void {
    this.#isOver = true;
  }

  write(chunk: Chunk): MaybePromise<void> {
    this.#sim.check(!this.#isOver, `"${String(chunk)}" was written after the end of its process`);
    switch (this.#kind) {
      case 'fast':
        this.text += String(chunk);
        return undefined;
      case 'slow':
        return this.#take(chunk, SLOW_MS);
      case 'stuck':
        return this.#take(chunk, STUCK_MS);
      case 'failing':
        throw new Error('no space left on device');
    }
  }

  async #take(chunk: Chunk, ms: number): Promise<void> {
    this.pending += 1;
    await this.#sim.sleep(ms, 'the end of a write');
    this.text += String(chunk);
    this.pending -= 1;
  }
}
