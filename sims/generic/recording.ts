/**
 * Recorded runners, the recording as a file, and its runs played again: what a recorder writes down is what the runners' trace, callers and
 * programs have seen, and a playback execer does it once more at the same times. Invariant: aborts and timeouts fall between the steps of
 * the programs, so that nothing is due at once and a replay has one outcome.
 */
import {
  type Command,
  createMemoryOutputs,
  createRecorder,
  createSimFiler,
  createVirtualFiler,
  defineScenario,
  isRunnerError,
  type Recorder,
  type RecordedEntry,
  type RecordedRun,
  type Recording,
  type RunStatus,
  type ScenarioDefinition,
  type Service,
  type SimStep,
  simScript,
  simStep,
  type Simulation,
  sleep,
  type TraceEvent,
  virtualTempDirs,
  type World,
} from 'dryrunner';
import { createPlaybackExecer, createQueueRunner, createSimExecer, recordingsByRunId } from 'dryrunner/kit';
import { diffRecordings, formatEntry, readRecording, recordedRuns, recordingLines } from 'dryrunner/trace';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import { dataText, rounded, settledAs } from './outcome.ts';

/** The scenario over a recorder. */
export function recordingWorkload(make: typeof createRecorder = createRecorder): ScenarioDefinition<unknown> {
  return defineScenario<unknown>({
    name: 'recording',
    description:
      'what is recorded of runners is what they did, survives a file, and is done again by a playback execer',
    async run(sim) {
      if (pick(sim, 'part', ['recorded', 'by hand'] as const, 3) === 'recorded') {
        await new RecordingPlay(sim, make).run();
      } else await new HandMadePlay(sim).run();
    },
  });
}

export const recording: ScenarioDefinition<unknown> = recordingWorkload();

const GRACE_MS = 10;
const CAP_BYTES = 100;
/** Programs step at whole milliseconds; what comes from outside does not. */
const OUTSIDE_MS = 0.25;
const APART_MS = 0.01;
const DEADLINES_MS = [0, 30.5, 12.5];
const PAUSES_MS = [0, 5, 20, 40];
const LAST_MS = 200;

type Stream = 'stdout' | 'stderr';

/** What a program is seen to write, and when, from its start. */
interface Written {
  readonly atMs: number;
  readonly stream: Stream;
  readonly text: string;
}

/** A command, and what it writes if nobody stops it. */
interface Program {
  readonly command: Command;
  readonly writes: readonly Written[];
}

function drawProgram(sim: Simulation, name: string): Program {
  const count = pickCount(sim, `steps of ${name}`, 4) - 1;
  const steps: SimStep[] = [];
  const writes: Written[] = [];
  let atMs = 0;
  for (let at = 1; at <= count; at += 1) {
    const kind = pick(
      sim,
      `step ${at} of ${name}`,
      ['sleep', 'stdout', 'stderr', 'memory', 'ignores'] as const,
      2,
    );
    if (kind === 'sleep') {
      steps.push(simStep.sleep(10));
      atMs += 10;
    } else if (kind === 'stdout' || kind === 'stderr') {
      const text = `${kind} ${at} of ${name}\n`;
      steps.push(simStep[kind](text));
      writes.push({ atMs, stream: kind, text });
    } else if (kind === 'memory') {
      steps.push(simStep.mem(pick(sim, `bytes ${at} of ${name}`, [CAP_BYTES - 1, CAP_BYTES], 1)));
    } else steps.push(simStep.ignoreTerm());
  }
  const end = pick(sim, `end of ${name}`, ['complete', 'fail', 'signal', 'hang', 'out', 'wrong'] as const, 2);
  if (end === 'complete') steps.push(simStep.complete(pick(sim, `code of ${name}`, [0, 3], 1)));
  if (end === 'fail') steps.push(simStep.fail(9, `${name} broke`));
  if (end === 'signal') steps.push(simStep.signal('SIGSEGV'));
  if (end === 'hang') steps.push(simStep.hang());
  const timeoutMs = pick(sim, `timeout of ${name}`, DEADLINES_MS, 2);
  const argv = [...simScript(...steps), ...(end === 'wrong' ? ['no such step'] : [])];
  const tags = rarely(sim, `${name} has tags`, 2) ? { jobId: `job ${name}`, tag: `tag ${name}` } : {};
  const snapshotId = rarely(sim, `${name} has a snapshot`, 2) ? 'snap' : '';
  const command = { argv, snapshotId, ...tags, ...(timeoutMs === 0 ? {} : { timeoutMs }) };
  return { command, writes: end === 'wrong' ? [] : writes };
}

