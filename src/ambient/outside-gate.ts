/**
 * Between the code of a simulation and the machine. Invariants: what the code calls there itself is refused and fails the simulation, unless
 * it is allowed by name; Node, test frameworks, loaders and this package go on as ever; of a call that nobody refuses nothing is seen.
 */
import * as is from '../kernel/shape.ts';
import { shortPlaceOf } from '../explore/explain/source-place.ts';
import { check } from '../kernel/argument-check.ts';
import { realFunctions } from '../kernel/drain-real-functions.ts';
import { invalidArgument, RunnerError, type RunnerErrorCode, stackOf } from '../kernel/errors.ts';
import { codePathOf, pathOfLocation } from '../kernel/package-files.ts';
import { setStackLimit } from '../kernel/drain-stack-limit.ts';
import type { FailureKind, ReportFailure } from '../simulation/verdict.ts';
import { OUTSIDE_AREAS } from './globals/outside-calls.ts';
import type { OutsideFunction, WayBack } from './hub.ts';

/** Parts of Node that do as they must whatever code runs. */
const NODE_ITSELF = [
  ...[
    'node:internal/modules/',
    'node:internal/source_map/',
    'node:internal/console/',
    'node:internal/bootstrap/',
    'node:internal/worker/',
  ],
  ...['node:internal/process/esm_loader', 'node:internal/process/warning', 'node:internal/process/promises'],
];
/** What loads code, maps its lines or runs tests. */
const TOOLS =
  /\/node_modules\/(?:vitest|vite|vite-node|@vitest|tsx|ts-node|@swc|jiti|esbuild|rolldown|rollup|source-map|source-map-support|@jridgewell|@cspotcode|pirates|istanbul[\w-]*|c8|birpc)\//;
const FRAMES = 40;
const TRAPPED_SIMULATIONS = 16;

type Callback = (...args: unknown[]) => unknown;

/** The names that `allow` may have. */
export function checkAllowed(allow: readonly string[]): ReadonlySet<string> {
  check('allow', allow, is.listOf(is.ANY, 'a list of names'));
  for (const [at, name] of allow.entries()) {
    check(`allow[${at}]`, name, is.TEXT);
    if (OUTSIDE_AREAS.includes(name.split('.')[0] as string)) continue;
    throw invalidArgument(`allow[${at}]`, `a function, or one of ${OUTSIDE_AREAS.join(', ')}`, name);
  }
  return new Set(allow);
}

/** See above; one for each simulation. */
export class OutsideGate implements WayBack {
  readonly #allowed: ReadonlySet<string>;
  readonly #report: ReportFailure;
  readonly #arrived: (() => void)[] = [];
  #awaited = 0;
  #isLooking = false;

  constructor(allowed: ReadonlySet<string>, report: ReportFailure) {
    this.#allowed = allowed;
    this.#report = report;
  }

  /** True while something that is allowed has not come back. */
  get isWaiting(): boolean {
    return this.#awaited > 0;
  }

  /** See `AmbientWorld.outside`. */
  outside({ area, name, instead }: OutsideFunction): Error | WayBack | undefined {
    if (this.#isLooking || isCalledByTools()) return undefined;
    if (this.#allowed.has(area) || this.#allowed.has(name)) return this;
    return this.#refuse(
      `${name} is called`,
      `and what the machine does there cannot be repeated. ${capitalized(instead)}; ambientTime({ allow: ['${name}'] }) lets it through`,
    );
  }

  /** See `AmbientWorld.isCalledByTool`. */
  isCalledByTool(): boolean {
    return !this.#isLooking && isTool(nearestFile() ?? '');
  }

  /** A timer of the machine is being made; the error that refuses it, if the code of the simulation makes it. */
  realTimer(what: string): Error | undefined {
    if (this.#isLooking || isCalledByTools()) return undefined;
    return this.#refuse(
      `${what} of the machine is called`,
      'because the code took it before ambient time was in place. Under Vitest, add dryrunner/vitest-plugin to its plugins; elsewhere load dryrunner/ambient/install before that code, by node --import',
    );
  }

  bringPromise<T>(result: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      result.then(this.bringCallback(resolve as Callback), this.bringCallback(reject));
      // Only one of the two comes.
      this.#awaited -= 1;
    });
  }

  bringCallback(callback: Callback): (...args: unknown[]) => void {
    let isAwaited = true;
    this.#awaited += 1;
    return (...args) => {
      this.#arrived.push(() => {
        if (isAwaited) this.#awaited -= 1;
        isAwaited = false;
        callback(...args);
      });
    };
  }

  /** Hands over what has come back; called while the code of the simulation may run. */
  handOver(): void {
    for (let next = this.#arrived.shift(); next !== undefined; next = this.#arrived.shift()) next();
  }

  #refuse(what: string, why: string): RunnerError {
    return this.fail('escape', 'RUNNER_OUTSIDE_CALL', what, ` while a simulation runs, ${why}`);
  }

  /** Fails the simulation for what its code calls now, and gives the error for the caller: `WHAT at queue.ts:12WHY`. */
  fail(kind: FailureKind, code: RunnerErrorCode, what: string, why: string): RunnerError {
    // To make a stack readable, loaders read files.
    this.#isLooking = true;
    try {
      const error = withStack(() => new RunnerError(code, what));
      const place = shortPlaceOf(stackOf(error) ?? '');
      error.message = `${what}${place === undefined ? '' : ` ${place}`}${why}`;
      this.#report(kind, error.message, error);
      return error;
    } finally {
      this.#isLooking = false;
    }
  }
}

