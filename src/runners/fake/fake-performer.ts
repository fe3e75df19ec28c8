/** Carries out fake runs: one at a time, by script or by hand. Invariant: a run that has ended leaves no timer. */
import { checkString } from '../../kernel/argument-check.ts';
import type { Timer } from '../../kernel/clock.ts';
import { invalidArgument, messageOf } from '../../kernel/errors.ts';
import { invariant } from '../../kernel/invariant.ts';
import { thing, type Thing, type Topic } from '../../kernel/question.ts';
import { tagsOf, type Command } from '../../model/command.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import type { RunState } from '../../model/run-state.ts';
import { makeRunStatus, runningStatus, type RunID } from '../../model/run-status.ts';
import type { World } from '../../model/world.ts';
import { missingRequest } from '../queue/bazel-request.ts';
import type { FakeEnd, FakeScript, FakeScripts } from './fake-script.ts';
import type { Performance, Performer, StatusListener } from '../queue/performer.ts';

const NO_REFS = Object.freeze({ stdoutRef: '', stderrRef: '' });
const COMPLETE_0: FakeEnd = Object.freeze({ state: 'COMPLETE', exitCode: 0 });

class FakePerformance implements Performance {
  readonly runId: RunID;
  readonly #world: World;
  readonly #command: Command;
  readonly #onStatus: StatusListener;
  readonly #onEnd: () => void;
  #script: FakeScript | undefined;
  /** The script's next step: the start, then the end. */
  #next: Timer | undefined;
  #deadline: Timer | undefined;
  #isRunning = false;
  #isOver = false;
  #abort: Timer | undefined;
  /** What its events are about. */
  #run: Thing | undefined;

  constructor(world: World, command: Command, runId: RunID, onStatus: StatusListener, onEnd: () => void) {
    this.runId = runId;
    this.#world = world;
    this.#command = command;
    this.#onStatus = onStatus;
    this.#onEnd = onEnd;
  }

  begin(script: FakeScript | undefined): void {
    const { clock } = this.#world;
    const { timeoutMs = 0 } = this.#command;
    if (timeoutMs > 0) {
      this.#deadline = clock.timer(this.#topic('deadline'), timeoutMs, () => this.#end('TIMEDOUT', 0, ''));
    }
    if (script === undefined) return;
    this.#script = script;
    this.#after(script.startAfterMs ?? 0, 'start', () => this.start());
  }

  start(): void {
    if (this.#isRunning) throw invalidArgument('runId', 'a run that is not RUNNING yet', this.runId);
    this.#isRunning = true;
    // By hand it may start before its script says so.
    this.#next?.cancel();
    const ref = `fake:///${this.runId}`;
    this.#onStatus(runningStatus(this.runId, `${ref}-stdout`, `${ref}-stderr`, tagsOf(this.#command)));
    if (this.#script === undefined) return;
    const { runMs = 0, end = COMPLETE_0 } = this.#script;
    this.#after(runMs, 'end', () => this.end(end));
  }

  end({ state, exitCode, error = '' }: FakeEnd): void {
    this.#end(state, exitCode, error);
  }

  abort(): void {
    if (this.#abort !== undefined || this.#isOver) return;
    this.#abort = this.#world.clock.post(this.#topic('abort'), () => this.#end('ABORTED', 0, ''));
  }

  #topic(what: string): Topic {
    return (this.#run ??= thing('run', this.runId)).topic(what);
  }

  #after(ms: number, what: string, go: () => void): void {
    if (this.#isOver) return;
    if (ms === 0) go();
    else if (ms !== Infinity) this.#next = this.#world.clock.timer(this.#topic(what), ms, go);
  }

  #end(state: RunState, exitCode: number, error: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#next?.cancel();
    this.#deadline?.cancel();
    this.#abort?.cancel();
    this.#onEnd();
    const outcome = { snapshotId: '', exitCode, error };
    this.#onStatus(makeRunStatus(this.runId, state, tagsOf(this.#command), NO_REFS, outcome));
  }
}

/** The performer of a fake runner. */
export class FakePerformer implements Performer {
  readonly #world: World;
  readonly #script: FakeScripts | undefined;
  #performance: FakePerformance | undefined;

  constructor(world: World, script: FakeScripts | undefined) {
    this.#world = world;
    this.#script = script;
  }

  get current(): RunID | undefined {
    return this.#performance?.runId;
  }

  perform(command: Command, runId: RunID, onStatus: StatusListener): Performance {
    invariant(this.#performance === undefined, 'expected one fake run at a time');
    const onEnd = (): void => {
      this.#performance = undefined;
    };
    const performance = new FakePerformance(this.#world, command, runId, onStatus, onEnd);
    this.#performance = performance;
    const missing = missingRequest(command);
    if (missing !== undefined) {
      performance.end({ state: 'FAILED', exitCode: missing.exitCode, error: missing.message });
      return performance;
    }
    try {
      performance.begin(this.#script?.(command));
    } catch (error) {
      const text = messageOf(error);
      performance.end({
        state: 'FAILED',
        exitCode: EXIT_CODES.COULD_NOT_EXEC,
        error: `could not exec: ${text}`,
      });
    }
    return performance;
  }

  start(runId: RunID): void {
    this.#at(runId).start();
  }

  end(runId: RunID, end: FakeEnd): void {
    this.#at(runId).end(end);
  }

  #at(runId: RunID): FakePerformance {
    checkString('runId', 'a run id', runId);
    if (this.#performance?.runId !== runId) {
      throw invalidArgument('runId', `the run whose turn it is (${this.current ?? 'none'})`, runId);
    }
    return this.#performance;
  }
}
