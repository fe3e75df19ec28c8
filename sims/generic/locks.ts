/**
 * Locks and waits under several owners: who gets what, in which order and when, what times out or is cancelled, what misuse is called and what the
 * trace says is what a model computes. One thing is asked at a time, so that only what follows from it falls into one instant.
 */
import {
  defineScenario,
  isRunnerError,
  type ScenarioDefinition,
  type Simulation,
  type TraceEvent,
} from 'dryrunner';
import {
  type Channel,
  type Condition,
  createChannel,
  createCondition,
  createDeferred,
  createMutex,
  createSemaphore,
  type Deferred,
  type LockHold,
  type Mutex,
  type Semaphore,
  withTimeout,
} from 'dryrunner/cluster';
import { pick, rarely } from '../zoo/odds.ts';
import { SETTLE_MS, textOf, TIMEOUTS_MS, type Waiting, WaitWork } from './wait-work.ts';
import { codeOf, rounded } from './outcome.ts';

/** What makes the parts. */
export interface LockParts {
  readonly createMutex: typeof createMutex;
  readonly createSemaphore: typeof createSemaphore;
  readonly createCondition: typeof createCondition;
  readonly createChannel: typeof createChannel;
  readonly createDeferred: typeof createDeferred;
  readonly withTimeout: typeof withTimeout;
}

const SHIPPED: LockParts = {
  createMutex,
  createSemaphore,
  createCondition,
  createChannel,
  createDeferred,
  withTimeout,
};
const REACHED = [
  'a lock is got at once',
  'a lock is got after a wait',
  'a wait times out',
  'a wait is cancelled',
  'a lock is refused at once',
  'who waits for more blocks those behind',
  'a later one is served first by choice',
  'a lock is released by somebody else',
  'a hold is released twice',
  'a condition is notified',
  'a wait on a condition times out and has the mutex again',
  'a value is passed from a sender who waits',
  'a channel is closed while somebody waits',
  'a deferred is settled while somebody waits',
  'a task takes too long',
  'a late value is handed over',
] as const;
const LATER_MS = TIMEOUTS_MS.filter((ms) => ms !== 0);
const ROUNDS_MAX = 100;

/** The workload of locks; `parts` is what makes them. */
export function locksWorkload(parts: Partial<LockParts> = {}): ScenarioDefinition<unknown> {
  const made = { ...SHIPPED, ...parts };
  return defineScenario<unknown>({
    name: 'generic-locks',
    description: 'owners use locks and waits in all ways, and what they get, and when, is what a model says',
    async run(sim) {
      for (const name of REACHED) sim.sometimes(name, false);
      const kinds = {
        permits: () => new PermitWork(sim, made),
        channel: () => new ChannelWork(sim, made),
        deferred: () => new DeferredWork(sim, made),
        timeout: () => new TimeoutWork(sim, made),
      };
      const kind = pick(sim, 'kind', ['permits', 'channel', 'deferred', 'timeout'] as const, 4);
      await kinds[kind]().run();
    },
  });
}

export const locks: ScenarioDefinition<unknown> = locksWorkload();

interface Held {
  readonly id: number;
  readonly owner: string;
  readonly permits: number;
  readonly sinceMs: number;
}

interface Wanting extends Waiting {
  readonly permits: number;
  readonly timeoutMs: number;
  /** Of a wait on a condition: what it comes to once it has the mutex again. */
  readonly hold?: LockHold;
  readonly ends?: { readonly code: string; readonly text: string };
  /** Those who came to wait by one call, in any order. */
  readonly batch: number;
}

/** A mutex or a semaphore, and a condition on the mutex. */
class PermitWork extends WaitWork {
  readonly #title: string;
  readonly #total: number;
  readonly #isFair: boolean;
  readonly #mutex: Mutex | undefined;
  readonly #semaphore: Semaphore | undefined;
  readonly #condition: Condition | undefined;
  #free: number;
  #held: Held[] = [];
  #line: Wanting[] = [];
  #onCondition: Wanting[] = [];
  readonly #holds = new Map<number, LockHold>();
  #gone: LockHold | undefined;
  #acquired = 0;
  #batch = 0;

