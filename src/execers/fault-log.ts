/**
 * The faults of a process that did not change its outcome. Those that lost output are both written and read here,
 * because recordings keep only their text. Invariant: no fault is lost silently; beyond a bound they are only counted,
 * so that a sink that fails a million times costs no memory, but the first loss of output is always kept (R123).
 */
import { messageOf } from '../kernel/errors.ts';

const KEPT_MAX = 16;

/** Where output can be lost: in a stream, in its sink, or at the end of the drain grace; `output` is both streams. */
const LOSS_PLACES = [
  'stdout',
  'stdout sink',
  'stdout cut',
  'stderr',
  'stderr sink',
  'stderr cut',
  'output',
] as const;
/** The error of a sink names the output itself. */
const SINK_HEAD = /^\w+ sink: /;

/** The place of a fault that lost output. */
export type LossPlace = (typeof LOSS_PLACES)[number];

/** Collects faults in the order in which they happened. */
export class FaultLog {
  readonly #kept: string[] = [];
  #more = 0;
  #hasLoss = false;

  /** Adds the entry `WHERE: MESSAGE`. */
  add(where: string, error: unknown): void {
    if (this.#kept.length >= KEPT_MAX) this.#more++;
    else this.#keep(where, error);
  }

  /** Adds a fault by which output was lost. */
  addLoss(place: LossPlace, error: unknown): void {
    if (this.#hasLoss) this.add(place, error);
    else this.#keep(place, error);
    this.#hasLoss = true;
  }

  #keep(where: string, error: unknown): void {
    this.#kept.push(`${where}: ${messageOf(error)}`);
  }

  /** All kept entries, and, if there were more, a last entry with their number. */
  list(): readonly string[] {
    return this.#more === 0 ? this.#kept : [...this.#kept, `and ${this.#more} more`];
  }
}

/** The first fault in the list of a {@link FaultLog} by which output was lost; undefined if none was. */
export function firstLossIn(faults: readonly string[] = []): string | undefined {
  return faults
    .find((fault) => LOSS_PLACES.some((place) => fault.startsWith(`${place}: `)))
    ?.replace(SINK_HEAD, '');
}
