/**
 * A chaos runner with every option, plan and verb, around a service that notes how it is reached: each fault that is drawn or scheduled has
 * exactly the effect that its kind is documented to have, at its time, and without one nothing is changed.
 */
import {
  ALL_MASK,
  type ChaosError,
  type ChaosOperation,
  type ChaosOptions,
  type ChaosRunner,
  createChaosRunner,
  defineScenario,
  DONE_MASK,
  type FaultKind,
  type FaultPlan,
  InjectedFaultError,
  isRunnerError,
  RunnerError,
  type ScenarioDefinition,
  type ScheduledFault,
  type Service,
  type Simulation,
  type TraceEvent,
  type World,
} from 'dryrunner';
import { completeStatus } from 'dryrunner/kit';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import { settled } from './readers.ts';
import { type Outcome, textOf } from './store-model.ts';
import { mustRefuse, rounded, settledAs } from './outcome.ts';

const OPERATIONS: readonly ChaosOperation[] = ['run', 'abort', 'status', 'query', 'queryNow', 'statusAll'];
const KINDS: readonly FaultKind[] = ['before', 'after', 'duplicated', 'reordered', 'stuck'];
const CALLS = 5;
/** No repetition comes later. */
const REPEAT_MS = 40;
const ZERO_SERVICE = { initialized: false, isHealthy: false, error: '' };
const REACHED = [
  ...KINDS.map((kind) => `${kind} strikes by chance`),
  ...KINDS.map((kind) => `${kind} strikes by schedule`),
  ...OPERATIONS.map((operation) => `${operation} is struck`),
  'an error is set',
  'a call is delayed',
  'a call is overtaken',
  'nothing overtakes a call',
  'a stuck call is healed',
  'a stuck call is released',
  'a stuck query is cancelled',
  'a delayed query is cancelled',
  'a delay ends at the deadline of its query',
  'a lost reply is an error',
  'the reply to a duplicate is an error',
];

type Make = typeof createChaosRunner;

/** The workload of a chaos runner; `make` is what makes one. */
export function chaosWorkload(make: Make = createChaosRunner): ScenarioDefinition<unknown> {
  return defineScenario<unknown>({
    name: 'generic-chaos',
    description: 'calls go through a chaos runner, and each fault has the effect of its kind and no other',
    async run(sim) {
      for (const name of REACHED) sim.sometimes(name, false);
      await refuses(sim, make);
      await new ChaosWork(sim, make).run();
    },
  });
}

export const chaosRunner: ScenarioDefinition<unknown> = chaosWorkload();

/** Wrong options are refused; without a runner behind nothing can be done but a release (R152). */
async function refuses(sim: Simulation, make: Make): Promise<void> {
  const wrong: readonly unknown[] = [
    { maxDelayMs: -1 },
    { delaySteps: 0 },
    { name: 3 },
    { error: 3 },
    { reorderHoldMs: -1 },
    { plan: { rates: { run: { before: 2 } } } },
    { plan: { rates: { run: { before: 0.6, after: 0.6 } } } },
    { plan: { rates: { release: { before: 0.6 } } } },
    { plan: { schedule: [{ operation: 'run', call: 0, kind: 'before' }] } },
    { plan: { schedule: [{ operation: 'run', call: 1, kind: 'never' }] } },
  ];
  const options = pick(sim, 'wrong options', wrong, 1, textOf);
  mustRefuse(sim, `R153 ${textOf(options)}`, () => make(sim.world, undefined, options as ChaosOptions));
  if (!rarely(sim, 'nobody behind', 8)) return;
  const alone = make(sim.world, undefined, {});
  const outcome = await settled(alone.statusAll());
  sim.check('code' in outcome && outcome.code === 'RUNNER_NO_DELEGATE', `R152 it came to ${textOf(outcome)}`);
  alone.setError('set');
  const failed = await settled(alone.status('x'));
  sim.check('text' in failed && failed.text === 'set', 'R152 a set error needs no runner behind');
  await alone.release();
}

