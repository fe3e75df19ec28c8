/** What the commands of a model-based property have in common: what they act on, and how they take what comes back. */
import type fc from 'fast-check';
import { isRunnerError } from '../kernel/errors.ts';
import type { Command } from '../model/command.ts';
import type { Service } from '../model/service.ts';
import type { ChaosRunner } from '../network/chaos-runner.ts';
import type { World } from '../model/world.ts';
import type { NaturalEnd, RunnerModel } from './runner-model.ts';

/** Said where a run is missing: a runner that forgets runs keeps the contract, and is none for this property. */
export const MUST_REMEMBER = 'a runner under this property has to remember all runs, as with history 0';

/** Longer than any run of a generated script, the grace of an abort included. */
export const LONG_WAIT_MS = 1_000_000;

/** What commands act on. */
export interface CommandedRunner {
  readonly world: World;
  readonly service: Service;
  /** The chaos in front of it, for fault commands. */
  readonly chaos?: ChaosRunner;
  /** How a machine says what a script does; absent in a simulation, whose runners take scripts. */
  readonly translate?: (script: Command) => TranslatedCommand;
  /** What goes on in the background: aborts, waits and releases that were not awaited. */
  readonly background: Promise<void>[];
  /** Called at once with what fails there. */
  readonly failed?: (error: unknown) => void;
}

/** A command that does on a machine what a script says. */
export interface TranslatedCommand {
  readonly command: Command;
  /** How it ends if nobody stops it; undefined if it never does. */
  readonly end: NaturalEnd | undefined;
}

/** One command of a model-based property. */
export type RunnerCommand = fc.AsyncCommand<RunnerModel, CommandedRunner>;

/** A call whose reply may be lost; undefined if it was. Other errors go on. */
export async function answered<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_INJECTED_FAULT')) return undefined;
    throw error;
  }
}

/** Goes on in the background; a failure is taken up when the property waits for it at its end. */
export function later({ background, failed }: CommandedRunner, promise: Promise<void>): void {
  promise.catch((error: unknown) => failed?.(error));
  background.push(promise);
}

/** A command that `text` shows; it comes at any time unless `check` says otherwise. */
export function runnerCommand(
  text: string,
  run: RunnerCommand['run'],
  check: (model: Readonly<RunnerModel>) => boolean = () => true,
): RunnerCommand {
  return { check, run, toString: () => text };
}
