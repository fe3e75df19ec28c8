/** The engine of one simulation: builds the world, drives the clock, notices how it ends. Invariant: the first failure counts. */
import { createDecisions, type DecisionLog } from '../kernel/decision-log.ts';
import type { DecisionSource } from '../kernel/decisions.ts';
import { activeResources, resourcesSince } from '../kernel/drain-host.ts';
import { chooseDrain } from '../kernel/drain.ts';
import type { StepResult } from '../kernel/drain-run.ts';
import { isRunnerError, messageOf } from '../kernel/errors.ts';
import { ReplaySource } from '../kernel/replay-decisions.ts';
import { RollingHash } from '../kernel/rolling-hash.ts';
import { createRandomStream } from '../kernel/seeded-random.ts';
import { createVirtualClock, type VirtualClock } from '../kernel/virtual-clock.ts';
import type { TraceEvent, Tracer } from '../model/trace-event.ts';
import type { Oracle } from '../oracles/oracle.ts';
import { defaultOracles } from '../oracles/default-oracles.ts';
import { createTraceRecorder, type TraceRecorder } from '../trace/trace-recorder.ts';
import { ResourceLedger } from './resource-ledger.ts';
import { RunTally } from './run-tally.ts';
import type { SimulateOptions } from './simulate-options.ts';
import { Simulation } from './simulation.ts';
import type { Failure, FailureKind, Verdict } from './verdict.ts';

const SHOWN_MAX = 20;
const PLACE_FRAMES = 40;

/** A simulation from its first event to its verdict. */
export class SimulationRun {
  readonly #options: SimulateOptions;
  readonly #decisions: DecisionLog;
  readonly #decisionHash = new RollingHash();
  readonly #clock: VirtualClock;
  readonly #recorder: TraceRecorder;
  readonly #ledger: ResourceLedger;
  readonly #tally = new RunTally();
  readonly #oracles: readonly Oracle[];
  readonly #simulation: Simulation;
  readonly #source: DecisionSource;
  #isStarted = false;
  #isEnded = false;
  #failure: Failure | undefined;

