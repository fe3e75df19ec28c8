/**
 * Ctrl-C: the first asks the work to stop and print what it has, the second ends the process at once. Invariant: after `dispose`
 * signals do again what they did before.
 */
import { EXIT_STATUS, InterruptedError } from './exit-status.ts';

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

  /**
   * Waits for `work`, but no longer than until a signal comes; `when` says what went on, for people.
   *
   * @throws InterruptedError if the signal is first.
   */
  async unlessRequested<T>(work: Promise<T>, when: string): Promise<T> {
    const { signal } = this;
    let stop = (): void => undefined;
    const requested = new Promise<never>((_resolve, reject) => {
      stop = () => reject(new InterruptedError(`interrupted while ${when}`));
      signal.addEventListener('abort', stop);
      if (signal.aborted) stop();
    });
    try {
      return await Promise.race([work, requested]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }
}