/** Something that a caller does, and when, from the beginning. */
type Deed =
  | { readonly atMs: number; readonly kind: 'run'; readonly runner: number; readonly program: Program }
  | { readonly atMs: number; readonly kind: 'abort'; readonly runner: number; readonly run: number };

/** One run as its caller knows it. */
interface SeenRun {
  readonly runner: string;
  readonly program: Program;
  readonly atMs: number;
  readonly runId: string;
  abortedAtMs: number | undefined;
}

/** Runners, their caller, and what was seen of them. */
class Stage {
  readonly runs: SeenRun[] = [];
  readonly events: TraceEvent[] = [];
  readonly runners: readonly (Service & { readonly name: string })[] = [];
  readonly world: World;
  readonly beganMs: number;
  readonly #open: Promise<unknown>[] = [];

  constructor(
    sim: Simulation,
    make: (world: World) => readonly (readonly [name: string, service: Service])[],
  ) {
    const { tracer } = sim.world;
    this.beganMs = sim.now();
    this.world = {
      ...sim.world,
      tracer: {
        get keepsEvents() {
          return true;
        },
        record: (event) => {
          this.events.push(event);
          tracer.record(event);
        },
      },
    };
    this.runners = make(this.world).map(([name, service]) => Object.assign(service, { name }));
  }

  async play(sim: Simulation, deeds: readonly Deed[]): Promise<void> {
    for (const deed of deeds) {
      await this.#until(sim, deed.atMs);
      const runner = this.runners[deed.runner % this.runners.length] as Service & { readonly name: string };
      if (deed.kind === 'run') await this.#run(sim, runner, deed.program);
      else this.#abort(sim, runner, deed.run);
    }
    // A release is no abort in a recording: how long it took to stop a process is not known of it.
    const lastMs = (deeds.at(-1)?.atMs ?? 0) + LAST_MS;
    await this.#until(sim, lastMs);
    for (const [at, run] of this.runs.entries()) {
      await this.#until(sim, lastMs + (at + 1) * LAST_MS);
      const runner = this.runners.find(({ name }) => name === run.runner);
      run.abortedAtMs ??= rounded(sim.now() - this.beganMs);
      await runner?.abort(run.runId);
    }
    for (const runner of this.runners) await runner.release();
    await Promise.all(this.#open);
  }

  #until(sim: Simulation, atMs: number): Promise<void> {
    return sleep(this.world.clock, Math.max(0, rounded(this.beganMs + atMs - sim.now())), 'the next');
  }

  async #run(sim: Simulation, runner: Service & { readonly name: string }, program: Program): Promise<void> {
    const atMs = rounded(sim.now() - this.beganMs);
    const { value } = await settledAs(runner.run(program.command));
    if (value === undefined) return;
    const { runId } = value as RunStatus;
    this.runs.push({ runner: runner.name, program, atMs, runId, abortedAtMs: undefined });
  }

  #abort(sim: Simulation, runner: Service & { readonly name: string }, index: number): void {
    const runs = this.runs.filter((run) => run.runner === runner.name);
    const run = runs.at(-1 - (index % Math.max(1, runs.length)));
    if (run === undefined) return;
    run.abortedAtMs ??= rounded(sim.now() - this.beganMs);
    this.#open.push(settledAs(runner.abort(run.runId)));
  }
}

/** What is seen of the runners in one recording. */
class RecordingPlay {
  readonly #sim: Simulation;
  readonly #make: typeof createRecorder;

  constructor(sim: Simulation, make: typeof createRecorder) {
    this.#sim = sim;
    this.#make = make;
  }

