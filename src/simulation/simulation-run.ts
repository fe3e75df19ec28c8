/** The engine of one simulation: builds the world, drives the clock, notices how it ends. Invariant: the first failure counts. */
import type { Drain, DrainHooks, NextTurn, StepResult } from '../kernel/drain-run.ts';
import { withholdRejections } from '../kernel/drain-host.ts';
import { EventuallyFailedError, WatchedProperties } from './watched-properties.ts';
import {
  type DecisionSource,
  ExecutionAbandoned,
  ExecutionInterrupted,
  isEarlyEnd,
} from '../kernel/decisions.ts';
import { isInstance } from '../kernel/argument-check.ts';
import { messageOf, isRunnerError, omitStacksOfAnswers } from '../kernel/errors.ts';
import type { SimulateOptions } from './simulate-options.ts';
import { createDecisions, type DecisionLog } from '../kernel/decision-log.ts';
import { chooseDrain } from '../kernel/drain.ts';
import { ReplaySource } from '../kernel/replay-decisions.ts';
import { RollingHash } from '../kernel/rolling-hash.ts';
import { createRandomStream } from '../kernel/seeded-random.ts';
import { setStackLimit } from '../kernel/drain-stack-limit.ts';
import { createVirtualClock, type VirtualClock } from '../kernel/virtual-clock.ts';
import type { Isolate, Isolator } from '../model/isolation.ts';
import type { TraceEvent, Tracer } from '../model/trace-event.ts';
import { ContractBrokenError } from '../oracles/contract-broken-error.ts';
import type { Oracle } from '../oracles/oracle.ts';
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
import { ModuleLoads } from './module-loads.ts';
import { ResourceLedger } from './resource-ledger.ts';
import { awaitScenario } from './scenario-flow.ts';
import { framesOfThrown } from './scenario-stack.ts';
import { type UncaughtError, UncaughtErrors } from './uncaught-errors.ts';
import { RunTally, SimulationTracer } from './simulation-tracer.ts';
import type { Liveness } from './stall-watch.ts';
import { Simulation } from './simulation.ts';
import type { Failure, FailureKind, ReportFailure, Verdict } from './verdict.ts';

/**
 * What a simulation has thrown into code under test after it had noted the failure. Invariant: no such error counts as an unhandled
 * rejection, whatever promise of the scenario it ends in; the verdict has it.
 */
class NotedErrors {
  /** Made for the first. */
  #errors: Set<unknown> | undefined;
  #release: (() => void) | undefined;

  add(error: unknown): void {
    const errors = (this.#errors ??= new Set());
    errors.add(error);
    this.#release ??= withholdRejections(
      (reason) => errors.has(reason) || isInstance(reason, EventuallyFailedError),
    );
  }

