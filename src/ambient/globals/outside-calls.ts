/**
 * Intercepts what the machine can do and no simulation can: files, networks, processes, threads, work on the thread
 * pool. Invariants: while code of a simulation runs, each such call asks the simulation's world, which may refuse it;
 * otherwise the machine's function runs. No module of Node is loaded just to watch it: modules that are loaded later
 * end up in functions that are watched.
 */
import { syncBuiltinESMExports } from 'node:module';
import type { EscapeKind } from '../../explore/escape.ts';
import { hub, type CallbackUse, type OutsideFunction, type WayBack } from '../hub.ts';
import { installHttpDates } from './http-dates.ts';
import { replaceProperty, type AnyFunction } from './stand-in.ts';

/** A row of refused calls: it says of its functions all that this file and the gate need to know. */
interface Row {
  /** The module or global, followed by the property path to the object that has the functions. */
  readonly path: string;
  /** True if that object is an instance, whose class has the functions. */
  readonly isInstance?: true;
  readonly functions: RegExp;
  readonly kind: EscapeKind;
  /** What code under test can use instead. */
  readonly instead: string;
  /** True if the functions return promises, so that a refusal rejects; otherwise it throws. */
  readonly rejects?: true;
  /** What the functions do with a callback; default: they owe it their result. */
  readonly callback?: CallbackUse;
  /** False for arguments with which a call does not reach the machine; default: it always does. */
  readonly reaches?: (...args: readonly unknown[]) => boolean;
}

const ALL = /^[a-z]/;
const LOOK_UPS = /^(?:lookup|resolve|reverse)/;

const FILES = { kind: 'io', instead: 'do it before the simulation starts and pass in the result' } as const;
const SERVER = {
  kind: 'io',
  instead: 'pass in a client, or stub this one, that answers by a timer',
} as const;
/** Their callbacks listen to an event of the connection. */
const CONNECTION = { ...SERVER, callback: 'listener' } as const;
const NAMES = {
  functions: LOOK_UPS,
  kind: 'io',
  instead: 'pass in a function that looks names up',
} as const;
const POOL = { kind: 'io', instead: 'use the synchronous form, whose result is there at once' } as const;
const PROCESS = {
  kind: 'process',
  instead: 'let a simulated runner (createSimulatedRunner) play it',
} as const;
const THREAD = {
  kind: 'thread',
  instead: 'call the work that it does, behind a timer if it takes time',
} as const;
const PORT = { kind: 'thread', instead: 'make a MessageChannel in the simulation' } as const;
const KEYS = { kind: 'entropy', instead: 'make keys and primes before the simulation starts' } as const;

const ENDS: Row = {
  path: 'process',
  functions: /^(?:exit|reallyExit|abort|kill)$/,
  kind: 'process',
  instead: 'throw an error, or return from the scenario',
};