  async run(): Promise<void> {
    const sim = this.#sim;
    await sim.sleep(pick(sim, 'begins at', [0, 7], 1));
    const names = pick(sim, 'runners', [['one'], ['one', 'two']], 1, (all) => all.length);
    const capacity = pick(sim, 'capacity', [3, 1, 2], 1);
    const idPrefix = rarely(sim, 'prefix', 3) ? 'p-' : '';
    const isSlow = rarely(sim, 'slow filer', 3);
    const deeds = this.#drawDeeds();
    const outputs = createMemoryOutputs();
    let recorder: Recorder | undefined;
    const stage = new Stage(sim, (world) => {
      recorder = this.#make(world);
      return names.map((name) => [
        name,
        createQueueRunner(world, {
          ...{ name, recorder, capacity, idPrefix, history: 0, outputs, tempDirs: virtualTempDirs() },
          execer: createSimExecer({ clock: world.clock, graceMs: GRACE_MS, memoryCapBytes: CAP_BYTES }),
          filers: new Map([
            ['scoot', { filer: isSlow ? slowFiler(sim, world, name) : createVirtualFiler() }],
          ]),
        }),
      ]);
    });
    await stage.play(sim, deeds);
    const recorded = recorder?.recording() ?? { entries: [] };
    new EntryJudge(sim, recorded).judge(stage);
    await this.#survivesFile(recorded);
    const runs = recordedRuns(recorded);
    this.#checkRuns(stage, runs, isSlow);
    sim.sometimes('runs were recorded', runs.length > 0);
    if (isSlow) return;
    await this.#playAgain(stage, names, { capacity, idPrefix }, deeds, runs);
    sim.sometimes('runs were played again');
  }

  #drawDeeds(): Deed[] {
    const sim = this.#sim;
    const deeds: Deed[] = [];
    let atMs = 0;
    const count = pickCount(sim, 'deeds', 6);
    for (let at = 1; at <= count; at += 1) {
      // No two in one instant, nor what follows from them.
      atMs += pick(sim, `pause ${at}`, PAUSES_MS, 1) + APART_MS;
      const runner = sim.pick(`runner of ${at}`, [0, 1], (index) => `runner ${index}`);
      if (rarely(sim, `aborts at ${at}`, 3)) {
        deeds.push({
          atMs: atMs + OUTSIDE_MS,
          kind: 'abort',
          runner,
          run: sim.pick(`aborted at ${at}`, [0, 1], (index) => `run ${index}`),
        });
        atMs += 1;
      } else deeds.push({ atMs, kind: 'run', runner, program: drawProgram(sim, `run ${at}`) });
    }
    return deeds;
  }

  async #survivesFile(recorded: Recording): Promise<void> {
    const lines = [...recordingLines(recorded, { host: 'here' })];
    const { entries, header } = await readRecording(
      rarely(this.#sim, 'in one text', 2) ? lines.join('') : lines,
    );
    this.#same('a recording out of its file', entries, recorded.entries);
    this.#sim.check(header.host === 'here', 'the header of a recording is lost');
    const same = diffRecordings(recorded, { entries });
    this.#sim.check(same === undefined, `a recording differs from itself: ${same?.text}`);
    const written = recorded.entries.flatMap((entry, index) => (entry.type === 'status' ? [index] : []));
    if (written.length === 0) return;
    const index = this.#sim.pick('changed status', written, (at) => `entry ${at}`);
    const changed = recorded.entries.map((entry, at) =>
      at === index && entry.type === 'status'
        ? { ...entry, status: { ...entry.status, error: 'changed' } }
        : entry,
    );
    const difference = diffRecordings(recorded, { entries: changed });
    this.#sim.check(
      difference?.index === index,
      `a change of entry ${index} is seen at ${difference?.index}`,
    );
  }

  /** Each run in one piece: its statuses from its acceptance, its output from the start of its process. */
  #checkRuns(stage: Stage, runs: readonly RecordedRun[], isSlow: boolean): void {
    this.#same(
      'runs of a recording',
      runs.map(aboutRun),
      stage.runs.map((run) => aboutSeen(run, stage)),
    );
    for (const [at, { statuses, output }] of runs.entries()) {
      const { program } = stage.runs[at] as SeenRun;
      const startMs = statuses.find(({ state }) => state === 'RUNNING')?.atMs ?? 0;
      const endMs = statuses.at(-1)?.atMs ?? Infinity;
      const due = program.writes.filter(({ atMs }) => atMs <= rounded(endMs - startMs));
      const came = output.map(({ atMs, stream, text }) => ({ atMs, stream, text }));
      // A process that is stopped as it starts has written what it writes at once.
      this.#same(
        `output of run ${at}`,
        came,
        statuses.some(({ state }) => state === 'RUNNING') || came.length > 0
          ? upTo(due, came.length, isSlow)
          : [],
      );
    }
  }

  async #playAgain(
    before: Stage,
    names: readonly string[],
    setup: { readonly capacity: number; readonly idPrefix: string },
    deeds: readonly Deed[],
    runs: readonly RecordedRun[],
  ): Promise<void> {
    const outputs = createMemoryOutputs();
    const again = new Stage(this.#sim, (world) => {
      const execer = createPlaybackExecer({
        clock: world.clock,
        recordingOf: recordingsByRunId(runs),
        graceMs: GRACE_MS * 2,
      });
      return names.map((name) => [
        name,
        createQueueRunner(world, {
          ...{ name, ...setup, history: 0, execer, outputs, tempDirs: virtualTempDirs() },
          filers: new Map([['scoot', { filer: createVirtualFiler() }]]),
        }),
      ]);
    });
    await again.play(this.#sim, deeds);
    this.#same('the runs that are played again', statusLines(again), statusLines(before));
    this.#same('the output that is played again', wroteLines(again), wroteLines(before));
  }

  #same(what: string, got: readonly unknown[], expected: readonly unknown[]): void {
    const [is, should] = [got, expected].map((list) => list.map(dataText));
    const at = is?.findIndex((text, index) => text !== should?.[index]) ?? -1;
    const isSame = is?.length === should?.length && at < 0;
    const index = at < 0 ? Math.min(got.length, expected.length) : at;
    this.#sim.check(
      isSame,
      `${what} are not as expected, first at ${index}\n\nExpected ${should?.[index] ?? 'nothing'}, got ${is?.[index] ?? 'nothing'}.`,
    );
  }
}