/** As `withStackLimit` of the kernel, with no function of another folder between: whose a call is shows in the nearest frame. */
function withStack<T>(make: () => T): T {
  const restore = setStackLimit(FRAMES);
  try {
    return make();
  } finally {
    restore();
  }
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Whether the nearest code that is neither a plain part of Node nor of this folder is what a simulation has no say in. */
function isCalledByTools(): boolean {
  const file = nearestFile();
  // Node goes on with what was begun before.
  return file === undefined || file.startsWith('node:') || isTool(file) || isOwn(file);
}

/** Where that code is, of Node only what does as it must whatever code runs; undefined if there is none. */
function nearestFile(): string | undefined {
  return filesOfNow().find((file) =>
    file.startsWith('node:')
      ? NODE_ITSELF.some((part) => file.startsWith(part))
      : codePathOf(pathOfLocation(file))?.startsWith('ambient/') !== true,
  );
}

function isTool(file: string): boolean {
  return TOOLS.test(pathOfLocation(file));
}

function isOwn(file: string): boolean {
  return codePathOf(pathOfLocation(file)) !== undefined;
}

/** As the engine knows them: no source map is read for it. */
function filesOfNow(): string[] {
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  let files: string[] = [];
  Error.prepareStackTrace = (_, sites) => {
    files = sites.map((site) => site.getFileName() ?? '').filter((file) => file !== '');
    return '';
  };
  try {
    // Read, it is prepared.
    withStack(() => new Error('place').stack);
  } finally {
    if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else Object.defineProperty(Error, 'prepareStackTrace', before);
  }
  return files;
}

/** The first field that Node gives to a timer or an immediate. */
const FIRST_FIELD = '_idlePrev';
let kinds: readonly (readonly [what: string, prototype: object])[] | undefined;

/** The prototypes of what Node makes. */
function timerKinds(): NonNullable<typeof kinds> {
  if (kinds !== undefined) return kinds;
  const timeout = realFunctions.setTimeout(() => {}, 0);
  realFunctions.clearTimeout(timeout);
  const immediate = realFunctions.setImmediate(() => {});
  kinds = [
    ['setTimeout or setInterval', Object.getPrototypeOf(timeout) as object],
    ['setImmediate', Object.getPrototypeOf(immediate) as object],
  ];
  return kinds;
}

/**
 * Sees timers of the machine while they are made, also by a function that was kept from before. It costs microseconds to set, and makes all
 * timers of the process slower, so that it is set in the first simulations of a thread, where places are captured, and where it may be needed.
 */
export class RealTimerTrap {
  static #simulations = 0;
  static #isSuspected = false;
  readonly #gate: OutsideGate;
  readonly #isUsed: boolean;
  #before = 0;

  constructor(gate: OutsideGate, capturePlaces: boolean) {
    this.#gate = gate;
    this.#isUsed =
      capturePlaces || RealTimerTrap.#isSuspected || RealTimerTrap.#simulations < TRAPPED_SIMULATIONS;
    RealTimerTrap.#simulations += 1;
    RealTimerTrap.#isSuspected = false;
  }

  /** A burst begins. */
  set(): void {
    if (!this.#isUsed) {
      this.#before = timersAlive();
      return;
    }
    const gate = this.#gate;
    for (const [what, prototype] of timerKinds()) {
      Object.defineProperty(prototype, FIRST_FIELD, {
        configurable: true,
        set(this: object, value: unknown) {
          Object.defineProperty(this, FIRST_FIELD, {
            value,
            writable: true,
            configurable: true,
            enumerable: true,
          });
          const error = gate.realTimer(what);
          if (error !== undefined) throw error;
        },
      });
    }
  }

  /** A burst ends. Test frameworks may have set timers in it, so that a number proves nothing. */
  unset(): void {
    if (this.#isUsed) {
      for (const [, prototype] of timerKinds()) Reflect.deleteProperty(prototype, FIRST_FIELD);
    } else if (timersAlive() > this.#before) RealTimerTrap.#isSuspected = true;
  }
}

function timersAlive(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout' || kind === 'Immediate').length;
}
