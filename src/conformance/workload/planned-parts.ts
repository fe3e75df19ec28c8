/**
 * Collaborators of a runner with drawn behaviour: the plan of each call is plain data, and each call, cancel and abort
 * is recorded from the collaborator's side. Invariant: they do exactly what their plan says, so that a run with such a
 * plan has one end (`expected-run.ts`).
 */
import type { Cancellable } from '../../model/cancellation.ts';
import type { LogUploader, Processor } from '../../model/collaborators.ts';
import type { Command } from '../../model/command.ts';
import type { ExecCommand, Execer, MemoryReport, Process, ProcessStatus } from '../../model/execer.ts';
import type { Checkout, Filer } from '../../model/filer.ts';
import { isPending, type MaybePromise } from '../../model/maybe-promise.ts';
import type { Output, OutputCreator } from '../../model/output.ts';
import type { RunStatus } from '../../model/run-status.ts';
import type { FilerAndInit, RunType, RunTypeMap } from '../../model/run-type.ts';
import type { WorkloadHost } from './workload-host.ts';
import type { PlannedMachine, RunnerUnderTest, SubjectOptions } from '../subject.ts';
import { LOGS_READ_MAX } from './log-text.ts';
import { AT_ONCE, BOUND_MS, carryOut, drawCheckout, drawTimes, drawWork, type Work } from './drawn-work.ts';
import { Draws } from './draws.ts';
import {
  ExpectedHealth,
  expectedService,
  type ExpectedService,
  NO_ERROR,
  SOME_ERROR,
} from './expected-health.ts';
import { RecordedMetrics } from './recorded-metrics.ts';

/** The longest that an upload may take, if the uploader has a limit. */
export const UPLOAD_BOUND_MS = 30;
/** The longest that work without a bound of its own may take. */
export const LOCAL_BOUND_MS = 40;
/** The longest that an update may take, if there is a limit. */
const UPDATE_LIMIT_MS = 15;
/** How often a filer asks for updates, if it does. */
export const UPDATE_INTERVAL_MS = 35;

