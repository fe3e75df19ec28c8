/**
 * A disk in memory, as a medium that outlives the processes that use it. Invariants: each operation takes effect in an
 * event of its process's clock, one after another, so that a process that dies in between has not done the later ones;
 * a dead process never gets an answer; every effect of a crash or fault is a decision and an event of the trace.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { choosesFault } from '../kernel/decisions.ts';
import type { RunnerError } from '../kernel/errors.ts';
import { Fifo } from '../kernel/fifo.ts';
import { invariant } from '../kernel/invariant.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import type { Topic } from '../kernel/question.ts';
import {
  checkDiskPath,
  diskBytes,
  type Disk,
  type DiskCall,
  diskCallText,
  diskCallTopic,
  type DiskData,
  diskError,
  diskText,
  folderOfPath,
} from '../model/disk.ts';
import { type DiskFaultKind, diskFaultText } from '../model/faults.ts';
import { type World, WORLD_OF_CHOICES, WORLD_OF_TIME } from '../model/world.ts';
import { type CrashingDisk, DiskCrash } from './disk-crash.ts';
import { NameTable } from './name-table.ts';
import { StoredFile } from './stored-file.ts';
import { FAULT_ODDS } from '../model/odds.ts';

/**
 * Faults of a disk in memory. A number N, at least 2, strikes at one operation in N; `true` stands for one in 16;
 * absent means never. All of them end when faults end (`sim.heal`).
 */
export interface DiskFaults {
  /** A write stores a prefix of its bytes, possibly empty, and fails with `RUNNER_DISK_FAILED`. */
  readonly short?: number | boolean;
  /** A write stores nothing, and fails with `RUNNER_DISK_NO_SPACE`. */
  readonly noSpace?: number | boolean;
  /**
   * A sync of a file fails with `RUNNER_DISK_FAILED`. After that it is unknown what of the file is on the medium, but
   * the next sync assumes that all is: data written before the failure may be lost even after it, leaving zeros if
   * later data is there.
   */
  readonly sync?: number | boolean;
  /** Just before a file is read, one bit of its synced content flips, permanently. */
  readonly rot?: number | boolean;
  /** An operation takes `slowMs` longer. */
  readonly slow?: number | boolean;
  /** Delay of `slow`, in milliseconds. Default 1,000. */
  readonly slowMs?: number;
  /**
   * After a power failure, unsynced data may survive in a different order than it was written in: a later write without
   * an earlier one, which leaves zeros, and changes of different names independently of each other. Default false: the
   * earliest survive.
   */
  readonly reorder?: boolean;
  /**
   * Maximum number of strikes, all kinds but `reorder` together, so that a run finishes; default 4, `Infinity` for no
   * limit.
   */
  readonly strikesMax?: number;
}

/** Options of {@link createMemoryDisk}. */
export interface MemoryDiskOptions {
  /** Name in decisions, events and errors; default `disk`. The disk of a node has the name of the node. */
  readonly name?: string;
  /**
   * Duration of each operation on the clock of its process, in milliseconds; for a pair, a decision between the two.
   * Default 0.
   */
  readonly latencyMs?: number | readonly [leastMs: number, mostMs: number];
  /** Maximum size of all files together; a write beyond that stores what fits and fails. Default: no limit. */
  readonly capacityBytes?: number;
  /** Writes tear at multiples of this many bytes of the file: 512 for a sector; `Infinity` for never. Default 1. */
  readonly tearBytes?: number;
  /** Faults to inject. Default: none. */
  readonly faults?: DiskFaults;
}

