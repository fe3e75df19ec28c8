/** A runner with a store that knows one action, as cases about the Bazel path and the probe of its capability use it. */
import type { Action, ActionOutcome } from '../model/action.ts';
import type { Command } from '../model/command.ts';
import type { ActionStore } from '../model/content-store.ts';
import { type Digest, snapshotOfDigest } from '../model/digest.ts';
import type { RunTypeMap } from '../model/run-type.ts';
import type { Service } from '../model/service.ts';
import type { CaseContext } from './case-context.ts';

const digest = (letter: string): Digest => ({ hash: letter.repeat(64), sizeBytes: 7 });
/** The digest of the action that its store knows. */
export const ACTION: Digest = digest('a');
const COMMAND = digest('c');
const ROOT = digest('d');
/** The digest of what it keeps of a log. */
export const LOG: Digest = digest('e');
/** An outcome without files. */
export const NO_OUTPUTS: Pick<ActionOutcome, 'outputFiles' | 'outputDirectories' | 'outputSymlinks'> = {
  outputFiles: [],
  outputDirectories: [],
  outputSymlinks: [],
};
/** Asks for the action; nothing of it is run by itself. */
export const WANTED: Command = {
  argv: ['never run'],
  snapshotId: snapshotOfDigest(ACTION),
  executeRequest: { actionDigest: ACTION },
};

/** What a store knows, and what it does otherwise. */
interface StoreSpec {
  readonly action?: Partial<Action>;
  readonly replace?: Partial<ActionStore>;
  /** Gets what is kept in the cache. */
  readonly kept?: ActionOutcome[];
  /** Needed where there are several runners. */
  readonly idPrefix?: string;
}

/** A runner whose store of actions knows one, which runs that command. */
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
