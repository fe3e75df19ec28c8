/**
 * The marks and measures of one process of a simulation, and their observers. Invariants: it starts empty; it shares no
 * entries with the machine's timeline; observers are notified in an event of their own, as in Node.
 */
import {
  PerformanceMark,
  PerformanceMeasure,
  PerformanceObserver,
  PerformanceObserverEntryList,
  type PerformanceEntry,
  type PerformanceObserverCallback,
} from 'node:perf_hooks';

/** Options of `observe`: a list of types, or one type. */
export interface ObserverOptions {
  readonly entryTypes?: readonly string[];
  readonly type?: string;
  readonly buffered?: boolean;
}

/** What a timeline needs from its process. */
export interface TimelineParts {
  /** The value of `performance.now()`, in milliseconds. */
  now(): number;
  /** Calls `deliver` in an event of its own that does not keep a process alive. */
  post(deliver: () => void): void;
}

interface EntryFields {
  readonly name: string;
  readonly entryType: 'mark' | 'measure';
  readonly startTime: number;
  readonly duration: number;
  readonly detail: unknown;
}

/** Types that Node knows. Its own types lack the field. */
const { supportedEntryTypes: SUPPORTED } = PerformanceObserver as unknown as {
  readonly supportedEntryTypes: readonly string[];
};

/** What `for … in` goes through, as in Node. */
const SHOWN_FIELDS = ['detail', 'name', 'entryType', 'startTime', 'duration'] as const;

type EntryClass<T> = new (fields: EntryFields) => T;