/** A disk in memory that outlives the processes that use it. Made by {@link createMemoryDisk}. */
export interface MemoryDisk {
  readonly name: string;
  /** A disk for one process: its operations take effect on the clock of that world. */
  mount(world: Pick<World, 'clock'>): Disk;
  /**
   * Ends all mounts, as if the processes that use the disk had been killed, but not the machine: what was written is
   * there. For an operation in progress, the exploration decides whether it was carried out (answer 0), not carried
   * out, or, for a write, carried out in part. Code that goes on using a mount gets `RUNNER_DISK_CLOSED`.
   */
  crash(): void;
  /**
   * Ends all mounts, as if the power had failed: the exploration decides for unsynced data whether it is kept, lost or
   * torn. The decisions are `NAME lost FILE fault`, whose answer 0 keeps all and whose highest loses all, and
   * `NAME torn FILE fault`. Names are decided first: `NAME lost names fault`.
   */
  powerFail(): void;
  /** A copy of all files by path, as a process would read them now. For checks of a scenario. */
  files(): Map<string, Uint8Array>;
}

const RATE = is.anyOf('true, false or an integer ≥ 2', is.BOOLEAN, is.integer(2));
const FAULTS = is.closed(
  is.objectOf<DiskFaults>(
    'an object of faults',
    {},
    {
      ...is.each(['short', 'noSpace', 'sync', 'rot', 'slow'], RATE),
      slowMs: is.DURATION_MS,
      reorder: is.BOOLEAN,
      strikesMax: is.COUNT_OR_INFINITY,
    },
  ),
);
const LATENCY = is.anyOf(
  'a number of milliseconds ≥ 0, or two, the least first',
  is.DURATION_MS,
  is.satisfying('two', (value) => {
    if (!Array.isArray(value) || value.length !== 2) return false;
    const [least, most] = value as [unknown, unknown];
    return (
      is.findMismatch(is.DURATION_MS, least) === undefined &&
      is.findMismatch(is.finite(least as number), most) === undefined
    );
  }),
);
/** Shapes of all options except the name. */
export const MEMORY_DISK_FIELDS: is.ShapesOf<Omit<MemoryDiskOptions, 'name'>> = {
  latencyMs: LATENCY,
  capacityBytes: is.limit(),
  tearBytes: is.satisfying(
    'an integer ≥ 1 or Infinity',
    (value) => value === Infinity || is.findMismatch(is.integer(1), value) === undefined,
  ),
  faults: FAULTS,
};
const OPTIONS = is.optionsOf<MemoryDiskOptions>({}, { ...MEMORY_DISK_FIELDS, name: is.text('a name', /./) });

const SLOW_MS = 1_000;
const LATENCY_STEPS = 8;

/** An operation that a process has requested. */
interface Operation {
  readonly call: DiskCall;
  readonly path: string;
  readonly to: string;
  readonly data: Uint8Array;
  readonly topic: Topic;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The operation that a fault strikes. */
type Struck = Pick<Operation, 'call' | 'path' | 'topic'>;
type FaultName = 'short' | 'noSpace' | 'sync' | 'rot' | 'slow';

const FAULT_KINDS: Readonly<Record<FaultName, DiskFaultKind>> = {
  short: 'short',
  noSpace: 'no-space',
  sync: 'fail',
  rot: 'rot',
  slow: 'slow',
};
const NO_BYTES = new Uint8Array(0);

/** The medium, and the effects of operations on it. */
class Medium implements CrashingDisk {
  readonly name: string;
  readonly tearBytes: number;
  readonly reorder: boolean;
  readonly #world: Omit<World, 'random'>;
  readonly #names = new NameTable();
  readonly #mounts = new Set<MountedDisk>();
  readonly #faults: DiskFaults;
  readonly #latencyMs: readonly [number, number];
  readonly #capacityBytes: number;
  #strikesLeft: number;

