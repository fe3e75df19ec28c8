/** The performer of real runs: checkout, logs, process, upload, clean-up, each through its collaborator (R87–R117). */
import * as is from '../../kernel/shape.ts';
import { checkCommand, type Command } from '../../model/command.ts';
import type { RunID } from '../../model/run-status.ts';
import type { World } from '../../model/world.ts';
import { startInvocation } from './invocation.ts';
import { InvokerParts, type InvokerOptions, INVOKER_OPTIONS } from './invoker-parts.ts';
import { mayRunUndisturbed, UndisturbedInvocation, type PlainParts } from './undisturbed-invocation.ts';
import type { Performance, Performer, StatusListener } from '../queue/performer.ts';
import { checkFilers } from '../queue/update-cycle.ts';
import { check } from '../../kernel/argument-check.ts';
import { checkWorld } from '../../model/world.ts';

/** Starts invocations. */
export class Invoker implements Performer {
  readonly #parts: InvokerParts;
  readonly #plain: PlainParts | undefined;

  /** `plain`: the collaborators of the options, if all of them are plain. */
  constructor(world: World, options: InvokerOptions, plain?: PlainParts) {
    this.#parts = new InvokerParts(world, options);
    this.#plain = plain;
  }

  check(command: Command): void {
    this.#parts.execer.check?.(command);
  }

  perform(command: Command, runId: RunID, onStatus: StatusListener): Performance {
    const plain = this.#plain;
    if (plain !== undefined && mayRunUndisturbed(command, runId)) {
      return new UndisturbedInvocation(this.#parts, plain, command, runId, onStatus).start();
    }
    return startInvocation(this.#parts, command, runId, onStatus);
  }
}

/** An invoker for use without a queue, which would otherwise check commands before accepting them. */
class CheckedInvoker extends Invoker {
  override check(command: Command): void {
    checkCommand(command);
    super.check(command);
  }

  override perform(command: Command, runId: RunID, onStatus: StatusListener): Performance {
    checkCommand(command);
    check('runId', runId, is.TEXT);
    check('onStatus', onStatus, is.FUNCTION);
    return super.perform(command, runId, onStatus);
  }
}

/**
 * Creates an invoker, for use alone or behind the queue of `createQueueRunner`.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a collaborator that lacks a method or states no bound.
 * @example
 * ```ts
 * import { createNullOutputs, createVirtualFiler, virtualTempDirs } from 'dryrunner';
 * import { createDecisions, createRandomStream, createVirtualClock, fifoDecisions } from 'dryrunner/kernel';
 * import { createDoneExecer, createInvoker } from 'dryrunner/kit';
 * const clock = createVirtualClock();
 * const world = { clock, choices: createDecisions(fifoDecisions()), random: createRandomStream(1) };
 * const invoker = createInvoker(world, {
 *   execer: createDoneExecer(),
 *   filers: new Map([['scoot', { filer: createVirtualFiler() }]]),
 *   outputs: createNullOutputs(),
 *   tempDirs: virtualTempDirs(),
 * });
 * const states: string[] = [];
 * invoker.perform({ argv: ['true'] }, '0', ({ state }) => states.push(state));
 * await clock.runUntilIdle();
 * console.log(states.join(' ')); // RUNNING COMPLETE
 * ```
 */
export function createInvoker(world: World, options: InvokerOptions): Invoker {
  checkWorld(world);
  check('options', options, INVOKER_OPTIONS);
  checkFilers(options.filers);
  return new CheckedInvoker(world, options);
}