function upTo(due: readonly Written[], count: number, isSlow: boolean): readonly Written[] {
  return isSlow ? due.slice(0, count) : due;
}

function slowFiler(sim: Simulation, world: World, name: string): ReturnType<typeof createSimFiler> {
  const updateIntervalMs = pick(sim, `updates of ${name}`, [0, 15], 1);
  const fail = { text: 'no such snapshot', exitCode: 212 };
  const checkout = [
    { latencyMs: 7, cancelMs: 2 },
    { latencyMs: 3, fail },
    { latencyMs: 40, cancelMs: 5 },
  ];
  const plan = { checkout, update: [{ latencyMs: 3 }], release: [{ latencyMs: 1 }] };
  return createSimFiler({ clock: world.clock, name, updateIntervalMs, plan });
}

function aboutRun({ runId, runner, command, acceptedAtMs, abortedAtMs, statuses }: RecordedRun): unknown {
  const seen = statuses.map(({ atMs, state, exitCode, error }) => ({ atMs, state, exitCode, error }));
  return {
    runId,
    runner,
    command: bare(command),
    acceptedAtMs,
    abortedAtMs: abortedAtMs ?? null,
    statuses: seen,
  };
}

function aboutSeen(
  { runId, runner, program, atMs, abortedAtMs }: SeenRun,
  { events, beganMs }: Stage,
): unknown {
  const seen = events.flatMap((event) => {
    if (event.type !== 'status' || event.runner !== runner || event.status.runId !== runId) return [];
    const { state, exitCode, error } = event.status;
    return [{ atMs: rounded(event.at - beganMs - atMs), state, exitCode, error }];
  });
  const abort = events.find(
    (event) => event.type === 'abort' && event.runner === runner && event.runId === runId,
  );
  const asked = abort === undefined ? null : rounded(abort.at - beganMs - atMs);
  const isAsked = asked === null || (abortedAtMs !== undefined && rounded(abortedAtMs - atMs) === asked);
  return {
    ...{ runId, runner, command: bare(program.command), acceptedAtMs: atMs },
    ...{ abortedAtMs: isAsked ? asked : 'another time', statuses: seen },
  };
}

