/**
 * Handles Ctrl-C: the first asks the work to stop and print what it has, the second ends the process at once.
 * Invariants: the exit code is that of the signal, even if output can no longer be written; after `dispose` signals
 * have their previous effect; user code that blocks this thread, so that no handler could run, cannot keep SIGTERM, a
 * closed terminal or Ctrl-\ from ending it.
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
/** Signals that no key sends: their sender expects the process to end, not a table. */
const FINAL_SIGNALS: ReadonlySet<EndSignal> = new Set(['SIGTERM', 'SIGHUP']);
/** A command with child processes has to end them first, whatever the signal. */
const SIGNALS_WITH_PROCESSES: readonly EndSignal[] = [...SIGNALS, 'SIGQUIT'];

/** Options of {@link Interruption}. */
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
   * Runs user code in this thread. It may block the thread for ever, so meanwhile SIGTERM and SIGHUP have their default
   * effect: the system ends the process at once. Not for process 1 of a container, which the system ends only through
   * its handlers.
   */
  async alongsideForeignCode<T>(work: () => Promise<T>): Promise<T> {
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
   * Waits for `work`, but only until a signal comes; `when` describes the work for the message.
   *
   * @throws InterruptedError (rejects) if the signal comes first.
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

  /** Stops the work because nobody reads the output any more, as SIGPIPE would. */
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
    // Used if the process ends because it can no longer write, for example after the terminal was closed.
    process.exitCode = status;
    if (signal === 'SIGHUP') exitByHangUp();
    this.#controller.abort();
  }
}
