/**
 * The execers in virtual time on their own: scripts of all steps against a model of what each step does, with aborts, resumes, slow and failing
 * sinks, a memory cap and children. Ends, their times, texts and faults, what was written and what lives must be as the model says. Processes
 * start a millisecond apart and everything else falls between the steps, so that nothing is due at once and there is one outcome.
 */
import {
  type Command,
  type Chunk,
  type ExecCommand,
  type MemoryReport,
  type Process,
  type ProcessStatus,
  type Sink,
  defineScenario,
  isRunnerError,
  type Metrics,
  METRIC_NAMES,
  parseSimScript,
  type ScenarioDefinition,
  type SimStep,
  simScript,
  simStep,
  type Simulation,
} from 'dryrunner';
import {
  createDoneExecer,
  createErrorExecer,
  createInterceptExecer,
  createSimExecer,
  SIM_EXECER_MARK,
  type SimExecer,
} from 'dryrunner/kit';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import { rounded } from './outcome.ts';

const CAP_BYTES = 100;
const SLEEPS_MS = [10, 20, 50];
const BYTES = [50, 99, 100, 150, 0];
const SIGNALS = ['SIGSEGV', 'SIGKILL', 'SIGTERM'];
/** A time of its own for what comes from outside, so that it never meets a step. */
const OUTSIDE_MS = 0.25;
const TINY_MS = 1e-6;

export const execers: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'execers',
  description:
    'scripts of all steps on the sim execer do what each step says, and the trivial execers what they were set to',
  async run(sim) {
    const kind = pick(sim, 'part', ['scripts', 'texts', 'trivial'] as const, 6);
    if (kind === 'texts') checkTexts(sim);
    else if (kind === 'trivial') await checkTrivial(sim);
    else await new ScriptPlay(sim).run();
  },
});

/** How a sink behaves. */
interface SinkPlan {
  readonly takesMs: number;
  readonly fails: 'no' | 'throws' | 'rejects';
}

interface ModelOptions {
  readonly capBytes: number;
  readonly graceMs: number;
  readonly drainMs: number;
  readonly periodMs: number;
  readonly stdout: SinkPlan | undefined;
  readonly stderr: SinkPlan | undefined;
}

/** A process as the doc comments of the steps say. */
class ModelProcess {
  readonly name: string;
  readonly tag: string;
  readonly written: string[] = [];
  readonly gauge: string[] = [];
  status: ProcessStatus | undefined;
  endedAtMs = Infinity;
  pausedAtMs = Infinity;
  children = 0;
  orphans = 0;
  readonly faults: { readonly atMs: number; readonly text: string }[] = [];
  report: MemoryReport['kind'] | undefined;
  #drainedAtMs = -Infinity;
  readonly #options: ModelOptions;
  readonly #script: readonly SimStep[];
  readonly #startMs: number;
  #at = 0;
  #wakeMs: number;
  #usage = 0;
  #lookMs = Infinity;
  #termMs = Infinity;
  #ignoresTerm = false;
  #kept: { readonly isOrphan: boolean; readonly ignoresTerm: boolean }[] = [];
  #isShown = false;

  constructor(name: string, tag: string, startMs: number, script: readonly SimStep[], options: ModelOptions) {
    this.name = name;
    this.tag = tag;
    this.#script = script;
    this.#startMs = startMs;
    this.#wakeMs = startMs;
    this.#options = options;
  }

  /** Does what lets no time pass. */
  work(): void {
    this.#work(this.#startMs);
  }

