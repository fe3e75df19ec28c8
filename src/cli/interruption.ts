/**
 * Ctrl-C: the first asks the work to stop and print what it has, the second ends the process at once. Invariant: after `dispose`
 * signals do again what they did before.
 */
import { EXIT_STATUS } from './exit-status.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Watches for the signals that ask a command to end; a closed terminal is one of them. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #onSignal = (): void => {
    if (this.#controller.signal.aborted) process.exit(EXIT_STATUS.INTERRUPTED);
    this.#controller.abort();
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  get requested(): boolean {
    return this.#controller.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }
}
