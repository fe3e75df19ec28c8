/**
 * A content store and an action cache that lose entries, fail and are slow, as the decision log says. Invariants:
 * answer 0 of every question means that nothing goes wrong; blobs that are held are not lost; a question offers no loss
 * where there is nothing to lose; each fault is in the trace (R212).
 */
import * as is from '../kernel/shape.ts';
import { digestsOfOutcome } from '../cas/action-messages.ts';
import type { MemoryActionCache } from '../cas/memory-action-cache.ts';
import type { MemoryContentStore } from '../cas/memory-content-store.ts';
import { check } from '../kernel/argument-check.ts';
import { sleep } from '../kernel/clock.ts';
import { RunnerError } from '../kernel/errors.ts';
import { topicOf, type Topic } from '../kernel/question.ts';
import type { ActionOutcome } from '../model/action.ts';
import { CONTENT_STORE } from '../model/argument-shapes.ts';
import type { Cancellable } from '../model/cancellation.ts';
import type { ActionCache, BlobHold, BlobRange, BlobWriter, ContentStore } from '../model/content-store.ts';
import { checkDigest, checkDigests, type Digest, shortHash } from '../model/digest.ts';
import { checkWorld, type World } from '../model/world.ts';
import { DEFAULT_DELAY_STEPS, DelayDraw } from '../network/chaos-delay.ts';
import { type RateTable, RateTables } from '../network/rate-table.ts';

/**
 * Faults of a content store: `evict` loses a blob that nobody holds, just before it is read, looked for or held, or once
 * it is written; `fail` fails the call, once.
 */
export type ContentFaultKind = 'evict' | 'fail';
/**
 * Faults of an action cache: `lose` loses the result; `stale` loses the blobs that it names; `fail` fails the call,
 * once.
 */
export type CacheFaultKind = 'lose' | 'stale' | 'fail';

/** Probability of each fault, from 0 to 1, their number, and the delay. */
export interface StoreFaults<K extends string> {
  /**
   * Name of the store in questions and in the trace. Default: `cas` for a content store, `cache` for an action cache.
   */
  readonly name?: string;
  readonly rates?: Readonly<Partial<Record<K, number>>>;
  /** Maximum number of faults; a delay is none. Default Infinity. */
  readonly strikesMax?: number;
  /** Upper limit of the delay of a call in milliseconds, exclusive. Default 0. */
  readonly maxDelayMs?: number;
}

const CONTENT_KINDS: readonly ContentFaultKind[] = ['evict', 'fail'];
const EVICTIONS: readonly ContentFaultKind[] = ['evict'];
const CACHE_KINDS: readonly CacheFaultKind[] = ['lose', 'stale', 'fail'];
const ALL_BUT_STALE: readonly CacheFaultKind[] = ['lose', 'fail'];
const FAILURES: readonly 'fail'[] = ['fail'];

function optionsOf<K extends string>(kinds: readonly K[]): is.RecordShape {
  const rates = is.recordOf<Partial<Record<string, number>>>({}, is.each(kinds, is.finite(0, 1)));
  return is.optionsOf<StoreFaults<K>>(
    {},
    { name: is.TEXT, rates, strikesMax: is.COUNT_OR_INFINITY, maxDelayMs: is.DURATION_MS },
  );
}

const CONTENT_OPTIONS = optionsOf(CONTENT_KINDS);
const CACHE_OPTIONS = optionsOf(CACHE_KINDS);
const CONTENT_TABLES = new RateTables(CONTENT_KINDS);
const CACHE_TABLES = new RateTables(CACHE_KINDS);

/** What can strike a call. */
interface Possible<K extends string> {
  /** One of the lists above, by which tables are found. */
  readonly kinds: readonly K[];
  /** The blobs of which one is lost; absent if a fault has no choice. */
  readonly targets?: readonly Digest[];
}

/** Draws the delay and the fault of each call. */
class CallFaults<K extends string> {
  readonly #world: World;
  readonly #name: string;
  readonly #rates: Readonly<Partial<Record<K, number>>>;
  readonly #known: RateTables<K>;
  readonly #tables = new Map<readonly K[], RateTable<K> | undefined>();
  #strikesLeft: number;
  #delays: DelayDraw;

