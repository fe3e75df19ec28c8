/**
 * One simulation in ambient time: the world that the stand-ins find, and the session that the simulation holds.
 * Invariant: code of the scenario gets the answers of the scenario, and code of a process those of the process.
 */
import type { FailureFact } from '../simulation/failure-fact.ts';
import type { TimerSetter } from '../kernel/drain-real-functions.ts';
import type { HostedProcess, ProcessParts } from '../model/process-host.ts';
import type {
  AmbientLeftover,
  AmbientParts,
  AmbientSession,
  ProcessLeftover,
} from '../simulation/ambience.ts';
import { type AwaitOptions, controlAwaits } from './awaits/await-level.ts';
import type { ControlledAwaits } from './awaits/controlled-awaits.ts';
import { keepTicksCounted } from './globals/timers.ts';
import { ProcessState } from './globals/process-state.ts';
import { FoundGlobals } from './globals/found-globals.ts';
import { restoreStandIns, replacedStandIn } from './globals/stand-in.ts';
import { hub, type AmbientWorld, type OutsideFunction, type TickCallback, type WayBack } from './hub.ts';
import { OutsideGate } from './outside-gate.ts';
import { type QueueLimits, QueuedWork } from './queued-work.ts';
import type { AmbientTimers } from './ambient-timers.ts';
import type { PerformanceTimeline } from './performance-timeline.ts';
import { ChosenTimeFaults } from './time-faults.ts';
import { Asker } from './asker.ts';

type Callback = (...args: unknown[]) => void;

/** What the options of ambient time come to. */
export interface AmbientSettings extends AwaitOptions {
  readonly allowed: ReadonlySet<string>;
  readonly faults: ChosenTimeFaults;
  readonly limits: QueueLimits;
}

/** Processes have no faults of time from here: their machine has its own. */
const NO_TIME_FAULTS = new ChosenTimeFaults();
const NO_TIMERS: readonly AmbientTimers[] = [];
const NO_FILES: readonly string[] = [];
const AT_ONCE = (deliver: () => void): void => deliver();

/** See the top of the file. */
export class AmbientExecution implements AmbientWorld, AmbientSession {
  readonly #parts: AmbientParts;
  readonly #scenario: Asker;
  /** One for each process that is alive. */
  readonly #processes = new Set<Asker>();
  /** The asker whose code runs now. */
  #asker: Asker;
  readonly #gate: OutsideGate;
  readonly #awaits: ControlledAwaits | undefined;
  readonly #queued: QueuedWork;
  readonly #found = new FoundGlobals();
  readonly #process: ProcessState;
  /** True between {@link enter} and {@link leave}. */
  #isInTurn = false;
  /** The first stand-in found replaced. Looked for once, at the end. */
  #replaced: { readonly name: string | undefined } | undefined;

