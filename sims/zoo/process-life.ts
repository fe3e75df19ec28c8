/**
 * Processes of a simulated execer, used without any runner: scripts end as they say, an abort ends what is alive and nothing else,
 * output arrives before the end is reported, paused processes wake one by one, and nobody is alive in the end.
 */
import {
  createMemoryMetrics,
  defineScenario,
  METRIC_NAMES,
  type ExecCommand,
  type Process,
  type ProcessStatus,
  type ScenarioDefinition,
  type Simulation,
} from 'dryrunner';
import { createSimExecer, type SimExecer } from 'dryrunner/kit';
import { pick, pickCount, pickIndex, pickMs } from './odds.ts';
import { failUnexpected } from './unexpected-error.ts';
import { WatchedSink, type SinkKind } from './watched-sink.ts';

const GRACE_MS = 40;
const DRAIN_MS = 20;
const CAP_BYTES = 1_000;
const SINKS: readonly (SinkKind | 'none')[] = ['fast', 'none', 'slow', 'failing', 'stuck'];

/** What a script does by itself: its end, and what it writes until then. */
interface Program {
  readonly argv: readonly string[];
  readonly ends: Partial<ProcessStatus>;
  readonly output: string;
}

const PROGRAMS: readonly Program[] = [
  { argv: ['stdout a', 'complete 3'], ends: { state: 'COMPLETE', exitCode: 3 }, output: 'a' },
  {
    argv: ['stdout a', 'sleep 20', 'stdout b', 'complete 4'],
    ends: { state: 'COMPLETE', exitCode: 4 },
    output: 'ab',
  },
  { argv: ['sleep 10', 'stdout c'], ends: { state: 'COMPLETE', exitCode: 0 }, output: 'c' },
  { argv: ['stdout a', '# nothing'], ends: { state: 'COMPLETE', exitCode: 0 }, output: 'a' },
  { argv: ['fork', 'orphan', 'sleep 20', 'complete 5'], ends: { exitCode: 5 }, output: '' },
  { argv: ['sleep 10', 'signal SIGSEGV'], ends: { exitCode: -1, signal: 'SIGSEGV' }, output: '' },
  {
    argv: ['ignore-term', 'stdout d', 'sleep 60', 'stdout e', 'complete 6'],
    ends: { state: 'COMPLETE', exitCode: 6 },
    output: 'de',
  },
  { argv: ['mem 2000', 'complete 7'], ends: { state: 'COMPLETE', exitCode: 7 }, output: '' },
  { argv: ['mem 2000', 'sleep 30'], ends: { state: 'FAILED', exitCode: 241 }, output: '' },
  { argv: ['sleep 10', 'mem 2000', 'sleep 60'], ends: { state: 'COMPLETE', exitCode: 1 }, output: '' },
  { argv: ['pause', 'stdout p', 'complete 8'], ends: { state: 'COMPLETE', exitCode: 8 }, output: 'p' },
];

export const processLife: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-process-life',
  description:
    'processes of a simulated execer run scripts, are aborted or resumed, exceed their memory cap, and write to sinks that may be slow, stuck, failing, or not given at all, which is allowed and drops what is written: each ends as its script says, or because it was aborted, once, and nothing of it is alive or written after that',
  async run(sim) {
    const { clock, tracer } = sim.world;
    const metrics =
      sim.choose('somebody takes metrics', 2, (answer) => (answer === 1 ? 'yes' : 'no')) === 1
        ? createMemoryMetrics()
        : undefined;
    const execer = createSimExecer({
      clock,
      tracer,
      graceMs: GRACE_MS,
      drainGraceMs: DRAIN_MS,
      memoryCapBytes: CAP_BYTES,
      memoryPeriodMs: 20,
      metrics,
    });
    const count = pickCount(sim, 'another process', 2);
    const lives = Array.from({ length: count }, (_, index) => new Life(sim, execer, `process ${index}`));
    await Promise.all([resumeAll(sim, execer, lives), ...lives.map((life) => life.live())]);
    const initial = lives.filter(({ end }) => end?.exitCode === 241).length;
    const counted = metrics?.value(METRIC_NAMES.HIGH_INITIAL_MEMORY) ?? initial;
    sim.check(
      counted === initial,
      `processes that begin over their memory cap are counted wrongly\n\nExpected ${initial}, got ${counted}.`,
    );
    sim.check(
      execer.livingProcesses === 0,
      `${execer.livingProcesses} processes are alive after their parents have ended`,
    );
  },
});

