/**
 * Records the runs of any service from outside, through its contract alone: it waits for status changes as any caller may. Invariant:
 * calls are passed on unchanged, in the same synchronous call; a recording holds relative times and numbers its runs in order of
 * acceptance, so nothing of this machine or this hour is in it.
 */
import { checkWorld } from '../model/world-check.ts';
import { checkMethods, checkOptions } from '../kernel/argument-check.ts';
import { messageOf } from '../kernel/errors.ts';
import type { Command } from '../model/command.ts';
import { checkCommand } from '../model/command-check.ts';
import { copyCommand } from '../model/command-copy.ts';
import type { Chunk } from '../model/output.ts';
import type { Query, Wait } from '../model/query.ts';
import type { RecordedRun } from '../model/recorded-run.ts';
import { isTerminal } from '../model/run-state.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import type { Service } from '../model/service.ts';
import { DONE_MASK, maskForState, type StateMask } from '../model/state-mask.ts';
import { singleStatus, statusNow } from '../model/status-lookup.ts';
import type { QueryResult, StatusResult } from '../model/status-reader.ts';
import { waitForever } from '../model/wait.ts';
import type { World } from '../model/world.ts';
import { digestOutput } from '../trace/output-digest.ts';
import type { ProcessRecording } from '../trace/recording-execer.ts';
import { RunRecord } from './run-record.ts';

/** What a recorder of a service can be told beside. */
export interface RecordServiceOptions {
  /** Output and digests of a run's process, such as `recordExecer` collects them; without it, recordings hold no output. */
  readonly processOf?: (runId: RunID) => ProcessRecording | undefined;
  /** Reads what stands behind a ref, for digests where the execer cannot be wrapped: the invoker's header and trailer do not count. */
  readonly readOutput?: (ref: string) => Iterable<Chunk> | AsyncIterable<Chunk>;
  /** Names the recorder in the world's trace, where it notes what it could not see. Default `recorder`. */
  readonly name?: string;
}

/** A service that is recorded. */
export interface RecordedService extends Service {
  /** What the recorder could not see, a line each; empty if the recording is whole. */
  readonly problems: readonly string[];
  /** The runs so far, in order of acceptance. One that has not ended has no terminal status; its output is not there yet. */
  recording(): RecordedRun[];
  /** Resolves when the end of every accepted run has been seen, or cannot be seen. */
  settled(): Promise<void>;
  /** Ends the watching, so that no wait of the recorder is left; what has not ended stays without an end. */
  stop(): void;
}

const STARTED_MASK: StateMask = maskForState(
  'RUNNING',
  'COMPLETE',
  'FAILED',
  'ABORTED',
  'TIMEDOUT',
  'UNKNOWN',
);

/**
 * Wraps a service so that its runs are recorded. Wrap the runner itself, beneath chaos and pollers: a state that comes and goes before
 * the service answers is missing in the recording.
 *
 * @example
 * ```ts
 * import { createFakeRunner, recordService, simulate } from 'dryrunner';
 * await simulate({
 *   scenario: async (sim) => {
 *     const recorded = recordService(sim.world, createFakeRunner(sim.world));
 *     await recorded.run({ argv: ['sleep 5', 'complete 3'] });
 *     await recorded.settled();
 *     const [run] = recorded.recording();
 *     if (run?.statuses.at(-1)?.exitCode !== 3) throw new Error('the end is recorded');
 *   },
 * });
 * ```
 */
export function recordService(
  world: World,
  service: Service,
  options: RecordServiceOptions = {},
): RecordedService {
  checkWorld(world, ['clock']);
  checkMethods('service', service, ['run', 'query']);
  checkOptions(options);
  return new ServiceRecorder(world, service, options);
}

class ServiceRecorder implements RecordedService {
  readonly #world: World;
  readonly #service: Service;
  readonly #options: RecordServiceOptions;
  readonly #beganAtMs: number;
  readonly #stop = new AbortController();
  /** In order of the calls; a slot stays empty until its call is answered, and for good if it was refused. */
  readonly #slots: { record: RunRecord | undefined }[] = [];
  readonly #byId = new Map<RunID, RunRecord>();
  readonly #watches = new Set<Promise<void>>();
  readonly problems: string[] = [];