const ROWS: readonly Row[] = [
  // Streams too: their classes are properties that Node loads when they are read.
  { path: 'fs', functions: /^(?!promises$|(?:un)?watch)(?:[a-z]|\w+Stream$)/, ...FILES },
  { path: 'fs', functions: /^watch$/, callback: 'listener', ...FILES },
  { path: 'fs', functions: /^watchFile$/, callback: 'added', ...FILES },
  { path: 'fs', functions: /^unwatchFile$/, callback: 'removed', ...FILES },
  { path: 'fs.promises', functions: ALL, rejects: true, ...FILES },
  { path: 'net', functions: /^(?:connect|createConnection)$/, ...CONNECTION },
  { path: 'net.Socket.prototype', functions: /^connect$/, ...CONNECTION },
  { path: 'net.Server.prototype', functions: /^listen$/, ...CONNECTION },
  { path: 'tls', functions: /^connect$/, ...CONNECTION },
  { path: 'http', functions: /^(?:request|get)$/, ...CONNECTION },
  { path: 'https', functions: /^(?:request|get)$/, ...CONNECTION },
  { path: 'http2', functions: /^connect$/, ...CONNECTION },
  { path: 'fetch', functions: /^fetch$/, rejects: true, ...SERVER },
  { path: 'WebSocket', functions: /^WebSocket$/, ...SERVER },
  { path: 'EventSource', functions: /^EventSource$/, ...SERVER },
  { path: 'dgram', functions: /^createSocket$/, ...CONNECTION },
  { path: 'dgram.Socket.prototype', functions: /^(?:bind|connect)$/, ...CONNECTION },
  { path: 'dgram.Socket.prototype', functions: /^send$/, ...SERVER },
  { path: 'dns', ...NAMES },
  { path: 'dns.promises', rejects: true, ...NAMES },
  { path: 'dns.Resolver.prototype', ...NAMES },
  { path: 'dns.promises.Resolver.prototype', rejects: true, ...NAMES },
  { path: 'child_process', functions: ALL, ...PROCESS },
  { path: 'child_process.ChildProcess.prototype', functions: /^spawn$/, ...PROCESS },
  { path: 'cluster', functions: /^fork$/, ...PROCESS },
  { path: 'worker_threads', functions: /^Worker$/, ...THREAD },
  { path: 'worker_threads', functions: /^BroadcastChannel$/, ...PORT },
  { path: 'BroadcastChannel', functions: /^BroadcastChannel$/, ...PORT },
  { path: 'worker_threads.BroadcastChannel.prototype', functions: /^postMessage$/, ...PORT },
  { path: 'worker_threads.MessagePort.prototype', functions: /^postMessage$/, ...PORT },
  {
    path: 'WebAssembly',
    functions: /Streaming$/,
    kind: 'io',
    instead: 'pass the bytes to WebAssembly.compile or WebAssembly.instantiate',
    rejects: true,
  },
  { path: 'Atomics', functions: /^wait/, kind: 'thread', instead: 'wait for a promise or a timer' },
  { path: 'crypto', functions: /^(?:scrypt|pbkdf2|hkdf|argon2|checkPrime)$/, ...POOL },
  {
    path: 'crypto',
    functions: /^(?:sign|verify|diffieHellman|encapsulate|decapsulate)$/,
    ...POOL,
    // Without a callback they do their work at once.
    reaches: (...args) => typeof args.at(-1) === 'function',
  },
  { path: 'crypto', functions: /^generate/, ...KEYS },
  {
    path: 'crypto',
    functions: /^(?:create)?DiffieHellman$/,
    ...KEYS,
    // A number is the length of a new prime.
    reaches: (prime) => typeof prime === 'number',
  },
  ...['ECDH', 'DiffieHellman', 'DiffieHellmanGroup'].map((made) => ({
    path: `crypto.${made}.prototype`,
    functions: /^generateKeys$/,
    ...KEYS,
  })),
  {
    path: 'crypto.subtle',
    isInstance: true,
    functions: ALL,
    rejects: true,
    kind: 'io',
    instead: 'use the synchronous functions of node:crypto',
  },
  { path: 'zlib', functions: /^(?!.*Sync$|crc32)[a-z]/, ...POOL },
  {
    path: 'process',
    functions: /^chdir$/,
    kind: 'process',
    instead: 'pass in the directory, or absolute paths',
  },
  ENDS,
];

/** Globals that are areas, and the object that has their functions. */
const GLOBALS: Readonly<Record<string, object>> = {
  process,
  Atomics,
  WebAssembly: (globalThis as { readonly WebAssembly?: object }).WebAssembly ?? {},
  fetch: globalThis,
  BroadcastChannel: globalThis,
  WebSocket: globalThis,
  EventSource: globalThis,
};
/** Watched from the start: they are cheap to load, and the others end up in them. */
const BASE: ReadonlySet<string> = new Set([
  ...Object.keys(GLOBALS),
  ...['fs', 'net', 'dns', 'dgram', 'child_process', 'worker_threads', 'crypto'],
]);

/** Names that `allow` accepts in addition to single functions. */
export const OUTSIDE_AREAS: readonly string[] = [...new Set(ROWS.map(({ path }) => areaOf(path)))];

interface Seen {
  readonly areas: Set<string>;
  modules: number;
  exit: unknown;
}

const KEY = Symbol.for('dryrunner.ambient.outside');
const thread = globalThis as unknown as { [KEY]: Seen | undefined };
const seen = (thread[KEY] ??= { areas: new Set(), modules: 0, exit: undefined });
const { moduleLoadList } = process as unknown as { readonly moduleLoadList?: readonly string[] };

/** Watches the functions of all loaded modules that are not watched yet. */
export function watchOutsideCalls(): void {
  watchExit();
  if (moduleLoadList?.length === seen.modules) return;
  const areas = OUTSIDE_AREAS.filter((area) => !seen.areas.has(area) && (BASE.has(area) || isLoaded(area)));
  seen.modules = moduleLoadList?.length ?? 0;
  if (areas.length === 0) return;
  for (const row of ROWS) if (areas.includes(areaOf(row.path))) watchRow(row);
  if (areas.includes('http')) installHttpDates();
  for (const area of areas) seen.areas.add(area);
  seen.exit ??= exitNow().value;
  syncBuiltinESMExports();
}

/** Vitest replaces `process.exit` by a function of its own for each file. */
function watchExit(): void {
  if (seen.exit === undefined || process.exit === seen.exit) return;
  const before = exitNow();
  Object.defineProperty(process, 'exit', watched(before, 'exit', ENDS) ?? before);
  seen.exit = exitNow().value;
}

function exitNow(): PropertyDescriptor {
  return Object.getOwnPropertyDescriptor(process, 'exit') ?? {};
}

