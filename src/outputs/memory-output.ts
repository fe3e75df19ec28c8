/**
 * Makes outputs that live in memory and finds them again by URI. Invariant: it holds at most `maxOutputs` of them; a writer keeps
 * its own output even after the creator has let go of it.
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
  /** Needed by delay faults only. */
  readonly clock?: Clock;
  /** Which outputs fail, and how (R169). Default: none. */
  readonly faults?: OutputFaultPlan;
  /** With one more, the oldest is dropped. Default: no limit. */
  readonly maxOutputs?: number;
  /** What `asFile` does. Default: it throws `RUNNER_OUTPUT_FAILED`, because there is no file. */
  readonly toFile?: ToFile;
}

const OUTPUTS_OPTIONS = is.optionsOf<MemoryOutputsOptions>(
  {},
  { clock: is.CLOCK, ...is.each(['faults', 'toFile'], is.FUNCTION), maxOutputs: is.limit(1) },
);

/** A creator of outputs that can be read in tests (R169). */
export interface MemoryOutputs extends OutputCreator {
  /**
   * A new output at `memory:///NAME`, NAME being unique and starting with `id`.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an id that could be a path (R161); the error of a `create` fault.
   */
  create(id: string): MemoryOutput;
  /** The output at that URI, unless it was dropped. */
  find(uri: string): MemoryOutput | undefined;
  /** Lets go of an output; true if it was there. */
  drop(uri: string): boolean;
  /** All outputs that are held, in order of creation. */
  all(): MemoryOutput[];
}

const HOLES_KEPT = 32;

/** Several outputs in a row that are made when somebody looks; the first has the number `serial`. */
export abstract class HeldOutputs {
  abstract readonly serial: number;
  abstract outputAt(index: number): MemoryOutput;
}

/** Gives the next `count` places of a folder to outputs that are not made yet; returns the number of the first. */
export let holdOutputs: (folder: MemoryOutputFolder, outputs: HeldOutputs, count: number) => number;
/** An output without faults, for a place that is held. */
export let plainOutput: (folder: MemoryOutputFolder, id: string, serial: number) => MemoryFile;

/** What {@link createMemoryOutputs} makes. */
export class MemoryOutputFolder implements MemoryOutputs {
  static {
    holdOutputs = (folder, outputs, count) => folder.#hold(outputs, count);
    plainOutput = (folder, id, serial) => folder.#plainFile(id, serial);
  }

  readonly #options: MemoryOutputsOptions;
  readonly #maxOutputs: number;
  /**
   * By serial number less `#base`; a hole where one was dropped or never came to be. An array, because every run makes and drops
   * three. Before `#oldest` are holes only.
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
    // The place is taken before, so that a creation that fails uses up its serial number too.
    this.#held.push(undefined);
    const output = this.#make(id, this.#base + index);
    this.#held[index] = output;
    this.#count += 1;
    if (this.#count > this.#maxOutputs) this.#dropAt(this.#firstHeld());
    return output;
  }

  /** Whether outputs may be held: whether none of them has a fault. */
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

  /** Index of the oldest output; the length if there is none. */
  #firstHeld(): number {
    while (this.#oldest < this.#held.length && this.#held[this.#oldest] === undefined) this.#oldest += 1;
    return this.#oldest;
  }

  /** Keeps the array about as long as what it holds, at a constant cost per output. */
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
