/**
 * Intercepts what the machine can do and no simulation can: files, networks, processes, threads, work on the thread
 * pool. Invariants: while code of a simulation runs, each such call asks the simulation's world, which may refuse it;
 * otherwise the machine's function runs. No module of Node is loaded just to watch it: modules that are loaded later
 * end up in functions that are watched.
 */
import { syncBuiltinESMExports } from 'node:module';
import type { EscapeKind } from '../../explore/escape.ts';
import { hub, type CallbackUse, type OutsideFunction, type WayBack } from '../hub.ts';
import { replaceProperty, type AnyFunction } from './stand-in.ts';

interface Area {
  /** The module or global, followed by the property path to the object that has the functions. */
  readonly path: string;
  readonly functions: RegExp;
  readonly kind: EscapeKind;
  readonly instead: string;
  /** False for arguments with which a call does not reach the machine; default: it always does. */
  readonly reaches?: (...args: readonly unknown[]) => boolean;
}

const ALL = /^[a-z]/;
const ALL_AND_STREAMS = /^(?:[a-z]|\w+Stream$)/;
/** Their callbacks listen to an event. */
const TAKES_LISTENER = /\.(?:bind|connect|createConnection|createSocket|get|listen|request|watch)$/;
const LOOK_UPS = /^(?:lookup|resolve|reverse)/;

const IO = { kind: 'io' } as const;
const FILES = { ...IO, functions: ALL, instead: 'do it before the simulation starts and pass in the result' };
const SERVER = { ...IO, instead: 'pass in a client, or stub this one, that answers by a timer' };
const NAMES = { ...IO, functions: LOOK_UPS, instead: 'pass in a function that looks names up' };
const POOL = { instead: 'use the synchronous form, whose result is there at once' };
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
const END = { kind: 'process', instead: 'throw an error, or return from the scenario' } as const;

const AREAS: readonly Area[] = [
  { path: 'fs', ...FILES, functions: ALL_AND_STREAMS },
  { path: 'fs.promises', ...FILES },
  { path: 'net', functions: /^(?:connect|createConnection)$/, ...SERVER },
  { path: 'net.Socket.prototype', functions: /^connect$/, ...SERVER },
  { path: 'net.Server.prototype', functions: /^listen$/, ...SERVER },
  { path: 'tls', functions: /^connect$/, ...SERVER },
  { path: 'http', functions: /^(?:request|get)$/, ...SERVER },
  { path: 'https', functions: /^(?:request|get)$/, ...SERVER },
  { path: 'http2', functions: /^connect$/, ...SERVER },
  { path: 'fetch', functions: /^fetch$/, ...SERVER },
  { path: 'dgram', functions: /^createSocket$/, ...SERVER },
  { path: 'dgram.Socket.prototype', functions: /^(?:bind|connect|send)$/, ...SERVER },
  { path: 'dns', ...NAMES },
  { path: 'dns.promises', ...NAMES },
  { path: 'dns.Resolver.prototype', ...NAMES },
  { path: 'dns.promises.Resolver.prototype', ...NAMES },
  { path: 'child_process', functions: ALL, ...PROCESS },
  { path: 'child_process.ChildProcess.prototype', functions: /^spawn$/, ...PROCESS },
  { path: 'cluster', functions: /^fork$/, ...PROCESS },
  { path: 'worker_threads', functions: /^Worker$/, ...THREAD },
  { path: 'worker_threads.BroadcastChannel.prototype', functions: /^postMessage$/, ...PORT },
  { path: 'worker_threads.MessagePort.prototype', functions: /^postMessage$/, ...PORT },
  { path: 'Atomics', functions: /^wait/, kind: 'thread', instead: 'wait for a promise or a timer' },
  { path: 'crypto', functions: /^(?:scrypt|pbkdf2|hkdf|checkPrime)$/, kind: 'io', ...POOL },
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
    functions: ALL,
    kind: 'io',
    instead: 'use the synchronous functions of node:crypto',
  },
  { path: 'zlib', functions: /^(?!.*Sync$|crc32)[a-z]/, kind: 'io', ...POOL },
  { path: 'process', functions: /^(?:exit|abort|kill)$/, ...END },
];

const EXIT: OutsideFunction = { ...END, area: 'process', name: 'process.exit' };

