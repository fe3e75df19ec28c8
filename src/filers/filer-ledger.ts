/**
 * What a filer has given out and is doing, and what was done wrong with it. Invariant: every rule it checks is checked when the
 * call comes, so that a violation carries the time of its cause.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Thing } from '../kernel/question.ts';
import type { Tracer } from '../model/trace-event.ts';

/** A rule that was broken (R175, R205). */
export type FilerRule =
  | 'released-twice'
  | 'never-released'
  | 'update-during-checkout'
  | 'checkout-during-update'
  | 'updates-overlap';

/** One broken rule. */
export interface FilerViolation {
  /** When, on the filer's clock. */
  readonly atMs: number;
  readonly rule: FilerRule;
  /** Text for people. */
  readonly text: string;
}

/** Where a ledger writes. */
export interface FilerLedgerOptions {
  readonly clock: Clock;
  readonly tracer: Tracer | undefined;
  /** The runner whose trace it writes to. */
  readonly runner: string;
  readonly filer: Thing;
}

/** Counts checkouts and updates of one filer. */
export class FilerLedger {
  readonly violations: FilerViolation[] = [];
  readonly #options: FilerLedgerOptions;
  /** Paths by serial number of checkouts that were begun or made and not released. */
  readonly #open = new Map<number, string>();
  #serial = 0;
  #updates = 0;

  constructor(options: FilerLedgerOptions) {
    this.#options = options;
  }

  /** Checkouts that were begun or made and not released. */
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

  /** All violations so far, and one for each checkout that is still out. */
  verify(): FilerViolation[] {
    const atMs = this.#options.clock.now();
    const out = [...this.#open.values()].map((snapshotId) => ({
      atMs,
      rule: 'never-released' as const,
      text: `checkout ${snapshotId} was not released`,
    }));
    return [...this.violations, ...out];
  }

  /** Writes that a fault strikes an operation. */
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