  get shown(): string[] {
    return simScript(...this.#script);
  }

  /** Lets time pass until then, everything due at it included. */
  advance(untilMs: number): void {
    while (this.status === undefined) {
      const killMs = this.#termMs + this.#options.graceMs;
      const nextMs = Math.min(this.#wakeMs, this.#lookMs, killMs);
      if (nextMs > untilMs) return;
      if (nextMs === this.#wakeMs) this.#work(nextMs);
      else if (nextMs === this.#lookMs) this.#endByMemory(nextMs);
      else this.#die(nextMs, aborted('SIGKILL'));
    }
  }

  abort(atMs: number): void {
    if (this.status !== undefined || this.#termMs < Infinity) return;
    this.#termMs = atMs;
    this.#lookMs = Infinity;
    this.pausedAtMs = Infinity;
    if (!this.#ignoresTerm) {
      this.#die(atMs, aborted('SIGTERM'));
      return;
    }
    this.#kept = this.#kept.filter(({ ignoresTerm }) => ignoresTerm);
    this.#recount();
  }

  resume(atMs: number): void {
    this.pausedAtMs = Infinity;
    this.#wakeMs = atMs;
    this.#work(atMs);
  }

  answersTo(name: string): boolean {
    return name === this.name || name === this.tag;
  }

  get living(): number {
    return this.status === undefined ? 1 + this.children + this.orphans : 0;
  }

  /** When its end can be seen: once all is written, or cut. */
  get seenAtMs(): number {
    return this.isCut ? this.endedAtMs + this.#options.drainMs : Math.max(this.endedAtMs, this.#drainedAtMs);
  }

  /** The faults in its status. */
  get faultTexts(): string[] {
    const { drainMs } = this.#options;
    const seen = this.faults
      .filter(({ atMs }) => atMs <= this.seenAtMs + TINY_MS)
      .sort((left, right) => left.atMs - right.atMs);
    return [...seen.map(({ text }) => text), ...(this.isCut ? [`output: cut after ${drainMs} ms`] : [])];
  }

  get isCut(): boolean {
    return this.#drainedAtMs > this.endedAtMs + this.#options.drainMs;
  }

  #work(nowMs: number): void {
    this.#wakeMs = Infinity;
    while (this.status === undefined) {
      const step = this.#script[this.#at++];
      if (step === undefined) this.#end(nowMs, completed(0));
      else if (this.#waits(step, nowMs)) return;
    }
  }

  #waits(step: SimStep, nowMs: number): boolean {
    switch (step.op) {
      case 'sleep':
        this.#wakeMs = nowMs + step.ms;
        return true;
      case 'pause':
        if (this.#termMs === Infinity) this.pausedAtMs = nowMs;
        return true;
      case 'hang':
        return true;
      case 'complete':
        this.#end(nowMs, completed(step.exitCode));
        return false;
      case 'fail':
        this.#end(nowMs, { state: 'FAILED', exitCode: step.exitCode, error: step.text });
        return false;
      case 'signal':
        this.#end(nowMs, { ...completed(-1), error: `Killed by ${step.signal}`, signal: step.signal });
        return false;
      case 'stdout':
      case 'stderr':
        this.#write(step.op, step.text, nowMs);
        return false;
      case 'mem':
        this.#hold(step.bytes, nowMs);
        return false;
      case 'ignore-term':
        this.#ignoresTerm = true;
        return false;
      case 'fork':
      case 'orphan':
        this.#kept.push({ isOrphan: step.op === 'orphan', ignoresTerm: this.#ignoresTerm });
        this.#recount();
        return false;
      case 'comment':
        return false;
    }
  }

  #recount(): void {
    this.orphans = this.#kept.filter(({ isOrphan }) => isOrphan).length;
    this.children = this.#kept.length - this.orphans;
  }

  #write(stream: 'stdout' | 'stderr', text: string, nowMs: number): void {
    const sink = this.#options[stream];
    if (text === '' || sink === undefined) return;
    const { takesMs, fails } = sink;
    this.written.push(`${rounded(nowMs)} ${stream} ${text}`);
    // A rejection is seen after all that is done in its instant.
    const atMs = fails === 'throws' ? nowMs : nowMs + takesMs + TINY_MS;
    if (fails !== 'no') this.faults.push({ atMs, text: `${stream} sink: ` });
    if (fails !== 'throws' && takesMs > 0) this.#drainedAtMs = Math.max(this.#drainedAtMs, nowMs + takesMs);
  }

  #hold(bytes: number, nowMs: number): void {
    if (this.#options.capBytes === 0 || this.#termMs < Infinity) return;
    const { periodMs } = this.#options;
    this.#usage = bytes;
    this.#isShown = true;
    this.gauge.push(`${rounded(nowMs)} ${bytes}`);
    if (bytes < this.#options.capBytes) this.#lookMs = Infinity;
    else if (this.#lookMs === Infinity) {
      this.#lookMs = this.#startMs + Math.ceil((nowMs - this.#startMs) / periodMs) * periodMs;
    }
  }

  #endByMemory(nowMs: number): void {
    this.report = nowMs === this.#startMs ? 'initial' : 'exceeded';
    const figures = `${this.#usage} of ${this.#options.capBytes} bytes`;
    const status: ProcessStatus =
      this.report === 'initial'
        ? {
            state: 'FAILED',
            exitCode: 241,
            error: `Critical error detected. Initial memory utilization is over the cap: ${figures}`,
          }
        : { ...completed(1), error: `Cmd exceeded MemoryCap, aborting process: ${figures}` };
    this.#die(nowMs, status);
  }

  /** What ends by itself after SIGTERM counts as ended by that. */
  #end(nowMs: number, status: ProcessStatus): void {
    if (this.orphans > 0) this.faults.push({ atMs: nowMs, text: `descendants: ${this.orphans} outlived` });
    this.#die(nowMs, this.#termMs < Infinity ? aborted('SIGTERM') : status);
  }

  #die(nowMs: number, status: ProcessStatus): void {
    this.status = status;
    this.endedAtMs = nowMs;
    this.pausedAtMs = Infinity;
    if (this.#isShown) this.gauge.push(`${rounded(nowMs)} 0`);
  }
}

function completed(exitCode: number): ProcessStatus {
  return { state: 'COMPLETE', exitCode, error: '' };
}

function aborted(signal: string): ProcessStatus {
  return { state: 'FAILED', exitCode: -1, error: `Aborted (${signal})`, signal };
}

/** A real process beside its model. */
interface Pair {
  readonly model: ModelProcess;
  readonly process: Process;
  readonly written: readonly string[];
  readonly reports: readonly string[];
  seenAtMs: number;
}

/** Some processes on one execer. */
class ScriptPlay {
  readonly #sim: Simulation;
  readonly #execer: SimExecer;
  readonly #options: ModelOptions;
  readonly #gauge: string[] = [];
  readonly #pairs: Pair[] = [];
  readonly #watches: Promise<void>[] = [];
  #highInitial = 0;
  readonly #hasMetrics: boolean;

  constructor(sim: Simulation) {
    this.#sim = sim;
    const { clock, tracer } = sim.world;
    const isWatched = !rarely(sim, 'memory is not watched', 4);
    const graceMs = pick(sim, 'grace', [undefined, 0, 25.5], 1);
    const drainMs = pick(sim, 'drain grace', [undefined, 0, 21.5], 1);
    this.#hasMetrics = !rarely(sim, 'no metrics', 4);
    this.#options = {
      capBytes: isWatched ? CAP_BYTES : 0,
      periodMs: pick(sim, 'period', [33, undefined], 3) ?? 500,
      graceMs: graceMs ?? 10_000,
      drainMs: drainMs ?? 1_000,
      stdout: this.#sinkPlan('stdout'),
      stderr: this.#sinkPlan('stderr'),
    };
    this.#execer = createSimExecer({
      clock,
      ...(rarely(sim, 'untraced', 3) ? {} : { tracer, runner: 'execers' }),
      ...(graceMs === undefined ? {} : { graceMs }),
      ...(drainMs === undefined ? {} : { drainGraceMs: drainMs }),
      ...(isWatched ? { memoryCapBytes: CAP_BYTES } : {}),
      ...(this.#options.periodMs === 500 ? {} : { memoryPeriodMs: this.#options.periodMs }),
      ...(this.#hasMetrics ? { metrics: this.#metrics() } : {}),
    });
  }

  async run(): Promise<void> {
    const { graceMs, drainMs } = this.#options;
    this.#check(
      this.#execer.cancelBoundMs === graceMs + drainMs,
      'R199 cancelBoundMs',
      graceMs + drainMs,
      this.#execer.cancelBoundMs,
    );
    const count = pickCount(this.#sim, 'processes', 3);
    for (let index = 0; index < count; index += 1) {
      if (index > 0) await this.#sim.sleep(1);
      this.#start(index);
    }
    await this.#sim.sleep(OUTSIDE_MS);
    const acts = pickCount(this.#sim, 'acts', 6, 0);
    for (let act = 0; act < acts; act += 1) {
      await this.#sim.sleep(pick(this.#sim, 'waits', [5, 10, 15, 35, 70], 1) + 0.01);
      this.#act();
    }
    for (const pair of this.#pairs) this.#abort(pair);
    await this.#sim.sleep(Math.max(graceMs, 0) + drainMs + 100);
    await Promise.all(this.#watches);
    for (const pair of this.#pairs) await this.#judge(pair);
    this.#judgeAll();
  }

  #start(index: number): void {
    const name = `run-${index}`;
    const tag = index === 1 ? 'tagged' : '';
    const steps = Array.from({ length: pickCount(this.#sim, `steps of ${name}`, 6, 0) }, () =>
      drawStep(this.#sim, name),
    );
    const written: string[] = [];
    const reports: string[] = [];
    const command: ExecCommand = {
      argv: simScript(...steps),
      dir: '/',
      jobId: '',
      taskId: '',
      tag,
      runId: name,
      ...this.#sinks(written),
      onMemoryReport: ({ kind, status }) => {
        const { livingProcesses } = this.#execer;
        reports.push(`${rounded(this.#sim.now())} ${kind} ${status.exitCode} ${livingProcesses}`);
      },
    };
    if (rarely(this.#sim, `a step of ${name} is bad`, 10)) this.#mustRefuse(command);
    const model = new ModelProcess(name, tag, this.#sim.now(), steps, this.#options);
    const process = this.#execer.exec(command);
    const pair: Pair = { model, process, written, reports, seenAtMs: Infinity };
    this.#pairs.push(pair);
    this.#watches.push(this.#watch(pair));
    model.work();
    this.#advance();
    const isSeen =
      model.status !== undefined && model.seenAtMs === this.#sim.now() && model.faults.length === 0;
    if (isSeen && !model.isCut && model.report === undefined) {
      const status = process.wait();
      this.#check(
        !('then' in status),
        `a script without time has ended when exec returns: ${name}`,
        'a status',
        'a promise',
      );
    }
  }

  async #watch(pair: Pair): Promise<void> {
    await pair.process.wait();
    pair.seenAtMs = this.#sim.now();
  }

  #mustRefuse(command: ExecCommand): void {
    const at = command.argv.length;
    const bad = pick(this.#sim, 'bad step', BAD_STEPS, 1);
    const { livingProcesses } = this.#execer;
    try {
      this.#execer.exec({ ...command, argv: [...command.argv, bad, 'complete 0'] });
      this.#check(false, `R136 the step "${bad}"`, 'an error', 'a process');
    } catch (error) {
      if (!isRunnerError(error, 'RUNNER_EXEC_FAILED')) throw error;
      this.#check(
        error.message.includes(`argv[${at}]`),
        `R136 the error of "${bad}"`,
        `argv[${at}]`,
        error.message,
      );
    }
    this.#check(
      this.#execer.livingProcesses === livingProcesses,
      'R136 nothing has started',
      livingProcesses,
      this.#execer.livingProcesses,
    );
  }

  #act(): void {
    this.#look();
    const kind = pick(this.#sim, 'does', ['look', 'abort', 'resume', 'resume by name'] as const, 1);
    if (kind === 'abort') this.#abort(pick(this.#sim, 'aborts', this.#pairs, 1, ({ model }) => model.name));
    if (kind === 'resume') this.#resume(undefined);
    if (kind === 'resume by name') {
      this.#resume(pick(this.#sim, 'name', ['run-0', 'run-1', 'tagged', 'nobody'], 1));
    }
  }

  #abort({ model, process }: Pair): void {
    model.advance(this.#sim.now());
    model.abort(this.#sim.now());
    void process.abort();
  }

  #resume(name: string | undefined): void {
    const paused = this.#paused().find((model) => name === undefined || model.answersTo(name));
    paused?.resume(this.#sim.now());
    const got = name === undefined ? this.#execer.resume() : this.#execer.resume(name);
    this.#check(got === (paused !== undefined), `R140 resume ${name ?? ''}`, paused !== undefined, got);
    this.#sim.sometimes('a paused process was resumed', got);
  }

  #paused(): ModelProcess[] {
    const paused = this.#pairs.map(({ model }) => model).filter(({ pausedAtMs }) => pausedAtMs < Infinity);
    return paused.sort((left, right) => left.pausedAtMs - right.pausedAtMs);
  }

  #advance(): void {
    for (const { model } of this.#pairs) model.advance(this.#sim.now());
  }

  #look(): void {
    this.#advance();
    const living = this.#pairs.reduce((sum, { model }) => sum + model.living, 0);
    this.#check(
      this.#execer.livingProcesses === living,
      'R129 processes alive',
      living,
      this.#execer.livingProcesses,
    );
    const paused = this.#paused().map(({ name }) => name);
    this.#check(
      this.#execer.paused.join() === paused.join(),
      'R140 paused',
      paused.join(),
      this.#execer.paused.join(),
    );
  }

  async #judge({ model, process, written, reports, seenAtMs }: Pair): Promise<void> {
    model.advance(Infinity);
    const status = await process.wait();
    const { faults: unsorted = [], ...got } = status;
    // Two sinks that fail at once may do so in either order.
    const faults = [...unsorted].sort();
    const is = `of ${model.name}`;
    const [seenMs, expectedMs] = [rounded(seenAtMs), rounded(model.seenAtMs)];
    this.#check(seenMs === expectedMs, `R120 R123 the time of the end ${is}`, expectedMs, seenMs);
    this.#check(sameText(got, model.status), `R137 the end ${is}`, model.status, got);
    this.#check(
      (await process.abort()) === status && (await process.wait()) === status,
      `R120 one status ${is}`,
      status,
      'another',
    );
    const expected = model.faultTexts.sort();
    const areFitting =
      faults.length === expected.length && faults.every((fault, at) => fault.startsWith(expected[at] ?? ''));
    this.#check(areFitting, `R123 faults ${is}`, expected, faults);
    this.#check(
      written.join('\n') === model.written.join('\n'),
      `R97 what was written ${is}`,
      model.written,
      written,
    );
    const report =
      model.report === undefined
        ? []
        : [`${rounded(model.endedAtMs)} ${model.report} ${model.status?.exitCode}`];
    this.#check(
      reports.length === report.length && reports.every((text, at) => text.startsWith(report[at] ?? '')),
      `R133 memory reports ${is}`,
      report,
      reports,
    );
    for (const [name, condition] of Object.entries({
      'a process was killed for its memory': model.report === 'exceeded',
      'a process was over its memory at its start': model.report === 'initial',
      'a process was killed after its grace': model.status?.error === 'Aborted (SIGKILL)',
      'output was cut': model.isCut,
      'a sink failed': model.faults.some(({ text }) => text.includes('sink')),
      'children outlived their parent': model.faults.some(({ text }) => text.startsWith('desc')),
    })) {
      this.#sim.sometimes(name, condition);
    }
  }

  #judgeAll(): void {
    this.#look();
    const models = this.#pairs.map(({ model }) => model);
    if (!this.#hasMetrics) return;
    const timeOf = (text: string): number => Number(text.split(' ')[0]);
    const gauge = models.flatMap((model) => model.gauge).sort((left, right) => timeOf(left) - timeOf(right));
    this.#check(gauge.join() === this.#gauge.join(), 'R179 gauge memory', gauge, this.#gauge);
    const initial = models.filter(({ report }) => report === 'initial').length;
    this.#check(
      this.#highInitial === initial,
      'R132 highInitialMemoryUtilization',
      initial,
      this.#highInitial,
    );
  }

  #metrics(): Metrics {
    return {
      counter: (name) => ({
        increment: (by = 1) => {
          if (name === METRIC_NAMES.HIGH_INITIAL_MEMORY) this.#highInitial += by;
        },
      }),
      gauge: (name) => ({
        set: (value) => {
          if (name === METRIC_NAMES.MEMORY) this.#gauge.push(`${rounded(this.#sim.now())} ${value}`);
        },
      }),
      histogram: () => ({ record: () => undefined }),
    };
  }

  #sinkPlan(name: string): SinkPlan | undefined {
    if (rarely(this.#sim, `no ${name}`, 8)) return undefined;
    return {
      takesMs: pick(this.#sim, `${name} takes`, [0, 4.5, 14.5, 44.5], 2),
      fails: pick(this.#sim, `${name} fails`, ['no', 'throws', 'rejects'] as const, 5),
    };
  }

  #sinks(written: string[]): Pick<ExecCommand, 'stdout' | 'stderr'> {
    const { stdout, stderr } = this.#options;
    return {
      ...(stdout === undefined ? {} : { stdout: this.#sink('stdout', stdout, written) }),
      ...(stderr === undefined ? {} : { stderr: this.#sink('stderr', stderr, written) }),
    };
  }

  #sink(name: string, { takesMs, fails }: SinkPlan, written: string[]): Sink {
    const write = (chunk: Chunk): void | Promise<void> => {
      written.push(`${rounded(this.#sim.now())} ${name} ${String(chunk)}`);
      if (fails === 'throws') throw new Error('closed');
      if (takesMs === 0 && fails === 'no') return undefined;
      return this.#finish(takesMs, fails === 'rejects');
    };
    return { write };
  }

  async #finish(takesMs: number, isFailing: boolean): Promise<void> {
    if (takesMs > 0) await this.#sim.sleep(takesMs, 'sink');
    if (isFailing) throw new Error('full');
  }

  #check(condition: boolean, what: string, expected: unknown, got: unknown): void {
    if (condition) return;
    this.#sim.check(
      false,
      `${what}\n\nExpected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}. Scripts: ${JSON.stringify(this.#pairs.map(({ model }) => model.shown))}.`,
    );
  }
}

const BAD_STEPS = [
  'complete',
  'complete x',
  'complete 2147483648',
  'sleep -1',
  'sleep 1e3',
  'pause 1',
  'hang now',
  'signal SIGCHLD',
  'mem -1',
  'mem 1.5',
  'fail',
  'fail x y',
  'fork 2',
  'orphan 1',
  'ignore-term now',
  'nothing',
  '',
];
const STEPS = [
  'stdout',
  'sleep',
  'stderr',
  'mem',
  'pause',
  'fork',
  'orphan',
  'ignore-term',
  'hang',
  'complete',
  'fail',
  'signal',
  'comment',
] as const;

function drawStep(sim: Simulation, name: string): SimStep {
  switch (pick(sim, `step of ${name}`, STEPS, 1)) {
    case 'stdout':
      return simStep.stdout(pick(sim, 'text', ['out', '', 'two words ', 'ünï\n'], 1));
    case 'stderr':
      return simStep.stderr(pick(sim, 'text', ['err', '', ' led by a space'], 1));
    case 'sleep':
      return simStep.sleep(pick(sim, 'sleeps', SLEEPS_MS, 1));
    case 'mem':
      return simStep.mem(pick(sim, 'bytes', BYTES, 1));
    case 'pause':
      return simStep.pause();
    case 'fork':
      return simStep.fork();
    case 'orphan':
      return simStep.orphan();
    case 'ignore-term':
      return simStep.ignoreTerm();
    case 'hang':
      return simStep.hang();
    case 'complete':
      return simStep.complete(pick(sim, 'exit code', [0, 1, 255, 256, -1], 1));
    case 'fail':
      return simStep.fail(pick(sim, 'exit code', [0, 7, 250], 1), pick(sim, 'text', ['', 'lost it'], 1));
    case 'signal':
      return simStep.signal(pick(sim, 'signal', SIGNALS, 1));
    case 'comment':
      return simStep.comment('! nothing');
  }
}

function sameText(one: unknown, other: unknown): boolean {
  const sorted = (value: unknown): string =>
    JSON.stringify(Object.entries(value as object).sort(([left], [right]) => (left < right ? -1 : 1)));
  return sorted(one) === sorted(other);
}

/** Scripts are written down and read again as the same steps. */
function checkTexts(sim: Simulation): void {
  const steps = Array.from({ length: pickCount(sim, 'steps', 8) }, () => drawStep(sim, 'script'));
  const again = parseSimScript(simScript(...steps));
  sim.check(
    JSON.stringify(again) === JSON.stringify(steps),
    `R135 a script read again\n\nExpected ${JSON.stringify(steps)}, got ${JSON.stringify(again)}.`,
  );
  const frozen = again.every((step) => Object.isFrozen(step));
  sim.check(frozen, 'steps that were read are frozen');
  const bad = pick(sim, 'bad step', BAD_STEPS, 1);
  let code = '';
  try {
    parseSimScript([...simScript(...steps), bad]);
  } catch (error) {
    code = isRunnerError(error) ? error.code : String(error);
  }
  sim.check(code === 'RUNNER_EXEC_FAILED', `R136 the step "${bad}" was read`);
}

/** R145, R146. */
async function checkTrivial(sim: Simulation): Promise<void> {
  const status: ProcessStatus = {
    state: pick(sim, 'state', ['COMPLETE', 'FAILED', 'UNKNOWN'] as const, 1),
    exitCode: pick(sim, 'exit code', [0, 3, -1], 1),
    error: pick(sim, 'error', ['', 'some text'], 1),
  };
  const done = createDoneExecer(status);
  const broken = new Error('cannot start');
  const failing = pick(
    sim,
    'error execer',
    [createErrorExecer(broken), createDoneExecer({ ...status, execError: broken })],
    1,
    String,
  );
  const isOwn = rarely(sim, 'own predicate', 2);
  const both = createInterceptExecer({
    interceptor: done,
    fallback: failing,
    ...(isOwn ? { intercepts: ({ argv }: Pick<Command, 'argv'>) => argv.length === 2 } : {}),
  });
  const argv = pick(
    sim,
    'argv',
    [[SIM_EXECER_MARK], ['other', 'two'], [`${SIM_EXECER_MARK} more`], []],
    1,
    String,
  );
  const isDone = isOwn ? argv.length === 2 : argv[0] === SIM_EXECER_MARK;
  const command: ExecCommand = { argv, dir: '/', jobId: '', taskId: '', tag: '' };
  try {
    const process = await both.exec(command);
    sim.check(isDone, `R146 the command ${JSON.stringify(argv)} went to the interceptor`);
    const [first, second, third] = [await process.wait(), await process.abort(), await process.wait()];
    sim.check(
      sameText(first, status),
      `R145 the status of a done execer\n\nExpected ${JSON.stringify(status)}, got ${JSON.stringify(first)}.`,
    );
    sim.check(first === second && second === third, 'R120 all give the same status');
  } catch (error) {
    if (error !== broken) throw error;
    sim.check(!isDone, `R146 the command ${JSON.stringify(argv)} went to the fallback`);
  }
  sim.check(both.cancelBoundMs === 0, 'R199 the bound of an intercept execer is the greater of both');
  const slow = createSimExecer({ clock: sim.world.clock, graceMs: 5, drainGraceMs: 2 });
  const mixed = createInterceptExecer({ interceptor: done, fallback: slow });
  sim.check(
    mixed.cancelBoundMs === 7,
    `R199 the bound of an intercept execer: expected 7, got ${mixed.cancelBoundMs}`,
  );
}
