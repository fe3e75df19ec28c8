/**
 * A runner with a store that contains one action, for the cases about the Bazel path and for the probe of that
 * capability.
 */
import type { Action, ActionOutcome } from '../model/action.ts';
import type { Command } from '../model/command.ts';
import type { ActionStore } from '../model/content-store.ts';
import { type Digest, snapshotOfDigest } from '../model/digest.ts';
import type { RunTypeMap } from '../model/run-type.ts';
import type { Service } from '../model/service.ts';
import type { CaseContext } from './case-context.ts';

const digest = (letter: string): Digest => ({ hash: letter.repeat(64), sizeBytes: 7 });
/** The digest of the action in its store. */
export const ACTION: Digest = digest('a');
const COMMAND = digest('c');
const ROOT = digest('d');
/** The digest of the logs that it stores. */
export const LOG: Digest = digest('e');
/** An outcome without files. */
export const NO_OUTPUTS: Pick<ActionOutcome, 'outputFiles' | 'outputDirectories' | 'outputSymlinks'> = {
  outputFiles: [],
  outputDirectories: [],
  outputSymlinks: [],
};
/** A command that requests the action; its own argv is never run. */
export const WANTED: Command = {
  argv: ['never run'],
  snapshotId: snapshotOfDigest(ACTION),
  executeRequest: { actionDigest: ACTION },
};

/** The action in the store, and how the store deviates from the default. */
interface StoreSpec {
  readonly action?: Partial<Action>;
  readonly replace?: Partial<ActionStore>;
  /** Collects the outcomes that are put into the cache. */
  readonly kept?: ActionOutcome[];
  /** Needed if a case has several runners. */
  readonly idPrefix?: string;
}

/** A runner whose action store contains one action, which runs that command. */
export function bazelRunner(
  t: CaseContext,
  command: Command,
  { action, replace, kept, idPrefix }: StoreSpec = {},
): Promise<Service> {
  const actions: ActionStore = {
    cancelBoundMs: t.ms(2),
    cachedOutcome: () => undefined,
    action: () => ({ commandDigest: COMMAND, inputRootDigest: ROOT, doNotCache: false, ...action }),
    command: () => ({
      arguments: command.argv,
      environmentVariables: command.envVars ?? {},
      outputFiles: [],
      outputDirectories: [],
      outputPaths: [],
      workingDirectory: '',
      platform: [],
    }),
    prepareOutputs: () => undefined,
    storeOutputs: () => NO_OUTPUTS,
    storeLog: () => LOG,
    keep: (_request, outcome) => void kept?.push(outcome),
    ...replace,
  };
  const filers: RunTypeMap = new Map([['bazel', { filer: t.filer() }]]);
  return t.runner({ filers, actions, ...(idPrefix === undefined ? {} : { idPrefix }) });
}
