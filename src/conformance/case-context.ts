/**
 * The context that the body of a case gets: its world, runners made to order, and durations in steps, which are as long
 * as the subject needs. Invariants: every runner made is released and disposed of when the case is over; the answers of
 * its runners are watched; no outcome depends on how fast the machine is.
 */
import { interceptService } from '../call/intercept-service.ts';
import { createFixedFiler } from '../filers/fake-filer.ts';
import { createSimFiler, type SimFiler, type SimFilerOptions } from '../filers/sim-filer.ts';
import { sleep } from '../kernel/clock.ts';
import { isObject } from '../kernel/shape.ts';
import type { Command } from '../model/command.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import { SERVICE_METHODS, type Service } from '../model/service.ts';
import { finalStatus, waitForState } from '../model/status-lookup.ts';
import type { World } from '../model/world.ts';
import type { Violation } from '../oracles/oracle.ts';
import type { ServiceReach } from '../oracles/reach-kinds.ts';
import { watchAnswers, type WatchedAnswers } from '../oracles/watch-answers.ts';
import { callText, refusalText } from '../explore/explain/answer-texts.ts';
import type { Capability } from './capability.ts';
import { checkThat, ConformanceError } from './check.ts';
import type { CommandVocabulary } from './command-vocabulary.ts';
import type { ConformanceSubject, RunnerUnderTest, SubjectOptions } from './subject.ts';
import { unansweredText } from './unanswered-text.ts';

const VIRTUAL_STEP_MS = 10;
const WALL_STEP_MS = 80;
/** How often `until` checks its condition, in steps. */
const LOOK_STEPS = 0.25;
/** In virtual time nothing is slow, so `until` gives up after this many checks. */
const VIRTUAL_LOOKS_MAX = 400;

/** Something to wait for until the case opens it. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
  /** Rejects `opened` with an error. */
  fail(error: Error): void;
}

/** The final status of a run, and the timeout that it had. */
export interface TimedEnd {
  readonly status: RunStatus;
  readonly timeoutMs: number;
}

/** A call of a case in flight. */
interface OpenCall {
  readonly text: string;
  readonly sinceMs: number;
}

