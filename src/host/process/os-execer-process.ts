/**
 * One command on the machine, from its start until none of its processes is left. Whatever ends it first (itself, an
 * abort, the memory cap) decides its status; everything after that is clean-up within stated bounds. Invariant: the
 * status is set once, as the last step, when no member of the tree is alive and no more output is delivered.
 */
import { type Clock, sleep } from '../../kernel/clock.ts';
import type { FaultLog } from '../../execers/fault-log.ts';
import {
  abortedProcess,
  failedProcess,
  withFaults,
  completeProcess,
  signalledProcess,
} from '../../execers/process-status.ts';
import type { MemoryReport, Process, ProcessStatus } from '../../model/execer.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import type { MaybePromise } from '../../model/maybe-promise.ts';
import type { OsExecerLimits } from './os-execer-options.ts';
import type { StartedChild } from './os-execer-spawn.ts';
import type { OutputPump } from './output-pump.ts';
import type { MemoryUse } from './process-memory-watch.ts';
import type { ProcessTree, TreeCensus } from './process-tree.ts';
import type { ProcessEntry } from './process-table.ts';

/** The parts of a process. */
export interface OsProcessParts {
  readonly child: StartedChild;
  readonly tree: ProcessTree;
  readonly pumps: readonly OutputPump[];
  /** The pump among them that takes the messages about the end meant for people. */
  readonly stderr: OutputPump | undefined;
  readonly faults: FaultLog;
  readonly clock: Clock;
  readonly limits: OsExecerLimits;
  /** The signal that an abort sends first. Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
  readonly onMemoryReport: ((report: MemoryReport) => void) | undefined;
  /** Called when its end is decided and its memory need not be watched any more. */
  readonly onStopped: () => void;
  /** Called when none of it is left, just before its status is known. */
  readonly onEnd: () => void;
}

/**
 * The drain waits in several steps, so that the time for which the event loop was blocked does not count as silence of
 * the process.
 */
const DRAIN_STEPS = 4;

/** A process of the OS execer. */
export class OsProcess implements Process {
  readonly #parts: OsProcessParts;
  readonly #exited: Promise<void>;
  readonly #ended: Promise<ProcessStatus>;
  /** How the leader ended, by itself or otherwise; set once it has been reaped. */
  #natural: ProcessStatus | undefined;
  /** Why it is being stopped; the first reason wins. */
  #request: 'abort' | MemoryReport | undefined;
  /** Pending until every member has been asked to end. */
  #asked: MaybePromise<void> = undefined;
  /** Who used how much memory when it exceeded the cap. */
  #memoryList: MemoryUse['list'];
  #stop: () => void = () => undefined;
  #status: ProcessStatus | undefined;

