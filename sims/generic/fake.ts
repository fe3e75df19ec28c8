/**
 * A fake runner by script and by hand: clients offer commands, drive runs, abort, read, wait and release at any moment, and every status
 * comes at its time and as it must, by a model of the queue and by one of the store.
 */
import {
  argvScript,
  type Command,
  createFakeRunner,
  defineScenario,
  type FakeEnd,
  type FakeRunner,
  type FakeRunnerOptions,
  type FakeScript,
  type ScenarioDefinition,
  type Simulation,
  type TraceEvent,
} from 'dryrunner';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import { drawFront, type Front } from './fronts.ts';
import { FakeModel, type Plan } from './fake-model.ts';
import { outcomeOf, READ_AND_REACHED, Readers, settled } from './readers.ts';
import { mustRefuse } from './outcome.ts';
import { type Outcome, StoreModel, StoreTrace } from './store-model.ts';

const CLIENTS = 3;
const OPERATIONS = 9;
const TIMES_MS = [5, 10, 20];
const BAZEL = `bz-${'a'.repeat(64)}-12`;
const REQUEST = { actionDigest: { hash: 'a'.repeat(64), sizeBytes: 12 } };
const REACHED = [
  ...READ_AND_REACHED,
  'a run ends as COMPLETE',
  'a run ends as FAILED',
  'a run ends as ABORTED',
  'a run ends as TIMEDOUT',
  'a runner becomes unhealthy',
  'a run is refused as unhealthy',
  'a run is refused as there is no room',
  'a run is refused after the release',
  'a run starts by hand before its script says so',
  'a run is ended by hand',
  'a wait is ended by the close',
  'an active run is aborted',
  'a queued run is aborted',
  'a meter is read',
];

type Make = typeof createFakeRunner;

/** The workload of a fake runner; `make` is what makes one. */
export function fakeWorkload(make: Make = createFakeRunner): ScenarioDefinition<unknown> {
  return defineScenario<unknown>({
    name: 'generic-fake',
    description:
      'clients drive a fake runner by scripts and by hand, and each run starts and ends when and as it must',
    async run(sim) {
      for (const name of REACHED) sim.sometimes(name, false);
      refusesOptions(sim, make);
      await new FakeWork(sim, make).run();
    },
  });
}

export const fake: ScenarioDefinition<unknown> = fakeWorkload();

function refusesOptions(sim: Simulation, make: Make): void {
  const wrong = [
    { capacity: -1 },
    { history: -1 },
    { capacity: 1.5 },
    { name: 3 },
    { script: 'x' },
    { idPrefix: 4 },
    { updateLimitMs: 5 },
  ];
  const options = pick(sim, 'wrong options', wrong, 1, (value) => Object.keys(value).join());
  mustRefuse(sim, 'R59 a fake runner with wrong options', () => make(sim.world, options as never));
}

/** A step of a script in argv, and what it does. */
type Step = readonly [text: string, effect: 'goes on' | 'sleeps' | 'lasts' | FakeEnd];

const STEPS: readonly Step[] = [
  ['sleep 10', 'sleeps'],
  ['complete 0', { state: 'COMPLETE', exitCode: 0 }],
  ['complete 7', { state: 'COMPLETE', exitCode: 7 }],
  ['fail 211 no checkout', { state: 'FAILED', exitCode: 211, error: 'error execing: no checkout' }],
  ['fail 241 no memory', { state: 'FAILED', exitCode: 241, error: 'error execing: no memory' }],
  ['fail 0 lost', { state: 'FAILED', exitCode: 250, error: 'error execing: lost' }],
  ['signal SIGKILL', { state: 'COMPLETE', exitCode: -1, error: 'Killed by SIGKILL' }],
  ['hang', 'lasts'],
  ['pause', 'lasts'],
  ['stdout some text', 'goes on'],
  ['stderr some text', 'goes on'],
  ['# a comment', 'goes on'],
  ['mem 10', 'goes on'],
  ['ignore-term', 'goes on'],
  ['orphan', 'goes on'],
  ['fork', 'goes on'],
];

function scriptOf(steps: readonly Step[]): FakeScript {
  let runMs = 0;
  for (const [, effect] of steps) {
    if (effect === 'sleeps') runMs += 10;
    else if (effect === 'lasts') return { runMs: Infinity };
    else if (effect !== 'goes on') return { runMs, end: effect };
  }
  return { runMs };
}