  constructor(world: Omit<World, 'random'>, options: MemoryDiskOptions) {
    const { name = 'disk', latencyMs = 0, capacityBytes = Infinity, tearBytes = 1, faults = {} } = options;
    this.name = name;
    this.tearBytes = tearBytes;
    this.reorder = faults.reorder ?? false;
    this.#world = world;
    this.#faults = faults;
    this.#latencyMs = typeof latencyMs === 'number' ? [latencyMs, latencyMs] : latencyMs;
    this.#capacityBytes = capacityBytes;
    this.#strikesLeft = faults.strikesMax ?? FAULT_ODDS.diskStrikesMax;
    world.onHeal?.(() => {
      this.#strikesLeft = 0;
      for (const mount of this.#mounts) mount.hurry();
    });
  }

  get choices(): World['choices'] {
    return this.#world.choices;
  }

  mount(clock: Clock): Disk {
    const mount = new MountedDisk(this, clock);
    this.#mounts.add(mount);
    return mount;
  }

  crash(): void {
    const crash = new DiskCrash(this);
    for (const operation of this.#endProcesses()) this.#interrupt(operation, crash);
  }

  powerFail(): void {
    // Operations in progress count as written but not synced, like everything else.
    for (const operation of this.#endProcesses()) this.#tryApply(operation);
    new DiskCrash(this).powerFail(this.#names);
  }

  files(): Map<string, Uint8Array> {
    return new Map(this.#names.paths.map((path) => [path, this.#fileOf(path).read()]));
  }

  record(event: Parameters<CrashingDisk['record']>[0]): void {
    const { clock, tracer } = this.#world;
    tracer?.record({ at: clock.now(), type: 'disk', runner: this.name, ...event });
  }

  /** Removes a mount that was closed, or whose process has ended. */
  forget(mount: MountedDisk): void {
    this.#mounts.delete(mount);
  }

  /** Duration of an operation in milliseconds. */
  latencyOf({ topic }: Struck): number {
    const [least, most] = this.#latencyMs;
    if (least === most) return least;
    const msOf = (answer: number): number =>
      roundedMs(least + (answer * (most - least)) / (LATENCY_STEPS - 1));
    return msOf(this.choices.choose(topic.asks('delay'), LATENCY_STEPS, msOf));
  }

  /** Additional duration because of a fault; 0 if none strikes. */
  slownessOf(operation: Struck): number {
    if (operation.call === 'close' || !this.#strikes('slow', operation)) return 0;
    return this.#faults.slowMs ?? SLOW_MS;
  }

  /** Carries out an operation, and returns the result for its caller. */
  carryOut(operation: Operation): unknown {
    const { call, path } = operation;
    switch (call) {
      case 'read':
        return this.#read(operation);
      case 'write':
      case 'append':
        this.#put(operation);
        return undefined;
      case 'sync':
        this.#sync(operation);
        return undefined;
      case 'rename':
        this.#rename(operation);
        return undefined;
      case 'remove':
        this.#find(operation);
        this.#removeName(path);
        return undefined;
      case 'list':
        return this.#names.paths.filter((each) => path === '' || each.startsWith(`${path}/`));
      case 'close':
        return undefined;
    }
  }

  #read(operation: Operation): Uint8Array {
    const file = this.#find(operation);
    if (file.agedBytes > 0 && this.#strikes('rot', operation)) {
      const bit = this.choices.choose(operation.topic.plus('bit').asks('choice'), file.agedBytes * 8);
      file.flipBit(bit);
    }
    this.record({ step: 'read', file: operation.path, bytes: file.length });
    return file.read();
  }

  #put(operation: Operation): void {
    const { path, data } = operation;
    const obstacle = this.#names.obstacle(path);
    if (obstacle !== undefined) throw this.#error('RUNNER_DISK_FAILED', operation, obstacle);
    if (this.#strikes('noSpace', operation)) throw this.#noSpace(operation);
    const isShort = data.length > 0 && this.#strikes('short', operation);
    const part = isShort ? data.slice(0, this.#shortLength(operation)) : data;
    const stored = this.#store(operation, part);
    if (stored < part.length) throw this.#noSpace(operation);
    if (!isShort) return;
    const why = `only ${stored} of ${data.length} bytes were written (injected fault)`;
    throw this.#error('RUNNER_DISK_FAILED', operation, why);
  }

  #shortLength({ data, topic }: Operation): number {
    const bytesOf = (answer: number): number => data.length - 1 - answer;
    return bytesOf(this.choices.choose(topic.plus('cut').asks('choice'), data.length, bytesOf));
  }

  /** Stores what fits, and returns the number of bytes stored. */
  #store({ call, path }: Operation, data: Uint8Array, wasUnderWay = false): number {
    const replaces = call === 'write';
    const file = this.#names.get(path);
    const room = this.#roomFor(replaces ? file : undefined);
    const fitting = data.length <= room ? data : data.slice(0, room);
    const target = file ?? new StoredFile();
    if (file === undefined) this.#names.create(path, target);
    if (replaces || fitting.length > 0) target.put(fitting, replaces);
    this.#recordChange(
      { step: replaces ? 'wrote' : 'appended', file: path, bytes: fitting.length },
      wasUnderWay,
    );
    return fitting.length;
  }

  /** Free space in bytes if `replaced` is discarded. */
  #roomFor(replaced: StoredFile | undefined): number {
    if (this.#capacityBytes === Infinity) return Infinity;
    let used = 0;
    for (const file of this.#names.files) if (file !== replaced) used += file.length;
    return Math.max(0, Math.floor(this.#capacityBytes - used));
  }

  #sync(operation: Operation): void {
    const { path } = operation;
    const file = this.#names.get(path);
    if (file === undefined && !this.#names.knowsFolder(path)) throw this.#notFound(operation);
    if (file !== undefined && this.#strikes('sync', operation)) {
      file.failSync();
      throw this.#error('RUNNER_DISK_FAILED', operation, 'input/output error (injected fault)');
    }
    file?.sync();
    this.#names.sync(file === undefined ? path : folderOfPath(path));
    this.record({ step: 'synced', file: path });
  }

  #rename(operation: Operation): void {
    const { path, to } = operation;
    this.#find(operation);
    const obstacle = this.#names.obstacle(to);
    if (obstacle !== undefined) throw this.#error('RUNNER_DISK_FAILED', operation, obstacle);
    if (path !== to) this.#renameName(path, to);
  }

  #renameName(path: string, to: string, wasUnderWay = false): void {
    this.#names.rename(path, to, this.#fileOf(path));
    this.#recordChange({ step: 'renamed', file: to, from: path }, wasUnderWay);
  }

  #removeName(path: string, wasUnderWay = false): void {
    this.#names.remove(path);
    this.#recordChange({ step: 'removed', file: path }, wasUnderWay);
  }

  #recordChange(event: Parameters<CrashingDisk['record']>[0], wasUnderWay: boolean): void {
    this.record(wasUnderWay ? { ...event, wasUnderWay } : event);
  }

  #find(operation: Operation): StoredFile {
    const file = this.#names.get(operation.path);
    if (file === undefined) throw this.#notFound(operation);
    return file;
  }

  #fileOf(path: string): StoredFile {
    const file = this.#names.get(path);
    invariant(file !== undefined, () => `expected a file called ${path}`);
    return file;
  }

