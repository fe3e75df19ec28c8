/**
 * What services are called for and how nodes stand, for who draws it. Invariants: a service of a world that nobody watches is left as it
 * is; calls, replies and errors pass unchanged and in the same synchronous call.
 */
import { SERVICE_METHODS, type Service } from './service.ts';

/** The methods of a {@link Service}. */
export type ServiceOperation = keyof Service;

/** A call that begins. */
export interface StartedCall {
  /** Name of the service. */
  readonly service: string;
  readonly operation: ServiceOperation;
  /** As they were given, well-formed or not. */
  readonly args: readonly unknown[];
  /** As a history names its callers; undefined if none does. */
  readonly client: string | undefined;
}

/** What comes of a call. */
export type CallOutcome = { readonly reply: unknown } | { readonly error: unknown };

/** Watches the services of a world. */
export interface ServiceWatch {
  /** Told of each call when it begins; what it returns is told how it ends. */
  call(call: StartedCall): (outcome: CallOutcome) => void;
  /** Told how a node stands once it is made, and after whatever may change that. */
  node(name: string, state: string): void;
}

let currentClient: string | undefined;

/** Calls that `act` makes synchronously are those of this client. */
export function callAs<T>(client: string, act: () => T): T {
  const before = currentClient;
  currentClient = client;
  try {
    return act();
  } finally {
    currentClient = before;
  }
}

/** The service itself; if its world watches calls, with each of its methods told. */
export function watchedCalls<S extends Service>(
  { watchServices }: { readonly watchServices?: ServiceWatch | undefined },
  name: string,
  service: S,
): S {
  if (watchServices === undefined) return service;
  for (const operation of SERVICE_METHODS) {
    const methods = service as unknown as Record<ServiceOperation, (...args: unknown[]) => Promise<unknown>>;
    const call = methods[operation].bind(service);
    // On the service itself, so that it stays the class that its maker promises, private parts and all.
    Object.defineProperty(service, operation, {
      configurable: true,
      value: (...args: unknown[]) =>
        watched(watchServices.call({ service: name, operation, args, client: currentClient }), () =>
          call(...args),
        ),
    });
  }
  return service;
}

function watched(end: (outcome: CallOutcome) => void, act: () => Promise<unknown>): Promise<unknown> {
  try {
    const promise = act();
    promise.then(
      (reply) => end({ reply }),
      (error: unknown) => end({ error }),
    );
    return promise;
  } catch (error) {
    end({ error });
    throw error;
  }
}
