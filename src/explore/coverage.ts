/**
 * Measures what executions reach, by their traces: which kind of event followed which, of the same run and of the same
 * runner, and how often. Invariants: ids, times, names and texts that differ between seeds do not count; equal
 * executions give equal maps on every machine; memory is fixed.
 */
import { isInstance } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { hashText, mixBits } from '../kernel/text-hash.ts';
import { runIdIn, type TraceEvent } from '../model/trace-event.ts';
import type { Oracle } from '../oracles/oracle.ts';
import type { CoverageMeter } from './explorer.ts';
import { withoutNumbers } from './without-numbers.ts';

const CELLS = 65_536;
const TEXTS_KEPT = 8192;
const RUN_EDGE = 0x510e527f;
const RUNNER_EDGE = 0x1f83d9ab;

/** One bit per class of counts: 1, 2, 3, 4–7, 8–15, 16–31, 32–127, more. */
function countClass(count: number): number {
  if (count < 4) return 1 << (count - 1);
  if (count < 32) return 8 << (29 - Math.clz32(count));
  return count < 128 ? 64 : 128;
}

/** Hashes of texts without their numbers; a cache of a pure function. */
const textCodes = new Map<string, number>();

function codeOf(text: string): number {
  let code = textCodes.get(text);
  if (code === undefined) {
    if (textCodes.size >= TEXTS_KEPT) textCodes.clear();
    code = hashText(withoutNumbers(text));
    textCodes.set(text, code);
  }
  return code;
}

/** The word that, together with its type, classifies an event. */
function detailOf(event: TraceEvent): string {
  switch (event.type) {
    case 'status':
    case 'dropped':
      return event.status.state;
    case 'phase':
      return event.phase;
    case 'acquired':
    case 'freed':
    case 'abandoned':
      return event.resource;
    case 'rejected':
      return event.code;
    case 'service':
      return `${event.service.initialized} ${event.service.isHealthy}`;
    case 'recorded':
      return event.what;
    case 'fault':
      return event.kind;
    case 'note':
      return event.text;
    case 'message':
      return `${event.step} ${event.kind} ${event.name}`;
    case 'disk':
    case 'node':
      return event.step;
    case 'metric':
      return event.name;
    case 'accepted':
    case 'evicted':
    case 'abort':
    case 'released':
    case 'wrote':
      return '';
  }
}

/** The last events of a runner and of each of its runs. */
class SeenRunner {
  last = 0;
  readonly lastOfRun = new Map<string, number>();
}

/** A coverage map of fixed size: which events followed which. Created by {@link createCoverage}. */
export class Coverage implements CoverageMeter {
  readonly watcher: CoverageMeter['watcher'];
  /** The count classes that any execution has reached, one bit each. */
  readonly #reached = new Uint8Array(CELLS);
  /** How often the current execution has reached each cell. */
  readonly #counts = new Uint32Array(CELLS);
  /** Cells with a count, so that the cost of an execution depends on what it reached, not on the size of the map. */
  readonly #touched: number[] = [];
  readonly #runners = new Map<string, SeenRunner>();
  #features = 0;

  constructor() {
    const oracle: Oracle = { watch: (event) => this.#watch(event), end() {} };
    this.watcher = () => {
      this.#forget();
      return oracle;
    };
  }

  /** Number of features reached so far: pairs of an edge and a count class. */
  get featureCount(): number {
    return this.#features;
  }

  /** Returns how many features of the executions since the last call were new, and adds them to the map. */
  takeNovelty(): number {
    let novelty = 0;
    for (const cell of this.#touched) novelty += this.#reach(cell, countClass(this.#counts[cell] as number));
    this.#forget();
    return novelty;
  }

  /** A copy of the features reached so far, for merging elsewhere. */
  features(): Uint8Array {
    return this.#reached.slice();
  }

  /**
   * Adds features reached elsewhere, and returns how many of them were new here.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but the result of `features()`.
   */
  merge(features: Uint8Array): number {
    if (!isInstance(features, Uint8Array) || features.length !== CELLS) {
      throw invalidArgument('features', `the ${CELLS} bytes that features() gives`, features);
    }
    let novelty = 0;
    for (let cell = 0; cell < CELLS; cell++) {
      const bits = features[cell] as number;
      if (bits !== 0) novelty += this.#reach(cell, bits);
    }
    return novelty;
  }

  #reach(cell: number, bits: number): number {
    const before = this.#reached[cell] as number;
    let novel = bits & ~before;
    if (novel === 0) return 0;
    this.#reached[cell] = before | bits;
    let novelty = 0;
    for (; novel !== 0; novel &= novel - 1) novelty += 1;
    this.#features += novelty;
    return novelty;
  }

  #watch(event: TraceEvent): void {
    const token = codeOf(event.type) ^ Math.imul(codeOf(detailOf(event)), 3);
    const runner = this.#runner(event.runner);
    this.#touch(mixBits(token ^ Math.imul(runner.last, 5) ^ RUNNER_EDGE));
    runner.last = token;
    const runId = runIdIn(event) ?? '';
    if (runId === '') return;
    this.#touch(mixBits(token ^ Math.imul(runner.lastOfRun.get(runId) ?? 0, 5) ^ RUN_EDGE));
    runner.lastOfRun.set(runId, token);
  }

  #touch(word: number): void {
    const cell = word & (CELLS - 1);
    const count = this.#counts[cell] as number;
    if (count === 0) this.#touched.push(cell);
    this.#counts[cell] = count + 1;
  }

  #runner(name: string): SeenRunner {
    let runner = this.#runners.get(name);
    if (runner === undefined) {
      runner = new SeenRunner();
      this.#runners.set(name, runner);
    }
    return runner;
  }

  #forget(): void {
    for (const cell of this.#touched) this.#counts[cell] = 0;
    this.#touched.length = 0;
    this.#runners.clear();
  }
}

/**
 * Creates an empty coverage map in the manner of AFL (Zalewski: Technical details of AFL): edges between kinds of
 * events, hashed into 65,536 cells, each with eight classes of counts. An edge joins an event (its type with state,
 * phase, resource, kind of fault, name or text) with the previous event of the same run, and with the previous event of
 * the same runner.
 *
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { createCoverage, createExecutor, explore, mutationStrategy } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'heads',
 *   description: 'one feature more for each kind of note',
 *   run: (sim) => sim.note(sim.choose('toss', 2) === 1 ? 'heads' : 'tails'),
 * });
 * const coverage = createCoverage();
 * await explore(createExecutor(scenario), mutationStrategy(1), { coverage, maxExecutions: 50 });
 * if (coverage.featureCount !== 2) throw new Error('heads and tails');
 * ```
 */
export function createCoverage(): Coverage {
  return new Coverage();
}