  constructor(world: World, service: Service, options: RecordServiceOptions) {
    this.#world = world;
    this.#service = service;
    this.#options = options;
    this.#beganAtMs = world.clock.now();
  }

  async run(offered: Command): Promise<RunStatus> {
    checkCommand(offered);
    // The caller may change it before the answer is there.
    const command = copyCommand(offered);
    const slot: { record: RunRecord | undefined } = { record: undefined };
    this.#slots.push(slot);
    const acceptedAtMs = this.#now();
    const status = await this.#service.run(command);
    const record = new RunRecord(command, status, acceptedAtMs);
    slot.record = record;
    this.#byId.set(status.runId, record);
    record.see(status, acceptedAtMs);
    this.#watch(record, status);
    return status;
  }

  async abort(runId: RunID): Promise<RunStatus> {
    this.#byId.get(runId)?.abort(this.#now());
    return this.#service.abort(runId);
  }

  async release(): Promise<void> {
    for (const record of this.#byId.values()) record.abort(this.#now());
    return this.#service.release();
  }

  async query(query: Query, wait: Wait): Promise<QueryResult> {
    return this.#service.query(query, wait);
  }

  async queryNow(query: Query): Promise<QueryResult> {
    return this.#service.queryNow(query);
  }

  async status(runId: RunID): Promise<StatusResult> {
    return this.#service.status(runId);
  }

  async statusAll(): Promise<QueryResult> {
    return this.#service.statusAll();
  }

  recording(): RecordedRun[] {
    const { processOf } = this.#options;
    return this.#slots
      .flatMap(({ record }) => record ?? [])
      .map((record, index) => record.toRecordedRun(index, this.#beganAtMs, processOf?.(record.runId)));
  }

  async settled(): Promise<void> {
    while (this.#watches.size > 0) await Promise.all(this.#watches);
  }

  stop(): void {
    this.#stop.abort();
  }

  #now(): number {
    return this.#world.clock.now();
  }

  #watch(record: RunRecord, first: RunStatus): void {
    const watch = this.#watchToEnd(record, first)
      .catch((error: unknown) => this.#note(record, error))
      .finally(() => this.#watches.delete(watch));
    this.#watches.add(watch);
  }

  async #watchToEnd(record: RunRecord, first: RunStatus): Promise<void> {
    let status = first;
    while (!isTerminal(status.state)) {
      status = await this.#next(record.runId, status.state === 'PENDING' ? STARTED_MASK : DONE_MASK);
      record.see(status, this.#now());
    }
    await this.#digest(record, status);
  }

  /** The next status in one of these states. A wait that a release ends is followed by one look, because the end may be there. */
  async #next(runId: RunID, states: StateMask): Promise<RunStatus> {
    try {
      const wait = waitForever(this.#stop.signal);
      return singleStatus(await this.#service.query({ runs: [runId], states }, wait)).status;
    } catch (error) {
      if (this.#stop.signal.aborted) throw error;
      const { status } = await statusNow(this.#service, runId);
      if (!isTerminal(status.state)) throw error;
      return status;
    }
  }

  async #digest(record: RunRecord, { state, error, stdoutRef, stderrRef }: RunStatus): Promise<void> {
    const { readOutput, processOf } = this.#options;
    if (readOutput === undefined || processOf?.(record.runId) !== undefined) return;
    const hasTrailer = state !== 'COMPLETE' || error !== '';
    const digest = async (ref: string): Promise<string> => digestOutput(readOutput(ref), { hasTrailer });
    record.digests = {
      ...(stdoutRef === '' ? {} : { stdoutSha256: await digest(stdoutRef) }),
      ...(stderrRef === '' ? {} : { stderrSha256: await digest(stderrRef) }),
    };
  }

  #note({ runId }: RunRecord, error: unknown): void {
    if (this.#stop.signal.aborted) return;
    this.problems.push(`run ${runId}: ${messageOf(error)}`);
    const { name: runner = 'recorder' } = this.#options;
    this.#world.tracer?.record({
      type: 'recorded',
      at: this.#now(),
      runner,
      runId,
      what: 'recording',
      error: messageOf(error),
      exitCode: 0,
    });
  }
}