/** Wakes paused processes, one after another; each is woken some time. A resume that says yes has woken somebody. */
async function resumeAll(sim: Simulation, execer: SimExecer, lives: readonly Life[]): Promise<void> {
  await sim.sleep(pickMs(sim, 'the first resume comes', 6, 10, 0, 'after'), 'a resume of what is paused');
  for (let attempt = 0; attempt <= lives.length; attempt += 1) {
    const oldest = lives.find(({ isPaused }) => isPaused);
    const woken = execer.resume();
    const message = `a resume said that it has ${woken ? '' : 'not '}woken a process, and ${oldest === undefined ? 'none' : 'one'} was paused`;
    sim.check(woken === (oldest !== undefined), message);
    if (oldest !== undefined) oldest.isPaused = false;
    await sim.sleep(10, 'another resume of what is paused');
  }
}

/** One process and those who start and stop it. */
class Life {
  end: ProcessStatus | undefined;
  /** It waits for a resume. */
  isPaused = false;
  readonly #sim: Simulation;
  readonly #execer: SimExecer;
  readonly #name: string;
  readonly #program: Program;
  readonly #sink: WatchedSink | undefined;
  readonly #sinkKind: SinkKind | 'none';
  #startedAtMs = 0;
  #abortedAtMs: number | undefined;

  constructor(sim: Simulation, execer: SimExecer, name: string) {
    this.#sim = sim;
    this.#execer = execer;
    this.#name = name;
    this.#program = pick(sim, { subject: name, what: 'runs' }, PROGRAMS, 10, ({ argv }) => argv, 'clause');
    this.#sinkKind = pick(sim, { subject: name, what: 'writes to' }, SINKS, 12, sinkText, 'clause');
    this.#sink = this.#sinkKind === 'none' ? undefined : new WatchedSink(sim, this.#sinkKind);
  }

  async live(): Promise<void> {
    const { argv } = this.#program;
    const sink = this.#sink === undefined ? {} : { stdout: this.#sink, stderr: this.#sink };
    this.#startedAtMs = this.#sim.now();
    const process = this.#start({ argv, dir: '/', jobId: '', taskId: '', tag: '', ...sink });
    this.isPaused = argv[0] === 'pause';
    if (this.isPaused) this.#sim.note(`${this.#name} pauses until it is resumed or aborted`);
    const [end] = await Promise.all([process.wait(), this.#stop(process)]);
    this.end = end;
    this.isPaused = false;
    this.#sink?.end();
    this.#checkEnd(end);
    // A sink that was given up still takes its time.
    await this.#sim.sleep(this.#sinkKind === 'stuck' ? 600 : 100, `a look back at ${this.#name}`);
    const again = await process.abort();
    this.#sim.check(
      again.state === end.state,
      `${this.#name} ended as ${end.state}, and asked again it is ${again.state}`,
    );
  }

  #start(command: ExecCommand): Process {
    try {
      return this.#execer.exec(command);
    } catch (error) {
      const sink = this.#sink === undefined ? 'without sinks, ' : '';
      failUnexpected(
        this.#sim,
        `the start of ${this.#name} broke`,
        `a process, ${sink}running ${command.argv.join(', ')}`,
        error,
      );
    }
  }

