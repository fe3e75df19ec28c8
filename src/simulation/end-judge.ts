/**
 * Judges a simulation in which nothing failed while it ran: whether it came to its end, and whether anything is left then. Invariant: it
 * only looks.
 */
import { AwaitWatch } from '../kernel/drain-awaits.ts';
import { ResourcesSince } from '../kernel/drain-host.ts';
import { OutsideWatch, outsideWord } from '../kernel/drain-resources.ts';
import type { SetTimerCall } from '../kernel/drain-set-timers.ts';
import { stackOf } from '../kernel/errors.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import { counted } from '../model/plural.ts';
import { A_CIRCLE } from '../model/resource-text.ts';
import type { ResourceLedger } from './resource-ledger.ts';
import { awaitScenario } from './scenario-flow.ts';
import type { AmbientSession } from './ambience.ts';
import type { SimulateOptions } from './simulate-options.ts';
import { SCENARIO_SLEEP } from './simulation.ts';
import type { Failure, FailureKind } from './verdict.ts';

/** Notes a failure; the first one counts. */
export type NoteFailure = (kind: FailureKind, message: string, more?: Partial<Failure>) => void;

/** Pending events and held resources shown in a report. */
export const SHOWN_MAX = 20;
/** Several tasks of a scenario may wait, each at a place of its own. */
const AWAITS_SHOWN_MAX = 4;
/** What is alive while Node reads the file of a module, and while it closes it. */
const LOADING = /^(?:FSReq|CloseReq)/;
/** Each takes about a millisecond of the machine's time. */
const LOADING_LOOKS_MAX = 5_000;
/** How the details begin that say where a scenario waits; the stack follows. */
export const AWAITED_HERE = 'the scenario waits here, for ';
export const MADE_HERE = 'that promise was made here';

/** What is said of a wait that nothing of this package knows. */
export const NOBODY_SETTLES = 'the scenario awaits a promise that nothing is left to settle';
/** How a detail begins that names what was called outside of the simulation; the stack follows. */
export const CALLED_HERE = 'outside of the simulation: ';

/** Whether the first of the details shows owners who wait for each other. */
export function isCircle([first]: readonly string[]): boolean {
  return first?.startsWith(A_CIRCLE) === true;
}

/** What is said of real timers that a scenario leaves. */
export function leftTimersText(count: number): string {
  return `The scenario has ended and left ${counted(count, 'real timer')} of the machine (setTimeout or setInterval)`;
}

/** What else is asked. */
interface JudgedParts {
  /** What nodes do and wait for, a line each. */
  readonly machines: () => readonly string[];
  /** Whether code of the simulation runs. */
  readonly isRunning: () => boolean;
}

/** Looks at what is pending and held. */
export class EndJudge {
  readonly #clock: VirtualClock;
  readonly #ledger: ResourceLedger;
  readonly #fail: NoteFailure;
  readonly #machines: () => readonly string[];
  /** What keeps the process alive since the simulation began. */
  readonly #alive: ResourcesSince;
  #timersLeft: readonly SetTimerCall[] = [];
  readonly #capturesAwaits: boolean;
  readonly #isAmbient: boolean;
  readonly #capturesOutside: boolean;
  #awaits: AwaitWatch | undefined;
  #outside: OutsideWatch | undefined;
  #session: AmbientSession | undefined;
  #loadingLooks = 0;
  /** What the scenario has left, in a few words; undefined if that is nothing, or is not judged. */
  left: string | undefined;

  constructor(
    clock: VirtualClock,
    ledger: ResourceLedger,
    {
      captureAwaits = false,
      captureOutside = false,
      ambient,
    }: Pick<SimulateOptions, 'captureAwaits' | 'captureOutside' | 'ambient'>,
    fail: NoteFailure,
    { machines, isRunning }: JudgedParts,
  ) {
    this.#machines = machines;
    this.#capturesAwaits = captureAwaits;
    this.#capturesOutside = captureOutside;
    this.#isAmbient = ambient !== undefined;
    this.#alive = new ResourcesSince(this.#isAmbient ? undefined : isRunning);
    this.#clock = clock;
    this.#ledger = ledger;
    this.#fail = fail;
  }