  /** Ends all mounts, and returns the operation that each had in progress. */
  #endProcesses(): Operation[] {
    const mounts = [...this.#mounts];
    this.#mounts.clear();
    return mounts.flatMap((mount) => mount.die());
  }

  /** Carries out an operation if possible. Errors are ignored, because the process that would get them is dead. */
  #tryApply(operation: Operation): void {
    const { call, path, to, data } = operation;
    if (!this.#canDo(operation)) return;
    if (call === 'write' || call === 'append') this.#store(operation, data, true);
    else if (call === 'remove') this.#removeName(path, true);
    else if (call === 'rename') this.#renameName(path, to, true);
  }

  /** Decides how much of an operation in progress a process that died has carried out. */
  #interrupt(operation: Operation, crash: DiskCrash): void {
    const { call, path, to, data } = operation;
    if (!this.#canDo(operation)) return;
    if (call === 'write' || call === 'append') {
      const whole = { replaces: call === 'write', data, state: 'dirty' } as const;
      const part = crash.interrupted(path, whole, this.#names.get(path)?.length ?? 0);
      if (part !== undefined) this.#store(operation, part.data, true);
      return;
    }
    const change =
      call === 'remove'
        ? ({ kind: 'removal', path } as const)
        : ({ kind: 'rename', path, to, file: this.#fileOf(path) } as const);
    if (crash.interruptedName(change)) this.#tryApply(operation);
  }

  /** True if the operation would change something and can succeed. */
  #canDo({ call, path, to }: Operation): boolean {
    const has = this.#names.get(path) !== undefined;
    if (call === 'write' || call === 'append') return this.#names.obstacle(path) === undefined;
    if (call === 'remove') return has;
    return call === 'rename' && has && path !== to && this.#names.obstacle(to) === undefined;
  }

  #strikes(fault: FaultName, { call, path, topic }: Struck): boolean {
    const rate = this.#faults[fault];
    if (rate === undefined || rate === false || this.#strikesLeft === 0) return false;
    const kind = FAULT_KINDS[fault];
    const words = (): string => diskFaultText(kind, this.name, call, path);
    const oneIn = rate === true ? FAULT_ODDS.diskOneIn : rate;
    if (!choosesFault(this.choices, topic.plus(kind), oneIn, words)) return false;
    this.#strikesLeft -= 1;
    const { clock, tracer } = this.#world;
    tracer?.record({
      ...{ at: clock.now(), type: 'fault', runner: this.name, operation: call, kind, runId: '', file: path },
    });
    return true;
  }

  #notFound(operation: Operation): RunnerError {
    return this.#error('RUNNER_DISK_NOT_FOUND', operation, 'no such file');
  }

  #noSpace(operation: Operation): RunnerError {
    return this.#error('RUNNER_DISK_NO_SPACE', operation, 'no space left');
  }