  /** Somebody stops it, perhaps as it starts or just when it ends. */
  async #stop(process: Process): Promise<void> {
    const step = pickIndex(
      this.#sim,
      { subject: this.#name, what: 'is aborted' },
      9,
      16,
      abortText,
      'clause',
    );
    if (step === 0) return;
    await this.#sim.sleep((step - 1) * 5, { subject: this.#name, what: 'is aborted' });
    const askedAtMs = this.#sim.now();
    this.#abortedAtMs = askedAtMs;
    // From the abort on it does not wait for a resume any more.
    this.isPaused = false;
    const status = await process.abort();
    const durationMs = this.#sim.now() - askedAtMs;
    const { cancelBoundMs } = this.#execer;
    this.#sim.check(
      durationMs <= cancelBoundMs,
      `${this.#name} took too long to end after its abort\n\nIt was aborted at ${askedAtMs} ms, and the abort was answered at ${this.#sim.now()} ms, after ${durationMs} ms. The end of a process is reported once it has exited and its output has been written, or given up.\nExpected at most ${cancelBoundMs} ms: ${GRACE_MS} ms of grace for it to exit, then ${DRAIN_MS} ms for its output.`,
    );
    const { state, exitCode } = await process.wait();
    this.#sim.check(
      status.state === state && status.exitCode === exitCode,
      `the abort of ${this.#name} reported another end than it has\n\nExpected ${endText({ state, exitCode })}.\nGot ${endText(status)}.`,
    );
  }

  /** An abort that comes after its natural end, or its death of its own memory, is too late. */
  #mayBeStopped(): boolean {
    const { argv } = this.#program;
    if (this.#abortedAtMs === undefined) return false;
    if (argv[0] === 'pause') return true;
    return this.#abortedAtMs - this.#startedAtMs <= sleepsMs(argv);
  }

  #checkEnd(end: ProcessStatus): void {
    const { state, exitCode, error, signal, faults = [] } = end;
    const isStopped = this.#mayBeStopped() && state === 'FAILED' && exitCode === -1;
    const { ends, output } = this.#program;
    const isNatural =
      (ends.state ?? state) === state && ends.exitCode === exitCode && (ends.signal ?? signal) === signal;
    this.#sim.check(
      isStopped || isNatural,
      `${this.#name} ended in another way than its program does\n\nThe program: ${this.#program.argv.join(', ')}.\nExpected ${endText(ends)}.\nGot ${endText(end)}.`,
    );
    if (isStopped) {
      this.#sim.check(
        error.startsWith('Aborted ('),
        `${this.#name} was aborted, and its error does not say so: "${error}"`,
      );
    }
    if (this.#sink === undefined || faults.some((fault) => fault.startsWith('output'))) return;
    const { pending, text } = this.#sink;
    this.#sim.check(
      pending === 0,
      `${this.#name} has ended, and ${pending} of its writes are still under way`,
    );
    if (this.#sinkKind === 'failing' || !isNatural) return;
    this.#sim.check(
      text === output,
      `what ${this.#name} wrote has not all arrived\n\nExpected "${output}", got "${text}".`,
    );
  }
}

function sinkText(kind: SinkKind | 'none'): string {
  return kind === 'none' ? 'nothing, as it is given no sink' : `a ${kind} sink`;
}

function abortText(step: number): string {
  return step === 0 ? 'never' : `at ${(step - 1) * 5} ms`;
}

/** An end with all that is known of it. */
function endText({ state, exitCode, signal = '', error = '' }: Partial<ProcessStatus>): string {
  const how = `${state ?? 'any state'} with exit code ${exitCode}`;
  return `${how}, ${signal === '' ? 'no signal' : `signal ${signal}`}${error === '' ? '' : ` (${error})`}`;
}

/** How long a script sleeps in all. */
function sleepsMs(argv: readonly string[]): number {
  const sleeps = argv.filter((step) => step.startsWith('sleep '));
  return sleeps.reduce((sum, step) => sum + Number(step.slice('sleep '.length)), 0);
}