  constructor(
    world: World,
    known: RateTables<K>,
    { name, rates, strikesMax, maxDelayMs }: Required<StoreFaults<K>>,
  ) {
    this.#world = world;
    this.#name = name;
    this.#rates = rates;
    this.#known = known;
    this.#strikesLeft = strikesMax;
    this.#delays = new DelayDraw(world.choices, maxDelayMs, DEFAULT_DELAY_STEPS);
    known.of('faults.rates', rates);
    world.onHeal?.(() => {
      this.#strikesLeft = 0;
      this.#delays = new DelayDraw(world.choices, 0, DEFAULT_DELAY_STEPS);
    });
  }

  /**
   * Waits for the delay and returns the fault; throws if the call is to fail. What is possible is asked for after the
   * delay.
   */
  async strike(
    operation: string,
    digest: Digest,
    possible: () => Possible<K>,
    cancel?: Cancellable,
  ): Promise<Struck<K>> {
    checkDigest('digest', digest);
    const topic = this.#topicOf(operation, digest);
    const delayMs = this.#delays.draw(() => topic);
    if (delayMs > 0) await sleep(this.#world.clock, delayMs, topic.plus('delay'), cancel?.signal);
    const struck = this.#pick(operation, topic, possible());
    if (struck.kind !== 'fail') return struck;
    throw new RunnerError('RUNNER_INJECTED_FAULT', `${operation} on ${this.#name} failed (injected fault)`);
  }

  /** The fault that strikes at once. */
  strikeNow(operation: string, digest: Digest, possible: Possible<K>): Struck<K> {
    return this.#pick(operation, this.#topicOf(operation, digest), possible);
  }

  #tableOf(kinds: readonly K[]): RateTable<K> | undefined {
    if (!this.#tables.has(kinds)) {
      const rates: Partial<Record<K, number>> = {};
      for (const kind of kinds) rates[kind] = this.#rates[kind] ?? 0;
      this.#tables.set(kinds, this.#known.of('faults.rates', rates));
    }
    return this.#tables.get(kinds);
  }

