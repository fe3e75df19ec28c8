/**
 * Drawn work of a collaborator: when it ends, whether it fails, and how it reacts to a request to stop. Invariant: it
 * does exactly what is planned.
 */
import type { Thing } from '../../kernel/question.ts';
import { isCancelled, type Cancellable } from '../../model/cancellation.ts';
import { ExitCodeError } from '../../model/exit-code.ts';
import type { MaybePromise } from '../../model/maybe-promise.ts';
import type { Draws } from './draws.ts';
import type { WorkloadHost } from './workload-host.ts';

/** The error of a piece of work. */
export interface Failure {
  readonly text: string;
  readonly exitCode?: number;
  /** True if `text` is only the beginning of the error's text. */
  readonly isTextOpen?: boolean;
}

/** The plan of one call of a collaborator, as plain data. */
export interface Work {
  /** Infinity if it never ends by itself. */
  readonly takesMs: number;
  /** For work that takes no time: true if it answers synchronously, else by a promise. */
  readonly inCall?: boolean;
  readonly fails?: Failure;
  /** Time from a cancel to the resulting failure; Infinity if it ignores cancels. */
  readonly cancelMs: number;
}

/** The bound that each collaborator promises: a cancelled call is over within this time. */
export const BOUND_MS = 20;

const NEVER = Infinity;
/** Answers synchronously. */
export const AT_ONCE: Work = Object.freeze({ takesMs: 0, inCall: true, cancelMs: 0 });
const PLAIN_WEIGHT = 12;
/** Times of work, the plain ones first; some are at the bound, and some beyond it. */
const TIMES: readonly Work[] = [
  AT_ONCE,
  { takesMs: 0, cancelMs: 0 },
  { takesMs: 10, cancelMs: 0 },
  { takesMs: BOUND_MS, cancelMs: NEVER },
  { takesMs: 30, cancelMs: 10 },
  { takesMs: 40, cancelMs: BOUND_MS },
  { takesMs: 70, cancelMs: 30 },
  { takesMs: 70, cancelMs: NEVER },
  { takesMs: NEVER, cancelMs: 0 },
  { takesMs: NEVER, cancelMs: NEVER },
];

/** A call of a collaborator. */
export interface WorkCall<T> {
  readonly text: string;
  /**
   * What it is, if a runner may ask for such work any number of times: all of it then has one site, so that a scenario
   * in which nothing else happens is known as a stall.
   */
  readonly thing?: Thing;
  readonly work: Work;
  readonly cancel: Cancellable | undefined;
  readonly result: () => T;
  /** Called if it is asked to stop while it is at work. */
  readonly onCancel?: () => void;
  /** Called if it never ends by itself. */
  readonly onLeak?: (end: () => void) => void;
}

/**
 * Does a piece of work as planned. Work that never ends without a cancel is passed to `onLeak`, whose caller may end
 * it.
 */
export function carryOut<T>(
  host: Pick<WorkloadHost, 'now' | 'world'>,
  { text, thing, work, cancel, result, onCancel, onLeak }: WorkCall<T>,
): MaybePromise<T> {
  const { clock } = host.world;
  const finish = (): T => {
    if (work.fails !== undefined) throw errorOf(work.fails);
    return result();
  };
  if (work.takesMs === 0) return work.inCall === true ? finish() : Promise.resolve().then(finish);
  return new Promise((resolve, reject) => {
    const endsAtMs = host.now() + work.takesMs;
    const ends = thing?.topic('ends') ?? { what: text };
    const natural = work.takesMs === NEVER ? undefined : clock.timer(ends, work.takesMs, () => end(finish));
    let isOver = false;
    const end = (by: () => T): void => {
      if (isOver) return;
      isOver = true;
      natural?.cancel();
      try {
        resolve(by());
      } catch (error) {
        reject(error);
      }
    };
    const fail = (): void =>
      end(() => {
        throw new Error(`${text} was cancelled`);
      });
    if (work.takesMs === NEVER) onLeak?.(() => end(finish));
    const cancelled = (): void => {
      if (isOver || host.now() >= endsAtMs) return;
      onCancel?.();
      if (work.cancelMs === 0) fail();
      else if (work.cancelMs < NEVER) {
        clock.timer(thing?.topic('cancelled') ?? { what: `${text} cancelled` }, work.cancelMs, fail);
      }
    };
    if (isCancelled(cancel)) cancelled();
    else cancel?.signal.addEventListener('abort', cancelled, { once: true });
  });
}

function workText({ takesMs, fails, cancelMs, inCall }: Work): string {
  const time =
    takesMs === NEVER
      ? 'never ends'
      : takesMs === 0
        ? inCall === true
          ? 'answers in the call'
          : 'answers at once'
        : `takes ${takesMs} ms`;
  const ends =
    fails === undefined
      ? ''
      : ` and fails (${fails.text}${fails.exitCode === undefined ? '' : `, ${fails.exitCode}`})`;
  const heeds =
    cancelMs === NEVER ? ', deaf to cancels' : cancelMs === 0 ? '' : `, ${cancelMs} ms after a cancel`;
  return `${time}${ends}${takesMs === 0 ? '' : heeds}`;
}

/** Draws the plan of one call that does not fail. */
export function drawTimes(draws: Draws, what: string): Work {
  return draws.pick(what, TIMES, PLAIN_WEIGHT, workText);
}

/** Draws the plan of one call. */
export function drawWork(draws: Draws, what: string): Work {
  const times = drawTimes(draws, what);
  return draws.rarely(`${what} fails`, 8) ? { ...times, fails: { text: `${what} failed` } } : times;
}

const CHECKOUT_CODES = [undefined, 211, 212, 213, 7];

/** Draws the plan of a checkout, whose failures have codes. */
export function drawCheckout(draws: Draws): Work {
  const times = drawTimes(draws, 'checkout');
  if (!draws.rarely('checkout fails', 4)) return times;
  const exitCode = draws.pick('code of the checkout', CHECKOUT_CODES, 1, String);
  const text = 'no such snapshot';
  return { ...times, fails: exitCode === undefined ? { text } : { text, exitCode } };
}

function errorOf({ text, exitCode }: Failure): Error {
  return exitCode === undefined ? new Error(text) : new ExitCodeError(exitCode, text);
}