  #error(code: Parameters<typeof diskError>[0], { call, path, to }: Operation, why: string): RunnerError {
    return diskError(code, this.name, diskCallText(call, path, to), why);
  }
}

/** The public view of the medium. */
class MediumHandle implements MemoryDisk {
  readonly #medium: Medium;

  constructor(medium: Medium) {
    this.#medium = medium;
  }

  get name(): string {
    return this.#medium.name;
  }

  mount(world: Pick<World, 'clock'>): Disk {
    check('world', world, WORLD_OF_TIME);
    return this.#medium.mount(world.clock);
  }

  crash(): void {
    this.#medium.crash();
  }

  powerFail(): void {
    this.#medium.powerFail();
  }

  files(): Map<string, Uint8Array> {
    return this.#medium.files();
  }
}

/** The disk as one process uses it. */
class MountedDisk implements Disk {
  readonly #medium: Medium;
  readonly #clock: Clock;
  /** The first one is in progress. */
  #operations = new Fifo<Operation>();
  #timer: Timer | undefined;
  #isSlow = false;
  #state: 'open' | 'closed' | 'dead' = 'open';
  #closing: Promise<void> | undefined;

  constructor(medium: Medium, clock: Clock) {
    this.#medium = medium;
    this.#clock = clock;
  }

  async read(path: string): Promise<Uint8Array> {
    checkDiskPath('path', path);
    return this.#ask('read', path) as Promise<Uint8Array>;
  }

  async readText(path: string): Promise<string> {
    return diskText(await this.read(path));
  }

  async write(path: string, data: DiskData): Promise<void> {
    checkDiskPath('path', path);
    await this.#ask('write', path, '', diskBytes(data));
  }

  async append(path: string, data: DiskData): Promise<void> {
    checkDiskPath('path', path);
    await this.#ask('append', path, '', diskBytes(data));
  }

  async sync(path?: string): Promise<void> {
    if (path !== undefined) checkDiskPath('path', path);
    await this.#ask('sync', path ?? '');
  }

  async rename(from: string, to: string): Promise<void> {
    checkDiskPath('from', from);
    checkDiskPath('to', to);
    await this.#ask('rename', from, to);
  }

  async remove(path: string): Promise<void> {
    checkDiskPath('path', path);
    await this.#ask('remove', path);
  }