function throwFirst(ends: readonly PromiseSettledResult<void>[]): void {
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** A running case. */
export class CaseContext {
  readonly world: World;
  readonly commands: CommandVocabulary;
  readonly #subject: ConformanceSubject;
  readonly #stepMs: number;
  readonly #made: Partial<RunnerUnderTest>[] = [];
  /** Services that lack a method: they are released too, if they can be. */
  readonly #incomplete: Partial<Service>[] = [];
  readonly #watched: WatchedAnswers[] = [];
  /** What each watched runner wraps. */
  readonly #inner = new WeakMap<Service, Service>();
  readonly #violations: Violation[] = [];
  /** Errors of refused calls, and the call that each belongs to. */
  readonly #refused = new WeakMap<object, string>();
  readonly #open = new Set<OpenCall>();
  /** Ends its sleeps when the case is given up: on the machine's time, a loop with a sleep would never end. */
  readonly #life = new AbortController();
  #awaited: string | undefined;

  constructor(subject: ConformanceSubject, world: World) {
    const {
      commands,
      wallWorld,
      stepMs = wallWorld === undefined ? VIRTUAL_STEP_MS : WALL_STEP_MS,
    } = subject;
    this.world = world;
    this.commands = commands;
    this.#subject = subject;
    this.#stepMs = stepMs;
    // In a deadlock this shows who waits for whom.
    world.waits?.add(() =>
      Array.from(this.#open, ({ text, sinceMs }) => ({
        owner: 'the case',
        name: `the answer to ${text}`,
        from: subject.name,
        sinceMs,
      })),
    );
  }

  /** Makes a new runner. Its answers are watched; a violation fails the case. */
  async runner(options: SubjectOptions = {}): Promise<Service> {
    const made = await this.#subject.create(this.world, options);
    // Checked, because a subject in plain JavaScript may return anything.
    if (isObject(made)) this.#made.push(made);
    const { service } = (made as Partial<RunnerUnderTest> | undefined) ?? {};
    const missing = SERVICE_METHODS.find((method) => typeof service?.[method] !== 'function');
    if (missing !== undefined) {
      if (isObject(service)) this.#incomplete.push(service);
      const what = `create() of subject ${this.#subject.name}`;
      throw new ConformanceError(`${what}: expected { service } with ${missing}()`, `${missing}()`, made);
    }
    const noted = this.#notingCalls(made.service);
    const watched = watchAnswers(this.world, noted, (violation) => this.#violations.push(violation));
    this.#watched.push(watched);
    this.#inner.set(watched, noted);
    return watched;
  }

  /**
   * The runner without the watch of its answers, which cannot distinguish a wrong answer from one that the case has
   * changed itself.
   */
  unwatched(runner: Service): Service {
    return this.#inner.get(runner) ?? runner;
  }

  /**
   * The service with its own promises; records which calls are in flight, and which call was refused with which error.
   */
  #notingCalls(service: Service): Service {
    return interceptService(service, (call, proceed) => {
      const open = { text: callText(call), sinceMs: this.now() };
      const answer = proceed(call);
      this.#open.add(open);
      Promise.resolve(answer).then(
        () => this.#open.delete(open),
        (error: unknown) => {
          this.#open.delete(open);
          if (isObject(error) && !this.#refused.has(error)) this.#refused.set(error, open.text);
        },
      );
      return answer;
    });
  }

  /** Whether the subject claims a capability. */
  supports(capability: Capability): boolean {
    return this.#subject.supports[capability] === true;
  }

  /** A command that cannot be started, in a list; empty if the subject has none. */
  unstartable(): readonly Command[] {
    return this.supports('unstartable') ? [this.commands.unstartable()] : [];
  }

  /** Whether exact times can be checked. */
  get isVirtual(): boolean {
    return this.#subject.wallWorld === undefined;
  }

  /** Whether the runner answers at exact times, so that what it must do at once can be checked. */
  get hasExactTimes(): boolean {
    return this.isVirtual && this.supports('virtualTime');
  }

  /** The length of that many steps, in milliseconds. */
  ms(steps: number): number {
    return steps * this.#stepMs;
  }

  /** Sleeps for that many steps. */
  sleep(steps: number): Promise<void> {
    return sleep(this.world.clock, this.ms(steps), 'case sleep', this.#life.signal);
  }

  /** Waits until the condition holds, however slow the machine is; in virtual time for at most 100 steps. */
  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    this.#awaited = what;
    for (let looks = 0; !(await condition()); looks += 1) {
      if (this.isVirtual && looks === VIRTUAL_LOOKS_MAX) {
        throw new ConformanceError(`expected that ${what}; it is not so after ${looks} looks`, true, false);
      }
      await this.sleep(LOOK_STEPS);
    }
    this.#awaited = undefined;
  }

  /**
   * Checks that `durationMs` is at most that many steps in virtual time, where nothing is slow; on the machine's time,
   * nothing.
   */
  checkBound(what: string, durationMs: number, steps: number): void {
    if (!this.isVirtual) return;
    checkThat(durationMs <= this.ms(steps), what, `at most ${this.ms(steps)} ms`, durationMs);
  }

  /**
   * The answer to a call that has to come in the instant of the call. How long it takes is checked only if the subject
   * has exact times.
   */
  async atOnce<T>(what: string, answer: Promise<T>): Promise<T> {
    const sinceMs = this.now();
    const value = await answer;
    const tookMs = this.now() - sinceMs;
    if (this.hasExactTimes) checkThat(tookMs === 0, `how long ${what} took`, '0 ms', tookMs);
    return value;
  }

  /** Makes a closed gate. */
  gate(): Gate {
    let [open, fail] = [(): void => undefined, (_error: Error): void => undefined];
    const opened = new Promise<void>((resolve, reject) => {
      open = resolve;
      fail = reject;
    });
    opened.catch(() => undefined);
    return { opened, open, fail };
  }

  /** The time of the world's clock in milliseconds. */
  now(): number {
    return this.world.clock.now();
  }

  /** Runs a command and resolves with its id. */
  async start(runner: Service, command: Command): Promise<RunID> {
    return (await runner.run(command)).runId;
  }

  /** Runs a command and waits until it is RUNNING. */
  async running(runner: Service, command: Command): Promise<RunID> {
    const runId = await this.start(runner, command);
    await waitForState(runner, runId, 'RUNNING');
    return runId;
  }

  /**
   * Marks a promise that the case awaits later: if the case fails first, its rejection is not reported as unhandled.
   */
  meanwhile<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    return promise;
  }

  /** Waits for the end of a run. */
  async end(runner: Service, runId: RunID): Promise<RunStatus> {
    return (await finalStatus(runner, runId)).status;
  }

  /** Runs a command to its end. */
  async outcome(runner: Service, command: Command): Promise<RunStatus> {
    return this.end(runner, await this.start(runner, command));
  }

  /**
   * Runs a command with a timeout that it should not need, or barely needs, until `isFit` accepts the end. Retries,
   * with twice the timeout, only if the machine was too slow: the time from `sinceMs` to the end was at least the
   * timeout.
   */
  async fitTimeout(
    steps: number,
    attempt: (timeoutMs: number) => Promise<{ readonly status: RunStatus; readonly sinceMs: number }>,
    isFit: (status: RunStatus) => boolean,
  ): Promise<TimedEnd> {
    for (let timeoutMs = this.ms(steps); ; timeoutMs *= 2) {
      const { status, sinceMs } = await attempt(timeoutMs);
      if (this.isVirtual || isFit(status) || this.now() - sinceMs < timeoutMs) return { status, timeoutMs };
    }
  }

  /** The end of a command with a timeout of that many steps, or more if the machine needs longer to end it. */
  endBefore(runner: Service, command: Command, steps: number): Promise<TimedEnd> {
    return this.fitTimeout(
      steps,
      (timeoutMs) => this.#timed(runner, { ...command, timeoutMs }),
      ({ state }) => state !== 'TIMEDOUT',
    );
  }

  /**
   * The end of a command with a timeout of that many steps, or more if the machine needs longer to bring it to RUNNING.
   */
  endRunning(runner: Service, command: Command, steps: number): Promise<TimedEnd> {
    return this.fitTimeout(
      steps,
      (timeoutMs) => this.#timed(runner, { ...command, timeoutMs }),
      (status) => status.stdoutRef !== '' || this.mayLackRefs(status),
    );
  }

  /** A filer with planned behaviour, whose checkouts are directories that exist on every machine. */
  filer(behaviour: Partial<SimFilerOptions> = {}): SimFiler {
    return createSimFiler({ clock: this.world.clock, delegate: createFixedFiler('/'), ...behaviour });
  }

  /** Whether a run that has started may still have no refs: its runner has no readable outputs (R11). */
  mayLackRefs({ stdoutRef, stderrRef }: RunStatus): boolean {
    return !this.supports('outputs') && stdoutRef === '' && stderrRef === '';
  }

  /** Whether the latest runner has outputs that can be read. */
  get canRead(): boolean {
    return typeof this.#made.at(-1)?.readOutput === 'function';
  }

  /** The text at a URI of the latest runner. */
  async read(uri: string): Promise<string> {
    return (await this.#made.at(-1)?.readOutput?.(uri)) ?? '';
  }

  /** Why the case does not end, as far as is known: the condition that it waits for, and the calls in flight. */
  get standstill(): string {
    const awaited = this.#awaited === undefined ? [] : [`expected that ${this.#awaited}`];
    const { unanswered } = this;
    const known = [...awaited, ...(unanswered === undefined ? [] : [unanswered])];
    return known.length === 0 ? 'it waits for something else than a call' : known.join('; ');
  }

  /** Which calls are in flight, and since when; undefined if none is. */
  get unanswered(): string | undefined {
    const calls = Array.from(this.#open, ({ text, sinceMs }) =>
      unansweredText(text, this.#subject.name, `called at ${sinceMs} ms`),
    );
    return calls.length === 0 ? undefined : [...new Set(calls)].join('; ');
  }

  /** The first answer that broke a rule, as an error; `cause` is the error that the body threw, if it did. */
  violation(cause?: unknown): ConformanceError | undefined {
    const [first] = this.#violations;
    if (first === undefined) return undefined;
    return new ConformanceError(
      `${first.rule} ${first.message}`,
      `answers that keep ${first.rule}`,
      first.message,
      cause,
    );
  }

  /** The refusal of a call that the body did not expect; undefined for any other error. */
  refusal(error: unknown): ConformanceError | undefined {
    const call = isObject(error) ? this.#refused.get(error) : undefined;
    if (call === undefined) return undefined;
    return new ConformanceError(
      `${call}: expected an answer, got ${refusalText(error)}`,
      `an answer to ${call}`,
      refusalText(error),
      error,
    );
  }

  /** Adds what the calls of the case have reached. */
  addReach(reach: ServiceReach): void {
    for (const watched of this.#watched) reach.add(watched.reach);
  }

  /** Ends the sleep that the case is in, and all later ones, with an error. */
  giveUp(error: ConformanceError): void {
    this.#life.abort(error);
  }

  /** Releases all runners, then disposes of them; rejects with the first error when all is done. */
  async close(): Promise<void> {
    throwFirst([
      ...(await Promise.allSettled([this.release()])),
      ...(await Promise.allSettled([this.dispose()])),
    ]);
  }

  /** Releases all runners, although one of them may refuse. */
  async release(): Promise<void> {
    const services: readonly Partial<Service>[] = [...this.#watched, ...this.#incomplete];
    throwFirst(await Promise.allSettled(services.map(async (service) => service.release?.())));
  }

  /** Disposes of all runners, one after another, although one of them may fail. */
  async dispose(): Promise<void> {
    const ends: PromiseSettledResult<void>[] = [];
    for (const made of this.#made) {
      ends.push(...(await Promise.allSettled([(async () => made.dispose?.())()])));
    }
    throwFirst(ends);
  }

  async #timed(
    runner: Service,
    command: Command,
  ): Promise<{ readonly status: RunStatus; readonly sinceMs: number }> {
    const sinceMs = this.now();
    return { status: await this.outcome(runner, command), sinceMs };
  }
}
