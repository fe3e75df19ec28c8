/** Signals that several waits of a workload share. Invariant: it knows who still listens to them. */
import type { WorkloadHost } from './workload-host.ts';

/** One signal. */
export interface SharedSignal {
  readonly signal: AbortSignal;
  /** When it was aborted; `Infinity` if it was not. */
  abortedAtMs: number;
  /** How many listen. */
  listeners: number;
  /** How many waits have got it. */
  waits: number;
  abort(): void;
}

/** Makes a signal that counts who listens to it. */
export function sharedSignal(host: Pick<WorkloadHost, 'now'>): SharedSignal {
  const controller = new AbortController();
  const { signal } = controller;
  const shared: SharedSignal = {
    signal,
    abortedAtMs: Infinity,
    listeners: 0,
    waits: 0,
    abort() {
      if (signal.aborted) return;
      shared.abortedAtMs = host.now();
      controller.abort();
    },
  };
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  const own = new Set<unknown>();
  signal.addEventListener = (type: string, listener: never, options?: never) => {
    own.add(listener);
    shared.listeners = own.size;
    add(type, listener, options);
  };
  signal.removeEventListener = (type: string, listener: never, options?: never) => {
    own.delete(listener);
    shared.listeners = own.size;
    remove(type, listener, options);
  };
  return shared;
}