  constructor(sim: Simulation, parts: LockParts) {
    super(sim);
    const isMutex = pick(sim, 'lock', [true, false], 1, (is) => (is ? 'mutex' : 'semaphore'));
    this.#total = isMutex ? 1 : pick(sim, 'permits of it', [2, 3, 1, 5], 1);
    const fair = pick(sim, 'fair', [undefined, false, true], 1);
    this.#isFair = fair ?? true;
    this.#free = this.#total;
    const options = { name: 'jobs', ...(fair === undefined ? {} : { fair }) };
    this.#title = `${isMutex ? 'mutex' : 'semaphore'} jobs`;
    if (isMutex) {
      this.#mutex = parts.createMutex(this.seen.world, options);
      this.#condition = parts.createCondition(this.#mutex, { name: 'filled' });
    } else this.#semaphore = parts.createSemaphore(this.seen.world, { ...options, permits: this.#total });
    this.#refuses(parts);
  }

  get #lock(): Mutex | Semaphore {
    return (this.#mutex ?? this.#semaphore) as Mutex | Semaphore;
  }

  protected act(owner: string): void {
    const kinds = [
      'acquire',
      'release',
      'acquire',
      'release',
      'try',
      'run',
      'wrong',
      'wait',
      'notify',
      'wait',
      'release of a hold',
    ] as const;
    const kind = pick(this.sim, 'does', kinds, 1);
    switch (kind) {
      case 'acquire': {
        this.#acquire(owner);
        return;
      }
      case 'try': {
        this.#try(owner);
        return;
      }
      case 'release': {
        this.#releaseBy(owner);
        return;
      }
      case 'release of a hold': {
        this.#releaseHold();
        return;
      }
      case 'run': {
        this.#run(owner);
        return;
      }
      case 'wrong': {
        this.#wrong(owner);
        return;
      }
      case 'wait': {
        this.#wait();
        return;
      }
      case 'notify': {
        this.#notify();
        return;
      }
    }
  }

  #permitsWanted(): number {
    const all = Array.from({ length: this.#total }, (_, index) => index + 1);
    return this.#semaphore === undefined ? 1 : pick(this.sim, 'wants', all, 2);
  }

  #acquire(owner: string): void {
    const id = this.nextId();
    const permits = this.#permitsWanted();
    const { options, waiting } = this.drawWait(owner, id);
    const asked =
      this.#semaphore === undefined || (permits === 1 && rarely(this.sim, 'by default', 2))
        ? options
        : { ...options, permits };
    this.follow(id, this.#keep(id, this.#lock.acquire(asked)));
    this.#enter({ ...waiting, permits, timeoutMs: options.timeoutMs ?? Infinity, batch: this.#nextBatch() });
  }

  async #keep(id: number, acquired: Promise<LockHold>): Promise<LockHold> {
    const hold = await acquired;
    this.#holds.set(id, hold);
    return hold;
  }