function areaOf(path: string): string {
  return path.split('.')[0] as string;
}

function isLoaded(module: string): boolean {
  return moduleLoadList?.includes(`NativeModule ${module}`) ?? true;
}

function watchRow(row: Row): void {
  const { path, isInstance, functions } = row;
  const owner = ownerAt(path);
  const holder = isInstance === true ? (Object.getPrototypeOf(owner) as object) : owner;
  for (const key of Object.getOwnPropertyNames(holder)) {
    if (!functions.test(key) || key === 'constructor') continue;
    const watch = holder === globalThis ? watchedGlobal : watched;
    replaceProperty(nameOf(key, path), holder, key, (before) => watch(before, key, row), true);
  }
}

function ownerAt(path: string): object {
  const [area = '', ...way] = path.split('.');
  let owner = (GLOBALS[area] ?? process.getBuiltinModule(area)) as Readonly<
    Record<string, object | undefined>
  >;
  for (const key of way) owner = (owner[key] ?? {}) as typeof owner;
  return owner;
}

/** The function's name as written in code. */
function nameOf(key: string, path: string): string {
  return GLOBALS[areaOf(path)] === globalThis ? key : `${path.replace('.prototype', '')}.${key}`;
}

/** Node loads some globals when they are read, and then puts what it has loaded in their place. */
function watchedGlobal(before: PropertyDescriptor, key: string, row: Row): PropertyDescriptor | undefined {
  const load = before.get?.bind(globalThis) as (() => unknown) | undefined;
  if (load === undefined) return watched(before, key, row);
  const { enumerable = false } = before;
  return {
    ...before,
    get: () => {
      const value = load();
      const now = watched({ value, writable: true, configurable: true, enumerable }, key, row);
      if (now !== undefined) Object.defineProperty(globalThis, key, now);
      return now === undefined ? value : (now.value as unknown);
    },
  };
}

/** The descriptor that watches the function; undefined for a property that holds none. */
function watched(before: PropertyDescriptor, key: string, row: Row): PropertyDescriptor | undefined {
  if (before.configurable !== true) return undefined;
  if (typeof before.value === 'function') {
    return { ...before, value: watchedFunction(before.value as AnyFunction, key, row) };
  }
  const get = before.get?.bind(undefined);
  if (get === undefined) return undefined;
  let original: unknown;
  let shown: unknown;
  return {
    ...before,
    get: () => {
      // Code such as graceful-fs assigns classes of its own, and puts back what it has read here.
      const assigned: unknown = get();
      if (typeof assigned !== 'function' || loaded.has(assigned)) return assigned;
      if (assigned !== original) {
        original = assigned;
        const own = watchedFunction(assigned as AnyFunction, key, row);
        loaded.add(own);
        shown = own;
      }
      return shown;
    },
  };
}

/** What stands in for the functions that Node loads when they are read. */
const loaded = new WeakSet<object>();

/** Wraps in a proxy, so that classes and properties of functions keep working. */
function watchedFunction(original: AnyFunction, key: string, row: Row): AnyFunction {
  const { path, kind, instead, rejects = false, callback = 'result', reaches = () => true } = row;
  const outside: OutsideFunction = { kind, area: areaOf(path), name: nameOf(key, path), instead };
  return new Proxy(original, {
    apply(called, self, args: unknown[]) {
      const answer = reaches(...args) ? hub.world?.outside(outside) : undefined;
      if (answer instanceof Error) return refused(answer, rejects);
      if (answer === undefined) {
        return Reflect.apply<unknown, never[], unknown>(called, self, args as never[]);
      }
      const result = broughtBack(answer, callback, args, (given) =>
        Reflect.apply(called, self, given as never[]),
      );
      return result instanceof Promise ? answer.bringPromise(result) : result;
    },
    construct(called, args: unknown[], made) {
      const answer = reaches(...args) ? hub.world?.outside(outside) : undefined;
      if (answer instanceof Error) throw answer;
      const construct = (): object => Reflect.construct(called, args, made) as object;
      return answer === undefined ? construct() : answer.letThrough(construct);
    },
  });
}

function refused(error: Error, rejects: boolean): Promise<never> {
  if (rejects) return Promise.reject(error);
  throw error;
}

/** Makes the call, with callbacks that come back. */
function broughtBack(
  way: WayBack,
  use: CallbackUse,
  args: readonly unknown[],
  call: (given: readonly unknown[]) => unknown,
): unknown {
  const brought = args.map((arg) =>
    typeof arg === 'function' ? way.bringCallback(arg as (...args: unknown[]) => unknown, use) : undefined,
  );
  try {
    return way.letThrough(() => call(args.map((arg, at) => brought[at]?.callback ?? arg)));
  } catch (error) {
    for (const one of brought) one?.takeBack();
    throw error;
  }
}
