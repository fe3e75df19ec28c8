/**
 * Creates outputs in memory and finds them by URI. Invariant: it holds at most `maxOutputs`; a writer keeps its output
 * even after the creator has dropped it.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Clock } from '../kernel/clock.ts';
import type { OutputCreator } from '../model/output.ts';
import { FaultyMemoryFile, MemoryFile, type MemoryOutput, type ToFile } from './memory-file.ts';
import type { OutputFaultPlan } from './output-fault.ts';
import { checkOutputId } from './output-id.ts';

/** Options of {@link createMemoryOutputs}. */
export interface MemoryOutputsOptions {
  /** Needed only for delay faults. */
  readonly clock?: Clock;
  /** Which outputs fail, and how (R169). Default: none. */
  readonly faults?: OutputFaultPlan;
  /** Beyond this number, the oldest output is dropped. Default: no limit. */
  readonly maxOutputs?: number;
  /** Implements `asFile`. Default: throws `RUNNER_OUTPUT_FAILED`, because there is no file. */
  readonly toFile?: ToFile;
}

const OUTPUTS_OPTIONS = is.optionsOf<MemoryOutputsOptions>(
  {},
  { clock: is.CLOCK, ...is.each(['faults', 'toFile'], is.FUNCTION), maxOutputs: is.limit(1) },
);

/** A creator of outputs that tests can read (R169). */
export interface MemoryOutputs extends OutputCreator {
  /**
   * Creates an output at `memory:///NAME`, where NAME is unique and starts with `id`.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an id that could be a path (R161); the error of a `create` fault.
   */
  create(id: string): MemoryOutput;
  /** The output at that URI, unless it was dropped. */
  find(uri: string): MemoryOutput | undefined;
  /** Drops an output; true if it was there. */
  drop(uri: string): boolean;
  /** All outputs that were not dropped, in order of creation. */
  all(): MemoryOutput[];
}

const HOLES_KEPT = 32;

/** Consecutive outputs that are created lazily; the first has the number `serial`. */
export abstract class HeldOutputs {
  abstract readonly serial: number;
  abstract outputAt(index: number): MemoryOutput;
}

/** Reserves the next `count` places of a folder for lazily created outputs; returns the number of the first. */
export let holdOutputs: (folder: MemoryOutputFolder, outputs: HeldOutputs, count: number) => number;
/** Creates an output without faults, for a reserved place. */
export let plainOutput: (folder: MemoryOutputFolder, id: string, serial: number) => MemoryFile;

/** Implementation of {@link createMemoryOutputs}. */
export class MemoryOutputFolder implements MemoryOutputs {
  static {
    holdOutputs = (folder, outputs, count) => folder.#hold(outputs, count);
    plainOutput = (folder, id, serial) => folder.#plainFile(id, serial);
  }

  readonly #options: MemoryOutputsOptions;
  readonly #maxOutputs: number;
  /**
   * By serial number minus `#base`; undefined where an output was dropped or never created. An array, because every run
   * creates and drops three. All entries before `#oldest` are undefined.
   */
  #held: (MemoryOutput | HeldOutputs | undefined)[] = [];
  #base = 0;
  #oldest = 0;
  #count = 0;

  constructor(options: MemoryOutputsOptions) {
    this.#options = options;
    this.#maxOutputs = options.maxOutputs ?? Infinity;
  }

  create(id: string): MemoryOutput {
    checkOutputId(id);
    const index = this.#held.length;
    // Takes the place first, so that a failed creation also uses up its serial number.
    this.#held.push(undefined);
    const output = this.#make(id, this.#base + index);
    this.#held[index] = output;
    this.#count += 1;
    if (this.#count > this.#maxOutputs) this.#dropAt(this.#firstHeld());
    return output;
  }

  /** True if places may be reserved, because no output has faults. */
  get isPlain(): boolean {
    return this.#options.faults === undefined;
  }

  #hold(outputs: HeldOutputs, count: number): number {
    const serial = this.#base + this.#held.length;
    for (let index = 0; index < count; index += 1) this.#held.push(outputs);
    this.#count += count;
    while (this.#count > this.#maxOutputs) this.#dropAt(this.#firstHeld());
    return serial;
  }

  #plainFile(id: string, serial: number): MemoryFile {
    return new MemoryFile(id, serial, this.#options.toFile);
  }

  find(uri: string): MemoryOutput | undefined {
    if (typeof uri !== 'string') throw invalidArgument('uri', 'a URI', uri);
    const output = this.#at(serialIn(uri) - this.#base);
    return output?.uri === uri ? output : undefined;
  }

  drop(uri: string): boolean {
    if (typeof uri !== 'string') throw invalidArgument('uri', 'a URI', uri);
    const index = serialIn(uri) - this.#base;
    if (this.#at(index)?.uri !== uri) return false;
    this.#dropAt(index);
    return true;
  }

  all(): MemoryOutput[] {
    return Array.from(this.#held, (_, index) => this.#at(index)).filter((output) => output !== undefined);
  }

  #at(index: number): MemoryOutput | undefined {
    const output = this.#held[index];
    return output instanceof HeldOutputs ? output.outputAt(this.#base + index - output.serial) : output;
  }

  #make(id: string, serial: number): MemoryOutput {
    const { faults: plan, clock, toFile } = this.#options;
    const faults = plan?.(id, serial);
    if (faults === undefined || faults.length === 0) return this.#plainFile(id, serial);
    return new FaultyMemoryFile({ id, serial, toFile, faults, clock });
  }

  #dropAt(index: number): void {
    this.#held[index] = undefined;
    this.#count -= 1;
    this.#cutHoles();
  }

  /** Index of the oldest output; the length of the array if there is none. */
  #firstHeld(): number {
    while (this.#oldest < this.#held.length && this.#held[this.#oldest] === undefined) this.#oldest += 1;
    return this.#oldest;
  }

  /** Keeps the array about as long as its contents, at a constant cost per output. */
  #cutHoles(): void {
    const holes = this.#firstHeld();
    if (holes < HOLES_KEPT || holes < this.#held.length / 2) return;
    this.#held = this.#held.slice(holes);
    this.#base += holes;
    this.#oldest = 0;
  }
}

function serialIn(uri: string): number {
  return Number(uri.slice(uri.lastIndexOf('-') + 1));
}

/**
 * Makes a creator of in-memory outputs (R169).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `maxOutputs` is not a number ≥ 1.
 * @example
 * ```ts
 * import { createMemoryOutputs } from 'dryrunner';
 * const outputs = createMemoryOutputs();
 * const output = outputs.create('stdout');
 * output.write('hello');
 * if (output.text() !== 'hello') throw new Error('not read back');
 * ```
 */
export function createMemoryOutputs(options: MemoryOutputsOptions = {}): MemoryOutputs {
  check('options', options, OUTPUTS_OPTIONS);
  return new MemoryOutputFolder(options);
}