  async list(folder?: string): Promise<string[]> {
    if (folder !== undefined) checkDiskPath('folder', folder);
    return this.#ask('list', folder ?? '') as Promise<string[]>;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends the mount, and returns the operations in progress. */
  die(): Operation[] {
    this.#state = 'dead';
    this.#timer?.cancel();
    const left = [...this.#operations];
    this.#operations = new Fifo();
    // A dead process's clock fires nothing; a process that lives on without its disk gets an error.
    for (const operation of left) {
      this.#clock.post(operation.topic, () => operation.reject(this.#closedError(operation)));
    }
    return left.slice(0, 1);
  }

  /** See {@link endMount}. */
  abandon(): void {
    this.die();
    this.#medium.forget(this);
  }

  /** Completes slow operations at once. */
  hurry(): void {
    const { first } = this.#operations;
    if (!this.#isSlow || first === undefined) return;
    this.#timer?.cancel();
    this.#isSlow = false;
    this.#timer = this.#clock.post(first.topic, () => this.#finish(first));
  }

  async #close(): Promise<void> {
    const closed = this.#ask('close', '');
    if (this.#state === 'open') this.#state = 'closed';
    await closed;
    this.#medium.forget(this);
  }

  #ask(call: DiskCall, path: string, to = '', data: Uint8Array = NO_BYTES): Promise<unknown> {
    const topic = diskCallTopic(this.#medium.name, call, path);
    return new Promise((resolve, reject) => {
      const operation = { call, path, to, data, topic, resolve, reject };
      if (this.#state !== 'open') {
        this.#clock.post(topic, () => reject(this.#closedError(operation)));
        return;
      }
      this.#operations.push(operation);
      if (this.#operations.size === 1) this.#start(operation);
    });
  }

  #start(operation: Operation): void {
    const latencyMs = this.#medium.latencyOf(operation);
    const slowMs = this.#medium.slownessOf(operation);
    const ms = latencyMs + slowMs;
    const { topic } = operation;
    const finish = (): void => this.#finish(operation);
    this.#isSlow = slowMs > 0;
    this.#timer = ms === 0 ? this.#clock.post(topic, finish) : this.#clock.timer(topic, ms, finish);
  }

  #finish(operation: Operation): void {
    this.#timer = undefined;
    this.#operations.shift();
    try {
      operation.resolve(this.#medium.carryOut(operation));
    } catch (error) {
      operation.reject(error);
    }
    const next = this.#operations.first;
    if (next !== undefined) this.#start(next);
  }

  #closedError({ call, path, to }: Operation): RunnerError {
    const why = this.#state === 'dead' ? 'the process that used it has crashed' : 'it was closed';
    return diskError('RUNNER_DISK_CLOSED', this.#medium.name, diskCallText(call, path, to), why);
  }
}

/**
 * Ends the mount of a process that has ended, by no crash: what the process had asked for and was not done by then is
 * never done, and neither is anything that its code still asks for.
 */
export function endMount(disk: Disk): void {
  invariant(disk instanceof MountedDisk, 'expected a mount of a disk in memory');
  disk.abandon();
}

/**
 * Creates a disk in memory that outlives the processes that use it: each process mounts it, and a crash decides what
 * remains of its work. The disk belongs to the world in which it is created, usually that of the simulation; each
 * `Disk` belongs to the process that mounted it.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options.
 * @example
 * ```ts
 * import { simulate } from 'dryrunner';
 * import { createMemoryDisk } from 'dryrunner/cluster';
 * const { held, failure } = await simulate({
 *   seed: 1,
 *   async scenario(sim) {
 *     const medium = createMemoryDisk(sim.world, { name: 'locks' });
 *     const disk = medium.mount(sim.world);
 *     await disk.append('log', 'granted 7\n');
 *     await disk.sync('log');
 *     await disk.append('log', 'freed 7\n');
 *     medium.powerFail();
 *     const text = await medium.mount(sim.world).readText('log');
 *     sim.check(text.startsWith('granted 7\n'), 'what was synced is there');
 *     sim.check('granted 7\nfreed 7\n'.startsWith(text), 'and maybe a part of the rest');
 *   },
 * });
 * if (!held) throw new Error(failure?.message);
 * ```
 */
export function createMemoryDisk(world: Omit<World, 'random'>, options: MemoryDiskOptions = {}): MemoryDisk {
  check('world', world, WORLD_OF_CHOICES);
  check('options', options, OPTIONS);
  return new MediumHandle(new Medium(world, options));
}
