/**
 * Which of the runners of a server gets an action. Invariants: of several runners, each has one action at a time; an
 * action waits only as long as there is a runner that may accept it; those that wait get runners in order.
 */
import type { Clock, Timer } from '../kernel/clock.ts';
import { timeLeftMs } from '../kernel/delay.ts';
import { isRunnerError, messageOf, RunnerError, type RunnerErrorCode } from '../kernel/errors.ts';
import { namedTopic, type Topic } from '../kernel/question.ts';
import { WORKER_UNHEALTHY_MSG } from '../model/messages.ts';
import { NO_WAIT } from '../model/query.ts';
import { RunRejectedError } from '../model/run-rejected-error.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { Service } from '../model/service.ts';
import { DONE_MASK } from '../model/state-mask.ts';
import type { World } from '../model/world.ts';
import { RpcError } from './rpc.ts';

/** An action that needs a runner. */
export interface Offer {
  /** Starts it on a runner; rejects if the runner does not accept it. */
  readonly start: (runner: Service) => Promise<RunStatus>;
  /** Resolves when the run has ended; never rejects. */
  readonly follow: (runner: Service, first: RunStatus) => Promise<void>;
  /** Called when it starts to wait in the queue. */
  readonly waits: () => void;
  /** Called if no runner will accept it. */
  readonly fail: (error: unknown) => void;
}

/** Collaborators and limits of {@link Workers}. */
export interface WorkersOptions {
  /** One runner that queues by itself, or several that each execute one action at a time. */
  readonly runner: Service | readonly Service[];
  /** With several runners: how many actions may wait for one. */
  readonly queueMax: number;
  /** Name used in questions. */
  readonly name: string;
  /** Called with each of several runners that refuses actions until it recovers, or for good, and why. */
  readonly onWorkerLost: ((runner: Service, reason: string) => void) | undefined;
}

/** How a runner that accepts no actions may come back: `gone` never does, `ill` if it recovers, `busy` by itself. */
type Absence = 'gone' | 'ill' | 'busy';

const ABSENCES: Partial<Readonly<Record<RunnerErrorCode, Absence>>> = {
  RUNNER_RELEASED: 'gone',
  RUNNER_BROKEN: 'gone',
  RUNNER_UNHEALTHY: 'ill',
  RUNNER_INITIALIZING: 'busy',
  RUNNER_BUSY: 'busy',
};
/** Interval for asking absent runners whether they accept actions again, while actions wait. */
const CHECK_MS = 1_000;

/**
 * Assigns actions to runners: a single runner gets each at once, several get one whenever they are idle. If one of
 * several rejects an action because of its own state, it is left out until it is healthy, and another runner gets the
 * action.
 */
export class Workers {
  readonly #clock: Clock;
  readonly #topic: Topic;
  readonly #only: Service | undefined;
  readonly #free: Service[];
  readonly #away = new Map<Service, Exclude<Absence, 'gone'>>();
  /** Number of runners that accept actions, busy or idle. */
  #serving: number;
  #queue = new Set<Offer>();
  readonly #queueMax: number;
  readonly #onLost: ((runner: Service, reason: string) => void) | undefined;
  #check: Timer | undefined;
  /** Absent runners that have been asked and have not answered yet, with when they were asked. */
  readonly #asked = new Map<Service, number>();
  #checkedMs = -Infinity;
  #lastRefusal = '';
  #isClosed = false;