/** A call on its way. */
interface Sent {
  readonly operation: ChaosOperation;
  readonly id: string;
  readonly calledAtMs: number;
  /** Of a query. */
  readonly timeoutMs: number;
  readonly controller: AbortController;
  cancelledAtMs: number;
  delayMs: number;
  /** How often all that was held had been let go before it was sent, and before it came through. */
  readonly freedBefore: number;
  freedAtArrival: number;
  againMs: number | undefined;
  /** The answer about faults by chance. */
  asked: { readonly n: number; readonly answer: number } | undefined;
  arrivedAtMs: number | undefined;
  kind: FaultKind | 'error' | undefined;
  /** What was set when it came through. */
  error: ChaosError | undefined;
  runStatus: unknown;
  overtakenAtMs: number;
  /** When it has reached the service behind. */
  readonly reached: number[];
  /** What that has answered, and when. */
  reply: { readonly value?: unknown; readonly error?: unknown; readonly atMs: number } | undefined;
}

class ChaosWork {
  readonly #sim: Simulation;
  readonly #chaos: ChaosRunner;
  readonly #name: string;
  readonly #steps: number;
  readonly #reorderHoldMs: number;
  readonly #faultError: ((fault: unknown) => Error) | undefined;
  readonly #sent: Sent[] = [];
  /** The latest of each operation. */
  readonly #latest = new Map<ChaosOperation, Sent>();
  readonly #arrivals = new Map<ChaosOperation, number>();
  /** When all that was held was let go. */
  readonly #freedAtMs: number[] = [];
  #maxDelayMs: number;
  #plan: FaultPlan;
  #error: ChaosError | undefined;
  #runStatus: unknown = zero();
  #released = false;
  #releases = 0;
  /** Errors that callers do not get to see: as many as the trace has, and as many as it should have. */
  #recorded = 0;
  #recordable = 0;