  #nextBatch(): number {
    this.#batch += 1;
    return this.#batch;
  }

  #enter(wanting: Wanting): void {
    if (this.isAborted(wanting.signal)) this.expectCancel(wanting, this.#title);
    else if (this.#canServe(wanting.permits)) {
      this.#give(wanting);
      this.sim.sometimes('a lock is got at once');
    } else {
      this.#line.push(wanting);
      if (this.#free > 0) this.sim.sometimes('who waits for more blocks those behind');
    }
  }

  #canServe(permits: number): boolean {
    const isFirst = this.#isFair ? this.#line.length === 0 : this.#candidates().length === 0;
    return isFirst && permits <= this.#free;
  }

  #candidates(): Wanting[] {
    const [first] = this.#line;
    if (first === undefined) return [];
    const asked = this.#isFair ? this.#line.filter(({ batch }) => batch === first.batch) : this.#line;
    return asked.filter(({ permits }) => permits <= this.#free);
  }

  #give(wanting: Wanting): void {
    const { id, owner, permits, ends } = wanting;
    this.#free -= permits;
    this.#held.push({ id, owner, permits, sinceMs: this.sim.now() });
    this.#acquired += 1;
    if (wanting.hold !== undefined) this.#holds.set(id, wanting.hold);
    this.expect(id, ends?.code, ends?.text);
  }

  /** Hands over what is free, once it was seen who got it. */
  #serve(atMs: number): void {
    for (let left = this.#candidates(); left.length > 0; left = this.#candidates()) {
      const next = this.#isFair && left[0]?.batch !== left[1]?.batch ? left[0] : this.servedFirst(left);
      if (next === undefined) return;
      if (next !== this.#line[0] && !this.#isFair) {
        this.sim.sometimes('a later one is served first by choice');
      }
      this.#line = this.#line.filter((one) => one !== next);
      const { id, owner, permits, ends } = next;
      this.#free -= permits;
      this.#held.push({ id, owner, permits, sinceMs: rounded(atMs) });
      this.#acquired += 1;
      if (next.hold !== undefined) this.#holds.set(id, next.hold);
      this.expect(id, ends?.code, ends?.text, Math.max(atMs, ends === undefined ? 0 : next.untilMs));
      this.sim.sometimes('a lock is got after a wait');
    }
  }

  #freed({ permits, id }: Held): void {
    this.#free += permits;
    this.#held = this.#held.filter((one) => one.id !== id);
    this.#gone = this.#holds.get(id);
    this.#holds.delete(id);
    const atMs = this.sim.now();
    this.after(() => this.#serve(atMs));
  }

  #try(owner: string): void {
    const id = this.nextId();
    const permits = this.#permitsWanted();
    const hold =
      this.#semaphore === undefined
        ? this.#mutex?.tryAcquire({ owner })
        : this.#semaphore.tryAcquire({ owner, permits });
    const isThere = this.#canServe(permits);
    this.check(
      (hold !== undefined) === isThere,
      `${owner} ${isThere ? 'does not get' : 'gets'} ${permits} at once`,
    );
    if (hold === undefined) {
      this.sim.sometimes('a lock is refused at once');
      return;
    }
    this.#holds.set(id, hold);
    this.#free -= permits;
    this.#held.push({ id, owner, permits, sinceMs: this.sim.now() });
    this.#acquired += 1;
  }

  /** In the name of an owner: what it has held longest. */
  #releaseBy(owner: string): void {
    const held = this.#held.find((one) => one.owner === owner);
    const outcome = outcomeOf(() => this.#lock.release({ owner }));
    if (held !== undefined) {
      this.check(outcome === '', `${owner} releases what it holds, and gets ${outcome}`);
      this.#freed(held);
      return;
    }
    const others = this.#held.length === 0 ? 'nobody holds it' : this.#holders();
    this.check(
      outcome === `RUNNER_LOCK_NOT_HELD ${this.#title}: ${owner} released it without holding it; ${others}`,
      `a release of somebody else is ${outcome}`,
    );
    this.sim.sometimes('a lock is released by somebody else');
  }

  #holders(): string {
    return this.#held.map(({ owner, sinceMs }) => `${owner} holds it since ${sinceMs} ms`).join(' and ');
  }

  #releaseHold(): void {
    const [held] =
      this.#held.length === 0 ? [] : [pick(this.sim, 'which hold', this.#held, 1, ({ owner }) => owner)];
    const gone = this.#gone;
    if (gone !== undefined && !gone.isHeld && rarely(this.sim, 'again', 2)) {
      const outcome = outcomeOf(() => gone.release());
      this.check(
        outcome === `RUNNER_LOCK_RELEASED ${this.#title}: ${gone.owner} released it, and had done so before`,
        `the second release is ${outcome}`,
      );
      this.sim.sometimes('a hold is released twice');
      return;
    }
    const hold = held === undefined ? undefined : this.#holds.get(held.id);
    if (held === undefined || hold === undefined) return;
    this.check(
      hold.isHeld &&
        hold.owner === held.owner &&
        hold.permits === held.permits &&
        rounded(hold.sinceMs) === rounded(held.sinceMs),
      `the hold of ${held.owner} says ${hold.owner}, ${hold.permits}, ${hold.sinceMs}`,
    );
    hold.release();
    this.check(!hold.isHeld, 'a hold that was released is none');
    this.#freed(held);
  }

  /** A task of no time: it has the lock while it runs, and not after. */
  #run(owner: string): void {
    const id = this.nextId();
    const isThere = this.#canServe(1);
    const fails = rarely(this.sim, 'the task fails', 2);
    const { options, waiting } = this.drawWait(owner, id);
    if (!isThere || this.isAborted(waiting.signal)) return;
    const task = (hold: LockHold): number => {
      this.check(hold.isHeld && hold.owner === owner, 'a task runs with the lock');
      if (fails) throw new Error('the task fails');
      return id;
    };
    this.follow(id, this.#lock.run(task, options));
    this.#acquired += 1;
    if (fails) this.expect(id, 'other', 'the task fails');
    else this.expect(id, '', '', this.sim.now(), id);
  }

  #wait(): void {
    const condition = this.#condition;
    const [held] = this.#held;
    const hold = held === undefined ? undefined : this.#holds.get(held.id);
    if (condition === undefined || held === undefined || hold === undefined) return;
    const id = this.nextId();
    const { options, waiting } = this.drawWait(held.owner, id, LATER_MS);
    const { timeoutMs, signal } = options;
    const limits = {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    };
    this.follow(id, condition.wait(hold, limits));
    this.#free += 1;
    this.#held = [];
    this.#holds.delete(held.id);
    const wanting = {
      ...waiting,
      permits: 1,
      timeoutMs: options.timeoutMs ?? Infinity,
      hold,
      batch: this.#nextBatch(),
    };
    if (this.isAborted(waiting.signal)) {
      const text = `the wait of ${held.owner} for condition filled was cancelled`;
      this.#line.push({ ...wanting, untilMs: this.sim.now(), ends: { code: 'RUNNER_WAIT_CANCELLED', text } });
    } else this.#onCondition.push(wanting);
    const atMs = this.sim.now();
    this.after(() => this.#serve(atMs));
  }

  #notify(): void {
    const condition = this.#condition;
    if (condition === undefined) return;
    const isAll = rarely(this.sim, 'all', 2);
    const before = this.#onCondition;
    if (isAll) this.check(condition.notifyAll() === before.length, `it wakes ${before.length}`);
    else this.check(condition.notify() === before.length > 0, 'it wakes one, if one waits');
    this.check(
      condition.waiting === (isAll ? 0 : Math.max(0, before.length - 1)),
      `${condition.waiting} wait`,
    );
    if (before.length === 0) return;
    this.sim.sometimes('a condition is notified');
    // Of one that is not fair nobody knows who it is.
    if (!isAll && !this.#isFair && before.length > 1) {
      this.isAmbiguous = true;
      return;
    }
    const woken = isAll ? before : before.slice(0, 1);
    this.#onCondition = before.filter((one) => !woken.includes(one));
    const batch = this.#nextBatch();
    for (const one of woken) this.#line.push({ ...one, untilMs: Infinity, signal: -1, batch });
    const atMs = this.sim.now();
    this.after(() => this.#serve(atMs));
  }

  #wrong(owner: string): void {
    const id = this.nextId();
    const wrong = pick(
      this.sim,
      'wrong options',
      [
        { timeoutMs: -1 },
        { timeoutMs: NaN },
        { owner: '' },
        { owner: 3 },
        { signal: {} },
        { permits: 0 },
        { permits: this.#total + 1 },
        'x',
      ],
      1,
      (value) => JSON.stringify(value),
    );
    if (this.#semaphore === undefined && typeof wrong === 'object' && 'permits' in wrong) {
      const hold = this.#held[0] === undefined ? undefined : this.#holds.get(this.#held[0].id);
      const other = createMutex(this.sim.world, { name: 'other' }).tryAcquire({ owner });
      const outcome =
        this.#condition?.wait((hold === undefined ? {} : other) as LockHold) ?? Promise.resolve();
      const text = `condition filled: expected a hold of ${this.#title} to wait with, got something else`;
      this.follow(
        id,
        outcome.finally(() => other?.release()),
      );
      this.expect(id, 'RUNNER_MUTEX_REQUIRED', text);
      return;
    }
    const asked = this.#lock.acquire(wrong as never);
    const isWrong = asked.then(
      () => 'none',
      (error: unknown) => (isRunnerError(error) ? error.code : 'other'),
    );
    this.follow(id, isWrong);
    this.expect(id, '', '', this.sim.now(), 'RUNNER_INVALID_ARGUMENT');
  }

  #refuses(parts: LockParts): void {
    const wrong = pick(
      this.sim,
      'wrong lock',
      [{}, { name: '' }, { name: 'a', fair: 1 }, { name: 'a', permits: 0, fair: 3 }, undefined],
      1,
      String,
    );
    for (const make of [parts.createMutex, parts.createSemaphore]) {
      const code = codeOf(() => make(this.sim.world, wrong as never));
      this.check(code === 'RUNNER_INVALID_ARGUMENT', `${JSON.stringify(wrong)} is refused`);
    }
  }

  protected expire(nowMs: number): void {
    for (;;) {
      const due = [...this.#line, ...this.#onCondition].filter(
        ({ untilMs, ends }) => ends === undefined && untilMs <= nowMs,
      );
      const first = due.reduce<Wanting | undefined>(
        (one, other) => (one === undefined || other.untilMs < one.untilMs ? other : one),
        undefined,
      );
      if (first === undefined) return;
      if (first.untilMs === nowMs && first.timeoutMs > 0) this.isAmbiguous = true;
      if (due.some((one) => one !== first && one.untilMs === first.untilMs)) this.isAmbiguous = true;
      this.#timeOut(first);
    }
  }

  #timeOut(first: Wanting): void {
    const { owner, untilMs, timeoutMs } = first;
    if (this.#onCondition.includes(first)) {
      this.#onCondition = this.#onCondition.filter((one) => one !== first);
      const text = `${owner} did not get condition filled within ${timeoutMs} ms`;
      this.#line.push({ ...first, ends: { code: 'RUNNER_TIMED_OUT', text } });
      this.sim.sometimes('a wait on a condition times out and has the mutex again');
    } else {
      this.#line = this.#line.filter((one) => one !== first);
      this.expectTimeout(
        first,
        this.#title,
        timeoutMs,
        this.#held.length === 0 ? '' : `: ${this.#holders()}`,
      );
    }
    this.#serve(untilMs);
  }

  protected cancel(signal: number): void {
    const atMs = this.sim.now() - SETTLE_MS;
    for (const one of this.#line.filter((each) => each.signal === signal && each.ends === undefined)) {
      this.#line = this.#line.filter((each) => each !== one);
      this.expect(
        one.id,
        'RUNNER_WAIT_CANCELLED',
        `the wait of ${one.owner} for ${this.#title} was cancelled`,
        atMs,
      );
      this.sim.sometimes('a wait is cancelled');
    }
    const woken = this.#onCondition.filter((each) => each.signal === signal);
    this.#onCondition = this.#onCondition.filter((each) => each.signal !== signal);
    const batch = this.#nextBatch();
    for (const one of woken) {
      const text = `the wait of ${one.owner} for condition filled was cancelled`;
      this.#line.push({ ...one, untilMs: atMs, batch, ends: { code: 'RUNNER_WAIT_CANCELLED', text } });
    }
    this.#serve(atMs);
  }

  protected look(): void {
    this.expire(this.sim.now());
    if (this.isAmbiguous) return;
    const owners = this.#held.map(({ owner }) => owner);
    const lock = this.#lock;
    this.check(lock.waiting === this.#line.length, `${lock.waiting} wait, not ${this.#line.length}`);
    if (this.#mutex !== undefined) {
      this.check(this.#mutex.holder === owners[0], `${String(this.#mutex.holder)} holds it`);
    }
    if (this.#semaphore !== undefined) {
      this.check(
        this.#semaphore.available === this.#free,
        `${this.#semaphore.available} are free, not ${this.#free}`,
      );
      this.check(
        this.#semaphore.holders.join() === owners.join(),
        `${this.#semaphore.holders.join()} hold it, not ${owners.join()}`,
      );
    }
    const events = this.seen.takeEvents().filter(isOfLock(this.#title));
    const counted = events.filter(({ type }) => type === 'acquired').length;
    this.check(
      counted === this.#acquired,
      `the trace says ${counted} times that it was acquired, not ${this.#acquired}`,
    );
    this.#acquired = 0;
  }

  /** Those who get it from now on give it back. */
  protected async finish(): Promise<void> {
    const lock = this.#lock;
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      this.#condition?.notifyAll();
      const owners = this.#semaphore?.holders ?? [this.#mutex?.holder ?? ''].filter((owner) => owner !== '');
      if (owners.length === 0 && lock.waiting === 0 && round > 2) return;
      for (const owner of owners) lock.release({ owner });
      await this.sim.sleep(SETTLE_MS);
    }
  }
}

type LockEvent = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' }>;

function isOfLock(title: string): (event: TraceEvent) => event is LockEvent {
  return (event): event is LockEvent =>
    (event.type === 'acquired' || event.type === 'freed') &&
    event.resource === 'lock' &&
    event.name === title;
}

function outcomeOf(act: () => unknown): string {
  try {
    act();
    return '';
  } catch (error) {
    return isRunnerError(error) ? `${error.code} ${error.message}` : textOf(error);
  }
}

/** A channel. */
class ChannelWork extends WaitWork {
  readonly #channel: Channel<number>;
  readonly #capacity: number;
  readonly #queue: number[] = [];
  readonly #senders: (Waiting & { readonly timeoutMs: number })[] = [];
  readonly #receivers: (Waiting & { readonly timeoutMs: number })[] = [];
  #isClosed = false;

  constructor(sim: Simulation, parts: LockParts) {
    super(sim);
    const capacity = pick(sim, 'capacity', [undefined, 1, 2, Infinity], 1);
    this.#capacity = capacity ?? 0;
    this.#channel = parts.createChannel(this.seen.world, {
      name: 'jobs',
      ...(capacity === undefined ? {} : { capacity }),
    });
    this.check(
      this.#channel.capacity === this.#capacity && this.#channel.name === 'jobs',
      'it is as it was made',
    );
    const wrong = pick(
      sim,
      'wrong channel',
      [{}, { name: 'a', capacity: -1 }, { name: 'a', capacity: 0.5 }],
      1,
      JSON.stringify,
    );
    const code = codeOf(() => parts.createChannel(sim.world, wrong as never));
    this.check(code === 'RUNNER_INVALID_ARGUMENT', `${JSON.stringify(wrong)} is refused`);
  }

  protected act(owner: string): void {
    const kind = rarely(this.sim, 'closes', 12)
      ? 'close'
      : pick(this.sim, 'does', ['send', 'receive'] as const, 1);
    if (kind === 'close') {
      this.#close();
      return;
    }
    const id = this.nextId();
    // Whether what is passed on in the same instant comes in time is a decision.
    const { options, waiting } = this.drawWait(owner, id, LATER_MS);
    const one = { ...waiting, timeoutMs: options.timeoutMs ?? Infinity };
    if (kind === 'send') {
      this.follow(id, this.#channel.send(id, options));
      this.#send(one);
    } else {
      this.follow(id, this.#channel.receive(options));
      this.#receive(one);
    }
    this.#settle(this.sim.now());
  }

  #send(one: Waiting & { readonly timeoutMs: number }): void {
    if (this.#isClosed) this.expect(one.id, CLOSED, `channel jobs is closed: ${one.owner} sends to it`);
    else if (this.isAborted(one.signal)) this.expectCancel(one, 'room in channel jobs');
    else if (this.#senders.length === 0 && this.#queue.length < this.#capacity) {
      this.#queue.push(one.id);
      this.expect(one.id);
    } else this.#senders.push(one);
  }

  #receive(one: Waiting & { readonly timeoutMs: number }): void {
    if (this.isAborted(one.signal)) this.expectCancel(one, 'a value from channel jobs');
    else if (this.#receivers.length === 0 && this.#queue.length > 0) {
      this.expect(one.id, '', '', this.sim.now(), this.#queue.shift());
    } else if (this.#receivers.length === 0 && this.#isClosed) this.#refuse(one);
    else this.#receivers.push(one);
  }

  #refuse({ id, owner }: Waiting, atMs = this.sim.now()): void {
    this.expect(id, CLOSED, `channel jobs is closed: it is empty, and ${owner} receives from it`, atMs);
  }

  /** One thing after another, until nothing can be done for anybody. */
  #settle(atMs: number): void {
    for (;;) {
      const [receiver] = this.#receivers;
      const [sender] = this.#senders;
      if (receiver !== undefined && this.#queue.length > 0) {
        this.#receivers.shift();
        this.expect(receiver.id, '', '', atMs, this.#queue.shift());
      } else if (receiver !== undefined && sender !== undefined) {
        this.#receivers.shift();
        this.#senders.shift();
        this.expect(receiver.id, '', '', atMs, sender.id);
        this.expect(sender.id, '', '', atMs);
        this.sim.sometimes('a value is passed from a sender who waits');
      } else if (receiver !== undefined && this.#isClosed) {
        this.#receivers.shift();
        this.#refuse(receiver, atMs);
      } else if (sender !== undefined && this.#queue.length < this.#capacity) {
        this.#senders.shift();
        this.#queue.push(sender.id);
        this.expect(sender.id, '', '', atMs);
      } else return;
    }
  }

  #close(): void {
    this.#channel.close();
    if (this.#senders.length + this.#receivers.length > 0) {
      this.sim.sometimes('a channel is closed while somebody waits');
    }
    this.#isClosed = true;
    for (const { id, owner } of this.#senders.splice(0)) {
      this.expect(id, CLOSED, `channel jobs is closed: ${owner} waited to send to it`);
    }
    this.#settle(this.sim.now());
  }

  protected expire(nowMs: number): void {
    const lines = [
      ['room in channel jobs', this.#senders],
      ['a value from channel jobs', this.#receivers],
    ] as const;
    for (const [goal, line] of lines) {
      for (const one of line.filter(({ untilMs }) => untilMs <= nowMs)) {
        if (one.untilMs === nowMs && one.timeoutMs > 0) this.isAmbiguous = true;
        line.splice(line.indexOf(one), 1);
        this.expectTimeout(one, goal, one.timeoutMs);
      }
    }
  }

  protected cancel(signal: number): void {
    const atMs = this.sim.now() - SETTLE_MS;
    for (const [goal, line] of [
      ['room in channel jobs', this.#senders],
      ['a value from channel jobs', this.#receivers],
    ] as const) {
      for (const one of line.filter((each) => each.signal === signal)) {
        line.splice(line.indexOf(one), 1);
        this.expect(
          one.id,
          'RUNNER_WAIT_CANCELLED',
          `the wait of ${one.owner} for ${goal} was cancelled`,
          atMs,
        );
      }
    }
    this.#settle(atMs);
  }

  protected look(): void {
    this.check(
      this.#channel.size === this.#queue.length,
      `${this.#channel.size} are in it, not ${this.#queue.length}`,
    );
    this.check(this.#channel.isClosed === this.#isClosed, 'it is closed once it was');
  }

  protected finish(): void {
    this.#channel.close();
  }
}

const CLOSED = 'RUNNER_CHANNEL_CLOSED';

/** A deferred. */
class DeferredWork extends WaitWork {
  readonly #deferred: Deferred<number>;
  #outcome: { readonly code: string; readonly text: string; readonly value?: number } | undefined;
  #line: (Waiting & { readonly timeoutMs: number })[] = [];

  constructor(sim: Simulation, parts: LockParts) {
    super(sim);
    this.#deferred = parts.createDeferred<number>(this.seen.world, { name: 'result', by: 'worker' });
    const wrong = pick(sim, 'wrong deferred', [{}, { name: 3 }, { name: 'a', by: 3 }], 1, JSON.stringify);
    const code = codeOf(() => parts.createDeferred(sim.world, wrong as never));
    this.check(code === 'RUNNER_INVALID_ARGUMENT', `${JSON.stringify(wrong)} is refused`);
  }

  protected act(owner: string): void {
    if (rarely(this.sim, 'settles', 4)) {
      this.#settle();
      return;
    }
    const id = this.nextId();
    const { options, waiting } = this.drawWait(owner, id);
    this.follow(id, this.#deferred.wait(options));
    if (this.isAborted(waiting.signal)) this.expectCancel(waiting, 'deferred result');
    else if (this.#outcome !== undefined) this.#expectOutcome(id);
    else this.#line.push({ ...waiting, timeoutMs: options.timeoutMs ?? Infinity });
  }

  #expectOutcome(id: number): void {
    const { code = '', text = '', value } = this.#outcome ?? {};
    this.expect(id, code, text, this.sim.now(), value);
  }

  #settle(): void {
    const isValue = pick(this.sim, 'settles with', [true, false], 1, (is) => (is ? 'a value' : 'an error'));
    const isFirst = isValue ? this.#deferred.resolve(7) : this.#deferred.reject(new Error('no result'));
    this.check(isFirst === (this.#outcome === undefined), 'it is settled once');
    if (this.#outcome !== undefined) return;
    this.#outcome = isValue ? { code: '', text: '', value: 7 } : { code: 'other', text: 'no result' };
    if (this.#line.length > 0) this.sim.sometimes('a deferred is settled while somebody waits');
    for (const { id } of this.#line.splice(0)) this.#expectOutcome(id);
  }

  protected expire(nowMs: number): void {
    for (const one of this.#line.filter(({ untilMs }) => untilMs <= nowMs)) {
      if (one.untilMs === nowMs && one.timeoutMs > 0) this.isAmbiguous = true;
      this.#line = this.#line.filter((each) => each !== one);
      this.expectTimeout(one, 'deferred result', one.timeoutMs);
    }
  }

  protected cancel(signal: number): void {
    const atMs = this.sim.now() - SETTLE_MS;
    for (const { id, owner } of this.#line.filter((each) => each.signal === signal)) {
      this.expect(
        id,
        'RUNNER_WAIT_CANCELLED',
        `the wait of ${owner} for deferred result was cancelled`,
        atMs,
      );
    }
    this.#line = this.#line.filter((each) => each.signal !== signal);
  }

  protected look(): void {
    this.check(this.#deferred.isSettled === (this.#outcome !== undefined), 'it is settled once it was');
  }

  protected finish(): void {
    this.#deferred.resolve(0);
  }
}

/** Tasks with a limit. */
class TimeoutWork extends WaitWork {
  readonly #parts: LockParts;
  #tasks: (Waiting & {
    readonly doneMs: number;
    readonly ms: number;
    readonly fails: boolean;
    readonly reason: { given: unknown };
  })[] = [];
  readonly #late: number[] = [];
  readonly #lateExpected: number[] = [];

  constructor(sim: Simulation, parts: LockParts) {
    super(sim);
    this.#parts = parts;
  }

  protected act(owner: string): void {
    const { sim } = this;
    const id = this.nextId();
    const ms = pick(sim, 'limit', [3.5, 7.25, 0, 20], 1);
    const lasts = pick(sim, 'lasts', [0, 2, 3.5, 9], 1);
    const fails = rarely(sim, 'fails', 3);
    const { options, waiting } = this.drawWait(owner, id);
    const { signal } = options;
    const reason: { given: unknown } = { given: undefined };
    const task = async (aborted: AbortSignal): Promise<number> => {
      aborted.addEventListener('abort', () => {
        reason.given = aborted.reason;
      });
      if (lasts > 0) await sim.sleep(lasts);
      if (fails) throw new Error('the task fails');
      return id;
    };
    const onLate = (value: number): void => void this.#late.push(value);
    const limited = this.#parts.withTimeout(this.seen.world, ms, task, {
      label: owner,
      onLate,
      ...(signal === undefined ? {} : { signal }),
    });
    this.follow(id, limited);
    if (this.isAborted(waiting.signal)) this.expect(id, 'other', 'enough');
    else {
      this.#tasks.push({ ...waiting, doneMs: sim.now() + lasts, untilMs: sim.now() + ms, ms, fails, reason });
    }
    this.expire(sim.now());
    if (rarely(sim, 'errs', 4)) this.#wrong();
  }

  #wrong(): void {
    const id = this.nextId();
    const wrong: readonly (readonly unknown[])[] = [
      [-1, () => 1],
      [Infinity, () => 1],
      [1, 'x'],
      [1, () => 1, { label: '' }],
      [1, () => 1, { onLate: 3 }],
    ];
    const [ms, task, options] = pick(this.sim, 'wrong', wrong, 1, String);
    const code = this.#parts.withTimeout(this.sim.world, ms as number, task as never, options as never).then(
      () => 'none',
      (error: unknown) => (isRunnerError(error) ? error.code : 'other'),
    );
    this.follow(id, code);
    this.expect(id, '', '', this.sim.now(), 'RUNNER_INVALID_ARGUMENT');
  }

  /** A result that comes in that very instant still counts. */
  protected expire(nowMs: number): void {
    const due = this.#tasks.filter(({ doneMs, untilMs }) => Math.min(doneMs, untilMs) <= nowMs);
    this.#tasks = this.#tasks.filter((one) => !due.includes(one));
    for (const { id, owner, doneMs, untilMs, ms, fails } of due) {
      if (doneMs > untilMs) {
        this.expect(id, 'RUNNER_TIMED_OUT', `${owner} was not done within ${ms} ms`, untilMs);
        this.sim.sometimes('a task takes too long');
        if (!fails) this.#lateExpected.push(doneMs);
      } else if (fails) this.expect(id, 'other', 'the task fails', doneMs);
      else this.expect(id, '', '', doneMs, id);
    }
  }

  protected cancel(signal: number): void {
    const atMs = this.sim.now() - SETTLE_MS;
    for (const { id, doneMs, fails, reason } of this.#tasks.filter((one) => one.signal === signal)) {
      this.expect(id, 'other', 'enough', atMs);
      this.check(textOf(reason.given) === 'enough', 'the signal of the task aborts with the same reason');
      if (!fails) this.#lateExpected.push(doneMs);
    }
    this.#tasks = this.#tasks.filter((one) => one.signal !== signal);
  }

  protected look(): void {
    const now = this.sim.now();
    const expected = this.#lateExpected.filter((ms) => ms < now - SETTLE_MS / 2).length;
    this.check(this.#late.length === expected, `${this.#late.length} values come too late, not ${expected}`);
    if (expected > 0) this.sim.sometimes('a late value is handed over');
  }

  protected finish(): void {
    const now = this.sim.now();
    for (const { id, doneMs, untilMs } of this.#tasks) {
      this.check(id > 0 && Math.min(doneMs, untilMs) > now - 1, 'it goes on');
    }
  }
}
