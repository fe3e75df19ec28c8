/** Signals that several waits of a workload share. Invariant: it knows who still listens to them. */
import type { WorkloadHost } from './workload-host.ts';

type ListenerOptions = boolean | { readonly signal?: AbortSignal };

/** A signal that counts its listeners. */
export class SharedSignal {
  /** When it was aborted; `Infinity` if it was not. */
  abortedAtMs: number = Infinity;
  /** How many waits were given it. */
  waits: number = 0;
  readonly #host: Pick<WorkloadHost, 'now'>;
  readonly #listeners = new Set<unknown>();
  #open = 0;
  #controller: AbortController | undefined;

  constructor(host: Pick<WorkloadHost, 'now'>) {
    this.#host = host;
  }

  get signal(): AbortSignal {
    return this.#made().signal;
  }

  get isAborted(): boolean {
    return this.abortedAtMs < Infinity;
  }

  /** Number of remaining listeners, for when the workload no longer aborts the signal; 0 if it was aborted. */
  get left(): number {
    return this.isAborted ? 0 : this.#listeners.size;
  }

  /** Whether a wait that was given it has not been answered. */
  get isInUse(): boolean {
    return this.#open > 0;
  }

  /** Must be called just before a wait is given it. */
  began(): void {
    this.#open += 1;
  }

  /** Must be called once such a wait was answered. */
  ended(): void {
    this.#open -= 1;
  }

  abort(): void {
    if (this.isAborted) return;
    this.abortedAtMs = this.#host.now();
    this.#made().abort();
  }

  /** Made lazily: most executions do not need it. */
  #made(): AbortController {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#count(this.#controller.signal);
    }
    return this.#controller;
  }

  #count(signal: AbortSignal): void {
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (type: string, listener: never, options?: ListenerOptions) => {
      // One whose own signal has aborted is not added; another is removed, by the method below, when it aborts.
      const isAdded = typeof options !== 'object' || options.signal?.aborted !== true;
      if (isAdded) this.#listeners.add(listener);
      add(type, listener, options);
    };
    signal.removeEventListener = (type: string, listener: never, options?: never) => {
      this.#listeners.delete(listener);
      remove(type, listener, options);
    };
  }
}
