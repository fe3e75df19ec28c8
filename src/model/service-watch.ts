/** Who wants to see the services of a world. Invariant: a service of a world that nobody watches is left as it is. */
import type { Service } from './service.ts';

/** Watches the services of a world. */
export interface ServiceWatch {
  /** Gets each service once it is made, before its maker hands it out; `interceptInPlace` lets its calls be seen. */
  service(name: string, service: Service): void;
  /** Gets the state of a node once it is made, and after whatever may change it. */
  node(name: string, state: string): void;
}

/** The service itself, once whoever watches the services of its world has seen it. */
export function watchedService<S extends Service>(
  { watchServices }: { readonly watchServices?: ServiceWatch | undefined },
  name: string,
  service: S,
): S {
  watchServices?.service(name, service);
  return service;
}
