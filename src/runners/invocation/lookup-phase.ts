/**
 * The first phase of a Bazel run: looks for a cached result, and fetches action and command if there is none
 * (R185–R188). Invariants: the caller's command is never changed (D94), and a stop ends each wait, including one
 * between two attempts (R195).
 */
import { sleep } from '../../kernel/clock.ts';
import { isRunnerError } from '../../kernel/errors.ts';
import type { Action, ActionCommand, ActionOutcome, ExecuteRequest } from '../../model/action.ts';
import { backOffMs } from '../../model/back-off.ts';
import type { Cancellation } from '../../model/cancellation.ts';
import type { Command } from '../../model/command.ts';
import type { ActionStore } from '../../model/content-store.ts';
import { snapshotOfDigest } from '../../model/digest.ts';
import { EXIT_CODES, ExitCodeError } from '../../model/exit-code.ts';
import type { MaybePromise } from '../../model/maybe-promise.ts';
import { missingRequest } from '../queue/bazel-request.ts';
import type { ActionRun } from './action-run.ts';
import { checkAction, checkActionCommand, checkOutcome } from './answers.ts';
import { neededFiler } from './checkout-phase.ts';
import type { Phase } from './phase.ts';
import type { RunContext } from './run-context.ts';

/** Further attempts after the first one failed. */
const RETRIES = 5;

/** R185–R188. */
export const lookupPhase: Phase = {
  begin(run) {
    const missing = missingRequest(run.command);
    if (missing !== undefined) throw missing;
    neededFiler(run);
    return lookUp(run, actionsOf(run));
  },
  boundMs: (run) => run.parts.actions?.cancelBoundMs ?? 0,
  abandon: (run) => run.recorded('lookup', 'did not stop within its bound'),
};

/** The store of actions; if there is none, a Bazel run fails (R185). */
export function actionsOf(run: RunContext): ActionStore {
  const { actions } = run.parts;
  if (actions !== undefined) return actions;
  throw new ExitCodeError(EXIT_CODES.PREPROCESSING, 'no action store for run type bazel');
}

async function lookUp(run: RunContext, actions: ActionStore): Promise<void> {
  const { action: found } = run;
  const request = run.command.executeRequest as ExecuteRequest;
  if (found === undefined) return;
  const cancellation = run.freshCancellation();
  if (request.skipCacheLookup !== true) {
    const cached = await lookInCache(run, found, () => actions.cachedOutcome(request, cancellation));
    if (isOver(run, cancellation)) return;
    if (cached !== undefined) {
      run.parts.actionInstruments?.cached.increment();
      found.cached = cached;
      return;
    }
  }
  const read = new Reads(run, found, cancellation);
  const action = await read.all('actionFetch', () => actions.action(request.actionDigest, cancellation));
  if (isOver(run, cancellation)) return;
  checkAction(action);
  found.action = action;
  const command = await read.all('commandFetch', () => actions.command(action.commandDigest, cancellation));
  if (isOver(run, cancellation)) return;
  checkActionCommand(command);
  found.command = command;
  run.command = commandOf(run.command, action, command);
}

/** True if later results of the lookup are ignored. */
function isOver(run: RunContext, cancellation: Cancellation): boolean {
  return run.phase !== 'lookup' || cancellation.cancelled;
}

/** An error loses only the cached result, not the run (R186). */
async function lookInCache(
  run: RunContext,
  found: ActionRun,
  get: () => MaybePromise<ActionOutcome | undefined>,
): Promise<ActionOutcome | undefined> {
  const startedAt = run.parts.world.clock.now();
  try {
    const cached = await get();
    if (cached !== undefined) checkOutcome(cached);
    return cached;
  } catch (error) {
    run.recorded('cache', error);
    return undefined;
  } finally {
    found.measure('cacheCheck', startedAt);
  }
}

/**
 * A copy of the caller's command with the content of the action; environment variables of the action override the given
 * ones (R187, D93, D94).
 */
function commandOf(given: Command, action: Action, command: ActionCommand): Command {
  return Object.freeze({
    ...given,
    argv: command.arguments,
    envVars: Object.freeze({ ...given.envVars, ...command.environmentVariables }),
    snapshotId: snapshotOfDigest(action.inputRootDigest),
  });
}

/**
 * Reads with retries, except for errors that a retry cannot fix: a missing blob, or bytes that are not the expected
 * message.
 */
class Reads {
  readonly #run: RunContext;
  readonly #found: ActionRun;
  readonly #cancellation: Cancellation;

  constructor(run: RunContext, found: ActionRun, cancellation: Cancellation) {
    this.#run = run;
    this.#found = found;
    this.#cancellation = cancellation;
  }

  async all<T>(span: 'actionFetch' | 'commandFetch', read: () => MaybePromise<T>): Promise<T> {
    const { clock } = this.#run.parts.world;
    const startedAt = clock.now();
    try {
      for (let retries = 0; ; retries += 1) {
        try {
          return await read();
        } catch (error) {
          if (retries === RETRIES || isHopeless(error) || isOver(this.#run, this.#cancellation)) throw error;
          this.#run.recorded(span, error);
          const topic = this.#run.topic('lookup').plus('again');
          await sleep(clock, backOffMs(retries + 1), topic, this.#cancellation.signal);
        }
      }
    } finally {
      this.#found.measure(span, startedAt);
    }
  }
}

function isHopeless(error: unknown): boolean {
  return isRunnerError(error, 'RUNNER_MISSING_BLOBS') || isRunnerError(error, 'RUNNER_BAD_MESSAGE');
}