/** A class of entries that look like those of `Real`, which Node creates only in its own timeline. */
function entriesLike<T extends object>(Real: { readonly prototype: T }): EntryClass<T> {
  class Entry {
    readonly #fields: EntryFields;

    constructor(fields: EntryFields) {
      this.#fields = fields;
    }

    get detail(): unknown {
      return this.#fields.detail;
    }

    get name(): string {
      return this.#fields.name;
    }

    get entryType(): string {
      return this.#fields.entryType;
    }

    get startTime(): number {
      return this.#fields.startTime;
    }

    get duration(): number {
      return this.#fields.duration;
    }

    toJSON(): EntryFields {
      return { ...this.#fields };
    }
  }
  lookLike(Entry, Real);
  for (const key of SHOWN_FIELDS) Object.defineProperty(Entry.prototype, key, { enumerable: true });
  return Entry as unknown as EntryClass<T>;
}

const Mark = entriesLike(PerformanceMark);
const Measure = entriesLike(PerformanceMeasure);
const heirs = new WeakMap<object, object>();

/**
 * Makes a mark one of a class that extends `PerformanceMark`, which has the fields of the mark where it has none of
 * that name itself.
 */
export function asMarkOf(mark: object, prototype: object): object {
  if (!Object.prototype.isPrototypeOf.call(Mark.prototype, mark)) return mark;
  const heir = heirs.get(prototype) ?? heirOf(prototype);
  heirs.set(prototype, heir);
  Object.setPrototypeOf(mark, heir);
  return mark;
}

function heirOf(prototype: object): object {
  const fields: PropertyDescriptorMap = Object.getOwnPropertyDescriptors(Mark.prototype);
  for (let one = prototype; one !== PerformanceMark.prototype; one = Object.getPrototypeOf(one) as object) {
    for (const key of Reflect.ownKeys(one)) Reflect.deleteProperty(fields, key);
  }
  return Object.defineProperties(Object.create(prototype) as object, fields);
}

/** The argument of an observer's callback. */
class EntryList {
  readonly #entries: readonly PerformanceEntry[];

  constructor(entries: readonly PerformanceEntry[]) {
    this.#entries = inOrder(entries);
  }

  getEntries(): PerformanceEntry[] {
    return [...this.#entries];
  }

  getEntriesByName(name: string, type?: string | null): PerformanceEntry[] {
    return namedEntries(this.#entries, name, type ?? undefined);
  }

  getEntriesByType(type: string): PerformanceEntry[] {
    return this.#entries.filter(({ entryType }) => entryType === type);
  }
}
lookLike(EntryList, PerformanceObserverEntryList);

/** Makes instances of `Own` instances of `Real` as well, with its name. */
function lookLike(Own: { readonly prototype: object }, Real: { readonly prototype: object }): void {
  Reflect.deleteProperty(Own.prototype, 'constructor');
  Object.setPrototypeOf(Own.prototype, Real.prototype);
}

function inOrder(entries: readonly PerformanceEntry[]): PerformanceEntry[] {
  return entries.toSorted((one, other) => one.startTime - other.startTime);
}

/** The entries with that name, and with that type if given. */
export function namedEntries(
  entries: readonly PerformanceEntry[],
  name: string,
  type?: string,
): PerformanceEntry[] {
  return entries.filter((entry) => entry.name === name && (type === undefined || entry.entryType === type));
}

/** The types an observer asked for, and the entries not yet delivered to it. */
interface Observation {
  readonly callback: PerformanceObserverCallback;
  readonly isOfMany: boolean;
  readonly types: Set<string>;
  buffer: PerformanceEntry[];
}

/** See the top of the file. */
export class PerformanceTimeline {
  readonly #parts: TimelineParts;
  /** Time of the latest mark with each name; includes marks that were only constructed, as in Node. */
  readonly #times = new Map<string, number>();
  #marks: PerformanceEntry[] = [];
  #measures: PerformanceEntry[] = [];
  readonly #observations = new Map<PerformanceObserver, Observation>();
  readonly #pending = new Set<PerformanceObserver>();

  constructor(parts: TimelineParts) {
    this.#parts = parts;
  }

  /** Creates a mark that is in no list: `new PerformanceMark()`. */
  constructMark(name: string, startTime: number | undefined, detail: unknown): PerformanceMark {
    const atMs = startTime ?? this.#parts.now();
    this.#times.set(name, atMs);
    const fields = { name, entryType: 'mark', startTime: atMs, duration: 0, detail: cloned(detail) } as const;
    return new Mark(fields);
  }

  mark(name: string, startTime: number | undefined, detail: unknown): PerformanceMark {
    const mark = this.constructMark(name, startTime, detail);
    this.#marks.push(mark);
    this.#announce(mark);
    return mark;
  }

  measure(name: string, startTime: number, endTime: number, detail: unknown): PerformanceMeasure {
    const duration = endTime - startTime;
    const fields = { name, entryType: 'measure', startTime, duration, detail: cloned(detail) } as const;
    const measure = new Measure(fields);
    this.#measures.push(measure);
    this.#announce(measure);
    return measure;
  }

  /** @throws DOMException `SyntaxError` if there is no mark with that name. */
  timeOfMark(name: string): number {
    const time = this.#times.get(name);
    if (time === undefined) {
      throw new DOMException(`The "${name}" performance mark has not been set`, 'SyntaxError');
    }
    return time;
  }

  entries(): PerformanceEntry[] {
    return inOrder([...this.#marks, ...this.#measures]);
  }

  clearMarks(name?: string): void {
    if (name === undefined) this.#times.clear();
    else this.#times.delete(name);
    this.#marks = name === undefined ? [] : this.#marks.filter((mark) => mark.name !== name);
  }

  clearMeasures(name?: string): void {
    this.#measures = name === undefined ? [] : this.#measures.filter((measure) => measure.name !== name);
  }

  /**
   * Expects options that Node accepts.
   *
   * @throws DOMException `InvalidModificationError` if an observer switches between one type and a list of types.
   */
  observe(
    observer: PerformanceObserver,
    callback: PerformanceObserverCallback,
    { entryTypes, type = '', buffered = false }: ObserverOptions,
  ): void {
    const isOfMany = entryTypes !== undefined;
    const known = this.#observations.get(observer);
    if (known !== undefined && known.isOfMany !== isOfMany) {
      const kind = isOfMany ? 'multiple observations' : 'single observation';
      throw new DOMException(`PerformanceObserver can not change to ${kind}`, 'InvalidModificationError');
    }
    const observation = known ?? { callback, isOfMany, types: new Set(), buffer: [] };
    this.#observations.set(observer, observation);
    const types = (entryTypes ?? [type]).filter((one) => SUPPORTED.includes(one));
    if (isOfMany) observation.types.clear();
    for (const one of types) observation.types.add(one);
    if (isOfMany && types.length === 0) this.disconnect(observer);
    if (isOfMany || !buffered || types.length === 0) return;
    observation.buffer.push(...this.entries().filter(({ entryType }) => entryType === type));
    this.#pend(observer);
  }

  /** False if the observer is not registered here. */
  disconnect(observer: PerformanceObserver): boolean {
    this.#pending.delete(observer);
    return this.#observations.delete(observer);
  }

  /** Undefined if the observer is not registered here. */
  takeRecords(observer: PerformanceObserver): PerformanceEntry[] | undefined {
    const observation = this.#observations.get(observer);
    return observation && taken(observation);
  }

  #announce(entry: PerformanceEntry): void {
    for (const [observer, { types, buffer }] of this.#observations) {
      if (!types.has(entry.entryType)) continue;
      buffer.push(entry);
      this.#pend(observer);
    }
  }

  #pend(observer: PerformanceObserver): void {
    // One delivery carries all entries that have accumulated.
    const isPosted = this.#pending.size > 0;
    this.#pending.add(observer);
    if (isPosted) return;
    const deliver = (): void => {
      const pending = [...this.#pending];
      this.#pending.clear();
      for (const one of pending) {
        const observation = this.#observations.get(one);
        if (observation === undefined) continue;
        const list = new EntryList(taken(observation)) as unknown as PerformanceObserverEntryList;
        observation.callback.call(one, list, one);
      }
    };
    Object.defineProperty(deliver, 'name', { value: 'PerformanceObserver' });
    this.#parts.post(deliver);
  }
}

function taken(observation: Observation): PerformanceEntry[] {
  const { buffer } = observation;
  observation.buffer = [];
  return buffer;
}

function cloned(detail: unknown): unknown {
  return detail === undefined || detail === null ? null : structuredClone(detail);
}