/** The plan of a run's process. */
export interface ProcessPlan {
  readonly exec: Work;
  readonly lastsMs: number;
  readonly status: ProcessStatus;
  /** Time from a request to stop to its end; Infinity if it cannot be stopped. */
  readonly killMs: number;
  /** When the execer kills it for its memory, in milliseconds from its start; Infinity if it does not. */
  readonly memoryMs: number;
  /** True if only the beginning of the text of its end is known. */
  readonly isTextOpen?: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** The plan of one of the three outputs. */
export type OutputPlan = 'works' | 'cannot be created' | 'cannot be closed';

/** Everything that is drawn for one run. */
export interface RunPlan {
  readonly name: string;
  readonly command: Command;
  readonly process: ProcessPlan;
  readonly preprocess: readonly Work[];
  readonly checkout: Work;
  readonly outputs: readonly OutputPlan[];
  readonly uploads: readonly Work[];
  readonly release: Work;
  readonly postprocess: readonly Work[];
  /** Measuring the directories before and after the run. */
  readonly sizes: readonly Work[];
}

/** Everything that is drawn for the runner. */
export interface PartsSetup {
  /**
   * Whether execer, outputs and directories are planned, so that their calls are seen; if not, they are the runner's
   * own and behave normally.
   */
  readonly hasMachine: boolean;
  /** Whether the runner keeps the output of runs, so that they have refs. */
  readonly hasRefs: boolean;
  readonly preprocessors: number;
  readonly postprocessors: number;
  readonly uploader: 'none' | 'without limit' | 'with limit';
  /** Whether commands of the usual run type have a filer. */
  readonly hasFiler: boolean;
  readonly updates: boolean;
  readonly updateLimitMs: number;
  readonly hasMetrics: boolean;
  readonly hasDirMonitor: boolean;
  /** When the filer is ready; undefined if there is no signal. */
  readonly init: Work | undefined;
  /** A filer of another run type, which no run needs; undefined if there is none. */
  readonly second: SecondFiler | undefined;
}

/** A filer that is only waited for. */
export interface SecondFiler {
  /** Whether it is listed before the other one. */
  readonly isFirst: boolean;
  /** When it is ready; undefined if there is no signal. */
  readonly init: Work | undefined;
}

/** How the initialization ends (R60–R62). */
export interface ExpectedInit {
  /** When all signals have come: the creation if there are none, Infinity if one never comes. */
  readonly overMs: number;
  /** The errors of the signals that failed first: several if they came in one instant, none if all succeed. */
  readonly errors: readonly string[];
}

/** A call, cancel or abort that a collaborator saw. */
export interface PartCall {
  readonly atMs: number;
  readonly text: string;
}

/** A run, and what its collaborators saw of it. */
export interface PlannedRun {
  readonly plan: RunPlan;
  readonly calls: PartCall[];
  runId: string | undefined;
  acceptedAtMs: number;
  abortAtMs: number;
  /** Its logs by name. Those that are the runner's own are known only when all is over, and only if they can be read. */
  readonly logs: Map<string, SeenLog>;
  /** Its uploads by the name of the log. */
  readonly uploads: Map<string, SeenUpload>;
  /** Whether a planned process was started. */
  hasProcess: boolean;
  /** The last status that an answer has shown, or the end of the run. */
  shown: RunStatus | undefined;
  /** What the wait for it has shown before the end. */
  running: RunningShown | undefined;
  /** The end that the wait for it has shown. */
  status: RunStatus | undefined;
  endedAtMs: number;
}

/** A log, with all that was written to it. */
export interface SeenLog {
  readonly uri: string;
  text: string;
}

/** What an uploader was given. */
export interface SeenUpload {
  readonly path: string;
  /** Where the log was. */
  readonly uri: string;
  /** What was in the log; undefined if unknown. */
  readonly text: string | undefined;
}

/** RUNNING, and when a wait for it returned. */
export interface RunningShown {
  readonly atMs: number;
  readonly status: RunStatus;
}

/** One update of a filer. */
export interface SeenUpdate {
  readonly beginMs: number;
  endMs: number;
}

/** A program, in the commands of the subject, and what it does. */
export interface Program {
  readonly command: Command;
  readonly process: ProcessPlan;
}

/** The parts of the plans that a runner takes. */
export type TakenParts = Pick<PartsSetup, 'hasMachine' | 'hasRefs'>;

/** Draws runners and runs, and implements their collaborators. */
export class PlannedParts {
  readonly setup: PartsSetup;
  readonly runs: PlannedRun[] = [];
  readonly updates: SeenUpdate[] = [];
  readonly metrics: RecordedMetrics = new RecordedMetrics(() => this.#sim.now());
  readonly #sim: WorkloadHost;
  readonly #draws: Draws;
  readonly #drawProgram: (draws: Draws, name: string) => Program;
  /** Health according to the runs that are over. */
  readonly health: ExpectedHealth = new ExpectedHealth();
  readonly #createdAtMs: number;
  readonly #leaks: (() => void)[] = [];
  /** The run whose outputs were created last, to which measurements of directories belong. */
  #measured: PlannedRun | undefined;

  constructor(
    sim: WorkloadHost,
    drawProgram: (draws: Draws, name: string) => Program,
    taken: TakenParts = { hasMachine: true, hasRefs: true },
  ) {
    this.#sim = sim;
    this.#draws = new Draws(sim, 'parts', true);
    this.#createdAtMs = sim.now();
    this.#drawProgram = drawProgram;
    const draws = this.#draws;
    const updates = draws.rarely('updates', 6);
    const hasFiler = !draws.rarely('no filer', 20);
    const [init, second] = hasFiler ? drawFilers(draws) : [undefined, undefined];
    this.setup = {
      ...taken,
      preprocessors: draws.pick('preprocessors', [0, 1, 2]),
      postprocessors: draws.pick('postprocessors', [0, 1, 2]),
      uploader: draws.pick('uploader', ['none', 'without limit', 'with limit'] as const),
      hasFiler,
      updates,
      updateLimitMs: updates ? draws.pick('update limit', [0, UPDATE_LIMIT_MS]) : 0,
      hasMetrics: updates || !draws.rarely('no metrics', 4),
      hasDirMonitor: taken.hasMachine && draws.rarely('directory sizes', 3),
      init,
      second,
    };
  }

  /** The options that every runner with collaborators takes. */
  options(): SubjectOptions {
    const { preprocessors, postprocessors, uploader, hasMetrics, updateLimitMs } = this.setup;
    return {
      filers: this.#filers(),
      ...(preprocessors === 0 ? {} : { preprocessors: this.#processors('preprocess', preprocessors) }),
      ...(postprocessors === 0 ? {} : { postprocessors: this.#processors('postprocess', postprocessors) }),
      ...(uploader === 'none' ? {} : { uploader: this.#uploader(uploader === 'with limit') }),
      ...(hasMetrics ? { metrics: this.metrics } : {}),
      ...(updateLimitMs === 0 ? {} : { updateLimitMs }),
    };
  }

  /** Draws a run; the tags and the snapshot of its command identify it to its collaborators. */
  draw(): PlannedRun {
    const name = String(this.runs.length + 1);
    const draws = new Draws(this.#sim, `run ${name}`);
    const { command, process } = this.#drawProgram(draws, name);
    const { hasMachine, preprocessors, postprocessors, uploader, hasDirMonitor } = this.setup;
    const works = (what: string, count: number): Work[] =>
      Array.from({ length: count }, (_, at) => drawWork(draws, `${what} ${at + 1}`));
    const snapshotId = draws.pick('snapshot', [`snap-${name}`, '', `bz-${name.padStart(64, 'a')}-7`], 4);
    // The runner's own directories behave normally.
    const isOwnDir = !hasMachine && snapshotId === '';
    const plan: RunPlan = {
      name,
      command: { ...command, jobId: `job-${name}`, taskId: `task-${name}`, tag: `tag-${name}`, snapshotId },
      process,
      preprocess: works('preprocess', preprocessors),
      checkout: isOwnDir ? AT_ONCE : drawCheckout(draws),
      outputs: hasMachine ? drawOutputs(draws) : LOGS.map(() => 'works'),
      uploads: uploader === 'none' ? [] : works('upload', 3),
      release: isOwnDir ? AT_ONCE : drawWork(draws, 'release'),
      postprocess: works('postprocess', postprocessors),
      sizes: hasDirMonitor ? works('sizes', 2) : [],
    };
    const run: PlannedRun = {
      plan,
      calls: [],
      runId: undefined,
      acceptedAtMs: Infinity,
      abortAtMs: Infinity,
      logs: new Map(),
      uploads: new Map(),
      hasProcess: false,
      shown: undefined,
      running: undefined,
      status: undefined,
      endedAtMs: Infinity,
    };
    this.runs.push(run);
    return run;
  }

  /** Ends releases and processes that never end by themselves, which a watcher of the trace would count as leaks. */
  endLeaks(): void {
    for (const end of this.#leaks) end();
  }

  /** Reads the logs of the latest runs, if they are the runner's own, as far as it is known where they are. */
  async readLogs(read: NonNullable<RunnerUnderTest['readOutput']>): Promise<void> {
    const { hasMachine, hasRefs } = this.setup;
    if (hasMachine || !hasRefs) return;
    const ended = this.runs.filter(({ status }) => status !== undefined);
    for (const run of ended.slice(-LOGS_READ_MAX)) await readLogsOf(run, read);
  }

  /** Registers something for `endLeaks` to end. */
  addLeak(end: () => void): void {
    this.#leaks.push(end);
  }

  /** When the runner is ready for runs; Infinity if never. */
  get readyAtMs(): number {
    const { overMs, errors } = this.init;
    return errors.length === 0 ? overMs : Infinity;
  }

  /** How the initialization ends. */
  get init(): ExpectedInit {
    const inits = this.inits;
    const failed = inits.flatMap(({ fails, takesMs }) =>
      fails === undefined ? [] : [{ text: fails.text, takesMs }],
    );
    const firstMs = Math.min(...failed.map(({ takesMs }) => takesMs));
    return {
      overMs: this.#createdAtMs + Math.max(0, ...inits.map(({ takesMs }) => takesMs)),
      errors: failed.filter(({ takesMs }) => takesMs === firstMs).map(({ text }) => text),
    };
  }

  /** The signals of all filers. */
  get inits(): readonly Work[] {
    return [this.setup.init, this.setup.second?.init].filter((init) => init !== undefined);
  }

  /** What the machine must report of itself now; undefined if this instant leaves that open. */
  serviceNow(): ExpectedService | undefined {
    const nowMs = this.#sim.now();
    const { updateLimitMs } = this.setup;
    const { overMs, errors } = this.init;
    if (this.inits.length > 0 && overMs === nowMs) return undefined;
    if (overMs > nowMs) {
      const hasCome = this.inits.some(({ takesMs }) => this.#createdAtMs + takesMs <= nowMs);
      const rule = hasCome ? 'R61 R62' : 'R15';
      return { rule, initialized: false, isHealthy: false, ...NO_ERROR };
    }
    if (errors.length > 0) {
      const says = `the error ${errors.map((text) => JSON.stringify(text)).join(' or ')}`;
      const isError = (error: string): boolean => errors.includes(error);
      return { rule: 'R62', initialized: false, isHealthy: false, says, isError };
    }
    const expected = expectedService(this.health.isLost);
    const over = this.updates.filter((update) => this.overAtMs(update) <= nowMs);
    const last = over.at(-1);
    if (this.health.isLost || last === undefined || updateLimitMs === 0) return expected;
    if (this.overAtMs(last) === nowMs || last.endMs === last.beginMs + updateLimitMs) return undefined;
    const isLate = last.endMs > last.beginMs + updateLimitMs;
    return { ...expected, rule: 'R80', ...(isLate ? SOME_ERROR : NO_ERROR) };
  }

  /**
   * When the runner goes on after an update: when the update returns, or at the bound after its limit or the release.
   */
  overAtMs({ beginMs, endMs }: SeenUpdate, releasedAtMs: number = Infinity): number {
    const { updateLimitMs } = this.setup;
    const limitMs = updateLimitMs === 0 ? Infinity : beginMs + updateLimitMs;
    return Math.min(endMs, Math.max(Math.min(limitMs, releasedAtMs), beginMs) + BOUND_MS);
  }

  /** Records what a collaborator of a run sees. */
  note(run: PlannedRun, text: string): void {
    run.calls.push({ atMs: this.#sim.now(), text });
  }

  /** Does a piece of work for a run. */
  perform<T>(
    run: PlannedRun,
    text: string,
    work: Work,
    cancel: Cancellable | undefined,
    result: () => T,
  ): MaybePromise<T> {
    this.note(run, text);
    return carryOut(this.#sim, {
      text: `${text} ${run.plan.name}`,
      work,
      cancel,
      result,
      ...(text === 'release' ? { onLeak: (end: () => void) => this.addLeak(end) } : {}),
      onCancel: () => this.note(run, `cancel ${text}`),
    });
  }

  #filers(): RunTypeMap {
    const { hasFiler, init, second } = this.setup;
    const entryOf = (filer: Filer, text: string, work: Work | undefined): FilerAndInit =>
      work === undefined ? { filer } : { filer, init: this.#init(text, work) };
    const entries: [RunType, FilerAndInit][] = [
      [hasFiler ? 'scoot' : 'bazel', entryOf(this.#filer(), 'init', init)],
    ];
    if (second !== undefined) {
      entries.push(['bazel', entryOf(this.#unneededFiler(), SECOND_INIT, second.init)]);
      if (second.isFirst) entries.reverse();
    }
    return new Map(entries);
  }

  #init(text: string, work: Work): Promise<void> {
    const call = {
      text,
      work: { ...work, inCall: false },
      cancel: undefined,
      result: () => undefined,
    };
    const ready = Promise.resolve(carryOut(this.#sim, call));
    // A runner that ignores the rejection fails the check of its service status.
    ready.catch(() => undefined);
    return ready;
  }

  #filer(): Filer {
    const unexpected = (): never =>
      this.#broken('R170 a runner ingests nothing of a run that is not a Bazel run');
    return {
      cancelBoundMs: BOUND_MS,
      updateIntervalMs: this.setup.updates ? UPDATE_INTERVAL_MS : 0,
      checkout: (snapshotId, cancel) => this.#checkout(snapshotId, cancel),
      checkoutAt: unexpected,
      ingest: unexpected,
      ingestMap: unexpected,
      update: (cancel) => this.#update(cancel),
    };
  }

  /** A Bazel run has no request data here, so that it fails before its filer is asked (R185). */
  #unneededFiler(): Filer {
    const unexpected = (): never => this.#broken('R185 a filer was asked that no run needs');
    return {
      cancelBoundMs: BOUND_MS,
      updateIntervalMs: 0,
      checkout: unexpected,
      checkoutAt: unexpected,
      ingest: unexpected,
      ingestMap: unexpected,
      update: () => this.#broken('R75 R79 a filer was updated that does not ask for updates'),
    };
  }

  #checkout(snapshotId: string, cancel: Cancellable | undefined): MaybePromise<Checkout> {
    const run = this.runs.find(({ plan }) => plan.command.snapshotId === snapshotId);
    if (run === undefined) {
      return this.#broken(`R92 a filer was asked for snapshot ${snapshotId}, which no command has`);
    }
    this.#sim.check(cancel !== undefined, 'R173 a checkout has a request to stop of its own');
    return this.perform(run, 'checkout', run.plan.checkout, cancel, () =>
      this.checkoutOf(run, `/checkouts/${run.plan.name}`),
    );
  }

  /** The checkout of a run; checks that it is released once. */
  checkoutOf(run: PlannedRun, path: string): Checkout {
    let isReleased = false;
    const release = (): MaybePromise<void> => {
      this.#sim.check(
        !isReleased,
        `R205 the checkout of run ${run.plan.name} was released twice: expected one release`,
      );
      isReleased = true;
      return this.perform(run, 'release', run.plan.release, undefined, () => undefined);
    };
    return { path, id: run.plan.command.snapshotId ?? '', release };
  }

  #update(cancel: Cancellable | undefined): MaybePromise<void> {
    const name = `update ${this.updates.length + 1}`;
    const work = drawWork(this.#draws, name);
    const update: SeenUpdate = { beginMs: this.#sim.now(), endMs: Infinity };
    this.updates.push(update);
    const over = (): void => {
      update.endMs = this.#sim.now();
    };
    const call = { text: name, work, cancel, result: () => undefined };
    try {
      const result = carryOut(this.#sim, call);
      if (isPending(result)) result.then(over, over);
      else over();
      return result;
    } catch (error) {
      over();
      throw error;
    }
  }

  #processors(kind: 'preprocess' | 'postprocess', count: number): Processor[] {
    return Array.from({ length: count }, (_, at) => ({
      name: `${kind} ${at + 1}`,
      cancelBoundMs: BOUND_MS,
      process: (command: Command, cancel: Cancellable): MaybePromise<void> => {
        const run = this.#runOf(command.jobId);
        const work = run.plan[kind][at];
        if (work === undefined) return this.#broken(`expected a plan of ${kind} ${at + 1}`);
        return this.perform(run, `${kind} ${at + 1}`, work, cancel, () => undefined);
      },
    }));
  }

  #uploader(hasLimit: boolean): LogUploader {
    const upload = (path: string, log: Output, cancel: Cancellable): MaybePromise<string> => {
      const [, jobId, name = ''] = /^(job-\d+)_[^/]+\/(stdlog|stderr|stdout)$/.exec(path) ?? [];
      this.#sim.check(
        jobId !== undefined,
        `R113 log upload: expected a path JOBID_UNIQUE/stdlog, stderr or stdout, got ${path}`,
      );
      const run = this.#runOf(jobId);
      const work = run.plan.uploads[['stdlog', 'stderr', 'stdout'].indexOf(name)] ?? AT_ONCE;
      this.#sim.check(
        log.uri.length > 0,
        `R113 upload of ${name}: expected a log with a URI, got one without`,
      );
      this.#keepUpload(run, name, path, log.uri);
      return this.perform(run, `upload ${name}`, work, cancel, () => uploadedUrl(path));
    };
    return { cancelBoundMs: BOUND_MS, ...(hasLimit ? { uploadBoundMs: UPLOAD_BOUND_MS } : {}), upload };
  }

  /** R113: the log that the path names, and one UNIQUE for all logs of a run. */
  #keepUpload({ plan, logs, uploads }: PlannedRun, name: string, path: string, uri: string): void {
    const [first] = uploads.values();
    const dir = (of: string): string => of.slice(0, of.lastIndexOf('/'));
    this.#sim.check(
      first === undefined || dir(first.path) === dir(path),
      `R113 the logs of run ${plan.name} are uploaded as ${first?.path} and ${path}: expected one UNIQUE for all`,
    );
    const log = logs.get(name);
    if (this.setup.hasMachine) {
      this.#sim.check(log?.uri === uri, `R113 upload of ${path}: expected the log ${log?.uri}, got ${uri}`);
    }
    uploads.set(name, { path, uri, text: log?.text });
  }

  #runOf(jobId: string | undefined): PlannedRun {
    const run = this.runs.find(({ plan }) => plan.command.jobId === jobId);
    return run ?? this.#broken(`R87 a collaborator got the command of job ${jobId}, which nobody has run`);
  }

  #broken(message: string): never {
    this.#sim.check(false, message);
    throw new Error(message);
  }

  /** The parts that only some runners accept: execer, outputs, temporary directories, sizes. */
  machine(): PlannedMachine {
    return {
      execer: this.#execer(),
      outputs: (outputs) => ({ create: (id) => this.#createOutput(id, outputs) }),
      tempDirs: { boundMs: BOUND_MS, create: (name) => this.#tempDir(name) },
      ...(this.setup.hasDirMonitor ? { dirMonitor: { sizesKb: () => this.#sizes() } } : {}),
      localBoundMs: LOCAL_BOUND_MS,
    };
  }

  #execer(): Execer {
    return {
      cancelBoundMs: BOUND_MS,
      exec: (command) => {
        const run = this.#runOf(command.jobId);
        this.#checkExecCommand(run, command);
        const start = (): Process => new PlannedProcess(this, this.#sim, run, command);
        return this.perform(run, 'exec', run.plan.process.exec, undefined, start);
      },
    };
  }

  #checkExecCommand(run: PlannedRun, got: ExecCommand): void {
    const { plan } = run;
    const { argv, envVars = {}, snapshotId, jobId, taskId, tag } = plan.command;
    const dir = snapshotId === '' ? tempDirOf(run) : `/checkouts/${plan.name}`;
    const expected = { argv, envVars: sorted(envVars), dir, jobId, taskId, tag };
    const actual = {
      argv: got.argv,
      envVars: sorted(got.envVars ?? {}),
      dir: got.dir,
      jobId: got.jobId,
      taskId: got.taskId,
      tag: got.tag,
    };
    const [wanted, came] = [JSON.stringify(expected), JSON.stringify(actual)];
    this.#sim.check(
      wanted === came,
      `R98 the execer got another command\n\nExpected ${wanted}, got ${came}.`,
    );
  }

  /** The run whose id a name contains as a word. */
  #runIn(name: string): PlannedRun | undefined {
    const named = this.runs.filter(({ runId }) => runId !== undefined && hasWord(name, runId));
    return named.sort(({ runId: one = '' }, { runId: other = '' }) => other.length - one.length)[0];
  }

  #createOutput(id: string, outputs: OutputCreator): MaybePromise<Output> {
    const run = this.#runIn(id);
    const [name = ''] = /stdout|stderr|stdlog/.exec(id) ?? [];
    if (run === undefined) return this.#broken(`R95 an output ${id} was created, which no run has`);
    this.#measured = run;
    const plan = run.plan.outputs[LOGS.indexOf(name)];
    this.note(run, `create ${name}`);
    if (plan === 'cannot be created') throw new Error(NO_SPACE);
    const output = outputs.create(id) as Output;
    const log: SeenLog = { uri: output.uri, text: '' };
    run.logs.set(name, log);
    let isOpen = true;
    return {
      uri: output.uri,
      write: (chunk) => {
        if (isOpen) log.text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
        return output.write(chunk);
      },
      asFile: () => output.asFile(),
      close: () => {
        this.note(run, `close ${name}`);
        isOpen = false;
        const closed = output.close();
        if (plan === 'cannot be closed') throw new Error(NO_SPACE);
        return closed;
      },
    };
  }

  #tempDir(name: string): MaybePromise<Checkout> {
    const run = this.#runIn(name);
    if (run === undefined) {
      return this.#broken(`R92 a temporary directory ${name} was made, which no run has`);
    }
    return this.perform(run, 'temporary directory', run.plan.checkout, undefined, () =>
      this.checkoutOf(run, tempDirOf(run)),
    );
  }

  #sizes(): MaybePromise<ReadonlyMap<string, number>> {
    const run = this.#measured;
    if (run === undefined) return this.#broken('R182 directories were measured before the first run');
    const isStart = !run.calls.some(({ text }) => text === 'measure 1');
    const kb = isStart ? START_KB : START_KB + Number(run.plan.name);
    const work = run.plan.sizes[isStart ? 0 : 1] ?? AT_ONCE;
    return this.perform(
      run,
      isStart ? 'measure 1' : 'measure 2',
      work,
      undefined,
      () => new Map([['work', kb]]),
    );
  }
}

/** Uploads are not read, but their sources are. */
async function readLogsOf(
  { logs, uploads, running, status }: PlannedRun,
  read: NonNullable<RunnerUnderTest['readOutput']>,
): Promise<void> {
  for (const name of LOGS) {
    const ref =
      name === 'stdlog' ? '' : ((running?.status ?? status)?.[`${name as 'stdout' | 'stderr'}Ref`] ?? '');
    const isLocal = ref !== '' && ref !== uploadedUrl(uploads.get(name)?.path ?? '');
    const uri = uploads.get(name)?.uri ?? (isLocal ? ref : undefined);
    if (uri !== undefined) logs.set(name, { uri, text: await read(uri) });
  }
}

function tempDirOf({ runId }: PlannedRun): string {
  return `/tmp/run-${runId}`;
}

/** Whether a text contains a word, with neither letter nor digit beside it. */
function hasWord(text: string, word: string): boolean {
  const parts = text.split(word);
  return parts.some((part, at) => !/[\dA-Za-z]$/.test(part) && /^([^\dA-Za-z]|$)/.test(parts[at + 1] ?? 'x'));
}

/** An environment, whose variables may come in any order. */
function sorted(envVars: Readonly<Record<string, string>>): [name: string, value: string][] {
  return Object.entries(envVars).sort(([one], [other]) => (one < other ? -1 : 1));
}

/** The three outputs of a run, in the order in which they are created. */
export const LOGS: readonly string[] = ['stdout', 'stderr', 'stdlog'];
/** The error of an output that cannot be created. */
export const NO_SPACE = 'no space left';
const START_KB = 100;

/** The URL of an uploaded log. */
export function uploadedUrl(path: string): string {
  return `https://logs.example/${path}`;
}

/** The status of a process that was stopped. */
const STOPPED: ProcessStatus = Object.freeze({ state: 'FAILED', exitCode: -1, error: 'Aborted (SIGTERM)' });

/** The report of a process that is killed for its memory: over the cap at its start, or later. */
export function memoryReportAt(memoryMs: number): MemoryReport {
  return memoryMs === 0
    ? {
        kind: 'initial',
        status: {
          state: 'FAILED',
          exitCode: 241,
          error: 'Critical error detected. Initial memory utilization is high',
        },
      }
    : {
        kind: 'exceeded',
        status: { state: 'COMPLETE', exitCode: 1, error: 'Cmd exceeded MemoryCap, aborting process' },
      };
}

/** A process that ends as planned. */
class PlannedProcess implements Process {
  readonly #parts: PlannedParts;
  readonly #sim: WorkloadHost;
  readonly #run: PlannedRun;
  readonly #command: ExecCommand;
  #status: ProcessStatus | undefined;
  readonly #waiting: ((status: ProcessStatus) => void)[] = [];
  #isStopping = false;
  readonly #endsAtMs: number;

  constructor(parts: PlannedParts, sim: WorkloadHost, run: PlannedRun, command: ExecCommand) {
    const { lastsMs, memoryMs, status, stdout, stderr } = run.plan.process;
    this.#parts = parts;
    this.#sim = sim;
    this.#run = run;
    this.#command = command;
    this.#endsAtMs = sim.now() + lastsMs;
    run.hasProcess = true;
    this.#write(() => command.stdout?.write(stdout));
    this.#write(() => command.stderr?.write(stderr));
    if (lastsMs === Infinity) parts.addLeak(() => this.#end(STOPPED));
    if (lastsMs === 0) this.#end(status);
    else this.#after(lastsMs, 'ends', () => this.#end(status));
    if (memoryMs < lastsMs) this.#after(memoryMs, 'memory', () => this.#endByMemory(memoryMs));
  }

  /** A failing sink does not stop the process (R123). */
  #write(write: () => unknown): void {
    try {
      void write();
    } catch {
      // A process that ends too late finds its outputs closed.
    }
  }

  wait(): MaybePromise<ProcessStatus> {
    if (this.#status !== undefined) return this.#status;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  abort(): MaybePromise<ProcessStatus> {
    if (this.#status !== undefined) return this.#status;
    if (!this.#isStopping) {
      this.#isStopping = true;
      if (this.#sim.now() < this.#endsAtMs) this.#parts.note(this.#run, 'stop process');
      const { killMs } = this.#run.plan.process;
      if (killMs === 0) this.#end(STOPPED);
      else this.#after(killMs, 'is killed', () => this.#end(STOPPED));
    }
    return this.wait();
  }

  #after(ms: number, what: string, fire: () => void): void {
    if (ms === Infinity) return;
    this.#sim.world.clock.timer({ what: `process ${what}`, subject: this.#run.plan.name }, ms, fire);
  }

  #endByMemory(memoryMs: number): void {
    if (this.#status !== undefined || this.#isStopping) return;
    const report = memoryReportAt(memoryMs);
    this.#status = report.status;
    this.#command.onMemoryReport?.(report);
    this.#settle();
  }

  #end(status: ProcessStatus): void {
    if (this.#status !== undefined) return;
    this.#status = status;
    this.#settle();
  }

  #settle(): void {
    for (const resolve of this.#waiting.splice(0)) resolve(this.#status as ProcessStatus);
  }
}

const SECOND_INIT = 'init of the second filer';
const SIGNALS = ['none', 'of its filer', 'of both filers', 'of both filers', 'of the second filer'] as const;
const FAILING = ['none', 'the first', 'the second', 'both'] as const;

/** The init signal of a runner's filer, and its second filer. */
function drawFilers(draws: Draws): [init: Work | undefined, second: SecondFiler | undefined] {
  const signals = draws.pick('init signals', SIGNALS, 8);
  if (signals === 'of its filer') return [drawWork(draws, 'init'), undefined];
  if (signals === 'none' && !draws.rarely('second filer', 6)) return [undefined, undefined];
  const isFirst = draws.rarely('second filer comes first', 2);
  if (signals === 'none') return [undefined, { isFirst, init: undefined }];
  if (signals === 'of the second filer') {
    return [undefined, { isFirst, init: drawWork(draws, SECOND_INIT) }];
  }
  const failing = draws.pick('failing init signals', FAILING);
  const signalOf = (what: string, fails: boolean): Work => {
    const times = drawTimes(draws, what);
    return fails ? { ...times, fails: { text: `${what} failed` } } : times;
  };
  const init = signalOf('init', failing === 'the first' || failing === 'both');
  return [init, { isFirst, init: signalOf(SECOND_INIT, failing === 'the second' || failing === 'both') }];
}

function drawOutputs(draws: Draws): OutputPlan[] {
  if (!draws.rarely('an output fails', 8)) return LOGS.map(() => 'works');
  const fault = draws.pick('outputs', ['cannot be closed', 'cannot be created'] as const);
  return LOGS.map((name) => draws.pick(name, ['works', fault]));
}