const ENDS: readonly FakeEnd[] = [
  { state: 'COMPLETE', exitCode: 0 },
  { state: 'COMPLETE', exitCode: 241, error: 'as the command says' },
  { state: 'FAILED', exitCode: 212, error: 'no checkout' },
  { state: 'FAILED', exitCode: 241, error: 'no memory' },
  { state: 'FAILED', exitCode: 1 },
];

class FakeWork {
  readonly #sim: Simulation;
  readonly #front: Front & { readonly runner: FakeRunner };
  readonly #runner: FakeRunner;
  readonly #capacity: number;
  readonly #model: FakeModel;
  readonly #store: StoreModel;
  readonly #trace: StoreTrace;
  readonly #readers: Readers;
  readonly #mode: 'argv' | 'custom' | 'hand';
  /** What the command that is being offered is to do. */
  #offered: Plan | undefined;
  readonly #plans = new Map<string, Plan>();
  #commands = 0;
  #refusal = '';

  constructor(sim: Simulation, make: Make) {
    this.#sim = sim;
    this.#mode = pick(sim, 'driven by', ['argv', 'custom', 'hand'] as const, 1);
    const capacity = pick(sim, 'capacity', [undefined, 0, 1, 2, 3, 8], 1);
    const history = pick(sim, 'history', [undefined, 0, 1, 2], 1);
    const name = pick(sim, 'name', [undefined, 'builder'], 1);
    const idPrefix = pick(sim, 'prefix', [undefined, 'n1-'], 1);
    this.#capacity = Math.max(1, capacity ?? 1);
    this.#model = new FakeModel(sim);
    this.#store = new StoreModel(history ?? (this.#capacity === 1 ? 1 : 0), idPrefix ?? '', () => sim.now());
    this.#trace = new StoreTrace(sim, name ?? 'fake', (event) => this.#saw(event));
    const script = { argv: argvScript, custom: ({ tag }: Command) => this.#scriptOf(tag), hand: undefined }[
      this.#mode
    ];
    const options: FakeRunnerOptions = {
      ...(script === undefined ? {} : { script }),
      ...(name === undefined ? {} : { name }),
      capacity,
      history,
      idPrefix,
    };
    const world = { ...sim.world, tracer: this.#trace };
    this.#front = drawFront(sim, world, (own) => make(own, options), this.#store);
    this.#runner = this.#front.runner;
    this.#readers = new Readers(sim, this.#front.service, this.#store);
    this.#agrees();
  }

  async run(): Promise<void> {
    const sim = this.#sim;
    sim.check(this.#store.service.isHealthy, 'R60 without filers it is healthy at once');
    const clients = pickCount(sim, 'clients', CLIENTS);
    const work = Array.from({ length: clients }, (_, index) => this.#client(`client ${index + 1}`));
    await Promise.all(work);
    await this.#release();
    await this.#readers.over();
    await this.#afterRelease();
  }

  async #client(name: string): Promise<void> {
    const operations = 3 + pickCount(this.#sim, `${name} operations`, OPERATIONS);
    for (let at = 0; at < operations; at += 1) {
      const ms = pick(this.#sim, `${name} sleeps`, [undefined, 0, ...TIMES_MS], 3);
      if (ms !== undefined) await this.#sleep(ms);
      await this.#operation(name);
    }
  }

  async #operation(name: string): Promise<void> {
    const often = ['run', 'hand', 'wait', 'read'] as const;
    const kinds = [...often, ...often, 'abort', 'abort', 'cancel', 'wrong', 'release'] as const;
    const kind = pick(this.#sim, `${name} does`, kinds, 2);
    switch (kind) {
      case 'run':
        return this.#offer(name);
      case 'hand': {
        this.#drive(name);
        return;
      }
      case 'wait':
        return this.#readers.wait(name);
      case 'read':
        return this.#readers.read(name);
      case 'abort': {
        void this.#readers.keep(this.#abort(this.#readers.pickRun(name)));
        return;
      }
      case 'cancel': {
        this.#readers.cancel(name);
        return;
      }
      case 'wrong':
        return this.#wrong(name);
      case 'release':
        if (rarely(this.#sim, `${name} releases`, 4)) void this.#readers.keep(this.#release());
    }
  }

  async #sleep(ms: number): Promise<void> {
    await this.#readers.sleep(ms);
    this.#model.atEvent();
    this.#agrees();
    await this.#front.check();
  }

  async #offer(name: string): Promise<void> {
    const plan = this.#drawPlan(name);
    const expected = this.#admission();
    const argv = plan.command.argv.slice();
    const given = { ...plan.command, argv };
    this.#offered = plan;
    const at = this.#sim.now();
    const running = this.#front.service.run(given);
    this.#offered = undefined;
    // The command is the caller's own, to change after the call.
    argv.splice(0, argv.length, 'complete 99');
    Object.assign(given, { tag: 'changed', timeoutMs: 1 });
    const outcome = await settled(running);
    this.#sim.check(this.#sim.now() === at, 'R65 run returns in the instant of its call');
    if (expected === undefined) {
      const isPending = 'value' in outcome && (outcome.value as { state: string }).state === 'PENDING';
      this.#sim.check(isPending, `R65 run came to ${JSON.stringify(outcome)}`);
      return;
    }
    this.#readers.same('run', outcome, expected);
    this.#sim.sometimes(`a run is refused ${this.#refusal}`);
    this.#sim.check(
      (await errorStatus(running)) === (this.#refusal === 'as unhealthy' ? this.#store.service.error : ''),
      'R64 the status of a refusal',
    );
  }

  /** What refuses a well-formed command; undefined if it is accepted (R63, R64). */
  #admission(): Outcome | undefined {
    if (this.#model.isReleased) {
      this.#refusal = 'after the release';
      return { code: 'RUNNER_RELEASED', text: 'The runner was released.' };
    }
    if (this.#model.unhealthy !== undefined) {
      this.#refusal = 'as unhealthy';
      return { code: 'RUNNER_UNHEALTHY', text: 'Worker is unhealthy.' };
    }
    if (this.#model.held < this.#capacity) return undefined;
    this.#refusal = 'as there is no room';
    return { code: 'RUNNER_BUSY', text: 'No resources available. Please try later.' };
  }

  #drawPlan(name: string): Plan {
    const sim = this.#sim;
    this.#commands += 1;
    const tag = `c${this.#commands}`;
    const timeoutMs = pick(sim, `${name} limit`, [undefined, 5, 10, 30, 0, -1], 2);
    const isTagged = rarely(sim, `${name} tags`, 2);
    const tags = isTagged ? { jobId: 'job', taskId: 'task', tag } : { tag };
    const base = { ...tags, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
    const plan = this.#drawScript(name, base);
    this.#plans.set(tag, plan);
    return plan;
  }

  #drawScript(name: string, base: Partial<Command>): Plan {
    const sim = this.#sim;
    if (rarely(sim, `${name} is of Bazel`, 12)) {
      const hasRequest = rarely(sim, `${name} has its request`, 3);
      const command = {
        argv: [],
        snapshotId: BAZEL,
        ...(hasRequest ? { executeRequest: REQUEST } : {}),
        ...base,
      };
      const fails = { exitCode: 200, error: 'no executeRequest for a run of type bazel' };
      const script = this.#mode === 'hand' ? undefined : {};
      return { command, script, ...(hasRequest ? {} : { fails }) };
    }
    if (this.#mode === 'hand') return { command: { argv: ['by hand'], ...base }, script: undefined };
    if (this.#mode === 'argv') return this.#drawArgv(name, base);
    const command = { argv: ['custom'], ...base };
    if (rarely(sim, `${name} throws`, 12)) {
      return {
        command,
        script: undefined,
        fails: { exitCode: 240, error: 'could not exec: the script throws' },
      };
    }
    if (rarely(sim, `${name} by hand`, 5)) return { command, script: undefined };
    const startAfterMs = pick(sim, `${name} starts after`, [undefined, 0, 5, 10, Infinity], 1);
    const runMs = pick(sim, `${name} lasts`, [10, undefined, 0, 5, 20, Infinity], 1);
    const end = pick(sim, `${name} ends`, [undefined, ...ENDS], 2, (value) => value?.state);
    const script = {
      ...(startAfterMs === undefined ? {} : { startAfterMs }),
      ...(runMs === undefined ? {} : { runMs }),
      ...(end === undefined ? {} : { end }),
    };
    return { command, script };
  }

  #drawArgv(name: string, base: Partial<Command>): Plan {
    const sim = this.#sim;
    const count = pickCount(sim, `${name} steps`, 4) - 1;
    const steps = Array.from({ length: count }, () => pick(sim, `${name} step`, STEPS, 4, ([text]) => text));
    const argv = steps.map(([text]) => text);
    if (!rarely(sim, `${name} bad step`, 16)) return { command: { argv, ...base }, script: scriptOf(steps) };
    const command = { argv: [...argv, 'no such step'], ...base };
    return { command, script: undefined, fails: { exitCode: 240, error: undefined } };
  }

  /** The custom script of the command with that tag. */
  #scriptOf(tag: string | undefined): FakeScript | undefined {
    const plan = this.#plans.get(tag ?? '');
    this.#sim.check(plan !== undefined, `the script is asked about "${tag}", which was not offered`);
    if (plan?.fails?.error?.startsWith('could not exec') === true) throw new Error('the script throws');
    return plan?.script;
  }

  /** By hand: what it is not the turn of, or what runs already, is refused, and nothing changes. */
  #drive(name: string): void {
    const sim = this.#sim;
    const { current } = this.#runner;
    this.#currentAgrees(current);
    const runId = rarely(sim, `${name} drives another`, 8)
      ? this.#readers.pickRun(name)
      : (current ?? 'nobody');
    const verbs = ['start', 'finish', 'finish with a code', 'fail', 'fail with a code', 'odd code'] as const;
    const verb = pick(sim, `${name} by hand`, verbs, 3);
    const isTurn = runId === current;
    const isRefused = !isTurn || verb === 'odd code' || (verb === 'start' && this.#model.isRunning(runId));
    if (!isRefused && verb === 'start') {
      this.#model.startedByHand(runId);
      sim.sometimes('a run starts by hand before its script says so');
    }
    const [end, act] = this.#handOf(verb, runId);
    if (!isRefused && end !== undefined) {
      this.#model.endedByHand(runId, end);
      sim.sometimes('a run is ended by hand');
    }
    const outcome = outcomeOf(act);
    const expected: Outcome = isRefused ? { code: 'RUNNER_INVALID_ARGUMENT' } : { value: undefined };
    this.#readers.same(`${verb} of ${runId}, and it is the turn of ${current}`, outcome, expected);
    this.#agrees();
  }

  #handOf(verb: string, runId: string): [FakeEnd | undefined, () => void] {
    const runner = this.#runner;
    switch (verb) {
      case 'start':
        return [undefined, () => runner.start(runId)];
      case 'finish':
        return [{ state: 'COMPLETE', exitCode: 0 }, () => runner.finish(runId)];
      case 'finish with a code':
        return [{ state: 'COMPLETE', exitCode: 3 }, () => runner.finish(runId, 3)];
      case 'fail':
        return [{ state: 'FAILED', exitCode: 250, error: 'lost' }, () => runner.fail(runId, 'lost')];
      case 'fail with a code':
        return [{ state: 'FAILED', exitCode: 212, error: 'lost' }, () => runner.fail(runId, 'lost', 212)];
      default:
        return [undefined, () => runner.finish(runId, 1.5)];
    }
  }

  /** It is the turn of the oldest run that is not over; in the instant in which its turn comes that may not be seen yet. */
  #currentAgrees(current: string | undefined): void {
    const { head } = this.#model;
    const turn = head === undefined ? undefined : this.#model.turnOf(head);
    const isCertain = turn !== undefined && turn < this.#sim.now();
    this.#sim.check(
      current === head || (current === undefined && !isCertain),
      `R67 it is the turn of ${current}, and should be of ${head}`,
    );
  }

