/**
 * Judges a simulation in which nothing failed while it ran: whether it came to its end, and whether anything is left then. Invariant: it
 * only looks.
 */
import { resourcesSince } from '../kernel/drain-host.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import { counted } from '../model/plural.ts';
import type { ResourceLedger } from './resource-ledger.ts';
import { SCENARIO_SLEEP } from './simulation.ts';
import type { Failure, FailureKind } from './verdict.ts';

/** Notes a failure; the first one counts. */
export type NoteFailure = (kind: FailureKind, message: string, more?: Partial<Failure>) => void;

/** Pending events and held resources shown in a report. */
export const SHOWN_MAX = 20;

/** Looks at what is pending and held. */
export class EndJudge {
  readonly #clock: VirtualClock;
  readonly #ledger: ResourceLedger;
  readonly #fail: NoteFailure;

  constructor(clock: VirtualClock, ledger: ResourceLedger, fail: NoteFailure) {
    this.#clock = clock;
    this.#ledger = ledger;
    this.#fail = fail;
  }

  /** What is held, waited for and pending now, a line each. */
  describeState(): string[] {
    return [...this.#ledger.describe(SHOWN_MAX), ...this.#pendingEvents()];
  }

  /** Nothing is queued, but the scenario has not ended. `before` is what kept the process alive when it began. */
  judgeStandstill(before: readonly string[]): void {
    const alive = resourcesSince(before);
    const waits = this.#ledger.describe(SHOWN_MAX);
    if (alive.length > 0) {
      const message = `The scenario waits for something outside of the simulation (${alive.join(', ')})`;
      this.#fail('escape', message, { details: waits });
      return;
    }
    const message =
      waits.length > 0
        ? `Deadlock: nothing is queued, and held or waited for: ${counted(this.#ledger.count, 'resource')}`
        : 'Deadlock: nothing is queued, and the scenario awaits a promise that nobody will settle';
    this.#fail('deadlock', message, { rule: 'R211', details: waits });
  }

  /** The scenario has ended: something of it may be left (R204). */
  judgeLeftovers(): void {
    const { pending } = this.#clock;
    const { count } = this.#ledger;
    if (pending + count === 0) return;
    const message = `The scenario has ended and left ${counted(pending, 'timer')} and ${counted(count, 'resource')}`;
    const details = [
      ...this.#forgottenAwaits(),
      ...this.#pendingEvents(),
      ...this.#ledger.describe(SHOWN_MAX),
    ];
    this.#fail('leftovers', message, { rule: 'R204', details });
  }

  #forgottenAwaits(): string[] {
    const asleep = this.#clock.pendingLabels().filter((label) => label === SCENARIO_SLEEP).length;
    if (asleep === 0) return [];
    return [`${asleep} × sim.sleep of the scenario has not ended: a promise was not awaited`];
  }

  #pendingEvents(): string[] {
    return this.#clock
      .pendingEvents(SHOWN_MAX)
      .map(
        ({ label, atMs, place }) =>
          `timer ${label}, due at ${atMs} ms${place === undefined ? '' : `\n${place}`}`,
      );
  }
}
