/** What the commands of a model-based property have in common: what they act on, and how they take what comes back. */
import type fc from 'fast-check';
import { isRunnerError } from '../kernel/errors.ts';
import type { Service } from '../model/service.ts';
import type { ChaosRunner } from '../network/chaos-runner.ts';
import type { Simulation } from '../simulation/simulation.ts';
import type { RunnerModel } from './runner-model.ts';

/** Longer than any run of a generated script, the grace of an abort included. */
export const LONG_WAIT_MS = 1_000_000;

/** What commands act on. */
export interface CommandedRunner {
  readonly sim: Simulation;
  readonly service: Service;
  /** The chaos in front of it, for fault commands. */
  readonly chaos?: ChaosRunner;
  /** What goes on in the background: aborts, waits and releases that were not awaited. */
  readonly background: Promise<void>[];
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
export function later({ background }: CommandedRunner, promise: Promise<void>): void {
  promise.catch(() => undefined);
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