  constructor(sim: Simulation, make: Make) {
    this.#sim = sim;
    this.#name = pick(sim, 'name', ['chaos', 'network'], 1);
    this.#maxDelayMs = pick(sim, 'delay at most', [0, 10, 30, 0.003], 1);
    const delaySteps = pick(sim, 'steps', [undefined, 1, 3], 2);
    this.#steps = delaySteps ?? 32;
    this.#plan = this.#drawPlan('at first');
    this.#error = undefined;
    const hold = pick(sim, 'hold', [undefined, 0, 20], 1);
    this.#reorderHoldMs = hold ?? 1_000;
    const own = new Error('a fault of its own');
    const isOwn = rarely(sim, 'errors of its own', 4);
    this.#faultError = isOwn ? (fault) => Object.assign(own, { fault }) : undefined;
    const options: ChaosOptions = {
      ...(this.#name === 'chaos' ? {} : { name: this.#name }),
      maxDelayMs: this.#maxDelayMs,
      ...(delaySteps === undefined ? {} : { delaySteps }),
      plan: this.#plan,
      ...(hold === undefined ? {} : { reorderHoldMs: hold }),
      ...(this.#faultError === undefined ? {} : { faultError: this.#faultError }),
    };
    const { world } = sim;
    const choose: World['choices']['choose'] = (asked, n, describe) => {
      const answer = world.choices.choose(asked, n, describe);
      if (typeof asked === 'object') this.#answered(asked.kind, asked.topic.text, n, answer);
      return answer;
    };
    const record = (event: TraceEvent): void => {
      world.tracer.record(event);
      this.#traced(event);
    };
    this.#chaos = make({ ...world, choices: { choose }, tracer: { record } }, this.#behind(), options);
  }

  async run(): Promise<void> {
    const clients = pickCount(this.#sim, 'clients', OPERATIONS.length);
    const work = OPERATIONS.slice(0, clients).map((_, index) => this.#client(index, clients));
    await this.#control();
    this.#heal();
    if (rarely(this.#sim, 'rest', 2)) await this.#sim.sleep(2_000);
    await this.#release();
    await Promise.all(work);
    await this.#sim.sleep(2_000);
    for (const sent of this.#sent) this.#isWhole(sent);
    const unseen = `R212 ${this.#recorded} unseen errors were recorded, and should be ${this.#recordable}`;
    this.#check(this.#recorded === this.#recordable, unseen);
    this.#sim.check(this.#releases > 0, 'R152 a release goes straight on');
  }

  async #client(index: number, clients: number): Promise<void> {
    const own = OPERATIONS.filter((_, at) => at % clients === index);
    const name = `client ${index + 1}`;
    const calls = pickCount(this.#sim, `${name} calls`, CALLS);
    for (let at = 0; at < calls; at += 1) {
      await this.#sim.sleep(pick(this.#sim, `${name} sleeps`, [0, 5, 10], 1));
      await this.#call(pick(this.#sim, `${name} asks`, own, 1));
    }
  }

  async #call(operation: ChaosOperation): Promise<void> {
    const sim = this.#sim;
    const id = `${operation}-${this.#sent.length}`;
    const timeoutMs = operation === 'query' ? pick(sim, 'wait', [Infinity, 20, 5, 0], 1) : Infinity;
    const sent: Sent = {
      operation,
      id,
      calledAtMs: sim.now(),
      timeoutMs,
      controller: new AbortController(),
      cancelledAtMs: Infinity,
      delayMs: 0,
      freedBefore: this.#freedAtMs.length,
      freedAtArrival: 0,
      againMs: undefined,
      asked: undefined,
      arrivedAtMs: undefined,
      kind: undefined,
      error: undefined,
      runStatus: undefined,
      overtakenAtMs: Infinity,
      reached: [],
      reply: undefined,
    };
    this.#sent.push(sent);
    this.#latest.set(operation, sent);
    const argv = [id];
    const runs = [id];
    const promise = this.#make(sent, argv, runs);
    // What was asked for is the caller's own, to change after the call.
    argv.push('changed');
    runs.push('changed');
    await this.#outcome(sent, promise);
    // Calls that nothing names must not be mixed up with the repetition of an earlier one.
    if (operation === 'statusAll' && sent.reached.length === 1) await sim.sleep(REPEAT_MS);
  }

  #make({ operation, id, timeoutMs, controller }: Sent, argv: string[], runs: string[]): Promise<unknown> {
    const chaos = this.#chaos;
    switch (operation) {
      case 'run':
        return chaos.run({ argv, taskId: id });
      case 'abort':
        return chaos.abort(id);
      case 'status':
        return chaos.status(id);
      case 'query':
        return chaos.query({ runs, states: DONE_MASK }, { timeoutMs, signal: controller.signal });
      case 'queryNow':
        return chaos.queryNow({ runs, states: ALL_MASK });
      case 'statusAll':
        return chaos.statusAll();
    }
  }

  /** What the caller sees, and when. */
  async #outcome(sent: Sent, promise: Promise<unknown>): Promise<void> {
    const { operation, id } = sent;
    const outcome = await settledAs(promise);
    const now = this.#sim.now();
    if (sent.kind === 'stuck' && sent.reached.length === 0) {
      this.#unstuck(sent, outcome.error);
      return;
    }
    if (sent.arrivedAtMs === undefined) this.#arrive(sent, undefined);
    const { kind, reply } = sent;
    const isLost = isRunnerError(reply?.error, 'RUNNER_WAIT_CANCELLED');
    if (kind === 'error' || kind === 'before' || (kind === 'after' && !isLost)) {
      const at = kind === 'after' ? reply?.atMs : sent.arrivedAtMs;
      this.#check(now === at, `R147 ${id} failed at ${now}, and was to at ${at}`);
      this.#isInjected(sent, kind, outcome.error);
      return;
    }
    this.#check(reply !== undefined, `${id} was answered with ${textOf(outcome)}, and nobody has answered`);
    this.#check(
      now === reply?.atMs,
      `R148 ${id} was answered at ${now}, and the service behind at ${reply?.atMs}`,
    );
    const isSame = outcome.value === reply?.value && outcome.error === reply?.error;
    this.#check(isSame, `${operation} ${id} came to something else than the service behind has said`);
  }

  #unstuck(sent: Sent, error: unknown): void {
    const now = this.#sim.now();
    const code = isRunnerError(error) ? error.code : String(error);
    if (now === sent.cancelledAtMs && code === 'RUNNER_WAIT_CANCELLED') {
      this.#sim.sometimes('a stuck query is cancelled');
      return;
    }
    const isReleased = this.#released && this.#freedAtMs.includes(now) && code === 'RUNNER_RELEASED';
    this.#check(isReleased, `R153 the stuck ${sent.id} ended at ${now} with ${code}`);
    const hasStatus = (error as { status?: unknown }).status !== undefined;
    this.#check(sent.operation !== 'run' || hasStatus, 'R22 a refused run has a status');
    this.#sim.sometimes('a stuck call is released');
  }

  /** R149. */
  #isInjected(
    { operation, id, error: set, runStatus }: Sent,
    kind: 'error' | FaultKind,
    error: unknown,
  ): void {
    const fault = (error as { fault?: unknown } | undefined)?.fault;
    const meant = {
      run: { status: runStatus },
      abort: { status: zero() },
      status: { status: zero(), service: ZERO_SERVICE },
      query: { statuses: [], service: ZERO_SERVICE },
      queryNow: { statuses: [], service: ZERO_SERVICE },
      statusAll: { statuses: [], service: ZERO_SERVICE },
    }[operation];
    const expected = textOf({ operation, kind, ...meant });
    this.#check(
      textOf(fault) === expected,
      `R149 ${id} fails with ${textOf(fault)}, and should with ${expected}`,
    );
    if (kind !== 'error') {
      const isOwn = this.#faultError !== undefined;
      this.#check(isOwn !== error instanceof InjectedFaultError, 'the error is that of its maker');
      this.#check(isOwn || isRunnerError(error, 'RUNNER_INJECTED_FAULT'), `${id} fails with its code`);
      return;
    }
    this.#sim.sometimes('an error is set');
    const [text, code, cause] = meantBy(set);
    const is = error as { message: string; code?: string; cause?: unknown };
    this.#check(is.message === text && is.code === code, `R147 ${id} fails with ${is.code} ${is.message}`);
    this.#check(cause === undefined || is.cause === cause, 'the set error is the cause');
  }