  constructor({ clock }: World, { runner, queueMax, name, onWorkerLost }: WorkersOptions) {
    this.#clock = clock;
    this.#topic = namedTopic(name, 'checks', 'workers');
    this.#only = Array.isArray(runner) ? undefined : (runner as Service);
    this.#free = Array.isArray(runner) ? [...(runner as readonly Service[])] : [];
    this.#serving = this.#only === undefined ? this.#free.length : 1;
    this.#queueMax = queueMax;
    this.#onLost = onWorkerLost;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /**
   * @throws RunnerError `RUNNER_BUSY` if too many actions wait.
   * @throws RpcError `UNAVAILABLE` if there is no runner to wait for.
   */
  offer(offer: Offer): void {
    const runner = this.#only ?? this.#free.shift();
    if (runner !== undefined) {
      this.#give(runner, offer);
      return;
    }
    if (this.#serving + this.#away.size === 0) throw this.#nobody();
    if (this.queued >= this.#queueMax) {
      throw new RunnerError('RUNNER_BUSY', `the queue is full: ${this.#queueMax} actions wait`);
    }
    this.#queue.add(offer);
    offer.waits();
    this.#checkLater();
  }

  /** Removes an action that is no longer wanted. */
  drop(offer: Offer): void {
    this.#queue.delete(offer);
  }

  close(): void {
    this.#isClosed = true;
    this.#check?.cancel();
  }

  #give(runner: Service, offer: Offer): void {
    void offer.start(runner).then(
      async (first) => {
        await offer.follow(runner, first);
        this.#giveNext(runner);
      },
      (error: unknown) => {
        this.#refused(runner, offer, error);
      },
    );
  }

  #giveNext(runner: Service): void {
    if (this.#only !== undefined) return;
    const [next] = this.#queue;
    if (next === undefined) {
      this.#free.push(runner);
      return;
    }
    this.#queue.delete(next);
    this.#give(runner, next);
  }

  #refused(runner: Service, offer: Offer, error: unknown): void {
    const absence = isRunnerError(error) ? ABSENCES[error.code] : undefined;
    if (this.#only !== undefined || absence === undefined) {
      offer.fail(error);
      this.#giveNext(runner);
      return;
    }
    this.#serving -= 1;
    this.#lastRefusal = reasonOf(error);
    this.#checkedMs = this.#clock.now();
    if (absence !== 'gone') this.#away.set(runner, absence);
    if (absence !== 'busy') this.#reportLoss(runner, this.#lastRefusal);
    const other = this.#free.shift();
    if (other !== undefined) {
      this.#give(other, offer);
      return;
    }
    // Goes first, because it has waited longest.
    this.#queue = new Set([offer, ...this.#queue]);
    offer.waits();
    if (this.#serving + this.#away.size === 0) this.#failAll();
    else this.#checkLater();
  }

  #checkLater(): void {
    if (this.#isClosed || this.#check !== undefined) return;
    if (this.#queue.size === 0 || this.#away.size === 0) return;
    const inMs = timeLeftMs(CHECK_MS, this.#checkedMs, this.#clock.now());
    this.#check = this.#clock.timer(this.#topic, inMs, () => {
      this.#check = undefined;
      this.#checkAll();
    });
  }

  /** Asks all absent runners, except those that still owe an answer: one that hangs keeps no other from coming back. */
  #checkAll(): void {
    this.#checkedMs = this.#clock.now();
    for (const runner of this.#away.keys()) {
      if (!this.#asked.has(runner)) void this.#checkOne(runner);
    }
    this.#judge();
  }

  /** Gives up on waiting actions if all runners are ill, or do not answer. */
  #judge(): void {
    const lateMs = this.#clock.now() - CHECK_MS;
    const mayReturn = ([runner, absence]: readonly [Service, Absence]): boolean =>
      absence === 'busy' || (this.#asked.get(runner) ?? lateMs) > lateMs;
    if (this.#serving === 0 && ![...this.#away].some(mayReturn)) this.#failAll();
    this.#checkLater();
  }

  /** Gives waiting actions to a runner that is healthy again. */
  async #checkOne(runner: Service): Promise<void> {
    this.#asked.set(runner, this.#clock.now());
    const { absence, reason } = await stateOf(runner);
    this.#asked.delete(runner);
    if (absence === 'ill' || absence === 'gone') {
      // All others were reported when they refused an action.
      if (this.#away.get(runner) === 'busy') this.#reportLoss(runner, reason);
      else if (absence === 'gone') this.#lastRefusal = reason;
    }
    if (absence === 'ill' || absence === 'busy') this.#away.set(runner, absence);
    else this.#away.delete(runner);
    if (absence === undefined) {
      this.#serving += 1;
      this.#giveNext(runner);
    }
    this.#judge();
  }

  #reportLoss(runner: Service, reason: string): void {
    this.#lastRefusal = reason;
    if (!this.#isClosed) this.#onLost?.(runner, reason);
  }

  #failAll(): void {
    const all = this.#queue;
    this.#queue = new Set();
    for (const offer of all) offer.fail(this.#nobody());
  }

  #nobody(): RpcError {
    const why = this.#lastRefusal === '' ? '' : `: ${this.#lastRefusal}`;
    return new RpcError('UNAVAILABLE', `no worker takes actions${why}`);
  }
}

/** Whether a runner that was absent accepts actions again, which has no absence, and why it does not. */
async function stateOf(runner: Service): Promise<{ absence: Absence | undefined; reason: string }> {
  try {
    const { service } = await runner.query({ runs: [], states: DONE_MASK }, NO_WAIT);
    const { isHealthy, initialized, error } = service;
    if (isHealthy && initialized) return { absence: undefined, reason: '' };
    const reason = error === '' ? WORKER_UNHEALTHY_MSG : error;
    return { absence: initialized || error !== '' ? 'ill' : 'busy', reason };
  } catch (error) {
    return { absence: isRunnerError(error, 'RUNNER_RELEASED') ? 'gone' : 'ill', reason: messageOf(error) };
  }
}

/** Why a runner takes no actions: a rejection says what it is, and its status why that is so (R64). */
function reasonOf(error: unknown): string {
  const text = messageOf(error);
  const why = error instanceof RunRejectedError ? error.status.error : '';
  return why === '' || why === text ? text : `${text.replace(/\.$/, '')}: ${why}`;
}