  constructor(parts: AmbientParts, settings: AmbientSettings) {
    const { clock, choices, random, tracer, report, capturePlaces, noteLoading } = parts;
    this.#parts = parts;
    this.#process = new ProcessState(capturePlaces);
    const { faults } = settings;
    this.#scenario = new Asker({ clock, choices, random, tracer, faults, capturePlaces, sinceMs: 0 });
    this.#asker = this.#scenario;
    this.#gate = new OutsideGate(settings.allowed, report, {
      letThrough: (call) => this.#letThrough(call),
      wayToAsker: () => this.#wayToAsker(),
      noteLoading,
    });
    this.#awaits =
      settings.awaits === undefined
        ? undefined
        : controlAwaits(settings, { choices, capturePlaces, clockNow: () => this.#asker.clock });
    this.#queued = new QueuedWork(clock, settings.limits, this.#gate);
  }

  enter(): void {
    keepTicksCounted();
    this.#beginTurn();
    // A turn may begin with what an event of a process has left.
    if (this.#asker === this.#scenario) this.#gate.handOver();
  }

  #beginTurn(): void {
    if (hub.world !== this) this.#process.enter();
    this.#isInTurn = true;
    hub.world = this;
    this.#awaits?.enter();
  }

  stay(): void {
    if (hub.world !== this) this.#process.enter();
    hub.world = this;
  }

  leave(): void {
    this.#isInTurn = false;
    this.#awaits?.leave();
    if (hub.world !== this) return;
    hub.world = undefined;
    this.#process.leave();
  }

  #letThrough<T>(call: () => T): T {
    const resume = this.#isInTurn ? () => this.#beginTurn() : () => this.stay();
    this.leave();
    try {
      return call();
    } finally {
      resume();
    }
  }

  /** Results for a process are events of it: they wait while it is paused, and die with it. */
  #wayToAsker(): (deliver: () => void) => void {
    return this.#asker === this.#scenario ? AT_ONCE : this.#asker.wayBack;
  }

  held<T>(load: () => Promise<T>): Promise<T> {
    const toAsker = this.#wayToAsker();
    const held = this.#parts.hold(load);
    return new Promise((resolve, reject) => {
      held.then(
        (module) => toAsker(() => resolve(module)),
        (error: unknown) => toAsker(() => reject(error)),
      );
    });
  }

  beginProcess({ clock, choices, random }: ProcessParts): HostedProcess {
    const { tracer, capturePlaces } = this.#parts;
    const asker = new Asker({
      ...{ clock, choices, random, tracer, capturePlaces },
      faults: NO_TIME_FAULTS,
      sinceMs: clock.now(),
    });
    this.#processes.add(asker);
    return {
      enter: () => {
        this.#asker = asker;
      },
      end: () => {
        this.#processes.delete(asker);
        asker.end();
      },
    };
  }

  leaveProcess(): void {
    this.#asker = this.#scenario;
  }

  get originMs(): number {
    return this.#asker.originMs;
  }

  get isWaiting(): boolean {
    return this.#gate.isWaiting;
  }

  loading(): readonly string[] {
    return hub.loading?.() ?? NO_FILES;
  }

  get mayRunOutside(): boolean {
    return this.#gate.hasLetThrough || hub.world === this;
  }

  leftovers(): readonly AmbientLeftover[] {
    const left = this.#timers().flatMap((timers) => timers.leftovers());
    return left.sort((one, other) => one.atMs - other.atMs);
  }

  replaced(): string | undefined {
    this.#replaced ??= { name: replacedStandIn() ?? this.#found.replaced() };
    return this.#replaced.name;
  }

  processLeft(): ProcessLeftover | undefined {
    return this.#process.left();
  }

  firing(): FailureFact | undefined {
    return this.#asker.timersIfAny?.firing();
  }

  pause(): void {
    for (const timers of this.#timers()) timers.pause();
    this.#awaits?.end();
  }

  resume(): void {
    for (const timers of this.#timers()) timers.resume();
  }

  restoreGlobals(): void {
    this.#process.restore();
    if (this.replaced() === undefined) return;
    restoreStandIns();
    this.#found.restore();
  }

  end(): void {
    this.restoreGlobals();
    this.#scenario.end();
    for (const process of this.#processes) process.end();
    this.#awaits?.end();
  }

  setTimer(setter: TimerSetter, callback: unknown, ms: unknown, args: unknown[]): NodeJS.Timeout {
    this.#queued.count(setter);
    return this.#asker.timers.setTimer(setter, callback as Callback, ms, args);
  }

  setImmediate(callback: unknown, args: unknown[]): NodeJS.Immediate {
    this.#queued.count('setImmediate');
    return this.#asker.timers.setImmediate(callback as Callback, args);
  }

  changeVariable(name: string): void {
    this.#process.changeVariable(name);
  }

  addListener(event: string | symbol, listener: Callback): void {
    // What Node and tools listen to, they do for those who come after the simulation.
    if (!this.#gate.isListenerOfOthers()) this.#process.addListener(event, listener);
  }

  countMicrotask(): void {
    this.#queued.count('queueMicrotask');
  }

  tick(callback: TickCallback): TickCallback {
    return this.#queued.tick(callback);
  }

  cutOff(): void {
    this.#queued.stop();
    this.leave();
  }

  clear(number: unknown): void {
    this.#asker.timersIfAny?.clear(number);
  }

  dateMs(): number {
    return this.#asker.time.dateMs();
  }

  now(): number {
    return this.#asker.ageMs();
  }

  get timeline(): PerformanceTimeline {
    return this.#asker.timeline;
  }

  random(): number {
    return this.#asker.random();
  }

  fill(bytes: Uint8Array): void {
    const { entropy } = this.#asker;
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = entropy.int(256);
  }

  outside(call: OutsideFunction): Error | WayBack | undefined {
    return this.#gate.outside(call);
  }

  realTimer(what: string): Error | undefined {
    return this.#gate.realTimer(what);
  }

  isCalledByTool(): boolean {
    return this.#gate.isCalledByTool();
  }

  isCalledByOthers(): boolean {
    return this.#gate.isCalledByOthers();
  }

  /** The timers of the scenario and of each process, if they have set any. */
  #timers(): readonly AmbientTimers[] {
    const { timersIfAny } = this.#scenario;
    if (this.#processes.size === 0) return timersIfAny === undefined ? NO_TIMERS : [timersIfAny];
    const all = [timersIfAny, ...Array.from(this.#processes, (process) => process.timersIfAny)];
    return all.filter((timers) => timers !== undefined);
  }
}