  /** A question was answered. */
  #answered(kind: string, text: string, n: number, answer: number): void {
    const [name, operation] = text.split(' ');
    const sent = this.#latest.get(operation as ChaosOperation);
    if (name !== this.#name || sent === undefined) return;
    if (kind === 'fault') {
      sent.asked = { n, answer };
      return;
    }
    if (kind !== 'delay') return;
    const maxUs = Math.round(this.#maxDelayMs * 1000);
    const steps = Math.max(1, Math.min(this.#steps, maxUs));
    this.#check(n === steps, `R148 ${n} delays can be, and should ${steps}`);
    const ms = Math.floor((answer * maxUs) / n) / 1000;
    this.#check(ms >= 0 && ms < this.#maxDelayMs, `R148 a delay of ${ms}`);
    if (text.includes(' again')) sent.againMs = ms;
    else sent.delayMs = ms;
    if (ms > 0) this.#sim.sometimes('a call is delayed');
  }

  #traced(event: TraceEvent): void {
    if (event.type === 'recorded') {
      this.#recorded += 1;
      this.#sim.sometimes(
        event.what.endsWith('lost reply')
          ? 'a lost reply is an error'
          : 'the reply to a duplicate is an error',
      );
      return;
    }
    if (event.type !== 'fault' || event.runner !== this.#name) return;
    const sent = this.#latest.get(event.operation as ChaosOperation);
    this.#check(sent !== undefined, `R212 a fault of ${event.operation}, which nobody has called`);
    if (sent === undefined) return;
    this.#arrive(sent, event.kind as FaultKind | 'error');
    const runId = ['run', 'statusAll'].includes(sent.operation) ? '' : sent.id;
    this.#check(event.runId === runId, `R212 the fault of ${sent.id} is one of ${event.runId}`);
    this.#sim.sometimes(`${sent.operation} is struck`);
  }

  /** A call has come through its delay: at its time, and with the fault of its turn. */
  #arrive(sent: Sent, kind: FaultKind | 'error' | undefined): void {
    const now = this.#sim.now();
    const { id, operation, calledAtMs, delayMs, timeoutMs, cancelledAtMs } = sent;
    const freed = this.#freedAtMs[sent.freedBefore] ?? Infinity;
    const due = rounded(calledAtMs + Math.min(delayMs, timeoutMs));
    const expectedMs = delayMs === 0 ? calledAtMs : Math.min(due, freed, Math.max(calledAtMs, cancelledAtMs));
    this.#check(
      now === expectedMs,
      `R148 ${id} came through its delay at ${now}, and was to at ${expectedMs}`,
    );
    if (delayMs > timeoutMs && now === due) this.#sim.sometimes('a delay ends at the deadline of its query');
    if (delayMs > 0 && now === cancelledAtMs && now < due) {
      this.#sim.sometimes('a delayed query is cancelled');
    }
    sent.arrivedAtMs = now;
    sent.freedAtArrival = this.#freedAtMs.length;
    sent.kind = kind;
    sent.error = this.#error;
    sent.runStatus = this.#runStatus;
    const expected = this.#faultOf(operation, sent.asked);
    this.#check(kind === expected, `R153 ${id} is struck by ${kind}, and should be by ${expected}`);
  }

