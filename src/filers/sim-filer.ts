/**
 * A filer that behaves as planned, in virtual time, and checks how it is used. Invariant: which behaviour of the menu a
 * call gets depends only on the decision log; answer 0 is the usual one.
 */
import * as is from '../kernel/shape.ts';
import { LimitedWaiter } from '../kernel/signal-waiters.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { type Topic, thing } from '../kernel/question.ts';
import { isCancelled, type Cancellable } from '../model/cancellation.ts';
import { type MaybePromise, isPending } from '../model/maybe-promise.ts';
import {
  type FilerBehaviour,
  BEHAVIOURS,
  BehaviourSource,
  faultsIn,
  type FilerBehaviours,
  type FilerOperation,
} from './filer-behaviour.ts';
import { cancelledOperation } from './filer-error.ts';
import type { Checkout, Filer } from '../model/filer.ts';
import { check } from '../kernel/argument-check.ts';
import type { Choices } from '../kernel/decisions.ts';
import { RunnerError } from '../kernel/errors.ts';
import { ExitCodeError } from '../model/exit-code.ts';
import { CHOICES, TRACER } from '../model/argument-shapes.ts';
import type { Tracer } from '../model/trace-event.ts';
import { REST_OF_WORLD, type World } from '../model/world.ts';
import { createVirtualFiler } from './fake-filer.ts';
import { checkIngestPaths, SNAPSHOT_ID } from './filer-arguments.ts';
import { FilerLedger, type FilerViolation } from './filer-ledger.ts';

/** Options of a pending operation. */
export interface PendingOperationOptions<T> {
  readonly clock: Clock;
  /** Topic of its timers: `filer/NAME checkout ID`. */
  readonly topic: Topic;
  readonly behaviour: FilerBehaviour;
  readonly cancel: Cancellable | undefined;
  /** Called at its natural end; returns the result or throws the failure. */
  readonly complete: () => MaybePromise<T>;
}

/**
 * An operation of a simulated filer that takes time. Invariant: it settles at most once, and then leaves neither a
 * timer nor a listener behind.
 *
 * See {@link PendingOperationOptions}; `result` never settles if the operation hangs.
 */
class PendingOperation<T> extends LimitedWaiter {
  readonly result: Promise<T>;
  readonly #options: PendingOperationOptions<T>;
  #resolve!: (value: MaybePromise<T>) => void;
  #reject!: (error: unknown) => void;
  #ending: Timer | undefined;
  #isSettled = false;

  constructor(options: PendingOperationOptions<T>) {
    super();
    this.#options = options;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#start();
  }

  /** Ends a hanging operation as if it had completed, unless it has been asked to stop. */
  endHang(): void {
    if (this.#options.behaviour.hang === true && this.#ending === undefined && !this.#isSettled) {
      this.#complete();
    }
  }

  #start(): void {
    const { clock, topic, behaviour, cancel } = this.#options;
    const heeded = behaviour.deaf === true ? undefined : cancel;
    // An operation that was asked to stop before it began never reaches its natural end (R173).
    if (isCancelled(heeded)) {
      this.cancelRequested();
      return;
    }
    const natural =
      behaviour.hang === true
        ? undefined
        : clock.timer(topic, behaviour.latencyMs ?? 0, () => this.#complete());
    this.limitBy(natural, heeded?.signal);
  }

  /** If the cancellation is slow, the operation may reach its natural end first. */
  override cancelRequested(): void {
    const { clock, topic, behaviour } = this.#options;
    const cancelMs = behaviour.cancelMs ?? 0;
    if (cancelMs === 0) this.#fail();
    else this.#ending = clock.timer(topic.plus('cancel'), cancelMs, () => this.#fail());
  }

  #fail(): void {
    this.#leaveNothing();
    this.#reject(cancelledOperation(this.#options.topic.text));
  }

  #complete(): void {
    this.#leaveNothing();
    try {
      this.#resolve(this.#options.complete());
    } catch (error) {
      this.#reject(error);
    }
  }

  #leaveNothing(): void {
    this.#isSettled = true;
    this.#ending?.cancel();
    this.leaveLimits();
  }
}

