/**
 * Records runners for an exact replay. Invariants: a recorded runner gets the same answers in the same order and turn
 * as an unrecorded one; everything that happens in one turn of the event loop has the same microsecond as its time,
 * which is also the time that the runner sees, so that a time is rounded once and everything derived from it agrees.
 */
import * as is from '../../kernel/shape.ts';
import type { Clock } from '../../kernel/clock.ts';
import { microsecondsOf } from '../../kernel/microseconds.ts';
import type { RecordedEntry, Recording } from '../../model/recording.ts';
import { checkWorld, type World } from '../../model/world.ts';
import { check } from '../../kernel/argument-check.ts';

/** Options of {@link createRecorder}. */
export interface RecorderOptions {
  /**
   * Maximum number of output bytes to keep per process, both streams together; the rest is only counted. Default 64
   * MiB.
   */
  readonly outputBytesMax?: number;
}

/** Records every runner that is created with it. */
export interface Recorder {
  /** The recording so far. Runs that have not ended are included up to their current state. */
  recording(): Recording;
}

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
/**
 * A turn ends after this many consecutive promise reactions without activity of the runner, whose own chains are far
 * shorter.
 */
const QUIET_REACTIONS = 32;

/**
 * Creates a recorder of runners that live in `world`: pass it to `createQueueRunner`, or to `createExecRunner` of
 * `dryrunner/host`, as `recorder`. Runners that share a recorder are in one recording, which preserves the order among
 * them; each needs a name of its own.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `world` is not a world, or `outputBytesMax` is not a number ≥ 0.
 * @example
 * ```ts
 * import { createNullOutputs, createRecorder, finalStatus, replayRecording, simulate, virtualTempDirs, createVirtualFiler, type Recording } from 'dryrunner';
 * import { createQueueRunner, createSimExecer } from 'dryrunner/kit';
 * let recording: Recording = { entries: [] };
 * await simulate({
 *   scenario: async ({ world }) => {
 *     const recorder = createRecorder(world);
 *     const runner = createQueueRunner(world, {
 *       recorder,
 *       execer: createSimExecer({ clock: world.clock }),
 *       filers: new Map([['scoot', { filer: createVirtualFiler() }]]),
 *       outputs: createNullOutputs(),
 *       tempDirs: virtualTempDirs(),
 *     });
 *     const { runId } = await runner.run({ argv: ['sleep 5', 'complete 3'] });
 *     await finalStatus(runner, runId);
 *     await runner.release();
 *     recording = recorder.recording();
 *   },
 * });
 * const { problem } = await replayRecording(recording);
 * if (problem !== undefined) throw new Error(problem);
 * ```
 */
export function createRecorder(world: World, options: RecorderOptions = {}): Recorder {
  checkWorld(world);
  check('options', options, RECORDER_OPTIONS);
  return new RunRecorder(world, options.outputBytesMax ?? OUTPUT_BYTES_MAX);
}

const RECORDER_OPTIONS = is.optionsOf<RecorderOptions>({}, { outputBytesMax: is.limit() });

/** Notified around entries; the replay takes nested steps in these calls. */
export interface EntryListener {
  /** An entry is about to be written. */
  beforeEntry(entry: RecordedEntry): void;
  /** An entry was written, and the runner has not reacted to it. */
  afterEntry(entry: RecordedEntry): void;
}

/** The recorder as runners and the replay use it. */
export class RunRecorder implements Recorder {
  readonly world: World;
  readonly outputBytesMax: number;
  /** The clocks that recorded runners may use: that of the world, or in a replay one for each runner. */
  readonly clocks: Set<Clock>;
  /** Names of the recorded runners. */
  readonly names: Set<string> = new Set();
  /** Chunks that stand in a replay for output that was not kept, and are not kept either. */
  readonly placeholders: WeakSet<Uint8Array> = new WeakSet();
  listener: EntryListener | undefined;
  readonly #entries: RecordedEntry[] = [];
  readonly #beganUs: number;
  /** The time of the current turn, or of the last one. */
  #stampUs: number;
  #isTurn = false;
  #quiet = 0;
  #depth = 0;

  constructor(world: World, outputBytesMax: number = OUTPUT_BYTES_MAX) {
    this.world = world;
    this.outputBytesMax = outputBytesMax;
    this.clocks = new Set([world.clock]);
    this.#beganUs = microsecondsOf(world.clock.now());
    this.#stampUs = this.#beganUs;
  }

  recording(): Recording {
    return { entries: [...this.#entries] };
  }

  /** True while code of the runner is further up on the stack. */
  get isNested(): boolean {
    return this.#depth > 0;
  }

  /** The time of the turn, on the clock of the world. */
  now(): number {
    if (!this.#isTurn) this.#stampUs = Math.max(this.#stampUs, microsecondsOf(this.world.clock.now()));
    this.#quiet = 0;
    return this.#stampUs / 1000;
  }

  /** The time of the turn, from the beginning of the recording. */
  at(): number {
    return this.sinceBegin(this.now());
  }

  sinceBegin(nowMs: number): number {
    return (microsecondsOf(nowMs) - this.#beganUs) / 1000;
  }

  /** Called for an input: begins a turn, unless one is in progress. An event of the clock always begins one. */
  beginTurn(isEvent = false): void {
    this.#quiet = 0;
    if (this.#isTurn && !isEvent) return;
    this.#stampUs = Math.max(this.#stampUs, microsecondsOf(this.world.clock.now()));
    if (this.#isTurn) return;
    this.#isTurn = true;
    this.#awaitQuiet();
  }

  /** Writes an entry, and then runs `work` as part of what the runner does. */
  pass<T>(entry: RecordedEntry, work: () => T): T {
    this.#quiet = 0;
    this.#depth += 1;
    try {
      this.listener?.beforeEntry(entry);
      this.#entries.push(entry);
      this.listener?.afterEntry(entry);
      return work();
    } finally {
      this.#depth -= 1;
    }
  }

  #awaitQuiet(): void {
    void Promise.resolve().then(() => {
      this.#quiet += 1;
      if (this.#quiet < QUIET_REACTIONS) this.#awaitQuiet();
      else this.#isTurn = false;
    });
  }
}

/** Argument shape of a recorder from {@link createRecorder}. */
export const RECORDER: is.PredicateShape = is.instanceOf('what createRecorder has made', RunRecorder);
