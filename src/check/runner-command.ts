/** The common part of the commands of a model-based property: what they act on, and how they handle replies. */
import type fc from 'fast-check';
import { isRunnerError } from '../kernel/errors.ts';
import type { Command } from '../model/command.ts';
import type { Service } from '../model/service.ts';
import type { ChaosRunner } from '../network/chaos-runner.ts';
import type { World } from '../model/world.ts';
import { isTerminal } from '../model/run-state.ts';
import type { ModelRun, NaturalEnd, RunnerModel } from './runner-model.ts';

/**
 * The hint when a run is missing. A runner that forgets runs which have ended may keep the contract, but cannot be
 * tested by this property.
 */
export function forgottenText({ runId, seen }: Pick<ModelRun, 'runId' | 'seen'>): string {
  return isTerminal(seen.state)
    ? 'a runner under this property has to remember all runs, as with history 0'
    : `run ${runId} was ${seen.state} when it was last seen; no runner may forget a run before its end (R48), and one under this property none at all, as with history 0`;
}

/** Longer than any run of a generated script, the grace of an abort included. */
export const LONG_WAIT_MS = 1_000_000;

/** The target of the commands. */
export interface CommandedRunner {
  readonly world: World;
  readonly service: Service;
  /** The chaos in front of the runner, for fault commands. */
  readonly chaos?: ChaosRunner;
  /** Turns a script into a command for the machine; absent if the runner takes scripts. */
  readonly translate?: (script: Command) => TranslatedCommand;
  /** Aborts, waits and releases that run in the background; the end of the sequence awaits them. */
  readonly background: Promise<void>[];
  /** Called immediately with an error in the background. */
  readonly failed?: (error: unknown) => void;
}

/** A command that does on a machine what a script describes. */
export interface TranslatedCommand {
  readonly command: Command;
  /** How it ends if it is not stopped; undefined if it never does. */
  readonly end: NaturalEnd | undefined;
}

/** One command of a model-based property. */
export type RunnerCommand = fc.AsyncCommand<RunnerModel, CommandedRunner>;

/** The reply of a call; undefined if it was lost. Other errors are rethrown. */
export async function answered<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_INJECTED_FAULT')) return undefined;
    throw error;
  }
}

/** Lets a promise run in the background. `failed` gets its error at once, and the end of the sequence awaits it. */
export function later({ background, failed }: CommandedRunner, promise: Promise<void>): void {
  promise.catch((error: unknown) => failed?.(error));
  background.push(promise);
}

/** A command shown as `text`; it is possible at any time unless `check` says otherwise. */
export function runnerCommand(
  text: string,
  run: RunnerCommand['run'],
  check: (model: Readonly<RunnerModel>) => boolean = () => true,
): RunnerCommand {
  return { check, run, toString: () => text };
}