  /** Ends the watch once the rejections that there are were announced, which is at the end of a turn at the latest. */
  async end(drain: Drain): Promise<void> {
    if (this.#release === undefined) return;
    await drain.run(() => 'stop');
    this.#release();
  }
}

/** The turns of the real event loop that a simulation takes, and how it is ended from outside between them. */
class SimulationTurns implements DrainHooks {
  /** True while what the simulation has led to runs: who starts another one then does it inside of this one. */
  isOn = false;
  /** A tick of the simulation has ended a turn by what it throws, which Node announces next. */
  hasThrown = false;
  readonly nextTurn?: NextTurn;
  /** Called as code of the simulation begins to run, and when it is over. */
  onBoundary: ((isBegin: boolean) => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #noteTurn: (() => void) | undefined;
  readonly #session: () => AmbientSession | undefined;
  readonly #waits: () => boolean;

  /** `session` is in force between the beginning and the end of each turn; `waits` says whether something will come although nothing is due. */
  constructor(
    { onTurn, nextTurn, signal }: Pick<SimulateOptions, 'onTurn' | 'nextTurn' | 'signal'>,
    session: () => AmbientSession | undefined,
    waits: () => boolean,
  ) {
    if (nextTurn !== undefined) this.nextTurn = nextTurn;
    this.#signal = signal;
    this.#noteTurn = onTurn;
    this.#session = session;
    this.#waits = waits;
  }

  onTurn(): void {
    this.isOn = true;
    this.hasThrown = false;
    this.#noteTurn?.();
    if (this.#signal?.aborted === true) {
      const why = messageOf(this.#signal.reason);
      throw new ExecutionInterrupted(`The simulation was ended from outside: ${why}`);
    }
    this.#session()?.enter();
    this.onBoundary?.(true);
  }

  onTurnEnd(hasThrown: boolean): void {
    this.onBoundary?.(false);
    this.#session()?.leave();
    this.isOn = false;
    this.hasThrown = hasThrown;
  }

  onIdle(): 'again' | 'end' {
    return this.#waits() ? 'again' : 'end';
  }
}

/**
 * In all executions: code that looks for its caller has to find the same one when the log is run again, with places. The caller of a wait
 * stands below a dozen frames of ours.
 */
const FRAMES = 40;
/** What the scenario gets as an error too, in whichever of its promises that ends. */
const THROWN_AS_WELL: ReadonlySet<FailureKind> = new Set(['check', 'eventually', 'diverged', 'escape']);

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
  readonly #simulation: Simulation;
  readonly #source: DecisionSource;
  readonly #judge: EndJudge;
  readonly #endless: EndlessWatch;
  readonly #session: AmbientSession | undefined;
  readonly #processes: Processes;
  /** What the watch says, in a field of its own, because it is read before every event. */
  #lookAt: number;
  readonly #noted = new NotedErrors();
  /** Watched from the first turn on. */
  #uncaught: UncaughtErrors | undefined;
  #drain: Drain | undefined;
  #isStarted = false;
  #isEnded = false;
  /** Ends that somebody outside hears of events. */
  readonly #stopListening: (() => void) | undefined;
  /** How far its end has come since. */
  #ending: 'begun' | 'announced' | 'leaving' | 'left' = 'begun';
  #failure: Failure | undefined;

  constructor(options: SimulateOptions, source: DecisionSource) {
    const { capturePlaces = false, keepTrace = false, oracles = defaultOracles(), onFire } = options;
    this.#options = options;
    this.#loads = new ModuleLoads(options.modules);
    this.turns = new SimulationTurns(
      options,
      () => this.#session,
      () => this.#isWaiting(),
    );
    this.#source = source;
    this.#decisions = createDecisions(this.#watched(source), { hash: this.#decisionHash });
    this.#clock = createVirtualClock({ choices: this.#decisions, capturePlaces });
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
    this.#oracles = oracles.map((make) =>
      make(({ rule, message }) => this.#fail('rule', messageOf(message), { rule })),
    );
    // Places are captured for each thing as it is taken.
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
    this.#simulation = this.#makeSimulation(report);
    const { choices, random, tracer } = this.#simulation.world;
    const parts = { choices, random, tracer, report, capturePlaces };
    this.#session = options.ambient?.begin({ clock: this.#clock, ...parts });
  }

  async run(): Promise<Verdict> {
    const { drain: choice = 'auto', omitStacks = false } = this.#options;
    const drain = chooseDrain(choice);
    this.#drain = drain;
    const restoreLimit = setStackLimit(FRAMES);
    const restoreStacks = omitStacks ? omitStacksOfAnswers(() => setStackLimit(0)) : undefined;
    try {
      await this.#execute(drain);
      if (this.#failure === undefined) this.#judgeEnd();
      if (this.#failure === undefined) this.#tellLastState();
      const verdict = this.#verdict();
      const late = await this.#lateFailure(drain);
      return late === undefined ? verdict : { ...verdict, failure: late };
    } finally {
      restoreLimit();
      restoreStacks?.();
      this.#simulation.end();
      this.#session?.end();
    }
  }

  /** From the start of the scenario until nothing of it runs any more. */
  async #execute(drain: Drain): Promise<void> {
    this.#judge.begin(this.#session);
    this.#uncaught = this.#watchUncaught();
    try {
      await drain.run(() => this.#step(), this.turns);
    } catch (error) {
      this.#noteEarlyEnd(error);
    } finally {
      await this.#noted.end(drain);
      await this.#endUncaught(drain);
      this.#endless.stop();
      this.#judge.stop();
    }
  }

  /**
   * Of something that is left, and that throws when its time comes, why it throws is what its author has to know. Looked for only where
   * the failure is explained: what is left may as well never end, and nothing here could end it.
   */
  async #lateFailure(drain: Drain): Promise<Failure | undefined> {
    const failure = this.#failure;
    const { left } = this.#judge;
    if (!this.#looksAfter || failure === undefined || left === undefined) return undefined;
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
    const [text = '', ...rest] = messageOf(error).split('\n');
    return {
      ...failure,
      message: `What the scenario left when it ended throws at ${atMs} ms: ${text}. It left ${left}`,
      ...detailedBy([...rest.map((line) => plainFact(line)), ...this.#throwerOf(error), ...factsOf(failure)]),
      cause: error,
    };
  }

  /**
   * Node announces exceptions of ticks between two turns, where it announces rejections at their end those too. What else comes there is of the
   * simulation in ambient time alone, where Node calls its code meanwhile; else somebody beside it may have left it.
   */
  #watchUncaught(): UncaughtErrors {
    const isDocumented = this.#drain?.name === 'documented';
    const isAmbient = this.#session !== undefined;
    const uncaught: UncaughtErrors = new UncaughtErrors(
      isDocumented,
      (what) => {
        if (this.turns.isOn) return true;
        if (what === 'uncaught exception') return isAmbient || this.turns.hasThrown;
        return isDocumented && (isAmbient || uncaught.isWithinTurn);
      },
      () => {
        const process = this.#processes.current;
        return { atMs: this.#clock.now(), process, wasAlive: process?.parts.isAlive ?? true };
      },
    );
    if (isDocumented) {
      this.#processes.onEvent = uncaught.noteEvent.bind(uncaught);
      this.turns.onBoundary = uncaught.noteTurn.bind(uncaught);
    }
    return uncaught;
  }

  /** Judges what nothing can catch any more; true if the simulation has failed. */
  #failsUncaught(
    uncaught: UncaughtErrors,
    nextMs = this.#clock.pendingEvents(1)[0]?.atMs ?? Infinity,
  ): boolean {
    const untilMs = this.#isEnded ? Infinity : nextMs;
    for (let first = uncaught.first(untilMs); first !== undefined; first = uncaught.first(untilMs)) {
      uncaught.forget(first);
      if (this.#isFatal(first)) return true;
    }
    return false;
  }

  /** What a node has left uncaught is for the node to judge. */
  #isFatal({ what, reason, atMs, process, wasAlive }: UncaughtError): boolean {
    if (isEarlyEnd(reason)) this.#noteEarlyEnd(reason);
    else if (process?.parts.catches === true) {
      if (wasAlive) process.parts.fail(reason);
      return this.#failure !== undefined;
    } else {
      const message = `${what} in the scenario: ${messageOf(reason)}`;
      this.#noteBeside(message, reason);
      this.#fail('error', message, { cause: reason, atMs, facts: this.#throwerOf(reason) });
    }
    return true;
  }

  /** What was left uncaught in the instant of the failure may be why. */
  #noteBeside(message: string, cause: unknown): void {
    const failure = this.#failure;
    if (failure === undefined || failure.cause === cause || failure.message === message) return;
    this.#failure = { ...failure, ...detailedBy([...factsOf(failure), plainFact(message)]) };
  }

  /** Rejections of the last turn are announced at its end at the latest. */
  async #endUncaught(drain: Drain): Promise<void> {
    const uncaught = this.#uncaught;
    if (uncaught === undefined) return;
    if (drain.name === 'documented') await drain.run(() => 'stop');
    this.#failsUncaught(uncaught, Infinity);
    uncaught.end();
  }

  #report(...[kind, message, cause, facts = []]: Parameters<ReportFailure>): void {
    // What has not come true may be what somebody waits for.
    const waits = kind === 'eventually' ? this.#ledger.describe(SHOWN_MAX, 'waits') : [];
    this.#fail(kind, message, { cause, facts: [...facts, ...waits] });
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
      healing,
      properties: this.#properties,
      reached: this.#reached,
      actions: this.#actions,
      state: this.#state,
      loads: this.#loads,
    });
  }

