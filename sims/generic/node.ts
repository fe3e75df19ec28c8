/**
 * A node with every option and verb, around a process that notes how it is reached: what the process does takes as long as it must, nothing of a dead one
 * is seen, callers learn of a loss when they are to, and each life has a name, a prefix and a world of its own.
 */
import {
  createNode,
  defineScenario,
  DONE_MASK,
  isRunnerError,
  type Node,
  type NodeFaults,
  type NodeIncarnation,
  type NodeOptions,
  type ScenarioDefinition,
  type Service,
  type SimulatedWorld,
  type Simulation,
  type TraceEvent,
} from 'dryrunner';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import { outcomeOf, settled } from './readers.ts';
import { type Outcome, textOf } from './store-model.ts';
import { mustRefuse, settledAs } from './outcome.ts';

const NAME = 'n1';
const CALLS = 5;
const OPERATIONS = ['run', 'abort', 'status', 'query', 'queryNow', 'statusAll'] as const;
type Operation = (typeof OPERATIONS)[number];
const TICK_MS = 7;
const REACHED = [
  'a call is answered',
  'a call to a node that is down fails at once',
  'a call waits while the node is paused',
  'a call that waited is answered',
  'a call is lost in a crash',
  'a call that waited is lost in a crash',
  'a call is for the process after a crash',
  'a caller hangs',
  'a caller that hangs learns of it in the end',
  'a waiting query is cancelled',
  'a timer fires late, after a pause',
  'a timer of a slow node fires',
  'a call after the release',
  'an exploration crashes it',
  'an exploration pauses it',
  'an exploration makes it slow',
  'a process of a dead life goes on, and nobody sees it',
];

type Make = typeof createNode;

/** The workload of a node; `make` is what makes one. */
export function nodeWorkload(make: Make = createNode): ScenarioDefinition<unknown> {
  return defineScenario<unknown>({
    name: 'generic-node',
    description: 'a node crashes, restarts, pauses and is slow, and nothing of a dead process is visible',
    async run(sim) {
      for (const name of REACHED) sim.sometimes(name, false);
      refusesOptions(sim, make);
      await new NodeWork(sim, make).run();
    },
  });
}

export const node: ScenarioDefinition<unknown> = nodeWorkload();

function refusesOptions(sim: Simulation, make: Make): void {
  const start = (): never => {
    throw new Error('it is not to start');
  };
  const wrong: readonly unknown[] = [
    { name: 'a b', start },
    { name: '', start },
    { name: NAME },
    { name: NAME, start, hangMs: -1 },
    { name: NAME, start, reusesIds: 1 },
    { name: NAME, start, faults: { crash: 1 } },
    { name: NAME, start, faults: { slowFactor: 0.5 } },
    { name: NAME, start, faults: { downMsMax: -1 } },
    { name: NAME, start, faults: { strikesMax: -1 } },
    { name: NAME, start, faults: { crashes: true } },
  ];
  const options = pick(sim, 'wrong options', wrong, 1, textOf);
  mustRefuse(sim, `a node of ${textOf(options)}`, () => make(sim, options as NodeOptions<Service>));
  const thrown = outcomeOf(() => make(sim, { name: 'odd', start }));
  sim.check('text' in thrown && thrown.text === 'it is not to start', 'what start throws comes out');
}

/** Something that is to happen in the process after so long. */
interface Timed {
  readonly incarnation: number;
  /** One for each speed that the node may have had as it was made. */
  readonly duesMs: readonly number[];
  readonly factor: number;
  fired: boolean;
}

/** A call on its way. */
interface Sent {
  readonly operation: Operation;
  readonly id: string;
  readonly calledAtMs: number;
  readonly controller: AbortController;
  incarnation: number;
  readonly wasDown: boolean;
  cancelledAtMs: number;
  wasHeld: boolean;
  isOver: boolean;
  reachedAtMs: number | undefined;
  reply: { readonly value?: unknown; readonly error?: unknown; readonly atMs: number } | undefined;
  hangsFromMs: number | undefined;
}