  constructor(parts: OsProcessParts) {
    this.#parts = parts;
    const stopped = new Promise<void>((resolve) => {
      this.#stop = resolve;
    });
    this.#exited = new Promise((resolve) => {
      parts.child.once('exit', (code, signal) => {
        parts.tree.leaderReaped();
        this.#natural = naturalStatus(code, signal);
        resolve();
      });
    });
    parts.child.on('error', (error) => parts.faults.add('process', error));
    this.#ended = this.#conduct(stopped).catch((error: unknown) => this.#endUnknown(error));
  }

  wait(): MaybePromise<ProcessStatus> {
    return this.#status ?? this.#ended;
  }

  abort(): MaybePromise<ProcessStatus> {
    if (this.#isStoppable()) {
      this.#request = 'abort';
      this.#stop();
      this.#asked = this.#parts.tree.terminate(this.#stopSignal());
    }
    return this.wait();
  }

  hasEnded(): boolean {
    return !this.#isStoppable();
  }

  /** Starts to kill the tree. False if its end is already decided; then it is left alone (R133). */
  stopForMemory(report: MemoryReport, list?: MemoryUse['list']): boolean {
    if (!this.#isStoppable()) return false;
    this.#request = report;
    this.#memoryList = list;
    this.#stop();
    return true;
  }

  /** False once its end is decided, even if Node has not reported its exit yet (R120). */
  #isStoppable(): boolean {
    if (this.#request !== undefined || this.#natural !== undefined) return false;
    return this.#status === undefined && this.#parts.tree.leaderLives();
  }

  async #conduct(stopped: Promise<void>): Promise<ProcessStatus> {
    const { child, clock, limits, tree, onStopped } = this.#parts;
    await Promise.race([this.#exited, stopped]);
    onStopped();
    if (this.#request === 'abort') await this.#awaitGrace();
    const endedBefore = this.#natural !== undefined;
    const memoryList = await this.#listMemory();
    const deadlineMs = clock.now() + limits.reapMs;
    this.#recordSweep(await sweepTree(clock, tree, child.pid, limits.reapMs), endedBefore);
    // The leader is dead, but Node reports the exit only in the next turn of the loop.
    await settlesWithin(clock, 'reap', Math.max(0, deadlineMs - clock.now()), this.#exited);
    await this.#drain();
    if (memoryList !== undefined) await this.#parts.stderr?.append(memoryList);
    return this.#settle(this.#outcome(endedBefore));
  }

  /** Whatever went wrong, and when: no status before the tree has been swept (R129). */
  async #endUnknown(error: unknown): Promise<ProcessStatus> {
    const { child, clock, faults, limits, tree } = this.#parts;
    const endedBefore = this.#natural !== undefined;
    try {
      this.#recordSweep(await sweepTree(clock, tree, child.pid, limits.reapMs), endedBefore);
    } catch (sweepError) {
      faults.add('descendants', sweepError);
    }
    return this.#settle(unknownEnd(error));
  }

  /**
   * Waits out the grace of an abort: all of it while the leader lives, little more for descendants that outlive the
   * leader (R127).
   */
  async #awaitGrace(): Promise<void> {
    const { clock, limits, tree } = this.#parts;
    const endMs = clock.now() + limits.graceMs;
    await this.#asked;
    if (!(await settlesWithin(clock, 'abort grace', limits.graceMs, this.#exited))) return;
    const restMs = Math.min(limits.drainGraceMs, Math.max(0, endMs - clock.now()));
    await emptiesWithin(clock, 'abort grace', restMs, tree);
  }

  /** Must be called while the processes live; the list is shown after all of their own output. */
  async #listMemory(): Promise<string | undefined> {
    try {
      return await this.#memoryList?.();
    } catch (error) {
      this.#parts.faults.add('process table', error);
      return undefined;
    }
  }

  async #drain(): Promise<void> {
    const { clock, limits, pumps } = this.#parts;
    const done = Promise.all(pumps.map((pump) => pump.done));
    for (let step = 0; step < DRAIN_STEPS; step++) {
      if (await settlesWithin(clock, 'output drain', limits.drainGraceMs / DRAIN_STEPS, done)) return;
    }
    for (const pump of pumps) pump.cut(limits.drainGraceMs);
  }

  #stopSignal(): NodeJS.Signals {
    return this.#parts.stopSignal ?? 'SIGTERM';
  }

  #outcome(endedBefore: boolean): ProcessStatus {
    if (this.#request === 'abort') return abortedProcess(endedBefore ? this.#stopSignal() : 'SIGKILL');
    return this.#request?.status ?? this.#natural ?? unknownEnd('it was not reaped');
  }

  #settle(status: ProcessStatus): ProcessStatus {
    const { faults, onEnd, onMemoryReport } = this.#parts;
    onEnd();
    if (this.#request !== undefined && this.#request !== 'abort') {
      try {
        onMemoryReport?.(this.#request);
      } catch (error) {
        faults.add('memory report', error);
      }
    }
    return (this.#status = withFaults(status, faults.list()));
  }

  #recordSweep(sweep: Sweep, endedBefore: boolean): void {
    const { descendants, survivors, unreaped, suspects, exact, blind } = sweep;
    const { faults, limits } = this.#parts;
    const say = (text: string): void => faults.add('descendants', new Error(text));
    if (endedBefore && descendants > 0) say(`${descendants} outlived the command and had to be killed`);
    if (survivors > 0) say(`${survivors} could not be killed within ${limits.reapMs} ms`);
    if (unreaped.length > 0) {
      say(
        `${unreaped.length} ended as children of this process, which cannot reap them: ${unreaped.join(' ')}`,
      );
    }
    if (suspects.length > 0) {
      say(
        `${suspects.length} may have escaped, and show nothing of where they are from: ${suspects.join(' ')}`,
      );
    }
    if (blind !== undefined) faults.add('process table', blind);
    else if (!exact) say(`some may be left: no look within ${limits.reapMs} ms was exact`);
  }
}

function naturalStatus(code: number | null, signal: NodeJS.Signals | null): ProcessStatus {
  if (signal !== null) return signalledProcess(signal);
  return code === null ? unknownEnd('neither code nor signal') : completeProcess(code);
}

function unknownEnd(why: unknown): ProcessStatus {
  const text = why instanceof Error ? why.message : String(why);
  return failedProcess(EXIT_CODES.POST_EXEC, `The process ended in an unknown way: ${text}`);
}

/** The result of a sweep. */
export interface Sweep {
  /** How many living members it found, not counting the leader. */
  readonly descendants: number;
  /** How many were still alive at its end: those that the kernel cannot kill, or does not let us kill. */
  readonly survivors: number;
  /** Members that ended as children of this process, which cannot reap them because it did not start them. */
  readonly unreaped: readonly number[];
  /** Processes that may have been members and got away. */
  readonly suspects: readonly number[];
  /** False if the last look may have missed a process; then there may be more survivors. */
  readonly exact: boolean;
  /** The error of the last look, if it failed; then there may be more survivors. */
  readonly blind?: unknown;
}

/**
 * Kills every member of the tree, again and again until a look that cannot have missed any finds none, for at most
 * `boundMs`. Never rejects; the result says what could not be done.
 */
export async function sweepTree(
  clock: Clock,
  tree: ProcessTree,
  leader: number,
  boundMs: number,
): Promise<Sweep> {
  const seen = new Set<string>();
  let last: TreeCensus = { members: [], unreaped: [], suspects: [], exact: false };
  let blind: unknown;
  const isSwept = async (): Promise<true | undefined> => {
    try {
      last = await tree.kill();
      for (const member of last.members) if (member.pid !== leader) seen.add(nameOf(member));
      blind = undefined;
      return (last.exact && last.members.length === 0) || undefined;
    } catch (error) {
      // It may be a temporary lack of file descriptors, for example: looking again may help.
      blind = error;
      return undefined;
    }
  };
  await pollWithin(clock, 'process sweep', boundMs, isSwept);
  const swept = {
    descendants: seen.size,
    survivors: last.members.length,
    unreaped: last.unreaped.map(({ pid }) => pid),
    suspects: last.suspects.map(({ pid }) => pid),
    exact: last.exact,
  };
  return blind === undefined ? swept : { ...swept, blind };
}

function nameOf({ pid, startTicks }: ProcessEntry): string {
  return `${pid}/${startTicks}`;
}

const PAUSE_MS_MIN = 1;
const PAUSE_MS_MAX = 50;

/** True as soon as `done` settles, false if that takes longer than `ms` on `clock`. No timer outlives the wait. */
export function settlesWithin(
  clock: Clock,
  label: string,
  ms: number,
  done: Promise<unknown>,
): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.timer(label, ms, () => resolve(false));
    const settled = (): void => {
      timer.cancel();
      resolve(true);
    };
    done.then(settled, settled);
  });
}

/** Polls the tree with growing pauses until none of it is alive; false if that takes longer than `ms`. */
export async function emptiesWithin(
  clock: Clock,
  label: string,
  ms: number,
  tree: ProcessTree,
): Promise<boolean> {
  return (await pollWithin(clock, label, ms, async () => (await isEmpty(tree)) || undefined)) === true;
}

/** Polls with growing pauses until the answer is defined. After `ms` it asks one last time and returns that answer. */
async function pollWithin<T>(
  clock: Clock,
  label: string,
  ms: number,
  ask: () => MaybePromise<T | undefined>,
): Promise<T | undefined> {
  const deadlineMs = clock.now() + ms;
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    const answer = await ask();
    const leftMs = deadlineMs - clock.now();
    if (answer !== undefined || leftMs <= 0) return answer;
    await sleep(clock, Math.min(pauseMs, leftMs), label);
  }
}

async function isEmpty(tree: ProcessTree): Promise<boolean> {
  try {
    const { members, exact } = await tree.census();
    return exact && members.length === 0;
  } catch {
    // A tree that cannot be seen is not known to be gone; the sweep that follows looks again and records why it is
    // blind.
    return false;
  }
}