/** Options of {@link createSimFiler}. */
export interface SimFilerOptions {
  readonly clock: Clock;
  /** Name in decisions, timers and trace events: `filer/NAME …`. Default `sim`. */
  readonly name?: string;
  /** Creates the checkouts and snapshots. Default: a new virtual directory per checkout. */
  readonly delegate?: Filer;
  /** Usual duration of checkouts, ingestions and updates, in milliseconds. Default 0: they answer synchronously. */
  readonly latencyMs?: number;
  /**
   * Behaviour of each call, by operation: the nth call gets the nth entry, later calls the usual behaviour or one of
   * the menu.
   */
  readonly plan?: FilerBehaviours;
  /** Other behaviours of calls that are not planned. `choices` selects one; answer 0 is the usual behaviour. */
  readonly menu?: FilerBehaviours;
  /** Selects from the menu. Required with a menu. */
  readonly choices?: Choices;
  /** Interval at which the runner asks for an update, in milliseconds (R75). Default 0: never. */
  readonly updateIntervalMs?: number;
  /** The bound that runners rely on (R199). Default: the largest `cancelMs` of plan and menu. */
  readonly cancelBoundMs?: number;
  /** Receives an event for each fault and violation. */
  readonly tracer?: Tracer;
  /** The runner named in these events. Default: empty. */
  readonly runner?: string;
  /**
   * Notifies it when all faults must end (`World.onHeal`): hanging operations end then, and later calls have the latency
   * of their behaviour, without its faults. Absent: they do not end.
   */
  readonly onHeal?: World['onHeal'];
}

const SIM_FILER_OPTIONS = is.optionsOf<SimFilerOptions>(
  { clock: is.CLOCK },
  {
    ...REST_OF_WORLD,
    ...is.each(['name', 'runner'], is.TEXT),
    ...is.each(['latencyMs', 'updateIntervalMs', 'cancelBoundMs'], is.DURATION_MS),
    ...is.each(['plan', 'menu'], BEHAVIOURS),
    delegate: is.withMethods('checkout', 'checkoutAt', 'ingest', 'ingestMap', 'update'),
    choices: CHOICES,
    tracer: TRACER,
    onHeal: is.FUNCTION,
  },
);

/** A simulated filer (R175). Give each runner its own: in a shared one, unrelated calls are reported as overlaps. */
export interface SimFiler extends Filer {
  /** Number of checkouts that were begun and not released. */
  readonly openCheckouts: number;
  /**
   * Violations so far, in order. The rules: each checkout is released exactly once, and updates overlap neither
   * checkouts nor each other.
   */
  readonly violations: readonly FilerViolation[];
  /** All violations, and one more for each checkout that has not been released. Empty if all went well. */
  verify(): FilerViolation[];
}

function runPhase<T, U>(
  begin: () => MaybePromise<T>,
  done: (value: T) => U,
  failed: () => void,
): MaybePromise<U> {
  let result: MaybePromise<T>;
  try {
    result = begin();
  } catch (error) {
    failed();
    throw error;
  }
  if (!isPending(result)) return done(result);
  return result.then(done, (error: unknown) => {
    failed();
    throw error;
  });
}

class BehavingFiler implements SimFiler {
  readonly cancelBoundMs: number;
  readonly updateIntervalMs: number;
  readonly #clock: Clock;
  readonly #delegate: Filer;
  readonly #behaviours: BehaviourSource;
  readonly #ledger: FilerLedger;
  /** Operations that do not end by themselves. */
  readonly #hanging = new Set<HangingOperation>();

  constructor(options: SimFilerOptions) {
    const { clock, name = 'sim', latencyMs = 0, updateIntervalMs = 0, tracer, runner = '' } = options;
    const { plan, menu, choices } = options;
    const filer = thing('filer', name);
    this.#behaviours = new BehaviourSource({ filer, usual: { latencyMs }, plan, menu, choices });
    this.#ledger = new FilerLedger({ clock, tracer, runner, filer });
    this.#clock = clock;
    this.#delegate = options.delegate ?? createVirtualFiler();
    this.updateIntervalMs = updateIntervalMs;
    this.cancelBoundMs = options.cancelBoundMs ?? this.#behaviours.cancelMsMax;
    options.onHeal?.(() => {
      this.#behaviours.heal();
      for (const operation of this.#hanging) operation.endHang();
    });
  }

  get openCheckouts(): number {
    return this.#ledger.openCheckouts;
  }

  get violations(): readonly FilerViolation[] {
    return this.#ledger.violations;
  }

  verify(): FilerViolation[] {
    return this.#ledger.verify();
  }

  checkout(snapshotId: string, cancel?: Cancellable): MaybePromise<Checkout> {
    return this.#checkOut(snapshotId, cancel, (heeded) => this.#delegate.checkout(snapshotId, heeded));
  }

  checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): MaybePromise<Checkout> {
    return this.#checkOut(snapshotId, cancel, (heeded) => this.#delegate.checkoutAt(snapshotId, dir, heeded));
  }