  /** A clock or tracer of somebody else in between could make parts meet. */
  #isolateWith(isolator: Isolator, tracer: Tracer): Isolate {
    return ({ clock, tracer: recorder }, name) =>
      clock === this.#clock && recorder === tracer ? isolator.isolate(this.#clock, name) : undefined;
  }

  /** The scenario has ended, and nothing that it wants ended is still to come to its end. */
  get #isAtEnd(): boolean {
    return this.#isEnded && this.#ending !== 'leaving';
  }

  /** Called when all promise reactions of the event before have run. */
  #step(): StepResult {
    if (this.#processes.current !== undefined) this.#processes.leave();
    if (this.#failure !== undefined) return 'stop';
    const checked = this.#checkProperties();
    if (checked !== undefined) return checked;
    if (this.#uncaught?.isEmpty === false && this.#failsUncaught(this.#uncaught)) return 'stop';
    if (this.#isAtEnd) return this.#leave();
    if (!this.#isStarted) return this.#start();
    if (this.#loads.isPending) return this.#loads.advance();
    // What an action does has promise reactions of its own, which come before the next event.
    if (this.#actions.isNeeded && this.#actions.strike()) return true;
    return this.#fireNext();
  }

  #fireNext(): StepResult {
    if (this.#clock.fired >= this.#lookAt && this.#isEndless()) return 'stop';
    this.#tellState(false);
    if (this.#clock.step()) return true;
    return this.#judge.waitsForRealTimer() ? 'stop' : false;
  }

  /** The scenario starts inside the drain, so that every run begins in the same phase of the event loop. */
  #start(): StepResult {
    this.#isStarted = true;
    this.#judge.noteStart();
    void this.#begin();
    return true;
  }

  /** Ends what the scenario wants ended, nodes too, once it is judged what they have left uncaught until now. */
  #leave(): StepResult {
    if (this.#ending === 'left') {
      this.#judge.noteEnd();
      return 'stop';
    }
    if (this.#ending === 'begun' && this.#uncaught !== undefined && this.#drain?.name === 'documented') {
      // At the end of the turn that is announced.
      this.#ending = 'announced';
      return false;
    }
    const errors: unknown[] = [];
    const leaving = this.#simulation.leave((error) => errors.push(error));
    const end = (): void => {
      this.#ending = 'left';
      if (errors.length === 0) return;
      const [cause] = errors;
      this.#fail('error', messageOf(cause), { cause, facts: this.#throwerOf(cause) });
    };
    if (leaving === undefined) end();
    else {
      this.#ending = 'leaving';
      void leaving.then(end);
    }
    return true;
  }

  /** In ambient time what keeps the process alive is not of the scenario, but allowed, or Node loads a module for it. */
  #isWaiting(): boolean {
    if (this.#loads.prepare()) return true;
    if (this.#failure !== undefined) return false;
    if (this.#isAtEnd) return this.#ending !== 'left';
    if (this.#session === undefined) return false;
    if (this.#session.isWaiting) return true;
    if (!this.#judge.waitsForLoading()) return false;
    // What is loaded runs, and goes on, as soon as it is there.
    this.#session.stay();
    return true;
  }

  /** What follows from a look at the properties; undefined if they are as before. */
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

  #tellState(isLast: boolean): void {
    // Which event an action waits for is known to nobody else.
    if (!this.#state.isDeclared || (this.#actions.isNeeded && !isLast)) return;
    this.#options.onState?.(() => this.#state.text(), isLast);
  }

  /** It is read even if nobody listens, so that a declaration that is no data fails at once. */
  #tellLastState(): void {
    if (!this.#state.isDeclared) return;
    try {
      this.#state.text();
      this.#tellState(true);
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

  /** What came out of the drain: a callback of the clock threw, or somebody has ended the execution. */
  #noteEarlyEnd(error: unknown): void {
    const message = messageOf(error);
    if (isInstance(error, ExecutionInterrupted)) {
      this.#fail('interrupted', message, { cause: error, facts: this.#judge.describeState() });
    } else if (isInstance(error, ExecutionAbandoned)) this.#fail('abandoned', message, { cause: error });
    else this.#fail('error', message, { cause: error, facts: this.#throwerOf(error) });
  }

  /** What has no stack is found by the timer in which it was thrown. */
  #throwerOf(thrown: unknown): FailureFact[] {
    // Looking at a stack costs as much as a whole execution.
    if (this.#options.omitStacks === true || framesOfThrown(thrown).length > 0) return [];
    const firing = this.#session?.firing();
    return firing === undefined ? [] : [firing];
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
    // What it keeps in the queue of the clock is a part of those.
    this.#session?.pause();
    if (this.#options.leftovers !== 'ignore') {
      this.#judge.judgeLeftovers(ambient, this.#properties.awaited());
      if (replaced !== undefined) this.#judge.judgeReplaced(replaced);
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

  /** A replay that diverges has failed, no matter who catches the error that its question throws. */
  #watched(source: DecisionSource): DecisionSource {
    if (this.#options.replay === undefined) return source;
    return {
      decide: (question, n, occurrence) => {
        try {
          return source.decide(question, n, occurrence);
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
    const { rule, facts = [], cause, standstill, atMs = this.#clock.now() } = more;
    if (THROWN_AS_WELL.has(kind)) this.#noted.add(cause);
    this.#failure ??= {
      kind,
      message,
      atMs,
      ...(facts.length === 0 ? { details: [] } : detailedBy(facts)),
      ...(standstill === undefined ? {} : { standstill }),
      ...(rule === undefined ? {} : { rule }),
      ...(cause === undefined ? {} : { cause }),
    };
  }

  #verdict(): Verdict {
    const { name, scenario, seed = 1, keepTrace = false } = this.#options;
    const decisions = this.#decisions;
    const events = keepTrace ? this.#keptEvents() : [];
    return {
      held: this.#failure === undefined,
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      scenario: name ?? (scenario.name || 'scenario'),
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

  /** What comes after the end is recorded as well, and is no part of it. */
  #keptEvents(): readonly TraceEvent[] {
    const events = this.#recorder.events();
    return this.#looksAfter ? events.slice() : events;
  }

  /** Whether what is left goes on for a while after the verdict: another failure says more than what comes of it. */
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