  /** From now on it is seen where the scenario awaits what, if that is wanted. */
  begin(session: AmbientSession | undefined): void {
    this.#session = session;
    if (this.#capturesAwaits) this.#awaits = new AwaitWatch(awaitScenario);
  }

  /** The scenario starts; called in the midst of the drain. */
  noteStart(): void {
    this.#alive.begin();
    if (this.#capturesOutside) this.#outside = new OutsideWatch();
  }

  /** The scenario has ended; called in the midst of the drain, so that no timer of the machine fires before it is seen. */
  noteEnd(): void {
    this.#timersLeft = this.#alive.timers();
  }

  /** What was seen until now is still known. */
  stop(): void {
    this.#awaits?.stop();
    this.#outside?.stop();
    this.#alive.end();
  }

  /** What is held, waited for and pending now, a line each. */
  describeState(): string[] {
    return [...this.#ledger.describe(SHOWN_MAX), ...this.#machines(), ...this.#pendingEvents()];
  }

  /** Nothing is queued, and a real timer of the scenario runs: whether it fires before or after one looks again is chance. */
  waitsForRealTimer(): boolean {
    const kinds = this.#kindsAlive();
    if (kinds.length === 0) this.#alive.noteStill();
    return kinds.includes('Timeout');
  }

  /** Nothing is queued, and files are read: for a while Node may be loading a module. */
  waitsForLoading(): boolean {
    if (this.#loadingLooks >= LOADING_LOOKS_MAX) return false;
    this.#loadingLooks += 1;
    return this.#kindsAlive().some((kind) => LOADING.test(kind));
  }

  /** Nothing is queued, but the scenario has not ended; it has replaced that global, if any. */
  judgeStandstill(replaced?: string): void {
    const why =
      replaced === undefined
        ? ''
        : ` in virtual time, since the scenario has replaced ${replaced}, as vi.useFakeTimers does (leave that out: the time of a simulation is virtual anyway)`;
    this.#judgeWait('deadlock', `Deadlock: nothing is due any more${why}`, []);
  }

  /** The scenario has ended: what it has left of the machine fires in the midst of a later one. */
  judgeRealTimers(): void {
    const left = this.#timersLeft;
    if (left.length === 0) return;
    const places = left.flatMap(({ call, taken }) => {
      const frames = (stackOf(taken) ?? '').split('\n').slice(1).join('\n');
      return frames === '' ? [] : [`${CALLED_HERE}a real timer, by ${call}, called here\n${frames}`];
    });
    this.#fail('escape', leftTimersText(left.length), {
      details: [...new Set(places)].slice(0, AWAITS_SHOWN_MAX),
    });
  }

  /** The scenario has ended and left that global replaced, which the next execution would see. */
  judgeReplaced(name: string): void {
    const message = `The scenario has ended and left ${name} replaced: put back what was there before (vi.useRealTimers after vi.useFakeTimers)`;
    this.#fail('leftovers', message, { rule: 'R204' });
  }

  /** Nothing but what `repeats` fires, and the scenario does not go on. */
  judgeStall(repeats: readonly string[]): void {
    // Without its line a timer says no more than what repeats.
    const ambient = this.#session?.leftovers() ?? [];
    const placed = ambient.filter((line) => line.includes('\n')).slice(0, SHOWN_MAX);
    this.#judgeWait('stall', 'Stall: nothing but periodic work fires', [...repeats, ...placed]);
  }

  /** `maxEvents` have fired; `next` is what repeats, or what would come. */
  judgeBudget(maxEvents: number, next: readonly string[]): void {
    const message = `${maxEvents} events have fired and the scenario has not ended`;
    this.#fail('budget', message, {
      details: [...next, ...this.#machines(), ...this.#ledger.describe(SHOWN_MAX)],
    });
  }

  /** In ambient time real timers are not of the scenario, whose own are virtual or refused, but of a test framework. */
  #kindsAlive(): string[] {
    const kinds = this.#alive.kinds();
    return this.#isAmbient ? kinds.filter((kind) => kind !== 'Timeout') : kinds;
  }

