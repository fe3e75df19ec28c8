/**
 * Ctrl-C: the first asks the work to stop and print what it has, the second ends the process at once. Invariant: after `dispose`
 * signals do again what they did before.
 */
import { EXIT_STATUS } from './exit-status.ts';

/** Watches for SIGINT and SIGTERM. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #onSignal = (): void => {
    if (this.#controller.signal.aborted) process.exit(EXIT_STATUS.INTERRUPTED);
    this.#controller.abort();
  };

  constructor() {
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
  }

  get requested(): boolean {
    return this.#controller.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  dispose(): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
  }
}