  /** The fault of the call that comes through now (R147, R153). */
  #faultOf(operation: ChaosOperation, asked: Sent['asked']): FaultKind | 'error' | undefined {
    if (this.#error !== undefined) return 'error';
    if (this.#released) return undefined;
    const call = (this.#arrivals.get(operation) ?? 0) + 1;
    this.#arrivals.set(operation, call);
    const { rates = {}, schedule = [] } = this.#plan;
    const own = rates[operation];
    this.#check(
      (own !== undefined) === (asked !== undefined),
      `R153 a fault of ${operation} is asked about if it can come`,
    );
    const scheduled = schedule.find((fault) => fault.operation === operation && fault.call === call);
    if (scheduled !== undefined) {
      this.#sim.sometimes(`${scheduled.kind} strikes by schedule`);
      return scheduled.kind;
    }
    const kind = asked === undefined || own === undefined ? undefined : kindOf(own, asked);
    if (kind !== undefined) this.#sim.sometimes(`${kind} strikes by chance`);
    return kind;
  }

  /** The service behind is reached. */
  #reach(method: string, id: string, leftMs: number, signal: AbortSignal | undefined): Promise<never> {
    const sim = this.#sim;
    const now = sim.now();
    const isRepeat = method === 'queryNow' && id.startsWith('query-');
    const sent = id === '' ? this.#statusAllReached() : this.#sent.find((each) => each.id === id);
    this.#check(
      sent !== undefined,
      `${method} ${id} has reached the service behind, and nobody has called it`,
    );
    if (sent === undefined) throw new Error(id);
    if (sent.arrivedAtMs === undefined) this.#arrive(sent, undefined);
    sent.reached.push(now);
    const isFirst = sent.reached.length === 1;
    this.#check(isFirst || sent.kind === 'duplicated', `${id} has reached the service behind again`);
    this.#check(isRepeat ? !isFirst : method === sent.operation, `${id} comes as ${method}`);
    const due = isFirst ? this.#dueOf(sent) : this.#repeatDue(sent);
    this.#check(
      now === due,
      `${sent.kind ?? 'plain'} ${id} reached the service behind at ${now}, and was to at ${due}`,
    );
    if (sent.operation === 'query' && !isRepeat) {
      const left = rounded(Math.max(0, sent.timeoutMs - (now - sent.calledAtMs)));
      this.#check(leftMs === left, `R151 ${id} has ${leftMs} ms left, and should have ${left}`);
      this.#check(signal === sent.controller.signal, `R151 ${id} has lost its signal`);
    }
    for (const other of this.#sent) {
      const isHeld = other.kind === 'reordered' && other.reached.length === 0 && other !== sent;
      if (isHeld) other.overtakenAtMs = Math.min(other.overtakenAtMs, now);
    }
    return this.#reply(sent, isFirst);
  }

  /** Nothing names such a call: a repetition is due, or it is the latest. */
  #statusAllReached(): Sent | undefined {
    const now = this.#sim.now();
    const all = this.#sent.filter(({ operation }) => operation === 'statusAll');
    const isRepeated = (sent: Sent): boolean =>
      sent.kind === 'duplicated' && sent.reached.length === 1 && this.#repeatDue(sent) === now;
    const latest = all.at(-1);
    return latest?.reached.length === 0 ? latest : all.find(isRepeated);
  }

  #dueOf(sent: Sent): number {
    const at = sent.arrivedAtMs ?? NaN;
    if (sent.kind === 'stuck') {
      this.#sim.sometimes('a stuck call is healed');
      return this.#freedSince(sent);
    }
    if (sent.kind === 'error' || sent.kind === 'before') return Infinity;
    if (sent.kind !== 'reordered' || this.#reorderHoldMs === 0) return at;
    const deadline = rounded(sent.calledAtMs + sent.timeoutMs);
    if (deadline <= at) return at;
    if (sent.overtakenAtMs === this.#sim.now()) this.#sim.sometimes('a call is overtaken');
    else this.#sim.sometimes('nothing overtakes a call');
    const cancelled = Math.max(at, sent.cancelledAtMs);
    return Math.min(
      rounded(at + this.#reorderHoldMs),
      deadline,
      this.#freedSince(sent),
      sent.overtakenAtMs,
      cancelled,
    );
  }

  #repeatDue(sent: Sent): number {
    const { arrivedAtMs = NaN, againMs = 0 } = sent;
    return againMs === 0 ? arrivedAtMs : Math.min(rounded(arrivedAtMs + againMs), this.#freedSince(sent));
  }

  #freedSince({ freedAtArrival }: Sent): number {
    return this.#freedAtMs[freedAtArrival] ?? Infinity;
  }

  /** What the service behind says, at once or later. */
  async #reply(sent: Sent, isFirst: boolean): Promise<never> {
    const sim = this.#sim;
    const kind = pick(sim, 'reply', ['value', 'error', 'cancelled'], 3);
    const ms = pick(sim, 'reply after', [0, 5], 1);
    if (ms > 0) await sim.sleep(ms);
    const value = { of: sent.id };
    const error =
      kind === 'error' ? new Error(`of ${sent.id}`) : new RunnerError('RUNNER_WAIT_CANCELLED', 'cancelled');
    const isLost = isFirst ? sent.kind === 'after' && kind === 'error' : kind !== 'value';
    if (isLost) this.#recordable += 1;
    if (sent.kind === 'after') sent.runStatus = this.#runStatus;
    if (isFirst) sent.reply = kind === 'value' ? { value, atMs: sim.now() } : { error, atMs: sim.now() };
    if (kind === 'value') return value as never;
    throw error;
  }

  #behind(): Service {
    const reach = (method: string, id: string): Promise<never> =>
      this.#reach(method, id, Infinity, undefined);
    return {
      run: ({ argv, taskId }) => {
        this.#check(argv.length === 1 && argv[0] === taskId, `the command comes as ${argv.join()}`);
        return reach('run', taskId ?? 'none');
      },
      abort: (runId) => reach('abort', runId),
      status: (runId) => reach('status', runId),
      query: ({ runs = [], states }, { timeoutMs, signal }) => {
        this.#check(runs.length === 1 && states === DONE_MASK, `the query comes as ${runs.join()} ${states}`);
        return this.#reach('query', runs[0] ?? 'none', timeoutMs, signal);
      },
      queryNow: ({ runs = [] }) => {
        this.#check(runs.length === 1, `the query comes as ${runs.join()}`);
        return reach('queryNow', runs[0] ?? 'none');
      },
      statusAll: () => reach('statusAll', ''),
      release: () => {
        this.#releases += 1;
        return Promise.resolve();
      },
    };
  }

  /** Changes settings, cancels, heals and releases at any moment. */
  async #control(): Promise<void> {
    const sim = this.#sim;
    const changes = pickCount(sim, 'changes', 6);
    for (let at = 0; at < changes; at += 1) {
      await sim.sleep(pick(sim, 'control sleeps', [5, 0, 10, 20], 1));
      const often = ['nothing', 'plan', 'cancel', 'delay', 'error', 'status', 'wrong'] as const;
      const kind = pick(sim, 'control', [...often, ...often, 'heal', 'release'] as const, 3);
      if (kind === 'release') await this.#release();
      else await this.#change(kind);
    }
  }

  async #change(
    kind: 'nothing' | 'plan' | 'cancel' | 'delay' | 'error' | 'status' | 'wrong' | 'heal',
  ): Promise<void> {
    const sim = this.#sim;
    if (kind === 'heal') this.#heal();
    if (kind === 'wrong') await this.#wrong();
    if (kind === 'plan') {
      this.#plan = this.#drawPlan('later');
      this.#arrivals.clear();
      this.#chaos.setPlan(this.#plan);
    }
    if (kind === 'cancel') {
      const sent = this.#latest.get('query');
      if (sent?.controller.signal.aborted === false) sent.cancelledAtMs = sim.now();
      sent?.controller.abort('enough');
    }
    if (kind === 'delay') {
      this.#maxDelayMs = pick(sim, 'new delay', [0, 10, 30], 1);
      this.#chaos.setDelay(this.#maxDelayMs);
    }
    if (kind === 'error') {
      const errors: (ChaosError | undefined)[] = [
        undefined,
        'set',
        new Error('as set'),
        new RunnerError('RUNNER_BUSY', 'busy'),
        made,
      ];
      this.#error = pick(sim, 'new error', errors, 1, (error) => String(error));
      this.#chaos.setError(this.#error);
    }
    if (kind === 'status') {
      this.#runStatus = completeStatus('shown', '', 3);
      this.#chaos.setRunStatus(completeStatus('shown', '', 3));
    }
  }

  /** Malformed calls are refused before they are sent, and so are malformed settings. */
  async #wrong(): Promise<void> {
    const chaos = this.#chaos;
    const wrong: Readonly<Record<string, () => unknown>> = {
      'a negative delay': () => chaos.setDelay(-1),
      'a delay without end': () => chaos.setDelay(Infinity),
      'a malformed plan': () =>
        chaos.setPlan({ schedule: [{ operation: 'run', call: 1.5, kind: 'before' }] }),
      'two faults of one call': () => chaos.setPlan({ schedule: [twice('before'), twice('after')] }),
      'a malformed error': () => chaos.setError(3 as never),
      'a malformed command': () => chaos.run({ argv: 'x' } as never),
      'a malformed query': () => chaos.queryNow({ states: 200 } as never),
      'a malformed wait': () => chaos.query({ states: DONE_MASK }, { timeoutMs: -1 }),
    };
    const which = pick(this.#sim, 'wrong', Object.keys(wrong), 1);
    const outcome: Outcome = await settled(Promise.resolve().then(wrong[which]));
    const isRefused = 'code' in outcome && outcome.code === 'RUNNER_INVALID_ARGUMENT';
    this.#check(isRefused, `${which} is refused, and came to ${textOf(outcome)}`);
  }

  #heal(): void {
    this.#maxDelayMs = 0;
    this.#plan = {};
    this.#arrivals.clear();
    this.#error = undefined;
    this.#freedAtMs.push(this.#sim.now());
    if (rarely(this.#sim, 'heals all', 2) && !this.#sim.healed) this.#sim.heal();
    else this.#chaos.heal();
  }

  async #release(): Promise<void> {
    const [at, before] = [this.#sim.now(), this.#releases];
    this.#released = true;
    this.#freedAtMs.push(at);
    const released = this.#chaos.release();
    this.#check(this.#releases === before + 1, 'R152 a release goes straight on');
    await released;
    this.#check(this.#sim.now() === at, 'R152 a release is not delayed');
  }

  #drawPlan(when: string): FaultPlan {
    const sim = this.#sim;
    const kinds = pick(
      sim,
      `kinds ${when}`,
      [[], ...KINDS.map((kind) => [kind]), ['before', 'after'], ['duplicated', 'stuck']] as FaultKind[][],
      1,
    );
    const rate = pick(sim, `rate ${when}`, [0.25, 0.5, 1], 1);
    const own = Object.fromEntries(kinds.map((kind) => [kind, rate / kinds.length]));
    const rates =
      kinds.length === 0 ? {} : Object.fromEntries(OPERATIONS.map((operation) => [operation, own]));
    const schedule = new Map<string, ScheduledFault>();
    const faults = pickCount(sim, `scheduled ${when}`, 4) - 1;
    for (let at = 0; at < faults; at += 1) {
      const operation = pick(sim, `operation ${when}`, OPERATIONS, 1);
      const call = pickCount(sim, `call ${when}`, 3);
      schedule.set(`${operation} ${call}`, { operation, call, kind: pick(sim, `kind ${when}`, KINDS, 1) });
    }
    return { rates, ...(schedule.size === 0 ? {} : { schedule: [...schedule.values()] }) };
  }

  /** In the end each call has reached the service behind as often as its fault lets it. */
  #isWhole({ id, kind, reached }: Sent): void {
    const times = reached.length;
    const isWhole =
      kind === 'error' || kind === 'before'
        ? times === 0
        : kind === 'duplicated'
          ? times === 2
          : kind === 'stuck'
            ? times <= 1
            : times === 1;
    this.#check(isWhole, `R153 ${kind ?? 'plain'} ${id} has reached the service behind ${times} times`);
  }

  #check(condition: boolean, message: string): void {
    this.#sim.check(condition, message);
  }
}

