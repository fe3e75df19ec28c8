/**
 * Ctrl-C: the first asks the work to stop and print what it has, the second ends the process at once. Invariants: after `dispose`
 * signals do again what they did before; a scenario that keeps this thread busy cannot keep Ctrl-\ from ending it, for then no handler
 * would ever run.
 */
import { EXIT_STATUS, InterruptedError } from './exit-status.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** With processes of its own a command has to end them first, whatever the signal. */
const SIGNALS_WITH_PROCESSES = [...SIGNALS, 'SIGQUIT'] as const;

/** How a command waits for signals. */
export interface InterruptionOptions {
  /** True if the command starts processes, which it has to end; default false. */
  readonly hasProcesses?: boolean;
}

/** Watches for the signals that ask a command to end; a closed terminal is one of them. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #onSignal = (): void => {
    if (this.#controller.signal.aborted) process.exit(EXIT_STATUS.INTERRUPTED);
    this.#controller.abort();
  };

  readonly #signals: readonly NodeJS.Signals[];

  constructor({ hasProcesses = false }: InterruptionOptions = {}) {
    this.#signals = hasProcesses ? SIGNALS_WITH_PROCESSES : SIGNALS;
    for (const signal of this.#signals) process.on(signal, this.#onSignal);
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
    for (const signal of this.#signals) process.off(signal, this.#onSignal);
  }
}