function bare({ argv, timeoutMs = 0, jobId = '', tag = '' }: Command): unknown {
  return { argv, timeoutMs, jobId, tag };
}

function statusLines({ events, beganMs }: Stage): unknown[] {
  return events.flatMap((event) => {
    if (event.type !== 'status') return [];
    const { runId, state, exitCode, error, jobId, tag } = event.status;
    return [
      { atMs: rounded(event.at - beganMs), runner: event.runner, runId, state, exitCode, error, jobId, tag },
    ];
  });
}

function wroteLines({ events, beganMs }: Stage): unknown[] {
  return events.flatMap((event) => {
    if (event.type !== 'wrote') return [];
    const { runner, runId, output, bytes, digest } = event;
    return [{ atMs: rounded(event.at - beganMs), runner, runId, output, bytes, digest }];
  });
}

/** Holds the entries of a recording to what was seen, and to each other. */
class EntryJudge {
  readonly #sim: Simulation;
  readonly #entries: readonly RecordedEntry[];

  constructor(sim: Simulation, { entries }: Recording) {
    this.#sim = sim;
    this.#entries = entries;
  }

  judge({ events, beganMs, runners }: Stage): void {
    const names = new Set(runners.map(({ name }) => name));
    const traced = events
      .filter((event) => names.has(event.runner) && !isWait(event))
      .map((event) => withoutHost(dataText({ ...event, at: rounded(event.at - beganMs) })));
    const kept = this.#entries
      .filter((entry) => !STEPS.has(entry.type))

      .map(dataText);
    const at = kept.findIndex((text, index) => text !== traced[index]);
    this.#claim(
      at < 0 && kept.length === traced.length,
      `event ${at} of a recording is ${kept[at]}, expected ${traced[at] ?? 'none'}`,
    );
    let lastMs = 0;
    for (const [index, entry] of this.#entries.entries()) {
      this.#claim(entry.at >= lastMs, `entry ${index} of a recording goes back in time`);
      lastMs = entry.at;
      this.#claim(formatEntry(entry).includes(entry.runner), `entry ${index} in words lacks its runner`);
    }
    for (const name of names) this.#judgeRunner(name);
  }

  #judgeRunner(name: string): void {
    const own = this.#entries.filter(({ runner }) => runner === name);
    const calls = new Map<string, number>();
    const asks = new Map<string, number>();
    const counts = new Map<string, number>();
    const open = new Set<string>();
    this.#claim(own[0]?.type === 'runner', `the first of ${name} is ${own[0]?.type}`);
    const first = (kind: string, nth: number): void => {
      this.#claim(
        nth === (counts.get(kind) ?? 0) + 1,
        `${kind} of ${name} has number ${nth}, after ${counts.get(kind) ?? 0}`,
      );
      counts.set(kind, nth);
    };
    for (const entry of own) {
      if (entry.type === 'call') {
        first(entry.call, entry.nth);
        calls.set(`${entry.call} ${entry.nth}`, entry.at);
      } else if (entry.type === 'returned') this.#since(entry, calls.get(`${entry.call} ${entry.nth}`));
      else if (entry.type === 'asked') {
        const key = `${entry.what} ${entry.name} ${entry.nth}`;
        first(`${entry.what} ${entry.name}`, entry.nth);
        asks.set(key, entry.at);
        if (entry.answer === undefined) open.add(key);
      } else if (entry.type === 'answered') {
        const key = `${entry.what} ${entry.name} ${entry.nth}`;
        this.#since(entry, asks.get(key));
        this.#claim(open.delete(key), `${key} of ${name} was answered twice`);
      } else if (entry.type === 'fired') {
        this.#claim(entry.afterMs >= entry.delayMs, `${entry.label} of ${name} fired too early`);
      } else if (entry.type === 'cancelled') {
        this.#claim(
          asks.has(`${entry.what} ${entry.name} ${entry.nth}`),
          `${entry.what} of ${name} was cancelled, and never asked`,
        );
      } else if (entry.type === 'output') this.#since(entry, asks.get(`exec ${entry.runId} 1`));
    }
    this.#claim(open.size === 0, `${[...open].join()} of ${name} was never answered`);
  }

  #since(
    {
      type,
      at,
      afterMs,
      runner,
    }: { readonly type: string; readonly at: number; readonly afterMs: number; readonly runner: string },
    sinceMs: number | undefined,
  ): void {
    const isRight = sinceMs !== undefined && rounded(at - sinceMs) === afterMs;
    this.#claim(
      isRight,
      `something ${type} by ${runner} at ${at} ms comes ${afterMs} ms after ${sinceMs ?? 'nothing'}`,
    );
  }

  #claim(holds: boolean, message: string): void {
    if (!holds) this.#sim.check(false, message);
  }
}

