/**
 * The recording of one runner: writes its inputs and outputs under the names by which the replay finds them. Invariant:
 * neither the runner nor its surroundings see a difference.
 */
import { interceptInPlace } from '../../call/intercept-service.ts';
import type { CallOf } from '../../call/service-call.ts';
import { leaveSignal, type SignalWaiter, waitWithSignal } from '../../kernel/signal-waiters.ts';
import type { Clock } from '../../kernel/clock.ts';
import { isRunnerError, messageOf } from '../../kernel/errors.ts';
import { topicOf, type Label } from '../../kernel/question.ts';
import { millisecondsBetween } from '../../kernel/microseconds.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import { checkCommand, copyCommand, type Command } from '../../model/command.ts';
import { isExitCodeError } from '../../model/exit-code.ts';
import { isPending, type MaybePromise } from '../../model/maybe-promise.ts';
import {
  RecordedNames,
  NO_URI,
  type AskKind,
  type RecordedAnswer,
  type RecordedAsk,
  type RecordedCall,
  type RecordedInput,
  type RecordedStep,
} from '../../model/recording.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';
import type { Service } from '../../model/service.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { World } from '../../model/world.ts';
import { waitLimitOf } from '../../store/waiter-lifecycle.ts';
import type { RunRecorder } from './recorder.ts';

type Body<T> = T extends unknown ? Omit<T, 'at' | 'runner' | 'nested'> : never;
type Listened = () => void;

const NO_REF: RecordedAnswer = Object.freeze({ uri: NO_URI });
const NOTHING: RecordedAnswer = Object.freeze({});

/** The tape on which one runner is recorded. */
export class RunnerTape {
  readonly recorder: RunRecorder;
  readonly name: string;
  /** The world that the recorded runner lives in. */
  readonly world: World;
  readonly names: RecordedNames = new RecordedNames();
  /** What the recording shows in place of refs of this host. */
  readonly #uris = new Map<string, string>();
  /** The same for further logs at a place that has a name already, by log and place. */
  readonly #sharedUris = new Map<string, string>();

  constructor(recorder: RunRecorder, name: string, clock: Clock) {
    this.recorder = recorder;
    this.name = name;
    const { choices, random, onHeal } = recorder.world;
    this.world = {
      clock: tapedClock(this, clock),
      choices,
      random,
      tracer: { record: (event) => this.#event(event) },
      ...(onHeal === undefined ? {} : { onHeal }),
    };
  }

  /** Records an input, and lets the runner handle it in `work`, which gets its time. */
  input<T>(body: Body<RecordedInput>, work: (at: number) => T): T {
    const { recorder, name } = this;
    const at = recorder.at();
    // An answer is delivered by a promise reaction, no matter who gave it.
    const nested = recorder.isNested && body.type !== 'answered' ? { nested: true } : {};
    const step = { at, runner: name, ...nested, ...body } as RecordedStep;
    return recorder.pass(step, () => work(at));
  }

  /**
   * Records a request of the runner. `answerOf` returns what is kept of the answer. If the runner will refuse the
   * answer, it throws what the runner will throw, and that is kept: a recording holds what the runner made of an answer
   * that no file could hold.
   */
  ask<T>(
    what: AskKind,
    name: string,
    cancel: Cancellable | undefined,
    work: () => MaybePromise<T>,
    answerOf: (value: T) => RecordedAnswer = () => NOTHING,
  ): MaybePromise<T> {
    const { recorder } = this;
    const about = { what, name, nth: this.names.ask(what, name) };
    const asked: RecordedAsk & { type: 'asked'; answer?: RecordedAnswer } = {
      at: recorder.at(),
      runner: this.name,
      type: 'asked',
      ...about,
    };
    const unwatch = this.#watchCancel(about, cancel);
    let result: MaybePromise<T>;
    try {
      result = recorder.pass(asked, work);
    } catch (error) {
      unwatch?.();
      asked.answer = answerOfError(error);
      throw error;
    }
    if (!isPending(result)) {
      unwatch?.();
      asked.answer = answerOrError(answerOf, result);
      return result;
    }
    const answered = (answer: RecordedAnswer): void => {
      unwatch?.();
      recorder.beginTurn();
      const afterMs = millisecondsBetween(asked.at, recorder.at());
      this.input({ type: 'answered', ...about, afterMs, answer }, nothing);
    };
    return result.then(
      (value) => {
        answered(answerOrError(answerOf, value));
        return value;
      },
      (error: unknown) => {
        answered(answerOfError(error));
        throw error;
      },
    );
  }

  /** Runs a check of a command; records it only if it throws. */
  check(work: () => void): void {
    const nth = this.names.ask('check', '');
    try {
      work();
    } catch (error) {
      const { recorder, name: runner } = this;
      const answer = answerOfError(error);
      const asked: RecordedStep = {
        at: recorder.at(),
        runner,
        type: 'asked',
        what: 'check',
        name: '',
        nth,
        answer,
      };
      recorder.pass(asked, nothing);
      throw error;
    }
  }

  /** Asks a question that has a yes or no answer; records only a yes. */
  asksIf(what: AskKind, name: string, work: () => boolean): boolean {
    const { recorder, name: runner } = this;
    const nth = this.names.ask(what, name);
    if (!work()) return false;
    recorder.pass({ at: recorder.at(), runner, type: 'asked', what, name, nth, answer: NOTHING }, nothing);
    return true;
  }

  /** The same runner; its calls that change something are recorded with their answers. */
  recordCalls<S extends Service>(runner: S): S {
    return interceptInPlace(runner, (call, proceed) =>
      call.method === 'run' || call.method === 'abort' || call.method === 'release'
        ? this.#call(call, () => proceed(call))
        : proceed(call),
    );
  }

  /** Records a call on the runner, which is passed on synchronously, and its answer. */
  #call<R>(made: CallOf<RecordedCall>, make: () => Promise<R>): Promise<R> {
    const { recorder, name: runner } = this;
    const { method: call } = made;
    recorder.beginTurn();
    const nth = this.names.call(call);
    return this.input({ type: 'call', call, nth, ...shown(made) }, (calledAt) => {
      const answer = make();
      const returned = (what: object): void => {
        const at = recorder.at();
        const afterMs = millisecondsBetween(calledAt, at);
        recorder.pass({ at, runner, type: 'returned', call, nth, afterMs, ...what }, nothing);
      };
      answer.then(
        (value) => returned(call === 'release' ? {} : shownStatus(value as RunStatus)),
        (error: unknown) => returned(isShown(made) ? answerOfError(error) : answerOfRefusal(error)),
      );
      return answer;
    });
  }

