/**
 * The engine of one simulation: builds the world, drives the clock, notices how it ends. Invariant: the first failure
 * counts.
 */
import { TrustedHooks, type Drain, type NextTurn, type StepResult } from '../kernel/drain-run.ts';
import { CallbacksSince, isMachineTimerRunning, withholdRejections } from '../kernel/drain-host.ts';
import { EventuallyFailedError, WatchedProperties } from './watched-properties.ts';
import {
  type DecisionSource,
  ExecutionAbandoned,
  ExecutionInterrupted,
  isEarlyEnd,
} from '../kernel/decisions.ts';
import { isInstance } from '../kernel/argument-check.ts';
import {
  messageOf,
  isRunnerError,
  omitStacksOfAnswers,
  type RunnerError,
  type StackOmission,
} from '../kernel/errors.ts';
import { withoutColours } from '../kernel/one-line.ts';
import type { SimulateOptions } from './simulate-options.ts';
import { DecisionLog } from '../kernel/decision-log.ts';
import { chooseDrain } from '../kernel/drain.ts';
import { ReplaySource } from '../kernel/replay-decisions.ts';
import { RollingHash } from '../kernel/rolling-hash.ts';
import { createRandomStream } from '../kernel/seeded-random.ts';
import { leaveStacksOut, putStacksBack, setStackLimit } from '../kernel/drain-stack-limit.ts';
import { VirtualClock } from '../kernel/virtual-clock.ts';
import type { Isolate, Isolator } from '../model/isolation.ts';
import { takesCalls } from '../model/run-tracer.ts';
import type { Tracer } from '../model/trace-event.ts';
import { ContractBrokenError } from '../oracles/contract-broken-error.ts';
import { madeOracle, mustHaveJudged, type UncheckedOracle } from '../oracles/made-oracle.ts';
import type { Oracle, ReportViolation } from '../oracles/oracle.ts';
import { defaultOracles } from '../oracles/default-oracles.ts';
import { HashingRecorder } from '../trace/trace-recorder.ts';
import { lateErrorIn } from './aftermath.ts';
import type { AmbientSession } from './ambience.ts';
import { DeclaredState } from './declared-state.ts';
import { EndJudge, type KnownOfFailure, SHOWN_MAX } from './end-judge.ts';
import { EndlessWatch } from './endless-watch.ts';
import { EventActions } from './event-actions.ts';
import { detailedBy, type FailureFact, factsOf, plainFact } from './failure-fact.ts';
import { HealingChoices, Healing } from './healing.ts';
import { Processes } from './processes.ts';
import { ReachedConditions } from './reached-conditions.ts';
import { type LateOwner, ownerOfLateUse } from './late-use.ts';
import { ModuleLoads } from './module-loads.ts';
import { ResourceLedger } from './resource-ledger.ts';
import { awaitScenario, runEndHooks } from './scenario-flow.ts';
import { framesOfThrown } from './scenario-stack.ts';
import { BETWEEN_TURNS, UncaughtErrors, type UncaughtError } from './uncaught-errors.ts';
import { RunTally, SimulationTracer } from './simulation-tracer.ts';
import type { Liveness } from './stall-watch.ts';
import { Simulation } from './simulation.ts';
import type { Failure, FailureKind, ReportFailure, Verdict } from './verdict.ts';

/**
 * Errors that a simulation has thrown into code under test after it had noted the failure. Invariant: such an error
 * never counts as an unhandled rejection, whichever promise of the scenario it rejects; the verdict has it.
 */
class NotedErrors {
  /** Created for the first error. */
  #errors: Set<unknown> | undefined;
  #release: (() => void) | undefined;
  #isEnded = false;