/** Globals that are areas, and the object that has their functions. */
const GLOBALS: Readonly<Record<string, object>> = { process, Atomics, fetch: globalThis };
/** Watched from the start: they are cheap to load, and the others end up in them. */
const BASE: ReadonlySet<string> = new Set([
  ...Object.keys(GLOBALS),
  ...['fs', 'net', 'dns', 'dgram', 'child_process', 'worker_threads', 'crypto'],
]);

/** Names that `allow` accepts in addition to single functions. */
export const OUTSIDE_AREAS: readonly string[] = [...new Set(AREAS.map(({ path }) => areaOf(path)))];

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
  for (const area of AREAS) if (areas.includes(areaOf(area.path))) watchArea(area);
  for (const area of areas) seen.areas.add(area);
  seen.exit ??= exitNow().value;
  syncBuiltinESMExports();
}

/** Vitest replaces `process.exit` by a function of its own for each file. */
function watchExit(): void {
  if (seen.exit === undefined || process.exit === seen.exit) return;
  const before = exitNow();
  Object.defineProperty(process, 'exit', watched(before, EXIT) ?? before);
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

function watchArea({ path, functions, kind, instead, reaches }: Area): void {
  const [area = '', ...way] = path.split('.');
  const owner = ownerAt(GLOBALS[area] ?? (process.getBuiltinModule(area) as object), way);
  const prefix = GLOBALS[area] === globalThis ? '' : `${path.replace('.prototype', '')}.`;
  for (const key of Object.getOwnPropertyNames(owner)) {
    if (!functions.test(key) || key === 'constructor') continue;
    const name = `${prefix}${key}`;
    const outside: OutsideFunction = { kind, area, name, instead };
    replaceProperty(name, owner, key, (before) => watched(before, outside, reaches), true);
  }
}

/** The object that has the functions: for an instance, the prototype of its class. */
function ownerAt(root: object, way: readonly string[]): object {
  let owner = root as Readonly<Record<string, object | undefined>>;
  for (const key of way) owner = (owner[key] ?? {}) as typeof owner;
  return way.at(-1) === 'subtle' ? (Object.getPrototypeOf(owner) as object) : owner;
}

function watched(
  before: PropertyDescriptor,
  outside: OutsideFunction,
  reaches?: Area['reaches'],
): PropertyDescriptor | undefined {
  if (before.configurable !== true) return undefined;
  if (typeof before.value === 'function') {
    return { ...before, value: watchedFunction(before.value as AnyFunction, outside, reaches) };
  }
  const get = before.get?.bind(undefined);
  if (get === undefined || !/Stream$/.test(outside.name)) return undefined;
  let original: unknown;
  let shown: unknown;
  return {
    ...before,
    get: () => {
      // Code such as graceful-fs assigns classes of its own, and puts back what it has read here.
      const assigned: unknown = get();
      if (typeof assigned !== 'function' || streams.has(assigned)) return assigned;
      if (assigned !== original) {
        original = assigned;
        const stream = watchedFunction(assigned as AnyFunction, outside);
        streams.add(stream);
        shown = stream;
      }
      return shown;
    },
  };
}

/** The classes of streams that are watched already. */
const streams = new WeakSet<object>();

/** Wraps in a proxy, so that classes and properties of functions keep working. */
function watchedFunction(
  original: AnyFunction,
  outside: OutsideFunction,
  reaches: Area['reaches'] = () => true,
): AnyFunction {
  const gives = /promises|subtle|fetch/.test(outside.name);
  const use = callbackUseOf(outside.name);
  return new Proxy(original, {
    apply(called, self, args: unknown[]) {
      const answer = reaches(...args) ? hub.world?.outside(outside) : undefined;
      if (answer instanceof Error) return refused(answer, gives);
      if (answer === undefined) {
        return Reflect.apply<unknown, never[], unknown>(called, self, args as never[]);
      }
      const result = broughtBack(answer, use, args, (given) => Reflect.apply(called, self, given as never[]));
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

/** A function that returns a promise rejects; others throw. */
function refused(error: Error, gives: boolean): Promise<never> {
  if (gives) return Promise.reject(error);
  throw error;
}

function callbackUseOf(name: string): CallbackUse {
  if (name === 'fs.watchFile') return 'added';
  if (name === 'fs.unwatchFile') return 'removed';
  return TAKES_LISTENER.test(name) ? 'listener' : 'result';
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