class NodeWork {
  readonly #sim: Simulation;
  readonly #node: Node;
  readonly #hangMs: number;
  readonly #reusesIds: boolean;
  readonly #faults: NodeFaults;
  readonly #hasStrikes: boolean;
  readonly #timed = new Set<Timed>();
  readonly #sent: Sent[] = [];
  readonly #latest = new Map<string, Sent>();
  /** The call that is being made, until it has reached the process or waits; and whether a crash has struck it there. */
  #arriving: Sent | undefined;
  #isArrivalStruck = false;
  #state: 'up' | 'paused' | 'down' = 'down';
  #incarnation = -1;
  #factor = 1;
  #isVerb = false;
  #strikes = 0;
  #pausedAtMs = -1;
  #resumedAtMs = -1;
  #changedAtMs = 0;
  /** When each life ended. */
  readonly #endedAtMs: number[] = [];
  #healedAtMs = Infinity;
  #releasedAtMs = Infinity;
  /** By when what the exploration did must be over. */
  #recoversByMs = Infinity;
  #slowUntilMs = -1;
  #releases = 0;

  constructor(sim: Simulation, make: Make) {
    this.#sim = sim;
    this.#hangMs = pick(sim, 'hang', [60_000, 0, 20, Infinity], 1);
    this.#reusesIds = rarely(sim, 'reuses ids', 3);
    this.#faults = this.#drawFaults();
    const { crash = false, pause = false, slow = false } = this.#faults;
    this.#hasStrikes = crash !== false || pause !== false || slow !== false;
    const { world } = sim;
    const record = (event: TraceEvent): void => {
      world.tracer.record(event);
      this.#traced(event);
    };
    const shown = (name: string, text: string): void => this.#shown(name, text);
    const watchServices = { service: () => undefined, node: shown };
    this.#node = make<Service>(
      { world: { ...world, tracer: { record }, watchServices } },
      {
        name: NAME,
        start: (own, incarnation) => this.#start(own, incarnation),
        faults: this.#faults,
        ...(this.#hangMs === 60_000 ? {} : { hangMs: this.#hangMs }),
        ...(this.#reusesIds ? { reusesIds: true } : {}),
      },
    );
    this.#check(this.#node.name === NAME, 'it has its name');
    this.#agrees();
  }

  async run(): Promise<void> {
    const sim = this.#sim;
    const clients = pickCount(sim, 'clients', 4);
    const work = Array.from({ length: clients }, (_, index) => this.#client(index, clients));
    await this.#control();
    this.#healedAtMs = sim.now();
    sim.heal();
    await sim.sleep(0);
    this.#atEvent();
    if (this.#state !== 'up' && rarely(sim, 'is put right', 2)) this.#verb(() => this.#node.restart());
    await sim.sleep(pick(sim, 'rest', [0, 30, 2_000], 1));
    await this.#release();
    await Promise.all(work);
    await sim.sleep(200);
    this.#atEvent();
    const lost = this.#sent.find(
      ({ reachedAtMs, wasDown, reply }) => reachedAtMs !== undefined && wasDown && reply !== undefined,
    );
    this.#check(lost === undefined, 'nobody answers while it is down');
  }

  #drawFaults(): NodeFaults {
    const sim = this.#sim;
    if (!rarely(sim, 'is struck', 2)) return {};
    const kind = pick(sim, 'struck by', ['crash', 'pause', 'slow', 'all'] as const, 1);
    const chance = pick(sim, 'one in', [true, 2, 5], 1);
    const kinds = kind === 'all' ? { crash: chance, pause: chance, slow: chance } : { [kind]: chance };
    const maxima = rarely(sim, 'bounds', 2)
      ? { downMsMax: 20, pauseMsMax: 20, slowMsMax: 20, slowFactor: 3, strikesMax: 1 }
      : {};
    return { ...kinds, ...maxima };
  }

  // The process.

  #start(world: SimulatedWorld, { index, name, idPrefix }: NodeIncarnation): Service {
    this.#incarnation += 1;
    const own = this.#incarnation;
    this.#check(index === own, `R45 life ${own} is called ${index}`);
    this.#check(name === `${NAME}/${index}`, `R45 life ${index} is called ${name}`);
    const prefix = this.#reusesIds ? `${NAME}-` : `${NAME}.${index}-`;
    this.#check(idPrefix === prefix, `R45 life ${index} has the prefix ${idPrefix}`);
    this.#check(world.clock.now() === this.#sim.now(), 'its clock shows the time');
    const tick = (): void => {
      if (this.#sim.now() < this.#releasedAtMs) this.#after(world, own, TICK_MS, tick);
    };
    tick();
    const lock = { runner: name, runId: '', resource: 'lock', name: `lock ${index}`, owner: name } as const;
    world.tracer.record({ at: world.clock.now(), type: 'acquired', ...lock });
    world.onHeal(() => this.#check(this.#isAlive(own), 'a dead process hears nothing of the end of faults'));
    void this.#haunt(world, own);
    const reach = (operation: Operation, id: string): Promise<never> =>
      this.#reach(world, own, operation, id);
    return {
      run: ({ taskId = '' }) => reach('run', taskId),
      abort: (runId) => reach('abort', runId),
      status: (runId) => reach('status', runId),
      query: ({ runs = [] }, { timeoutMs, signal }) => {
        const sent = this.#latest.get(`query ${runs[0] ?? ''}`);
        this.#check(signal === sent?.controller.signal, 'a query keeps its signal');
        const left = 1_000 - (this.#sim.now() - (sent?.calledAtMs ?? 0));
        this.#check(
          timeoutMs === Math.max(0, left),
          `a query has ${timeoutMs} ms left, and should have ${left}`,
        );
        return reach('query', runs[0] ?? '');
      },
      queryNow: ({ runs = [] }) => reach('queryNow', runs[0] ?? ''),
      statusAll: () => reach('statusAll', ''),
      release: () => {
        this.#releases += 1;
        this.#check(this.#isAlive(own), 'the process that is there is released');
        world.tracer.record({ at: world.clock.now(), type: 'freed', ...lock });
        return Promise.resolve();
      },
    };
  }

  /** Code that goes on after the death of its process: whatever it does is not seen. */
  async #haunt(world: SimulatedWorld, own: number): Promise<void> {
    await this.#sim.sleep(pick(this.#sim, 'haunts after', [12, 3, 30], 1));
    if (this.#isAlive(own)) return;
    const fail = (): void => this.#check(false, 'nothing of a dead process fires');
    world.clock.timer('of the dead', 1, fail);
    world.clock.post('of the dead', fail);
    world.clock.endOfInstant('of the dead', 0, fail);
    this.#check(world.choices.choose('of the dead', 2, String) === 0, 'a dead process decides nothing');
    world.tracer.record({ at: world.clock.now(), type: 'note', runner: NAME, text: 'of the dead' });
    world.onHeal(fail);
    this.#sim.sometimes('a process of a dead life goes on, and nobody sees it');
  }

  #isAlive(own: number): boolean {
    return own === this.#incarnation && this.#endedAtMs[own] === undefined;
  }

  /** Lets time of the process pass; it fires when it must, or never. */
  #after(world: SimulatedWorld, own: number, ms: number, act: () => void): void {
    const now = this.#sim.now();
    const factors = this.#factors();
    const duesMs = factors.map((factor) => now + ms * factor);
    const timed: Timed = { incarnation: own, duesMs, factor: Math.max(...factors), fired: false };
    this.#timed.add(timed);
    world.clock.timer('tick', ms, () => {
      timed.fired = true;
      this.#timed.delete(timed);
      this.#fired(timed);
      act();
    });
  }

