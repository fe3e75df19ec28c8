/**
 * What code of one simulation changes of the process that other code reads: `process.exitCode`, `process.env`, the
 * listeners of `process` and `Error.prepareStackTrace`. Invariants: outside of the simulation they are what they were, so that no scenario
 * decides how a run of tests or a command ends; inside the exit code begins as undefined, whatever code outside has set.
 * Variables of the environment and listeners are in force outside too, and put back at the end.
 */
import { placedAt } from '../../simulation/failure-fact.ts';
import type { ProcessLeftover } from '../../simulation/ambience.ts';
import { hub } from '../hub.ts';

type Code = typeof process.exitCode;
type Environment = typeof process.env;

/** A variable that was changed. */
interface ChangedVariable {
  /** Undefined if there was none. */
  readonly before: string | undefined;
  /** Created where it was changed first, if places are captured. */
  readonly place: Error | undefined;
}

type Listener = (...args: unknown[]) => void;

/** A listener of `process` that was added. */
interface AddedListener {
  readonly event: string | symbol;
  readonly listener: Listener;
  /** How often it was there before. */
  readonly before: number;
}

/** Read more often than the global, which is a getter. */
const machine = process;
const stacks = Error as { prepareStackTrace?: unknown };
const PUT_BACK = 'put back what was there before';

/** See above; made when the simulation begins. */
export class ProcessState {
  readonly #capturesPlaces: boolean;
  readonly #found: Environment = machine.env;
  #outsideCode: Code;
  #code: Code;
  #outsideEnv: Environment = this.#found;
  #env: Environment = watched(this.#found);
  #outsideShow: unknown;
  /** How code of the simulation shows stacks; absent if that is as outside. */
  #show: { readonly value: unknown } | undefined;
  #variables: Map<string, ChangedVariable> | undefined;
  #listeners: AddedListener[] | undefined;

  constructor(capturesPlaces: boolean) {
    this.#capturesPlaces = capturesPlaces;
  }

  /** From now on, code of the simulation runs. */
  enter(): void {
    this.#outsideCode = machine.exitCode;
    if (this.#outsideCode !== this.#code) machine.exitCode = this.#code;
    this.#outsideEnv = machine.env;
    machine.env = this.#env;
    this.#outsideShow = stacks.prepareStackTrace;
    if (this.#show !== undefined) stacks.prepareStackTrace = this.#show.value;
  }

  /** From now on, other code runs. */
  leave(): void {
    this.#code = machine.exitCode;
    if (this.#code !== this.#outsideCode) machine.exitCode = this.#outsideCode;
    this.#env = machine.env;
    machine.env = this.#outsideEnv;
    const show = stacks.prepareStackTrace;
    this.#show = show === this.#outsideShow ? undefined : { value: show };
    if (this.#show !== undefined) showStacksBy(this.#outsideShow);
  }

  /** See `AmbientWorld`. */
  changeVariable(name: string): void {
    const variables = (this.#variables ??= new Map());
    if (variables.has(name)) return;
    variables.set(name, {
      before: this.#found[name],
      place: this.#capturesPlaces ? new Error('place') : undefined,
    });
  }

  /** See `AmbientWorld`. */
  addListener(event: string | symbol, listener: Listener): void {
    const listeners = (this.#listeners ??= []);
    if (listeners.some((one) => one.event === event && one.listener === listener)) return;
    listeners.push({ event, listener, before: countOf(event, listener) });
  }

  /** The first thing that the simulation has changed and not put back. Call it, and {@link restore}, after {@link leave}. */
  left(): ProcessLeftover | undefined {
    if (this.#code !== undefined) {
      const text = `process.exitCode at ${String(this.#code)}: a process that runs simulations must not end with it. Put back what was there before`;
      return { text };
    }
    if (this.#env !== watched(this.#found)) return { text: `process.env replaced: ${PUT_BACK}` };
    for (const [name, { before, place }] of this.#variables ?? []) {
      if (this.#found[name] === before) continue;
      return {
        text: `process.env.${name} changed: ${PUT_BACK} (vi.unstubAllEnvs after vi.stubEnv)`,
        ...placedAt(place),
      };
    }
    return this.#show === undefined ? undefined : { text: `Error.prepareStackTrace replaced: ${PUT_BACK}` };
  }

  /** Puts back the variables and the listeners. */
  restore(): void {
    for (const { event, listener, before } of this.#listeners ?? []) {
      for (let more = countOf(event, listener) - before; more > 0; more -= 1) {
        machine.removeListener(event, listener);
      }
    }
    this.#listeners = undefined;
    for (const [name, { before }] of this.#variables ?? []) {
      if (before === undefined) Reflect.deleteProperty(this.#found, name);
      else this.#found[name] = before;
    }
    this.#variables = undefined;
  }
}

function countOf(event: string | symbol, listener: Listener): number {
  return machine.listeners(event as never).filter((one) => one === listener).length;
}

/** Reports the listeners that are added to `process` to the simulation whose code runs. */
export function watchListeners(): void {
  process.on('newListener', (event: string | symbol, listener: Listener) => {
    hub.world?.addListener(event, listener);
  });
}

function showStacksBy(show: unknown): void {
  if (show === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
  else stacks.prepareStackTrace = show;
}

/** The environment and its proxy that were used last. There is one of each, unless code replaces the environment. */
let last: { readonly of: Environment; readonly proxy: Environment } | undefined;

/** The same proxy for the same environment. */
function watched(env: Environment): Environment {
  // Code may have kept the proxy, and made it the environment outside.
  if (last?.proxy === env) return env;
  if (last?.of !== env) last = { of: env, proxy: new Proxy(env, HANDLER) };
  return last.proxy;
}

/** Node's environment accepts no definition of a part of a property, which is how a proxy would pass an assignment on. */
const HANDLER: ProxyHandler<Environment> = {
  set(env, name, value: string) {
    note(name);
    return Reflect.set(env, name, value);
  },
  defineProperty(env, name, described) {
    note(name);
    return Reflect.defineProperty(env, name, described);
  },
  deleteProperty(env, name) {
    note(name);
    return Reflect.deleteProperty(env, name);
  },
};

function note(name: string | symbol): void {
  if (typeof name === 'string') hub.world?.changeVariable(name);
}