  async #abort(runId: string): Promise<void> {
    const sim = this.#sim;
    const one = this.#readers.one(runId);
    if (this.#model.isReleased) {
      return this.#readers.atOnce('R84 abort after the release', () => this.#front.service.abort(runId), {
        code: 'RUNNER_RELEASED',
      });
    }
    if (!('value' in one)) {
      return this.#readers.atOnce('R72 abort of an unknown run', () => this.#front.service.abort(runId), one);
    }
    const { status } = one.value as { status: { state: string; stdoutRef: string } };
    const isOver = !['PENDING', 'RUNNING'].includes(status.state);
    if (!isOver) {
      this.#model.abortAsked(runId);
      sim.sometimes(status.state === 'RUNNING' ? 'an active run is aborted' : 'a queued run is aborted');
    }
    const at = sim.now();
    const outcome = await settled(this.#front.service.abort(runId));
    sim.check(sim.now() === at, `R70 an abort of ${runId} at ${at} returned at ${sim.now()}`);
    const after = isOver ? { value: status } : this.#ended.get(runId);
    sim.check(after !== undefined, `R70 the abort of ${runId} returned, and it is not over`);
    if (after !== undefined) this.#readers.same(`R73 abort of ${runId}`, outcome, after);
  }

  /** The end of each run, also of those that were evicted. */
  readonly #ended = new Map<string, Outcome>();

  async #release(): Promise<void> {
    const at = this.#sim.now();
    this.#model.releaseAsked();
    this.#store.isClosing = true;
    await this.#front.service.release();
    this.#sim.check(this.#sim.now() === at, `R85 a release at ${at} was over at ${this.#sim.now()}`);
    this.#sim.check(this.#model.held === 0, `R85 ${this.#model.held} runs are left after the release`);
    this.#store.close('RUNNER_RELEASED', 'The runner was released; wait needs one that was not.');
    this.#agrees();
  }

  async #afterRelease(): Promise<void> {
    const store = this.#runner.shareStore();
    this.#sim.check(store.waiterCount === 0, `R86 ${store.waiterCount} waiters are left`);
    this.#sim.check(this.#runner.current === undefined, 'R86 nothing is at work');
    await this.#offer('nobody');
    await this.#abort('0');
    await this.#readers.read('nobody');
  }

  /** Malformed commands are refused, and use up no id (R63, R66). */
  async #wrong(name: string): Promise<void> {
    const wrong = [
      undefined,
      {},
      { argv: 'x' },
      { argv: [3] },
      { argv: ['a\0b'] },
      { argv: [], timeoutMs: NaN },
      { argv: [], tag: 3 },
      { argv: [], envVars: { '=': 'x' } },
      { argv: [], executeRequest: 3 },
    ];
    const command = pick(this.#sim, `${name} wrong command`, wrong, 1, (value) => JSON.stringify(value));
    const outcome = await settled(this.#front.service.run(command as never));
    this.#readers.same(`R66 ${JSON.stringify(command)}`, outcome, { code: 'RUNNER_INVALID_ARGUMENT' });
    this.#agrees();
  }

  /** The trace shows what happens as it happens, before anybody else sees it. */
  #saw(event: TraceEvent): void {
    if (event.type === 'service') {
      const isHealthy = this.#store.service.initialized;
      this.#store.updateService(
        isHealthy
          ? { initialized: true, isHealthy: false, error: event.service.error }
          : { initialized: true, isHealthy: true, error: '' },
      );
    } else if (event.type === 'status' && event.status.state === 'PENDING') {
      const { jobId = '', taskId = '', tag = '', snapshotId } = this.#offered?.command ?? {};
      this.#readers.same(
        'R46 a new run',
        { value: event.status },
        this.#store.newRun({ jobId, taskId, tag }, snapshotId === BAZEL ? 'bazel' : 'scoot'),
      );
      if (this.#offered !== undefined) this.#model.accepted(event.status.runId, this.#offered);
    } else if (event.type === 'status') {
      this.#sim.check(
        this.#store.update(event.status) === 'accepted',
        `R4 run ${event.status.runId} goes to ${event.status.state}`,
      );
      this.#model.wrote(event.status);
      if (!['PENDING', 'RUNNING'].includes(event.status.state)) {
        this.#ended.set(event.status.runId, { value: event.status });
      }
      const why = this.#model.unhealthy;
      this.#sim.check(
        this.#store.service.isHealthy === (why === undefined) && this.#store.service.error === (why ?? ''),
        `R82 the service says "${this.#store.service.error}", and should "${why ?? ''}"`,
      );
    } else if (event.type === 'accepted') {
      this.#readers.same(
        'the trace of a command',
        { value: event.command },
        { value: this.#offered?.command },
      );
    }
  }

  #agrees(): void {
    this.#trace.agrees(this.#store);
    const store = [...this.#store.runs.keys()];
    this.#sim.check(store.length <= 100, 'runs are kept as they should');
  }
}

/** The text in the status of a refused run (R22). */
async function errorStatus(running: Promise<unknown>): Promise<string> {
  try {
    await running;
    return 'it was accepted';
  } catch (error) {
    return (error as { status?: { error: string } }).status?.error ?? '';
  }
}