  #fired({ incarnation, duesMs, factor }: Timed): void {
    const now = this.#sim.now();
    this.#check(this.#isAlive(incarnation), 'a timer of a dead process has fired');
    this.#check(this.#node.state === 'up', `a timer has fired on a node that is ${this.#node.state}`);
    if (duesMs.includes(now)) {
      if (factor > 1) this.#sim.sometimes('a timer of a slow node fires');
      return;
    }
    const isIn = (due: number): boolean => this.#pauses.some(([from, to]) => from <= due && due <= to);
    const isLate = now === this.#resumedAtMs && duesMs.some(isIn);
    this.#check(isLate, `a timer has fired at ${now}, and was due at ${duesMs.join(' or ')}`);
    this.#sim.sometimes('a timer fires late, after a pause');
  }

  /** How slow it may be now. */
  #factors(): readonly number[] {
    const { slowFactor = 10 } = this.#faults;
    if (this.#slowUntilMs < 0) return [this.#factor];
    const isOver = this.#slowUntilMs < this.#sim.now() || this.#healedAtMs < this.#sim.now();
    return isOver ? [this.#factor] : [Math.max(slowFactor, this.#factor), this.#factor];
  }

  readonly #pauses: [from: number, to: number][] = [];

  // What is shown of it.

  #shown(name: string, text: string): void {
    this.#check(name === NAME, `the node is shown as ${name}`);
    const now = this.#sim.now();
    const state = text.startsWith('up') ? 'up' : text === 'paused' ? 'paused' : 'down';
    if (state === 'up') this.#check(text === `up (${NAME}/${this.#incarnation})`, `it is shown as ${text}`);
    if (state === 'paused') this.#pausedAtMs = now;
    if (state === 'up' && this.#state === 'paused') {
      this.#resumedAtMs = now;
      this.#pauses.push([this.#pausedAtMs, now]);
    }
    if (state === 'down') this.#endedAtMs[this.#incarnation] = now;
    if (!this.#isVerb && state === 'up') this.#isInTime();
    if (this.#isVerb || state === 'up') this.#recoversByMs = Infinity;
    this.#state = state;
    this.#changedAtMs = now;
  }

  #traced(event: TraceEvent): void {
    const now = this.#sim.now();
    if (event.type === 'note') this.#check(event.text !== 'of the dead', 'a dead process is in the trace');
    if (event.type === 'abandoned') this.#check(event.at === now, 'what is abandoned is so now');
    if (event.type !== 'fault') return;
    if (event.kind === 'hang') {
      const sent = this.#latest.get(`${event.operation} ${event.runId}`);
      this.#check(sent !== undefined, 'somebody hangs who has not called');
      if (sent !== undefined) sent.hangsFromMs = now;
      this.#sim.sometimes('a caller hangs');
      return;
    }
    this.#check(
      event.operation === 'node' && event.runner === NAME,
      `R212 a fault of ${event.operation} on ${event.runner}`,
    );
    if (this.#isVerb) return;
    this.#struck(event.kind as 'crash' | 'pause' | 'slow');
  }

  /** What the exploration does to it is over in time. */
  #isInTime(): void {
    const [now, by] = [this.#sim.now(), Math.min(this.#recoversByMs, this.#healedAtMs)];
    const isLate = this.#recoversByMs < Infinity && now > by;
    this.#check(!isLate, `what the exploration did lasts until ${now}, and was to end by ${by}`);
  }

  /** The exploration has done something to it. */
  #struck(kind: 'crash' | 'pause' | 'slow'): void {
    const now = this.#sim.now();
    const faults = this.#faults;
    const { strikesMax = 4, downMsMax = 1_000, pauseMsMax = 1_000, slowMsMax = 10_000 } = faults;
    // The restart after a crash that nobody has put right is no fault.
    this.#check((faults[kind] ?? false) !== false, `R212 it is struck by ${kind}, which was not asked for`);
    this.#check(now < this.#healedAtMs, 'nothing strikes once faults have ended');
    this.#strikes += 1;
    if (kind === 'crash') this.#isArrivalStruck = true;
    this.#check(this.#strikes <= strikesMax, `it is struck ${this.#strikes} times`);
    if (kind === 'slow') this.#slowUntilMs = now + slowMsMax;
    else this.#recoversByMs = now + (kind === 'crash' ? downMsMax : pauseMsMax);
    const words = {
      crash: 'an exploration crashes it',
      pause: 'an exploration pauses it',
      slow: 'an exploration makes it slow',
    };
    this.#sim.sometimes(words[kind]);
  }

  // Callers.

  async #client(index: number, clients: number): Promise<void> {
    const own = OPERATIONS.filter((_, at) => at % clients === index);
    const name = `client ${index + 1}`;
    const calls = pickCount(this.#sim, `${name} calls`, CALLS);
    for (let at = 0; at < calls; at += 1) {
      await this.#sleep(pick(this.#sim, `${name} sleeps`, [5, 0, 10, 20], 1));
      await this.#call(pick(this.#sim, `${name} asks`, own, 1));
    }
  }

  async #sleep(ms: number): Promise<void> {
    await this.#sim.sleep(ms);
    this.#atEvent();
  }

  async #call(operation: Operation): Promise<void> {
    const sim = this.#sim;
    const id = `${operation}-${this.#sent.length}`;
    const sent: Sent = {
      operation,
      id,
      calledAtMs: sim.now(),
      controller: new AbortController(),
      incarnation: this.#incarnation,
      wasDown: this.#node.state === 'down',
      cancelledAtMs: Infinity,
      wasHeld: false,
      isOver: false,
      reachedAtMs: undefined,
      reply: undefined,
      hangsFromMs: undefined,
    };
    this.#sent.push(sent);
    this.#latest.set(`${operation} ${['run', 'statusAll'].includes(operation) ? '' : id}`, sent);
    this.#arriving = sent;
    this.#isArrivalStruck = false;
    const promise = this.#make(sent);
    this.#arriving = undefined;
    if (sent.reachedAtMs === undefined && this.#node.state === 'paused') {
      sent.wasHeld = true;
      sim.sometimes('a call waits while the node is paused');
    } else if (sent.reachedAtMs === undefined) {
      this.#check(
        this.#node.state === 'down' || sent.incarnation !== this.#incarnation,
        `${id} has not reached a node that is up`,
      );
    }
    const outcome = await settledAs(promise);
    sent.isOver = true;
    this.#ended(sent, outcome);
  }

  #make({ operation, id, controller }: Sent): Promise<unknown> {
    const own = this.#node;
    switch (operation) {
      case 'run':
        return own.run({ argv: [], taskId: id });
      case 'abort':
        return own.abort(id);
      case 'status':
        return own.status(id);
      case 'query':
        return own.query({ runs: [id], states: DONE_MASK }, { timeoutMs: 1_000, signal: controller.signal });
      case 'queryNow':
        return own.queryNow({ runs: [id], states: DONE_MASK });
      case 'statusAll':
        return own.statusAll();
    }
  }

  /** The process is reached: the one that was there as the call arrived, once it goes on. */
  async #reach(world: SimulatedWorld, own: number, operation: Operation, id: string): Promise<never> {
    const sim = this.#sim;
    const sent = this.#sent.findLast((each) => each.operation === operation && (id === '' || each.id === id));
    this.#check(sent?.reachedAtMs === undefined, `${operation} ${id} has reached the node twice`);
    if (sent === undefined) throw new Error(id);
    this.#passOver(sent);
    this.#check(
      this.#isAlive(own) && sent.incarnation === own,
      `${sent.id} has reached life ${own}, and was for ${sent.incarnation}`,
    );
    const now = sim.now();
    sent.reachedAtMs = now;
    const isDue = sent.wasHeld
      ? now === this.#resumedAtMs || now === this.#releasedAtMs
      : now === sent.calledAtMs;
    this.#check(isDue, `${sent.id} has reached the node at ${now}`);
    const ms = pick(sim, 'answers after', [0, 5, 20], 1);
    if (ms > 0) {
      await new Promise<void>((resolve) => {
        this.#after(world, own, ms, resolve);
      });
    }
    const value = { of: sent.id, by: own };
    const error = rarely(sim, 'fails', 5) ? new Error(`of ${sent.id}`) : undefined;
    sent.reply = error === undefined ? { value, atMs: sim.now() } : { error, atMs: sim.now() };
    if (error !== undefined) throw error;
    return value as never;
  }

  /** A crash that strikes as a call arrives may be over by then: the call is for the next process. */
  #passOver(sent: Sent): void {
    if (sent !== this.#arriving || !this.#isArrivalStruck) return;
    sent.incarnation += 1;
    this.#sim.sometimes('a call is for the process after a crash');
  }

  #ended(sent: Sent, { value, error }: { readonly value?: unknown; readonly error?: unknown }): void {
    const now = this.#sim.now();
    const { id, reply, incarnation, hangsFromMs, cancelledAtMs, wasHeld, reachedAtMs } = sent;
    const code = isRunnerError(error) ? error.code : '';
    if (reply !== undefined && value === reply.value && error === reply.error) {
      this.#check(
        now === reply.atMs || this.#pausesEnd(reply.atMs, now),
        `${id} was answered at ${reply.atMs}, and its caller learns it at ${now}`,
      );
      this.#check(
        this.#endedAtMs[incarnation] === undefined || this.#endedAtMs[incarnation] === now,
        `${id} is answered by a dead process`,
      );
      this.#sim.sometimes(wasHeld ? 'a call that waited is answered' : 'a call is answered');
      return;
    }
    if (code === 'RUNNER_WAIT_CANCELLED') {
      // One that was aborted before ends a hang as it begins, and the wait for an answer that a pause holds.
      const due = Math.max(cancelledAtMs, hangsFromMs ?? 0, reply?.atMs ?? 0);
      this.#check(now === due, `R34 ${id} is cancelled at ${now}, and was to at ${due}`);
      this.#sim.sometimes('a waiting query is cancelled');
      return;
    }
    if (code === 'RUNNER_RELEASED') {
      this.#check(now >= this.#releasedAtMs && sent.wasDown, `R84 ${id} fails as released at ${now}`);
      this.#sim.sometimes('a call after the release');
      return;
    }
    this.#check(code === 'RUNNER_INJECTED_FAULT', `${id} came to ${textOf({ value })} ${String(error)}`);
    this.#lost(sent, (error as Error).message, now);
    if (hangsFromMs !== undefined) this.#sim.sometimes('a caller that hangs learns of it in the end');
    this.#check(
      wasHeld || reachedAtMs !== undefined || sent.wasDown || this.#hasStrikes,
      `${id} was lost on its way`,
    );
  }

  /** An answer does not leave a process that pauses, also if it pauses again in the instant in which it resumes. */
  #pausesEnd(answeredAtMs: number, now: number): boolean {
    let atMs = answeredAtMs;
    for (const [from, to] of this.#pauses) {
      if (from === atMs) atMs = to;
      if (atMs === now) return true;
    }
    return false;
  }

  /** A broken connection: at once if it was down, else when the process died, or in the end of the hang. */
  #lost(sent: Sent, message: string, now: number): void {
    const { operation, id, wasDown, incarnation, calledAtMs, hangsFromMs, wasHeld } = sent;
    if (wasDown) {
      this.#check(
        message === `${operation}: node ${NAME} is down` && now === calledAtMs,
        `${id} fails with ${message} at ${now}`,
      );
      this.#sim.sometimes('a call to a node that is down fails at once');
      return;
    }
    this.#check(
      message === `${operation}: node ${NAME} went down before it answered`,
      `${id} fails with ${message}`,
    );
    this.#sim.sometimes(wasHeld ? 'a call that waited is lost in a crash' : 'a call is lost in a crash');
    const diedAtMs = this.#endedAtMs[incarnation] ?? Infinity;
    if (hangsFromMs === undefined) {
      this.#check(now === diedAtMs, `${id} was lost at ${diedAtMs}, and its caller learns it at ${now}`);
      return;
    }
    this.#check(hangsFromMs === diedAtMs, `${id} hangs from ${hangsFromMs}, and was lost at ${diedAtMs}`);
    const ends = [hangsFromMs + this.#hangMs, this.#healedAtMs, this.#releasedAtMs, sent.cancelledAtMs];
    const due = Math.min(...ends.filter((at) => at >= hangsFromMs));
    this.#check(now === due, `${id} hangs until ${now}, and was to until ${due}`);
  }

  // Verbs.

  async #control(): Promise<void> {
    const sim = this.#sim;
    const verbs = pickCount(sim, 'verbs', 7);
    for (let at = 0; at < verbs; at += 1) {
      await this.#sleep(pick(sim, 'control sleeps', [5, 0, 10, 20, 30], 1));
      this.#drawVerb(
        pick(sim, 'verb', ['nothing', 'pause', 'resume', 'crash', 'restart', 'slow', 'cancel', 'wrong'], 1),
      );
    }
  }

  #drawVerb(verb: string): void {
    const sim = this.#sim;
    const [before, incarnation] = [this.#node.state, this.#incarnation];
    const is = (state: string, life: number): void =>
      this.#check(
        this.#node.state === state && this.#incarnation === life,
        `${verb} of a node that is ${before} makes it ${this.#node.state}, life ${this.#incarnation}`,
      );
    if (verb === 'pause') {
      this.#verb(() => this.#node.pause());
      if (before === 'paused') this.#lasts();
      is(before === 'down' ? 'down' : 'paused', incarnation);
    } else if (verb === 'resume') {
      this.#verb(() => this.#node.resume());
      is(before === 'down' ? 'down' : 'up', incarnation);
    } else if (verb === 'crash') {
      this.#verb(() => this.#node.crash());
      if (before === 'down') this.#lasts();
      is('down', incarnation);
    } else if (verb === 'restart') {
      this.#verb(() => this.#node.restart());
      is('up', incarnation + 1);
    } else if (verb === 'slow') {
      const factor = pick(sim, 'factor', [2, 1, 3.5], 1);
      this.#verb(() => this.#node.slow(factor));
      this.#factor = factor;
      this.#slowUntilMs = -1;
    } else if (verb === 'cancel') this.#cancel();
    else if (verb === 'wrong') {
      const factor = pick(sim, 'wrong factor', [0.5, NaN, Infinity, 0], 1);
      const outcome: Outcome = outcomeOf(() => this.#node.slow(factor));
      this.#check(
        'code' in outcome && outcome.code === 'RUNNER_INVALID_ARGUMENT',
        `slow by ${factor} is refused`,
      );
    }
    this.#agrees();
  }

  #verb(act: () => void): void {
    this.#isVerb = true;
    act();
    this.#isVerb = false;
  }

  /** A verb for the state in which it is already: what the exploration did does not end by itself any more. */
  #lasts(): void {
    this.#recoversByMs = Infinity;
  }

  #cancel(): void {
    const sent = this.#sent.findLast(({ operation }) => operation === 'query');
    if (sent === undefined || sent.controller.signal.aborted) return;
    // Only while it waits for the node, or hangs, is a cancel the node's to see.
    sent.cancelledAtMs = this.#sim.now();
    sent.controller.abort('enough');
  }

  async #release(): Promise<void> {
    const at = this.#sim.now();
    const wasDown = this.#node.state === 'down';
    this.#releasedAtMs = at;
    await this.#node.release();
    await this.#node.release();
    this.#check(this.#releases === (wasDown ? 0 : 1), `R84 its process was released ${this.#releases} times`);
    const [state, incarnation] = [this.#node.state, this.#node.incarnation];
    this.#check(wasDown ? state === 'down' : state === 'up', `a released node is ${state}`);
    this.#verb(() => {
      this.#node.crash();
      this.#node.restart();
      this.#node.pause();
      this.#node.slow(2);
    });
    this.#check(
      this.#node.state === state && this.#node.incarnation === incarnation,
      'after a release its verbs do nothing',
    );
    const outcome = await settled(this.#call('abort'));
    this.#check('value' in outcome, `a call after the release failed: ${textOf(outcome)}`);
  }

  // At all times.

  #agrees(): void {
    const own = this.#node;
    this.#check(own.state === this.#state, `it says that it is ${own.state}, and is ${this.#state}`);
    this.#check(
      own.incarnation === this.#incarnation,
      `R45 it says that it is in life ${own.incarnation}, and is in ${this.#incarnation}`,
    );
    this.#check(
      (own.service === undefined) === (own.state === 'down'),
      'it shows its service while it is not down',
    );
  }

  #atEvent(): void {
    const now = this.#sim.now();
    this.#agrees();
    this.#isInTime();
    if (this.#state !== 'up' || this.#changedAtMs === now) return;
    const held = this.#sent.find(
      (sent) =>
        sent.wasHeld && !sent.isOver && sent.reachedAtMs === undefined && this.#isAlive(sent.incarnation),
    );
    this.#check(held === undefined, `${held?.id} waits at a node that is up`);
    for (const timed of this.#timed) {
      const due = Math.max(...timed.duesMs);
      this.#check(
        !this.#isAlive(timed.incarnation) || due >= now,
        `a timer was due at ${due}, and has not fired`,
      );
    }
  }

  #check(condition: boolean, message: string): void {
    this.#sim.check(condition, message);
  }
}