  #topicOf(operation: string, digest: Digest): Topic {
    return topicOf({ owner: this.#name, what: operation, subject: shortHash(digest) });
  }

  /** One question for the fault and its target, so that each target is as likely as the others. */
  #pick(operation: string, topic: Topic, { kinds, targets = [] }: Possible<K>): Struck<K> {
    const table = this.#tableOf(kinds);
    if (table === undefined || this.#strikesLeft === 0) return {};
    const { choices, tracer, clock } = this.#world;
    const width = Math.max(1, targets.length);
    const struckBy = (answer: number): Struck<K> => {
      const kind = table.kindOf(Math.floor(answer / width));
      const target = targets[answer % width];
      return { ...(kind && { kind }), ...(kind && target && { target }) };
    };
    const describe = (answer: number): string => {
      const { kind, target } = struckBy(answer);
      if (kind === undefined) return '';
      const blob = kind !== 'evict' || target === undefined ? '' : `, which loses blob ${shortHash(target)}`;
      return `fault "${kind}" strikes ${topic.text}${blob}`;
    };
    const struck = struckBy(choices.choose(topic.asks('fault'), table.n * width, describe));
    if (struck.kind === undefined) return {};
    this.#strikesLeft -= 1;
    const { kind } = struck;
    tracer?.record({ at: clock.now(), type: 'fault', runner: this.#name, operation, kind, runId: '' });
    return struck;
  }
}

/** A fault, and which of its possible targets it strikes. */
interface Struck<K extends string> {
  readonly kind?: K;
  readonly target?: Digest;
}

/** True if an eviction takes the blob away. The empty one is in each store, also when it has been removed. */
function canLose(blobs: MemoryContentStore, digest: Digest): boolean {
  return digest.sizeBytes > 0 && blobs.canEvict(digest);
}

class SimContentStore implements ContentStore {
  readonly cancelBoundMs = 0;
  readonly blobBytesMax: number;
  readonly #blobs: MemoryContentStore;
  readonly #faults: CallFaults<ContentFaultKind>;

  constructor(blobs: MemoryContentStore, faults: CallFaults<ContentFaultKind>) {
    this.blobBytesMax = blobs.blobBytesMax ?? Infinity;
    this.#blobs = blobs;
    this.#faults = faults;
  }

  async findMissing(digests: readonly Digest[], cancel?: Cancellable): Promise<readonly Digest[]> {
    checkDigests('digests', digests);
    // An empty request asks no question.
    const [first] = digests;
    if (first !== undefined) {
      const possible = (): Possible<ContentFaultKind> => {
        const targets = this.#evictable(digests);
        return targets.length > 0 ? { kinds: CONTENT_KINDS, targets } : { kinds: FAILURES };
      };
      const { kind, target } = await this.#faults.strike('findMissing', first, possible, cancel);
      if (kind === 'evict' && target !== undefined) this.#blobs.evict(target);
    }
    return this.#blobs.findMissing(digests);
  }

  async read(digest: Digest, range?: BlobRange, cancel?: Cancellable): Promise<Uint8Array> {
    await this.#before('read', digest, cancel);
    return this.#blobs.read(digest, range);
  }

  async *readStream(digest: Digest, range?: BlobRange, cancel?: Cancellable): AsyncGenerator<Uint8Array> {
    await this.#before('read', digest, cancel);
    yield* this.#blobs.readStream(digest, range);
  }

  async write(digest: Digest, bytes: Uint8Array, cancel?: Cancellable): Promise<void> {
    await this.#faults.strike('write', digest, () => ({ kinds: FAILURES }), cancel);
    this.#blobs.write(digest, bytes);
    this.#afterWrite(digest);
  }

  openWrite(digest: Digest): BlobWriter {
    const writer = this.#blobs.openWrite(digest);
    let isPublished = false;
    return {
      get committedBytes() {
        return writer.committedBytes;
      },
      write: (offset, chunk) => writer.write(offset, chunk),
      finish: async () => {
        if (isPublished) return writer.finish();
        await this.#faults.strike('write', digest, () => ({ kinds: FAILURES }));
        await writer.finish();
        isPublished = true;
        this.#afterWrite(digest);
      },
      discard: () => writer.discard(),
    };
  }

  hold(digests: readonly Digest[]): BlobHold {
    this.#beforeHold(digests);
    return this.#blobs.hold(digests);
  }

  holdAlong(held: Digest, digests: readonly Digest[]): void {
    this.#beforeHold(digests);
    this.#blobs.holdAlong(held, digests);
  }

  /** The last moment for a loss: a reader makes sure of a blob right after it has taken its hold. */
  #beforeHold(digests: readonly Digest[]): void {
    checkDigests('digests', digests);
    const [first] = digests;
    const targets = this.#evictable(digests);
    if (first === undefined || targets.length === 0) return;
    // A hold cannot fail.
    const { target } = this.#faults.strikeNow('hold', first, { kinds: EVICTIONS, targets });
    if (target !== undefined) this.#blobs.evict(target);
  }

  /** Only now is it known whether the blob can be lost. */
  #afterWrite(digest: Digest): void {
    if (!canLose(this.#blobs, digest)) return;
    const { kind } = this.#faults.strikeNow('write', digest, { kinds: EVICTIONS });
    if (kind === 'evict') this.#blobs.evict(digest);
  }

  #evictable(digests: readonly Digest[]): readonly Digest[] {
    return digests.filter((digest) => canLose(this.#blobs, digest));
  }

  async #before(operation: string, digest: Digest, cancel: Cancellable | undefined): Promise<void> {
    const possible = (): Possible<ContentFaultKind> => ({
      kinds: canLose(this.#blobs, digest) ? CONTENT_KINDS : FAILURES,
    });
    const { kind } = await this.#faults.strike(operation, digest, possible, cancel);
    if (kind === 'evict') this.#blobs.evict(digest);
  }
}

/**
 * Wraps a content store in memory, so that calls are delayed, fail, and find blobs evicted. Its questions are named
 * `NAME read HASH fault` and so on. By default no fault strikes.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid rates.
 * @example
 * ```ts
 * import { simulate } from 'dryrunner';
 * import { createMemoryContentStore, createSimContentStore, missingBlobsOf } from 'dryrunner/remote';
 * const verdict = await simulate({
 *   seed: 3,
 *   scenario: async (sim) => {
 *     const blobs = createMemoryContentStore();
 *     const content = createSimContentStore(sim.world, blobs, { rates: { evict: 0.5 }, maxDelayMs: 20 });
 *     const digest = blobs.add('hello');
 *     try {
 *       await content.read(digest);
 *     } catch (error) {
 *       sim.check(missingBlobsOf(error)?.length === 1, 'it can only be missing');
 *     }
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function createSimContentStore(
  world: World,
  blobs: MemoryContentStore,
  faults: StoreFaults<ContentFaultKind> = {},
): ContentStore {
  checkWorld(world);
  check('blobs', blobs, CONTENT_STORE);
  check('blobs', blobs, is.withMethods('canEvict', 'evict'));
  check('faults', faults, CONTENT_OPTIONS);
  const { name = 'cas', rates = {}, strikesMax = Infinity, maxDelayMs = 0 } = faults;
  return new SimContentStore(
    blobs,
    new CallFaults(world, CONTENT_TABLES, { name, rates, strikesMax, maxDelayMs }),
  );
}

class SimActionCache implements ActionCache {
  readonly cancelBoundMs = 0;
  readonly #results: MemoryActionCache;
  readonly #blobs: MemoryContentStore;
  readonly #faults: CallFaults<CacheFaultKind>;

  constructor(results: MemoryActionCache, blobs: MemoryContentStore, faults: CallFaults<CacheFaultKind>) {
    this.#results = results;
    this.#blobs = blobs;
    this.#faults = faults;
  }

  async get(instanceName: string, action: Digest, cancel?: Cancellable): Promise<ActionOutcome | undefined> {
    const possible = (): Possible<CacheFaultKind> => {
      const outcome = this.#results.get(instanceName, action);
      return { kinds: outcome === undefined ? FAILURES : this.#losses(outcome) };
    };
    const { kind } = await this.#faults.strike('get', action, possible, cancel);
    if (kind === 'lose') this.#results.remove(instanceName, action);
    const outcome = this.#results.get(instanceName, action);
    if (kind === 'stale' && outcome !== undefined) this.#evictBlobsOf(outcome);
    return outcome;
  }

  async put(
    instanceName: string,
    action: Digest,
    outcome: ActionOutcome,
    cancel?: Cancellable,
  ): Promise<void> {
    const possible = (): Possible<CacheFaultKind> => ({ kinds: this.#losses(outcome) });
    const { kind } = await this.#faults.strike('put', action, possible, cancel);
    if (kind !== 'lose') this.#results.put(instanceName, action, outcome);
    if (kind === 'stale') this.#evictBlobsOf(outcome);
  }

  /** What can strike a call with a result. */
  #losses(outcome: ActionOutcome): readonly CacheFaultKind[] {
    const hasLosable = digestsOfOutcome(outcome).some((digest) => canLose(this.#blobs, digest));
    return hasLosable ? CACHE_KINDS : ALL_BUT_STALE;
  }

  #evictBlobsOf(outcome: ActionOutcome): void {
    for (const digest of digestsOfOutcome(outcome)) this.#blobs.evict(digest);
  }
}

/**
 * Wraps an action cache in memory, so that calls are delayed and fail, and results get lost, or stay while the blobs
 * that they name get lost. By default no fault strikes.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid rates.
 * @example
 * ```ts
 * import type { World } from 'dryrunner';
 * import { type ActionCache, createMemoryActionCache, createMemoryContentStore, createSimActionCache } from 'dryrunner/remote';
 * function unreliable(world: World): ActionCache {
 *   return createSimActionCache(world, createMemoryActionCache(), createMemoryContentStore(), { rates: { lose: 0.1, stale: 0.1 } });
 * }
 * ```
 */
export function createSimActionCache(
  world: World,
  results: MemoryActionCache,
  blobs: MemoryContentStore,
  faults: StoreFaults<CacheFaultKind> = {},
): ActionCache {
  checkWorld(world);
  check('results', results, is.withMethods('get', 'put', 'remove'));
  check('blobs', blobs, is.withMethods('canEvict', 'evict'));
  check('faults', faults, CACHE_OPTIONS);
  const { name = 'cache', rates = {}, strikesMax = Infinity, maxDelayMs = 0 } = faults;
  return new SimActionCache(
    results,
    blobs,
    new CallFaults(world, CACHE_TABLES, { name, rates, strikesMax, maxDelayMs }),
  );
}
