/**
 * Ctrl-C: the first asks the work to stop and print what it has, the second ends the process at once. Invariants: the exit code is that
 * of the signal, also if there is nowhere left to print to; after `dispose` signals do again what they did before; code of the user's that keeps
 * this thread busy cannot keep SIGTERM, a closed terminal and Ctrl-\ from ending it, although then no handler would ever run.
 */
import {
  endProcess,
  exitByHangUp,
  InterruptedError,
  signalStatus,
  type EndSignal,
  type SignalStatus,
} from './exit-status.ts';

const SIGNALS: readonly EndSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** Those that no key sends: what sends them expects an end, not a table. */
const FINAL_SIGNALS: ReadonlySet<EndSignal> = new Set(['SIGTERM', 'SIGHUP']);
/** With processes of its own a command has to end them first, whatever the signal. */
const SIGNALS_WITH_PROCESSES: readonly EndSignal[] = [...SIGNALS, 'SIGQUIT'];

/** How a command waits for signals. */
export interface InterruptionOptions {
  /** True if the command starts processes, which it has to end; default false. */
  readonly hasProcesses?: boolean;
}

/** Watches for the signals that ask a command to end; a closed terminal is one of them. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #handlers: readonly (readonly [EndSignal, () => void])[];
  #status: SignalStatus | undefined;

  constructor({ hasProcesses = false }: InterruptionOptions = {}) {
    const signals = hasProcesses ? SIGNALS_WITH_PROCESSES : SIGNALS;
    this.#handlers = signals.map((signal) => [signal, () => this.#onSignal(signal)]);
    for (const [signal, handler] of this.#handlers) process.on(signal, handler);
  }

  /**
   * Runs code of the user's in this thread: it may keep the thread busy for ever, so SIGTERM and SIGHUP are left to the system meanwhile, which ends
   * the process at once. In a container the system ends no process 1, which has only its handlers.
   */
  async besideForeignCode<T>(work: () => Promise<T>): Promise<T> {
    const left = process.pid === 1 ? [] : this.#handlers.filter(([signal]) => FINAL_SIGNALS.has(signal));
    for (const [signal, handler] of left) process.off(signal, handler);
    try {
      return await work();
    } finally {
      for (const [signal, handler] of left) process.on(signal, handler);
    }
  }

  /** The exit code once a signal has come; undefined before. */
  get status(): SignalStatus | undefined {
    return this.#status;
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
      stop = () => {
        if (this.#status !== undefined) {
          reject(new InterruptedError(`interrupted while ${when}`, this.#status));
        }
      };
      signal.addEventListener('abort', stop);
      if (signal.aborted) stop();
    });
    try {
      return await Promise.race([work, requested]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Ends the work because nobody reads what is printed any more, as SIGPIPE would. */
  endUnread(): void {
    if (!this.requested) this.#request('SIGPIPE');
  }

  dispose(): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
  }

  #onSignal(signal: EndSignal): void {
    if (this.#status !== undefined) endProcess(signalStatus(signal));
    this.#request(signal);
  }

  #request(signal: EndSignal): void {
    const status = signalStatus(signal);
    this.#status = status;
    // For those who end the process because they can no longer write, as after the terminal was closed.
    process.exitCode = status;
    if (signal === 'SIGHUP') exitByHangUp();
    this.#controller.abort();
  }
}