  /** The answer with the text that replaces a ref of this host to the log of that id from now on. */
  shownUri(log: string, uri: string, shownAs: string): RecordedAnswer {
    if (uri === '') return NO_REF;
    const known = this.#uris.get(uri);
    if (known === undefined) {
      this.#uris.set(uri, shownAs);
      return { uri: shownAs };
    }
    // In a replay, places are the names that a recording has for them; older ones have one name for each place.
    if (known === uri) return { uri };
    // One place may stand for many logs, such as the null device.
    this.#sharedUris.set(`${log} ${uri}`, shownAs);
    return { uri: shownAs };
  }

  #event(event: TraceEvent): void {
    const { recorder } = this;
    // Waits belong to the callers that wait, and their calls are not recorded.
    if ('resource' in event && event.resource === 'waiter') {
      recorder.world.tracer?.record(event);
      return;
    }
    const shownEvent = { ...this.#withoutHost(event), at: recorder.sinceBegin(event.at) };
    recorder.pass(shownEvent, () => recorder.world.tracer?.record(event));
  }

  #withoutHost(event: TraceEvent): TraceEvent {
    if (event.type !== 'status' && event.type !== 'dropped') return event;
    const { stdoutRef, stderrRef, ...status } = event.status;
    const shownRef = (stream: 'stdout' | 'stderr', ref: string): string =>
      this.#sharedUris.get(`${status.runId}-${stream} ${ref}`) ?? this.#uris.get(ref) ?? ref;
    return {
      ...event,
      status: {
        ...status,
        stdoutRef: shownRef('stdout', stdoutRef),
        stderrRef: shownRef('stderr', stderrRef),
      },
    };
  }

  #watchCancel(
    about: Omit<RecordedAsk, 'at' | 'runner'>,
    cancel: Cancellable | undefined,
  ): Listened | undefined {
    if (cancel === undefined) return undefined;
    const { recorder, name: runner } = this;
    const { signal } = cancel;
    const onCancel = (): void => {
      recorder.pass({ at: recorder.at(), runner, type: 'cancelled', ...about }, nothing);
    };
    const waiter: SignalWaiter = { cancelRequested: onCancel };
    if (signal.aborted) onCancel();
    else waitWithSignal(signal, waiter);
    return () => leaveSignal(signal, waiter);
  }
}

/** The clock of a recorded runner: shows the time of the turn, and records events as they fire. */
function tapedClock(tape: RunnerTape, clock: Clock): Clock {
  const { recorder, names } = tape;
  const taped = (of: Label, delayMs: number, fire: () => void): (() => void) => {
    const label = topicOf(of).text;
    const nth = names.event(label);
    const setAt = recorder.at();
    return () => {
      recorder.beginTurn(true);
      const afterMs = millisecondsBetween(setAt, recorder.at());
      tape.input({ type: 'fired', label, nth, delayMs, afterMs }, fire);
    };
  };
  return {
    get epochMs() {
      return clock.epochMs;
    },
    now: () => recorder.now(),
    timer: (label, ms, fire) => clock.timer(label, ms, taped(label, ms, fire)),
    post: (label, fire) => clock.post(label, taped(label, 0, fire)),
    endOfInstant: (label, ms, fire) =>
      // The call that waits is not recorded, so a replay has nothing whose end could come due.
      clock.endOfInstant(label, ms, waitLimitOf(label) === undefined ? taped(label, ms, fire) : fire),
  };
}

function nothing(): void {}

function shown(call: CallOf<RecordedCall>): { readonly command?: Command; readonly runId?: RunID } {
  if (!isShown(call)) return {};
  if (call.method === 'run') return { command: copyCommand(call.args[0]) };
  return call.method === 'abort' ? { runId: call.args[0] } : {};
}

/** False if the argument is not a command or a run id: neither it nor a message that shows it can be recorded. */
function isShown(call: CallOf<RecordedCall>): boolean {
  if (call.method === 'run') return isCommand(call.args[0]);
  return call.method === 'release' || typeof call.args[0] === 'string';
}

function isCommand(command: unknown): command is Command {
  try {
    checkCommand(command);
    return true;
  } catch {
    return false;
  }
}

function shownStatus({ runId, state, exitCode, error }: RunStatus): object {
  return { runId, state, exitCode, error };
}

function answerOrError<T>(answerOf: (value: T) => RecordedAnswer, value: T): RecordedAnswer {
  try {
    return answerOf(value);
  } catch (error) {
    return answerOfError(error);
  }
}

function answerOfRefusal(error: unknown): RecordedAnswer {
  return isRunnerError(error) ? { code: error.code } : {};
}

function answerOfError(error: unknown): RecordedAnswer {
  return {
    error: messageOf(error),
    ...(isExitCodeError(error) ? { exitCode: error.exitCode } : {}),
    ...(isRunnerError(error) ? { code: error.code } : {}),
  };
}