function twice(kind: FaultKind): ScheduledFault {
  return { operation: 'run', call: 1, kind };
}

function made(fault: object): Error {
  return Object.assign(new Error('made'), { fault });
}

/** What a set error is to be seen as. */
function meantBy(
  error: ChaosError | undefined,
): readonly [text: string, code: string | undefined, cause: unknown] {
  if (typeof error === 'string') return [error, 'RUNNER_INJECTED_FAULT', undefined];
  if (typeof error === 'function') return ['made', undefined, undefined];
  return [error?.message ?? '', isRunnerError(error) ? error.code : 'RUNNER_INJECTED_FAULT', error];
}

/** The fault that an answer stands for: the highest ones, in the order of kinds from the lowest of those up. */
function kindOf(
  rates: Readonly<Partial<Record<FaultKind, number>>>,
  { n, answer }: { readonly n: number; readonly answer: number },
): FaultKind | undefined {
  const kinds = KINDS.filter((kind) => (rates[kind] ?? 0) > 0);
  const counts = kinds.map((kind) => Math.round((rates[kind] ?? 0) * n));
  const spare = n - counts.reduce((sum, count) => sum + count, 0);
  if (spare === 0) counts[0] = (counts[0] ?? 0) - 1;
  let from = Math.max(1, spare);
  for (const [index, count] of counts.entries()) {
    if (answer >= from && answer < from + count) return kinds[index];
    from += count;
  }
  return undefined;
}

function zero(): object {
  const fields = { jobId: '', taskId: '', tag: '', stdoutRef: '', stderrRef: '', snapshotId: '', error: '' };
  return { runId: '', state: 'UNKNOWN', exitCode: 0, ...fields };
}