  ingest(path: string, cancel?: Cancellable): MaybePromise<string> {
    return this.#perform('ingest', path, cancel, (heeded) => this.#delegate.ingest(path, heeded));
  }

  ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): MaybePromise<string> {
    checkIngestPaths(paths);
    const subject = [...paths.values()].join(' ');
    return this.#perform('ingest', subject, cancel, (heeded) => this.#delegate.ingestMap(paths, heeded));
  }

  update(cancel?: Cancellable): MaybePromise<void> {
    this.#ledger.beginUpdate();
    const update = (): MaybePromise<void> =>
      this.#perform('update', '', cancel, (heeded) => this.#delegate.update(heeded));
    const end = (): void => this.#ledger.endUpdate();
    return runPhase(update, end, end);
  }

  #checkOut(
    snapshotId: string,
    cancel: Cancellable | undefined,
    make: Act<Checkout>,
  ): MaybePromise<Checkout> {
    check('snapshotId', snapshotId, SNAPSHOT_ID);
    const serial = this.#ledger.beginCheckout(snapshotId);
    return runPhase(
      () => this.#perform('checkout', snapshotId, cancel, make),
      (made) => this.#checkoutOf(made, serial),
      () => this.#ledger.endCheckout(serial),
    );
  }

  /** Only the first release has an effect; later ones are reported as violations (R171, R205). */
  #checkoutOf(made: Checkout, serial: number): Checkout {
    const { path, id } = made;
    let isReleased = false;
    let first: MaybePromise<void>;
    const release = (): MaybePromise<void> => {
      if (isReleased) this.#ledger.doubleRelease(id);
      else {
        isReleased = true;
        this.#ledger.endCheckout(serial);
        first = this.#perform('release', id, undefined, () => made.release());
      }
      return first;
    };
    if (made.requireIntact === undefined) return { path, id, release };
    return { path, id, requireIntact: () => made.requireIntact?.(), release };
  }

  #perform<T>(
    operation: FilerOperation,
    subject: string,
    cancel: Cancellable | undefined,
    act: Act<T>,
  ): MaybePromise<T> {
    const behaviour = this.#behaviourOf(operation, subject);
    const complete = (): MaybePromise<T> => {
      if (behaviour.fail !== undefined) throw failureOf(behaviour.fail);
      // A cancelled call gets here only if it is deaf, or completes before its cancellation does.
      return act(isCancelled(cancel) ? undefined : cancel);
    };
    const cancelled = behaviour.deaf !== true && isCancelled(cancel);
    if (
      (behaviour.latencyMs ?? 0) > 0 ||
      behaviour.hang === true ||
      (cancelled && (behaviour.cancelMs ?? 0) > 0)
    ) {
      const topic = this.#behaviours.topicOf(operation, subject);
      const pending = new PendingOperation({ clock: this.#clock, topic, behaviour, cancel, complete });
      if (behaviour.hang === true) this.#keepHanging(pending);
      return pending.result;
    }
    if (cancelled) throw cancelledOperation(this.#behaviours.topicOf(operation, subject).text);
    return complete();
  }

  #keepHanging(operation: HangingOperation): void {
    this.#hanging.add(operation);
    const forget = (): void => void this.#hanging.delete(operation);
    operation.result.then(forget, forget);
  }

  #behaviourOf(operation: FilerOperation, subject: string): FilerBehaviour {
    const special = this.#behaviours.next(operation, subject);
    if (special === undefined) return this.#behaviours.usual(operation);
    for (const kind of faultsIn(special)) this.#ledger.fault(operation, kind);
    return special;
  }
}

type HangingOperation = Pick<PendingOperation<unknown>, 'endHang' | 'result'>;

type Act<T> = (heeded: Cancellable | undefined) => MaybePromise<T>;

function failureOf({ text, exitCode }: NonNullable<FilerBehaviour['fail']>): Error {
  return exitCode === undefined
    ? new RunnerError('RUNNER_FILER_FAILED', text)
    : new ExitCodeError(exitCode, text);
}

/**
 * Creates a simulated filer (R175).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid times or exit codes, and for a menu without `choices`.
 * @example
 * ```ts
 * import { createSimFiler, createSimulatedRunner, finalStatus, simulate } from 'dryrunner';
 * const verdict = await simulate({
 *   async scenario(sim) {
 *     const plan = { checkout: [{ latencyMs: 500, fail: { text: 'disk full', exitCode: 212 } }] };
 *     const filer = createSimFiler({ clock: sim.world.clock, plan });
 *     const runner = createSimulatedRunner(sim.world, { filers: new Map([['scoot', { filer }]]) });
 *     const { runId } = await runner.run({ argv: ['complete 0'], snapshotId: 'abc' });
 *     const { status } = await finalStatus(runner, runId);
 *     sim.check(status.state === 'FAILED' && status.exitCode === 212, 'the runner takes the code of the filer');
 *     await runner.release();
 *     sim.check(filer.verify().length === 0, 'every checkout was released once');
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function createSimFiler(options: SimFilerOptions): SimFiler {
  check('options', options, SIM_FILER_OPTIONS);
  return new BehavingFiler(options);
}