  #judgeWait(kind: 'deadlock' | 'stall', what: string, repeats: readonly string[]): void {
    const alive = this.#kindsAlive();
    // Who waits is asked first.
    const details = [
      ...this.#ledger.describe(SHOWN_MAX, 'waits'),
      ...this.#awaitedPlaces(
        alive.length === 0 ? 'a promise that nothing settles' : 'a promise that is settled from outside',
      ),
      ...this.#ledger.describe(SHOWN_MAX, 'things'),
      ...this.#machines(),
      ...repeats,
    ];
    if (alive.length > 0) {
      this.#alive.noteLeft(alive);
      const words = [...new Set(alive.map(outsideWord))].join(', ');
      const message = `The scenario waits for something outside of the simulation (${words})`;
      this.#fail('escape', message, { details: [...this.#calledPlaces(alive), ...details] });
      return;
    }
    const { count } = this.#ledger;
    const wait = isCircle(details)
      ? 'there is a circle of waits'
      : count > 0
        ? `the scenario has not ended. Still held or awaited: ${counted(count, 'resource')}`
        : NOBODY_SETTLES;
    this.#fail(kind, `${what}, and ${wait}`, { rule: 'R211', details });
  }

  /**
   * The scenario has ended: something of it may be left (R204), also timers that it has set as if they were the machine's, a line each, and
   * properties that it waits for.
   */
  judgeLeftovers(ambient: readonly string[], properties: readonly string[]): void {
    const pending = this.#clock.pending + ambient.length;
    const { count } = this.#ledger;
    if (pending + count === 0) return;
    const left = [
      ...(pending === 0 ? [] : [counted(pending, 'timer')]),
      ...(count === 0 ? [] : [counted(count, 'resource')]),
    ];
    this.left = left.join(' and ');
    const message = `The scenario has ended and left ${this.left}`;
    const details = [
      ...this.#forgottenAwaits(properties),
      ...ambient.slice(0, SHOWN_MAX),
      ...this.#pendingEvents(),
      ...this.#ledger.describe(SHOWN_MAX),
    ];
    this.#fail('leftovers', message, { rule: 'R204', details });
  }

  #awaitedPlaces(what: string): string[] {
    const places = (this.#awaits?.pending() ?? []).map(({ awaitedAt, madeAt }) =>
      [
        `${AWAITED_HERE}${what}\n${awaitedAt}`,
        ...(madeAt === undefined ? [] : [`${MADE_HERE}\n${madeAt}`]),
      ].join('\0'),
    );
    // Tasks that run the same code wait at the same place.
    return [...new Set(places)].slice(0, AWAITS_SHOWN_MAX).flatMap((place) => place.split('\0'));
  }

  #calledPlaces(alive: readonly string[]): string[] {
    const pending = this.#outside?.pending(alive) ?? [];
    const places = pending.map(({ what, call, stack }) => {
      const by = call === undefined ? 'asked for' : `by ${call}, called`;
      return `${CALLED_HERE}${what}, ${by} here\n${stack}`;
    });
    return [...new Set(places)].slice(0, AWAITS_SHOWN_MAX);
  }

  #forgottenAwaits(properties: readonly string[]): string[] {
    const asleep = this.#clock.pendingEvents().filter(({ topic }) => topic === SCENARIO_SLEEP).length;
    const calls = [...(asleep === 0 ? [] : [`${asleep} × sim.sleep of the scenario`]), ...properties];
    return calls.map((call) => `${call} has not ended: a promise was not awaited`);
  }

  #pendingEvents(): string[] {
    return this.#clock
      .pendingEvents(SHOWN_MAX)
      .map(
        ({ topic, atMs, place }) =>
          `timer ${topic.text}, due at ${atMs} ms${place === undefined ? '' : `\n${place}`}`,
      );
  }
}