/** A caller that waits for a run is no part of its runner. */
function isWait(event: TraceEvent): boolean {
  return 'resource' in event && event.resource === 'waiter';
}

/** A recording has names in place of the addresses of its host. */
function withoutHost(text: string): string {
  return text.replace(/memory:\/\/\/([^"]*-(?:stdout|stderr|stdlog))-\d+/g, 'output:///$1');
}

const STEPS: ReadonlySet<string> = new Set([
  ...['runner', 'call', 'fired', 'answered', 'output', 'memory', 'asked', 'cancelled', 'returned'],
]);

/** Recordings made by hand: of the right form, and of a wrong one. */
class HandMadePlay {
  readonly #sim: Simulation;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  async run(): Promise<void> {
    const sim = this.#sim;
    const { clock } = sim.world;
    const run = this.#draw();
    const other: RecordedRun = { ...run, runner: 'other', output: [], statuses: [] };
    const isAmbiguous = rarely(sim, 'another runner has the same', 2);
    const execer = createPlaybackExecer({
      clock,
      recordingOf: recordingsByRunId(isAmbiguous ? [run, other] : [run]),
    });
    const got: string[] = [];
    const sink = (stream: Stream) => ({
      write: (chunk: string | Uint8Array) =>
        void got.push(
          `${rounded(clock.now() - startMs)} ${stream} ${Buffer.from(chunk as string).toString('hex')}`,
        ),
    });
    const startMs = clock.now();
    const command = { argv: ['any'], dir: '/', stdout: sink('stdout'), stderr: sink('stderr') };
    const unknown = await settledAs(
      (async () => execer.exec({ ...command, runId: '8', runner: 'one' } as never))(),
    );
    this.#refused(unknown.error, 'RUNNER_EXEC_FAILED', /No recording of run 8 of one/);
    const nobody = await settledAs(
      (async () => execer.exec({ ...command, runId: '7', runner: 'third' } as never))(),
    );
    if (isAmbiguous) this.#refused(nobody.error, 'RUNNER_EXEC_FAILED', /No recording of run 7 of third/);
    else (nobody.value as { abort(): void } | undefined)?.abort();
    got.length = 0;
    const process = execer.exec({ ...command, runId: '7', runner: 'one' } as never);
    const status = await process.wait();
    const last = run.statuses.at(-1);
    const takesMs = rounded((last?.atMs ?? 0) - (run.statuses[0]?.atMs ?? 0));
    sim.check(
      rounded(clock.now() - startMs) === takesMs,
      `a run of ${takesMs} ms is over after ${clock.now() - startMs} ms`,
    );
    sim.check(
      status.exitCode === last?.exitCode,
      `a run that ended with ${last?.exitCode} ends with ${status.exitCode}`,
    );
    const expected = run.output.map(
      ({ atMs, stream, text, base64 }) =>
        `${atMs} ${stream} ${Buffer.from(text ?? base64 ?? '', text === undefined ? 'base64' : 'utf8').toString('hex')}`,
    );
    sim.check(
      got.join() === expected.join(),
      `a recording writes ${got.join()}, expected ${expected.join()}`,
    );
    sim.check(execer.livingProcesses === 0, `${execer.livingProcesses} processes live on`);
    await this.#refuses(run);
  }

  #draw(): RecordedRun {
    const sim = this.#sim;
    const count = pickCount(sim, 'chunks', 4) - 1;
    let atMs = 0;
    const output = Array.from({ length: count }, (_, at) => {
      atMs += pick(sim, `chunk ${at} after`, [0, 2, 10], 1);
      const stream: Stream = rarely(sim, `chunk ${at} is an error`, 3) ? 'stderr' : 'stdout';
      return rarely(sim, `chunk ${at} is bytes`, 2)
        ? { atMs, stream, base64: 'AP+A' }
        : { atMs, stream, text: `chunk ${at} ä\n` };
    });
    const startMs = pick(sim, 'starts after', [0, 5], 1);
    const endMs = startMs + atMs + pick(sim, 'goes on for', [0, 5], 1);
    const exitCode = pick(sim, 'exit code', [0, 3, -1], 1);
    const statuses = [
      { atMs: startMs, state: 'RUNNING', exitCode: 0, error: '' },
      { atMs: endMs, state: 'COMPLETE', exitCode, error: '' },
    ] as const;
    return { runId: '7', runner: 'one', command: { argv: ['any'] }, acceptedAtMs: 0, statuses, output };
  }

  /** What cannot be played is refused, with the field that is wrong. */
  async #refuses(run: RecordedRun): Promise<void> {
    const { clock } = this.#sim.world;
    const chunk = { atMs: 0, stream: 'stdout', text: 'x' } as const;
    const [running, ended] = run.statuses;
    const timedOut = { ...run, statuses: [running, { ...ended, state: 'TIMEDOUT' }] as never };
    const aborted = { ...run, statuses: [running, { ...ended, state: 'ABORTED' }] as never };
    const wrongs: readonly (readonly [field: string, run: RecordedRun])[] = [
      ['output[0].stream', { ...run, output: [{ ...chunk, stream: 'stdlog' as never }] }],
      ['output[0].atMs', { ...run, output: [{ ...chunk, atMs: -1 }] }],
      ['output[0].atMs', { ...run, output: [{ ...chunk, atMs: NaN }] }],
      [
        'output[1]: expected either text or base64, got "both"',
        { ...run, output: [chunk, { ...chunk, base64: '' }] },
      ],
      [
        'output[0]: expected either text or base64, got "neither"',
        { ...run, output: [{ atMs: 0, stream: 'stderr' }] },
      ],
      ['command.timeoutMs', { ...timedOut, command: { argv: [], timeoutMs: NaN } }],
      ['abortedAtMs', { ...aborted, abortedAtMs: -1 }],
      ['RUNNING at', { ...run, statuses: [{ ...running, atMs: -1 }, ended] as never }],
      ['COMPLETE at', { ...run, statuses: [running, { ...ended, atMs: Infinity }] as never }],
    ];
    const [field, wrong] = pick(this.#sim, 'wrong', wrongs, 1, ([name]) => name);
    const execer = createPlaybackExecer({ clock, recordingOf: () => wrong });
    const { error } = await settledAs((async () => execer.exec({ argv: ['any'], dir: '/' } as never))());
    this.#refused(error, 'RUNNER_TRACE_FORMAT', new RegExp(`run 7: ${field.replace(/[[\]]/g, '\\$&')}`));
    const twice = await settledAs((async () => recordingsByRunId([run, run]))());
    this.#refused(twice.error, 'RUNNER_INVALID_ARGUMENT', /one recording of run 7 of one/);
    const failed = {
      ...run,
      statuses: [{ atMs: 0, state: 'FAILED', exitCode: 240, error: 'could not exec: gone' }],
    } as const;
    const unstarted = createPlaybackExecer({ clock, recordingOf: () => failed });
    const reason = await settledAs((async () => unstarted.exec({ argv: ['any'], dir: '/' } as never))());
    this.#refused(reason.error, 'RUNNER_EXEC_FAILED', /^gone$/);
  }

  #refused(error: unknown, code: string, text: RegExp): void {
    const isRight = isRunnerError(error) && error.code === code && text.test(error.message);
    this.#sim.check(
      isRight,
      `expected ${code} with ${String(text)}, got ${error instanceof Error ? error.message : 'no error'}`,
    );
  }
}