  /** A failure without an error, and one that is noticed after the end of the watch, have thrown nothing. */
  add(error: unknown): void {
    if (this.#isEnded || error === undefined) return;
    const errors = (this.#errors ??= new Set());
    errors.add(error);
    this.#release ??= withholdRejections(
      (reason) => errors.has(reason) || isInstance(reason, EventuallyFailedError),
    );
  }

  /** Ends the watch once Node has reported the existing rejections, at the end of a turn at the latest. */
  async end(drain: Drain): Promise<void> {
    if (this.#release !== undefined) await drain.run(() => 'stop');
    this.#isEnded = true;
    this.#release?.();
  }
}

/** The turns of the real event loop that a simulation takes; between two of them it can be ended from outside. */
class SimulationTurns extends TrustedHooks {
  /** True while code of the simulation runs: a simulation started now is nested in this one. */
  isOn = false;
  /** A tick of the simulation has thrown and so ended a turn; Node reports the exception next. */
  hasThrown = false;
  readonly nextTurn?: NextTurn;
  /** Called when code of the simulation begins to run, and when it stops. */
  onBoundary: ((isBegin: boolean) => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #noteTurn: (() => void) | undefined;
  readonly #session: () => AmbientSession | undefined;
  readonly #waits: () => boolean;
  readonly #isLoading: () => boolean;

  /**
   * `session` is in force from the beginning to the end of each turn, and between turns while `isLoading`; `waits`
   * returns true if an event may still come although nothing is due.
   */
  constructor(
    { onTurn, nextTurn, signal }: Pick<SimulateOptions, 'onTurn' | 'nextTurn' | 'signal'>,
    session: () => AmbientSession | undefined,
    waits: () => boolean,
    isLoading: () => boolean,
  ) {
    super();
    if (nextTurn !== undefined) this.nextTurn = nextTurn;
    this.#signal = signal;
    this.#noteTurn = onTurn;
    this.#session = session;
    this.#waits = waits;
    this.#isLoading = isLoading;
  }

  onTurn(): void {
    this.isOn = true;
    this.hasThrown = false;
    const session = this.#session();
    // It may have stayed in force.
    session?.leave();
    this.#noteTurn?.();
    if (this.#signal?.aborted === true) {
      const why = messageOf(this.#signal.reason);
      throw new ExecutionInterrupted(`The simulation was ended from outside: ${why}`);
    }
    session?.enter();
    this.onBoundary?.(true);
  }

  onTurnEnd(hasThrown: boolean, isLast: boolean): void {
    this.onBoundary?.(false);
    const session = this.#session();
    session?.leave();
    // The loaded code runs, and continues, as soon as it is available.
    if (!isLast && session !== undefined && this.#isLoading()) session.stay();
    this.isOn = false;
    this.hasThrown = hasThrown;
  }

  /** Runs code of others, which sees the globals of the machine. */
  outside<T>(code: () => T): T {
    const session = this.isOn ? this.#session() : undefined;
    session?.leave();
    try {
      return code();
    } finally {
      session?.enter();
    }
  }

  onIdle(): 'again' | 'end' {
    return this.#waits() ? 'again' : 'end';
  }
}

/**
 * Stack limit in all executions: code that inspects its caller must find the same one in a replay that captures places.
 * The caller of a wait is below a dozen frames of this package.
 */
const FRAMES = 40;
const OMISSION: StackOmission = { omit: leaveStacksOut, restore: putStacksBack };
/** Kinds of failures whose error the scenario gets as well, in whichever of its promises that rejects. */
const THROWN_AS_WELL: ReadonlySet<FailureKind> = new Set(['check', 'eventually', 'diverged', 'escape']);
/** Kinds of failures that say nothing about the scenario. */
const ENDED_FROM_OUTSIDE: ReadonlySet<FailureKind> = new Set(['abandoned', 'diverged']);
/** Kinds of failures that code which waits for a real timer may cause while virtual time goes on. */
const BY_LATE_CODE: ReadonlySet<FailureKind> = new Set(['check', 'always', 'eventually', 'error', 'rule']);

/** A simulation from its first event to its verdict. */
export class SimulationRun {
  readonly turns: SimulationTurns;
  readonly #options: SimulateOptions;
  readonly #loads: ModuleLoads;
  readonly #decisions: DecisionLog;
  readonly #decisionHash = new RollingHash();
  readonly #clock: VirtualClock;
  readonly #recorder: HashingRecorder;
  readonly #ledger: ResourceLedger;
  readonly #tally = new RunTally();
  readonly #oracles: readonly Oracle[];
  readonly #tracer: SimulationTracer;
  readonly #properties: WatchedProperties;
  readonly #reached = new ReachedConditions();
  readonly #actions: EventActions;
  readonly #healing = new Healing();
  readonly #state: DeclaredState;
  readonly #owner: LateOwner;
  readonly #simulation: Simulation;
  readonly #source: DecisionSource;
  readonly #judge: EndJudge;
  readonly #endless: EndlessWatch;
  readonly #session: AmbientSession | undefined;
  readonly #processes: Processes;
  /** Copy of `lookAt` of the endless watch, because it is read before every event. */
  #lookAt: number;
  readonly #noted = new NotedErrors();
  /** Present from the first turn on. */
  #uncaught: UncaughtErrors | undefined;
  #drain: Drain | undefined;
  /** True from the first step of a turn to the next turn. */
  #hasStepped = false;
  /** True if nothing is due, and the machine is to bring nothing more. */
  #isStill = false;
  #isStarted = false;
  #isEnded = false;
  /** Removes the `onFire` listener. */
  readonly #stopListening: (() => void) | undefined;
  /** How far the end of the simulation has progressed once the scenario has ended. */
  #ending: 'begun' | 'announced' | 'leaving' | 'left' = 'begun';
  #failure: Failure | undefined;
  /** What was added to the details of the failure. */
  #added: Set<string> | undefined;
  /** The first error of an `onEnd` hook, which fails the simulation once the others have ended, or something else fails. */
  #hookError: (KnownOfFailure & { readonly cause: unknown }) | undefined;

  constructor(options: SimulateOptions, source: DecisionSource) {
    const { capturePlaces = false, keepTrace = false, oracles = defaultOracles(), onFire } = options;
    this.#options = options;
    this.#loads = new ModuleLoads(options.modules, () => this.#judge.isLoading());
    this.turns = new SimulationTurns(
      options,
      () => this.#session,
      () => this.#isWaiting(),
      () => this.#isLoading(),
    );
    this.#source = source;
    this.#decisions = new DecisionLog(this.#watched(source), { hash: this.#decisionHash });
    this.#clock = new VirtualClock({ choices: this.#decisions, capturePlaces });
    this.#stopListening = onFire === undefined ? undefined : this.#clock.addFireListener(onFire);
    this.#recorder = new HashingRecorder({ hash: new RollingHash(), keep: keepTrace });
    this.#ledger = new ResourceLedger(capturePlaces);
    this.#judge = new EndJudge(this.#clock, this.#ledger, options, (...failure) => this.#fail(...failure), {
      machines: () => this.#processes.describe(),
      isRunning: () => this.turns.isOn,
    });
    this.#processes = this.#makeProcesses();
    const liveness = (): Liveness => ({ progress: this.#tally.progress, held: this.#ledger.count });
    this.#endless = new EndlessWatch(this.#clock, this.#judge, liveness, options);
    this.#oracles = oracles.map((make, index) => {
      const report: ReportViolation = ({ rule, message }) => this.#fail('rule', messageOf(message), { rule });
      return this.#guarded(madeOracle(make, index, report), index);
    });
    // Capturing places requires an event for each resource that is acquired.
    this.#tracer = new SimulationTracer(
      this.#recorder,
      this.#ledger,
      this.#tally,
      this.#oracles,
      !keepTrace && !capturePlaces,
    );
    this.#lookAt = this.#endless.lookAt;
    const report: ReportFailure = (...failure) => this.#report(...failure);
    this.#properties = new WatchedProperties(this.#clock, report, capturePlaces);
    this.#actions = new EventActions(this.#clock, (error) => report('error', messageOf(error), error));
    this.#state = new DeclaredState(this.#clock, this.#healing, () => this.#decisions.count);
    const { name, scenario } = options;
    this.#owner = { name: name ?? (scenario.name || 'scenario'), scenario };
    this.#simulation = this.#makeSimulation(report);
    const { choices, random, tracer } = this.#simulation.world;
    const hold = <T>(load: () => Promise<T>): Promise<T> => this.#loads.hold(load);
    const noteLoading = (): void => this.#loads.noteNode();
    const parts = { choices, random, tracer, report, capturePlaces, hold, noteLoading };
    this.#session = options.ambient?.begin({ clock: this.#clock, ...parts });
  }

  async run(): Promise<Verdict> {
    const { drain: choice = 'auto', omitStacks = false } = this.#options;
    const drain = chooseDrain(choice);
    this.#drain = drain;
    const restoreLimit = setStackLimit(FRAMES);
    const restoreStacks = omitStacks ? omitStacksOfAnswers(OMISSION) : undefined;
    try {
      await this.#execute(drain);
      if (this.#failure === undefined) this.#judgeEnd();
      if (this.#failure === undefined) this.#reportLastState();
      this.#session?.restoreGlobals();
      const verdict = this.#verdict();
      // Each await costs as much as an event, and most simulations leave nothing.
      const { left } = this.#judge;
      const late = left === undefined ? undefined : await this.#lateFailure(left, drain);
      return late === undefined ? verdict : { ...verdict, failure: late };
    } finally {
      restoreLimit();
      restoreStacks?.();
      this.#decisions.end();
      this.#tracer.end();
      this.#simulation.end();
      this.#judge.clearRealTimers();
      this.#session?.end();
    }
  }

  /** Code of the simulation has started another one, and may catch the error that it gets. */
  noteMisuse(error: RunnerError): void {
    this.#noted.add(error);
    this.#fail('error', error.message, { cause: error });
  }

  /** Runs from the start of the scenario until none of its code runs any more. */
  async #execute(drain: Drain): Promise<void> {
    this.#judge.begin(this.#session);
    const uncaught = (this.#uncaught = this.#watchUncaught());
    try {
      await drain.run(() => this.#step(), this.turns);
    } catch (error) {
      this.#noteEarlyEnd(error);
    } finally {
      await this.#noted.end(drain);
      if (drain.name === 'documented') await drain.run(() => 'stop');
      this.#endUncaught(uncaught);
      this.#endless.stop();
      this.#judge.stop();
    }
  }

  /**
   * If a leftover throws when its time comes, its author needs to know why. Looked for only when the failure is being
   * explained: leftovers may go on forever, and nothing here could end them.
   */
  async #lateFailure(left: string, drain: Drain): Promise<Failure | undefined> {
    const failure = this.#failure;
    if (!this.#looksAfter || failure === undefined) return undefined;
    this.#session?.resume();
    if (this.#clock.pending === 0) return undefined;
    this.#stopListening?.();
    this.#decisions.end();
    this.#tracer.end();
    const uncaught = (this.#uncaught = this.#watchUncaught());
    const parts = { clock: this.#clock, drain, turns: this.turns, processes: this.#processes, uncaught };
    const late = await lateErrorIn(parts).finally(() => uncaught.end());
    if (late === undefined) return undefined;
    const { error, atMs } = late;
    const [text = '', ...rest] = withoutColours(messageOf(error)).split('\n');
    const sentence = /[.!?]$/.test(text) ? text : `${text}.`;
    return {
      ...failure,
      message: `What the scenario left when it ended throws at ${atMs} ms: ${sentence} It left ${left}`,
      ...detailedBy([...rest.map((line) => plainFact(line)), ...this.#throwerOf(error), ...factsOf(failure)]),
      cause: error,
    };
  }

  /**
   * Node reports exceptions of ticks between two turns; in the documented drain it also reports rejections there, at
   * the end of a turn. Anything else reported between turns is of the simulation only if Node may run its code then,
   * and the callback is not older than the simulation; code beside the simulation may still have caused it. An error of
   * code that uses another simulation after its end belongs to that one.
   */
  #watchUncaught(): UncaughtErrors {
    const isDocumented = this.#drain?.name === 'documented';
    const begin = this.#session === undefined ? undefined : new CallbacksSince();
    const uncaught: UncaughtErrors = new UncaughtErrors(
      isDocumented,
      (what, reason) => {
        if ((ownerOfLateUse(reason) ?? this.#owner) !== this.#owner) return false;
        if (this.turns.isOn) return true;
        const isException = what === 'uncaught exception';
        if (isException ? this.turns.hasThrown : isDocumented && uncaught.isWithinTurn) return true;
        if (this.#session?.mayRunOutside !== true) return false;
        return isException && begin?.isOlderRunning === true ? false : 'perhaps';
      },
      (what) => {
        const process = this.#processes.current;
        const isBetween = what === 'uncaught exception' && !this.turns.isOn && !this.turns.hasThrown;
        return {
          atMs: this.#clock.now(),
          process,
          wasAlive: process?.parts.isAlive ?? true,
          ...(isBetween && isMachineTimerRunning() ? { isOfMachineTimer: true } : {}),
        };
      },
      (emit) => this.turns.outside(emit),
    );
    if (isDocumented) {
      this.#processes.onEvent = uncaught.noteEvent.bind(uncaught);
      this.turns.onBoundary = this.#noteTurn.bind(this, uncaught);
    }
    return uncaught;
  }

  #noteTurn(uncaught: UncaughtErrors, isBegin: boolean): void {
    this.#hasStepped = false;
    uncaught.noteTurn(isBegin);
  }

  /**
   * Judges errors that nothing can catch any more: `'stop'` if the simulation has failed, true if a process has got one,
   * which others may react to before the next event.
   */
  #judgeUncaught(uncaught: UncaughtErrors): StepResult | undefined {
    const untilMs = this.#handledUntilMs();
    this.#isStill = false;
    if (uncaught.first(untilMs) === undefined) return undefined;
    // The documented drain reports at the end of the turn what was handled since its beginning.
    if (this.#hasStepped && this.#drain?.name === 'documented') return false;
    let isPassedOn = false;
    for (let first = uncaught.first(untilMs); first !== undefined; first = uncaught.first(untilMs)) {
      uncaught.forget(first);
      if (this.#isFatal(first)) return 'stop';
      isPassedOn = true;
    }
    return isPassedOn ? true : undefined;
  }

  /**
   * Rejections that are older than this can no longer be handled in their instant. Where nothing is due, what the
   * machine is still to bring may handle them.
   */
  #handledUntilMs(): number {
    if (this.#loads.isPending) return this.#clock.now();
    if (this.#isAtEnd) return Infinity;
    const isOver = this.#session === undefined || this.#isStill;
    return this.#clock.pendingEvents(1)[0]?.atMs ?? (isOver ? Infinity : this.#clock.now());
  }

  /** Passes errors that a node leaves uncaught to that node. */
  #isFatal({ what, reason, atMs, process, wasAlive, isOfMachineTimer }: UncaughtError): boolean {
    if (isEarlyEnd(reason)) this.#noteEarlyEnd(reason);
    else if (process?.parts.catches === true) {
      if (wasAlive) process.parts.fail(reason);
      return this.#failure !== undefined;
    } else {
      const message = `${what} in the scenario: ${messageOf(reason)}`;
      this.#addToFailure(message, reason);
      const facts = isOfMachineTimer === true ? [BETWEEN_TURNS] : this.#throwerOf(reason);
      this.#fail('error', message, { cause: reason, atMs, facts });
    }
    return true;
  }

  /** Adds to the details of the failure what else went wrong, such as an error left uncaught in its instant. */
  #addToFailure(message: string, cause: unknown, { facts = [], standstill }: KnownOfFailure = {}): void {
    const failure = this.#failure;
    const shown = withoutColours(message);
    if (failure === undefined || failure.cause === cause || failure.message === shown) return;
    const added = (this.#added ??= new Set());
    if (added.size >= SHOWN_MAX || added.has(shown)) return;
    added.add(shown);
    this.#failure = {
      ...failure,
      ...detailedBy([...factsOf(failure), plainFact(shown), ...facts]),
      ...(standstill === undefined ? {} : { standstill }),
    };
  }

  /** Judges rejections of the last turn, which Node reports at its end at the latest. */
  #endUncaught(uncaught: UncaughtErrors): void {
    for (let first = uncaught.first(Infinity); first !== undefined; first = uncaught.first(Infinity)) {
      uncaught.forget(first);
      this.#isFatal(first);
    }
    uncaught.end();
  }

  #report(...[kind, message, cause, facts = []]: Parameters<ReportFailure>): void {
    // A property that did not come true may be what an owner waits for.
    const waits = kind === 'eventually' ? this.#ledger.describe(SHOWN_MAX, 'waits') : [];
    this.#fail(kind, message, { cause, facts: [...facts, ...waits] });
  }

  /** An oracle that throws fails the simulation, even if code of the scenario catches the error. */
  #guarded(oracle: Oracle, index: number): Oracle {
    if (takesCalls(oracle)) return oracle;
    const unchecked: UncheckedOracle = oracle;
    const fail = (cause: unknown): void =>
      this.#fail('error', `oracles[${index}] has thrown: ${messageOf(cause)}`, { cause });
    return {
      watch(event) {
        try {
          mustHaveJudged(`oracles[${index}].watch`, unchecked.watch(event));
        } catch (error) {
          fail(error);
          throw error;
        }
      },
      end(atMs) {
        try {
          mustHaveJudged(`oracles[${index}].end`, unchecked.end(atMs));
        } catch (error) {
          fail(error);
        }
      },
    };
  }

  #makeProcesses(): Processes {
    return new Processes({
      clock: this.#clock,
      session: () => this.#session,
      fail: (message, cause) => this.#fail('error', message, { cause, facts: this.#throwerOf(cause) }),
      runWithin: (process, code) => {
        if (this.#uncaught === undefined) code();
        else this.#uncaught.within(process, code);
      },
    });
  }

  #makeSimulation(report: ReportFailure): Simulation {
    const healing = this.#healing;
    const { seed = 1, isolator, watchServices } = this.#options;
    const tracer = this.#tracer;
    const world = {
      clock: this.#clock,
      choices: new HealingChoices(this.#decisions, healing),
      random: createRandomStream(seed),
      tracer,
      onHeal: (hook: () => void) => healing.onHeal(hook),
      processes: this.#processes,
      waits: this.#ledger,
      ...(watchServices === undefined ? {} : { watchServices }),
      ...(isolator === undefined ? {} : { isolate: this.#isolateWith(isolator, tracer) }),
    };
    return new Simulation({
      world,
      report,
      owner: this.#owner,
      healing,
      properties: this.#properties,
      reached: this.#reached,
      actions: this.#actions,
      state: this.#state,
      loads: this.#loads,
    });
  }

  /** Isolates only worlds with this clock and tracer: a clock or tracer in between could connect the parts. */
  #isolateWith(isolator: Isolator, tracer: Tracer): Isolate {
    return ({ clock, tracer: recorder }, name) =>
      clock === this.#clock && recorder === tracer ? isolator.isolate(this.#clock, name) : undefined;
  }

  /** True if the scenario has ended and no `onEnd` hook is still running. */
  get #isAtEnd(): boolean {
    return this.#isEnded && this.#ending !== 'leaving';
  }

  /** Called when all promise reactions of the previous event have run. */
  #step(): StepResult {
    if (this.#processes.current !== undefined) this.#processes.leave();
    if (this.#failure !== undefined) return 'stop';
    const checked = this.#checkProperties();
    if (checked !== undefined) return checked;
    if (this.#uncaught?.isEmpty === false) {
      const judged = this.#judgeUncaught(this.#uncaught);
      if (judged !== undefined) return judged;
    }
    this.#hasStepped = true;
    // Also at the end: what waits for a module, and was not awaited, may fail.
    if (this.#loads.isPending) return this.#loads.advance();
    if (this.#isAtEnd) return this.#leave();
    if (!this.#isStarted) return this.#start();
    // Promise reactions of an action run before the next event.
    if (this.#actions.isNeeded && this.#actions.strike()) return true;
    return this.#fireNext();
  }

  #fireNext(): StepResult {
    if (this.#clock.fired >= this.#lookAt && this.#isEndless()) return 'stop';
    this.#reportState(false);
    if (this.#clock.step()) return true;
    return this.#judge.waitsForRealTimer() ? 'stop' : false;
  }

  /** Starts the scenario inside the drain, so that every run begins in the same phase of the event loop. */
  #start(): StepResult {
    this.#isStarted = true;
    this.#judge.noteStart();
    void this.#begin();
    return true;
  }

  /** Runs the scenario's `onEnd` hooks, which also end nodes, after judging what those have left uncaught so far. */
  #leave(): StepResult {
    if (this.#ending === 'left') {
      this.#judge.noteEnd();
      return 'stop';
    }
    if (this.#ending === 'begun' && this.#uncaught !== undefined && this.#drain?.name === 'documented') {
      // The documented drain reports that at the end of the turn.
      this.#ending = 'announced';
      return false;
    }
    this.#ending = 'leaving';
    const fail = (cause: unknown): void => {
      this.#hookError ??= { cause, atMs: this.#clock.now(), facts: this.#throwerOf(cause) };
    };
    void runEndHooks(this.#simulation, fail, () => {
      this.#ending = 'left';
      this.#failByHook();
    });
    return true;
  }

  #failByHook(): void {
    const error = this.#hookError;
    this.#hookError = undefined;
    if (error !== undefined) this.#fail('error', messageOf(error.cause), error);
  }

  /**
   * True while the simulation waits for the machine: it prepares a module, or in ambient time an allowed operation runs
   * or Node loads a module.
   */
  #isWaiting(): boolean {
    if (this.#loads.prepare()) return true;
    if (this.#failure !== undefined) return false;
    if (this.#loads.isPending) {
      if (!this.#judge.waitsForLoading()) this.#loads.leaveNode();
      return true;
    }
    if (this.#isAtEnd) return this.#ending !== 'left';
    if (this.#session === undefined) return false;
    if (this.#session.isWaiting) return true;
    if (this.#judge.waitsForLoading()) return true;
    this.#isStill = this.#uncaught?.isEmpty === false;
    return this.#isStill;
  }

  /** True while Node may run code of the simulation between two turns, because it loads a module of it. */
  #isLoading(): boolean {
    // What is held is loaded outside.
    if (this.#failure !== undefined || this.#loads.isHeld) return false;
    return this.#loads.isPending || (!this.#isAtEnd && this.#judge.isLoading());
  }

  /** The step that follows from checking the properties; undefined if nothing changed. */
  #checkProperties(): StepResult | undefined {
    if (this.#properties.isNeeded || this.#actions.isNeeded) this.#options.isolator?.noteObserver();
    if (!this.#properties.isNeeded) return undefined;
    const check = this.#properties.check();
    if (check === 'unchanged') return undefined;
    return check === 'failed' ? 'stop' : true;
  }

  #isEndless(): boolean {
    const hasFailed = this.#endless.look();
    this.#lookAt = this.#endless.lookAt;
    return hasFailed;
  }

  #reportState(isLast: boolean): void {
    // A pending action makes the declared state incomplete: only the engine knows its event.
    if (!this.#state.isDeclared || (this.#actions.isNeeded && !isLast)) return;
    this.#options.onState?.(() => this.#state.text(), isLast);
  }

  /** Reads the state even without a listener, so that a declared value other than plain data fails at once. */
  #reportLastState(): void {
    if (!this.#state.isDeclared) return;
    try {
      this.#state.text();
      this.#reportState(true);
    } catch (error) {
      this.#fail('error', messageOf(error), { cause: error });
    }
  }

  async #begin(): Promise<void> {
    try {
      await awaitScenario(this.#options.scenario, this.#simulation);
      this.#isEnded = true;
    } catch (error) {
      if (isInstance(error, ContractBrokenError)) {
        const { rule, reason } = error;
        this.#fail('rule', reason, { rule, cause: error });
      } else this.#fail('error', messageOf(error), { cause: error, facts: this.#throwerOf(error) });
    }
  }

  /** Handles an error from the drain: a callback of the clock threw, or the execution was ended from outside. */
  #noteEarlyEnd(error: unknown): void {
    const message = messageOf(error);
    if (isInstance(error, ExecutionInterrupted)) {
      this.#fail('interrupted', message, { cause: error, facts: this.#judge.describeState() });
    } else if (isInstance(error, ExecutionAbandoned)) this.#fail('abandoned', message, { cause: error });
    else this.#fail('error', message, { cause: error, facts: this.#throwerOf(error) });
  }

  /** Locates a thrown value without a stack by the timer that was firing. */
  #throwerOf(thrown: unknown): FailureFact[] {
    if (this.#options.omitStacks === true) return [];
    const firing = this.#session?.firing();
    // Formatting a stack costs as much as a whole execution, and no timer fires in most.
    return firing === undefined || framesOfThrown(thrown).length > 0 ? [] : [firing];
  }

  #judgeEnd(): void {
    const replaced = this.#session?.replaced();
    if (!this.#isEnded || this.#ending === 'leaving') {
      this.#judge.judgeStandstill(replaced);
      return;
    }
    const atMs = this.#clock.now();
    for (const oracle of this.#oracles) oracle.end(atMs);
    if (this.#options.replay !== undefined && this.#source instanceof ReplaySource) {
      this.#finishReplay(this.#source);
    }
    const ambient = this.#session?.leftovers() ?? [];
    // Its events in the clock's queue are already among its leftovers.
    this.#session?.pause();
    if (this.#options.leftovers !== 'ignore') {
      this.#judge.judgeLeftovers(ambient, this.#properties.awaited());
      if (replaced !== undefined) this.#judge.judgeReplaced(replaced);
      const left = this.#session?.processLeft();
      if (left !== undefined) this.#judge.judgeProcess(left);
    }
    this.#judge.judgeRealTimers();
  }

  #finishReplay(source: ReplaySource): void {
    try {
      source.finish();
    } catch (error) {
      this.#fail('diverged', messageOf(error), { cause: error });
    }
  }

  /** Notes a replay that diverges as failed, even if code catches the error that the question throws. */
  #watched(source: DecisionSource): DecisionSource {
    if (!(source instanceof ReplaySource)) return source;
    return {
      decide: (question, n) => {
        try {
          return source.decide(question, n);
        } catch (error) {
          if (isRunnerError(error, 'RUNNER_REPLAY_DIVERGED')) {
            this.#fail('diverged', error.message, { cause: error });
          }
          throw error;
        }
      },
    };
  }

  #fail(kind: FailureKind, message: string, more: KnownOfFailure = {}): void {
    const { rule, cause, standstill, atMs = this.#clock.now() } = more;
    if (THROWN_AS_WELL.has(kind)) this.#noted.add(cause);
    if (this.#failure !== undefined) return;
    if (this.#hookError !== undefined && !ENDED_FROM_OUTSIDE.has(kind)) {
      this.#failByHook();
      this.#addToFailure(message, cause, more);
      return;
    }
    const facts = [...(more.facts ?? []), ...this.#realTimersBehind(kind)];
    this.#failure = {
      kind,
      message: withoutColours(message),
      atMs,
      ...(facts.length === 0 ? { details: [] } : detailedBy(facts)),
      ...(standstill === undefined ? {} : { standstill }),
      ...(rule === undefined ? {} : { rule }),
      ...(cause === undefined ? {} : { cause }),
    };
  }

  /** The real timers that were still to fire: what they stand for comes late, or never, in virtual time. */
  #realTimersBehind(kind: FailureKind): readonly FailureFact[] {
    return this.#options.omitStacks !== true && BY_LATE_CODE.has(kind) ? this.#judge.realTimers() : [];
  }

  #verdict(): Verdict {
    const { seed = 1, keepTrace = false } = this.#options;
    const decisions = this.#decisions;
    const events = keepTrace ? this.#recorder.events() : [];
    return {
      held: this.#failure === undefined,
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      scenario: this.#owner.name,
      seed: String(seed),
      runs: this.#tally.runs,
      endStates: { ...this.#tally.endStates },
      faults: this.#tally.faults,
      sometimes: this.#reached.toRecord(),
      virtualMs: this.#clock.now(),
      firedEvents: this.#clock.fired,
      decisionCount: decisions.count,
      traceHash: this.#traceHash(),
      decisions: (max) => decisions.entries(max),
      trace: () => events,
    };
  }

  /**
   * True if leftovers may go on for a while after the verdict; only for a failure of kind `leftovers`, because any
   * other says more.
   */
  get #looksAfter(): boolean {
    return this.#options.capturePlaces === true && this.#failure?.kind === 'leftovers';
  }

  #traceHash(): string {
    const hash = new RollingHash();
    hash.addString(this.#recorder.hash(), true);
    hash.addString(this.#decisionHash.digest(), true);
    hash.addNumber(this.#clock.nowUs);
    hash.addNumber(this.#clock.fired);
    return hash.digest();
  }
}