  constructor(options: SimulateOptions, source: DecisionSource) {
    const {
      capturePlaces = false,
      keepTrace = false,
      seed = 1,
      oracles = defaultOracles(),
      onFire,
    } = options;
    this.#options = options;
    this.#source = source;
    this.#decisions = createDecisions(this.#watched(source), {
      onDecision: (label, n, answer) => this.#hashDecision(label, n, answer),
    });
    this.#clock = createVirtualClock({
      choices: this.#decisions,
      capturePlaces,
      ...(onFire === undefined ? {} : { onFire }),
    });
    this.#recorder = createTraceRecorder({ hash: new RollingHash(), keep: keepTrace });
    this.#ledger = new ResourceLedger(capturePlaces);
    this.#oracles = oracles.map((make) => make(({ rule, message }) => this.#fail('rule', message, { rule })));
    const tracer: Tracer = { record: (event) => this.#record(event) };
    const world = { clock: this.#clock, choices: this.#decisions, random: createRandomStream(seed), tracer };
    this.#simulation = new Simulation(world, (kind, message, cause) => this.#fail(kind, message, { cause }));
  }

  async run(): Promise<Verdict> {
    const { drain: choice = 'auto', onTurn, capturePlaces = false } = this.#options;
    const drain = chooseDrain(choice);
    const before = activeResources();
    const { stackTraceLimit } = Error;
    // The caller of a wait stands below a dozen frames of ours.
    if (capturePlaces) Error.stackTraceLimit = PLACE_FRAMES;
    try {
      await drain.run(() => this.#step(), onTurn === undefined ? {} : { onTurn });
    } catch (error) {
      this.#fail('error', messageOf(error), { cause: error });
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
    if (this.#failure === undefined) this.#judgeEnd(before);
    this.#simulation.end();
    return this.#verdict();
  }

  #step(): StepResult {
    if (this.#failure !== undefined || this.#isEnded) return 'stop';
    if (!this.#isStarted) {
      // The scenario starts inside the drain, so that every run begins in the same phase of the event loop.
      this.#isStarted = true;
      void this.#begin();
      return true;
    }
    const { maxEvents = 10_000_000 } = this.#options;
    if (this.#clock.fired >= maxEvents) {
      this.#fail('budget', `${maxEvents} events have fired and the scenario has not ended`, {
        details: this.#clock.pendingLabels(SHOWN_MAX),
      });
      return 'stop';
    }
    return this.#clock.step();
  }

  async #begin(): Promise<void> {
    try {
      await this.#options.scenario(this.#simulation);
      this.#isEnded = true;
    } catch (error) {
      this.#fail('error', messageOf(error), { cause: error });
    }
  }

  #judgeEnd(before: readonly string[]): void {
    if (!this.#isEnded) {
      this.#judgeStandstill(resourcesSince(before));
      return;
    }
    const atMs = this.#clock.now();
    for (const oracle of this.#oracles) oracle.end(atMs);
    if (this.#options.replay !== undefined && this.#source instanceof ReplaySource) {
      this.#finishReplay(this.#source);
    }
    if (this.#options.leftovers === 'ignore') return;
    const { pending } = this.#clock;
    const { count } = this.#ledger;
    if (pending + count === 0) return;
    const details = [...this.#pendingEvents(), ...this.#heldResources()];
    const message = `The scenario has ended, but ${pending} timers and ${count} resources are left`;
    this.#fail('leftovers', message, { rule: 'R204', details });
  }

  #judgeStandstill(alive: readonly string[]): void {
    if (alive.length > 0) {
      const message = `The scenario waits for something outside of the simulation (${alive.join(', ')})`;
      this.#fail('escape', message, { details: this.#heldResources() });
      return;
    }
    const waits = this.#heldResources();
    const message =
      waits.length > 0
        ? `Deadlock: nothing is queued, and ${this.#ledger.count} resources are held or waited for`
        : 'Deadlock: nothing is queued, and the scenario awaits a promise that nobody will settle';
    this.#fail('deadlock', message, { rule: 'R211', details: waits });
  }

  #finishReplay(source: ReplaySource): void {
    try {
      source.finish();
    } catch (error) {
      this.#fail('diverged', messageOf(error), { cause: error });
    }
  }

  #pendingEvents(): string[] {
    return this.#clock
      .pendingEvents(SHOWN_MAX)
      .map(
        ({ label, atMs, place }) =>
          `timer ${label}, due at ${atMs} ms${place === undefined ? '' : `\n${place}`}`,
      );
  }

  #heldResources(): string[] {
    return this.#ledger.describe(SHOWN_MAX);
  }

  #record(event: TraceEvent): void {
    this.#recorder.record(event);
    const { type } = event;
    if (type === 'acquired' || type === 'freed' || type === 'abandoned') this.#ledger.watch(event);
    else if (type !== 'phase') this.#tally.watch(event);
    for (const oracle of this.#oracles) oracle.watch(event);
  }

  #hashDecision(label: string, n: number, answer: number): void {
    this.#decisionHash.addString(label);
    this.#decisionHash.addNumber(n);
    this.#decisionHash.addNumber(answer);
  }

  /** A replay that diverges has failed, whoever catches the error that its question throws. */
  #watched(source: DecisionSource): DecisionSource {
    if (this.#options.replay === undefined) return source;
    return {
      decide: (label, n, occurrence, hash) => {
        try {
          return source.decide(label, n, occurrence, hash);
        } catch (error) {
          if (isRunnerError(error, 'RUNNER_REPLAY_DIVERGED')) {
            this.#fail('diverged', error.message, { cause: error });
          }
          throw error;
        }
      },
    };
  }

  #fail(kind: FailureKind, message: string, more: Partial<Failure> = {}): void {
    const { rule, details = [], cause } = more;
    this.#failure ??= {
      kind,
      message,
      atMs: this.#clock.now(),
      details,
      ...(rule === undefined ? {} : { rule }),
      ...(cause === undefined ? {} : { cause }),
    };
  }

  #verdict(): Verdict {
    const { name, scenario, seed = 1, keepTrace = false } = this.#options;
    const decisions = this.#decisions;
    const recorder = this.#recorder;
    return {
      held: this.#failure === undefined,
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      scenario: name ?? (scenario.name || 'scenario'),
      seed: String(seed),
      runs: this.#tally.runs,
      endStates: this.#tally.endStates,
      faults: this.#tally.faults,
      virtualMs: this.#clock.now(),
      firedEvents: this.#clock.fired,
      decisionCount: decisions.count,
      traceHash: this.#traceHash(),
      decisions: () => decisions.entries(),
      trace: () => (keepTrace ? recorder.events() : []),
    };
  }

  #traceHash(): string {
    const hash = new RollingHash();
    hash.addString(this.#recorder.hash());
    hash.addString(this.#decisionHash.digest());
    hash.addNumber(this.#clock.nowUs);
    hash.addNumber(this.#clock.fired);
    return hash.digest();
  }
}
