/**
 * Tracks the checkouts and updates of a filer, and misuse of it. Invariant: every rule is checked when the call is
 * made, so that a violation carries the time of its cause.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Thing } from '../kernel/question.ts';
import type { Tracer } from '../model/trace-event.ts';

/** Rules that can be broken (R175, R205). */
export type FilerRule =
  | 'released-twice'
  | 'never-released'
  | 'update-during-checkout'
  | 'checkout-during-update'
  | 'updates-overlap';

/** A broken rule. */
export interface FilerViolation {
  /** When it was broken, in milliseconds on the filer's clock. */
  readonly atMs: number;
  readonly rule: FilerRule;
  /** Description for people. */
  readonly text: string;
}

/** Clock and trace of a ledger. */
export interface FilerLedgerOptions {
  readonly clock: Clock;
  readonly tracer: Tracer | undefined;
  /** The runner named in its trace events. */
  readonly runner: string;
  readonly filer: Thing;
}

/** Counts checkouts and updates of one filer. */
export class FilerLedger {
  readonly violations: FilerViolation[] = [];
  readonly #options: FilerLedgerOptions;
  /** Paths of checkouts that were begun and not released, by serial number. */
  readonly #open = new Map<number, string>();
  #serial = 0;
  #updates = 0;

  constructor(options: FilerLedgerOptions) {
    this.#options = options;
  }

  /** Number of checkouts that were begun and not released. */
  get openCheckouts(): number {
    return this.#open.size;
  }

  beginCheckout(snapshotId: string): number {
    if (this.#updates > 0) this.#violate('checkout-during-update', `checkout ${snapshotId} during an update`);
    const serial = this.#serial;
    this.#serial += 1;
    this.#open.set(serial, snapshotId);
    return serial;
  }

  endCheckout(serial: number): void {
    this.#open.delete(serial);
  }

  doubleRelease(snapshotId: string): void {
    this.#violate('released-twice', `checkout ${snapshotId} was released twice`);
  }

  beginUpdate(): void {
    if (this.#updates > 0) this.#violate('updates-overlap', 'update during another update');
    if (this.#open.size > 0) {
      this.#violate('update-during-checkout', `update while ${[...this.#open.values()].join(', ')} is out`);
    }
    this.#updates += 1;
  }

  endUpdate(): void {
    this.#updates -= 1;
  }

  /** All violations so far, and one more for each checkout that has not been released. */
  verify(): FilerViolation[] {
    const atMs = this.#options.clock.now();
    const out = [...this.#open.values()].map((snapshotId) => ({
      atMs,
      rule: 'never-released' as const,
      text: `checkout ${snapshotId} was not released`,
    }));
    return [...this.violations, ...out];
  }

  /** Records that a fault strikes an operation. */
  fault(operation: string, kind: string): void {
    const { clock, tracer, runner, filer } = this.#options;
    tracer?.record({ at: clock.now(), type: 'fault', runner, operation, kind, runId: '', filer: filer.id });
  }

  #violate(rule: FilerRule, text: string): void {
    const { clock, tracer, runner, filer } = this.#options;
    this.violations.push({ atMs: clock.now(), rule, text });
    tracer?.record({
      at: clock.now(),
      type: 'recorded',
      runner,
      runId: '',
      what: `${filer.text} ${rule}`,
      error: text,
      exitCode: 0,
    });
  }
}
