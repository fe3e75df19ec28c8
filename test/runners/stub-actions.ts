// A store of actions that knows one action and says what it was asked for; each method can be given another behaviour.
import type { Action, ActionCommand, ActionOutcome } from '../../src/model/action.ts';
import type { ActionStore } from '../../src/model/content-store.ts';
import type { Digest } from '../../src/model/digest.ts';

/** A digest whose hash is one letter, time and again. */
export function digest(letter: string, sizeBytes = 1): Digest {
  return { hash: letter.repeat(64), sizeBytes };
}

/** What the stub stores and gives. */
export interface StubOptions {
  readonly argv?: readonly string[];
  readonly action?: Partial<Action>;
  readonly command?: Partial<ActionCommand>;
  readonly cached?: ActionOutcome;
  /** Gets each call. */
  readonly log?: string[];
  readonly replace?: Partial<ActionStore>;
}

/** The digests that it knows. */
export const ROOT: Digest = digest('d');
/** Of the command. */
export const COMMAND: Digest = digest('c');

/** A result without outputs. */
export function outcomeOf(exitCode: number, more: Partial<ActionOutcome> = {}): ActionOutcome {
  const none = { outputFiles: [], outputDirectories: [], outputSymlinks: [] };
  return { exitCode, ...none, metadata: { worker: 'other' }, ...more };
}

/** See above. */
export function stubActions({
  argv = ['complete 0'],
  action,
  command,
  cached,
  log = [],
  replace = {},
}: StubOptions = {}): ActionStore {
  const none = { outputFiles: [], outputDirectories: [], outputSymlinks: [] };
  const usual: ActionStore = {
    cancelBoundMs: 50,
    cachedOutcome: () => cached,
    action: () => ({ commandDigest: COMMAND, inputRootDigest: ROOT, doNotCache: false, ...action }),
    command: () => ({
      arguments: argv,
      environmentVariables: {},
      outputFiles: [],
      outputDirectories: [],
      outputPaths: [],
      workingDirectory: '',
      platform: [],
      ...command,
    }),
    prepareOutputs: () => undefined,
    storeOutputs: () => none,
    storeLog: ({ uri }) => digest(uri.includes('stdout') ? '1' : '2'),
    keep: () => undefined,
  };
  const all = { ...usual, ...replace };
  const noted = <A extends readonly unknown[], R>(name: string, call: (...given: A) => R) => {
    return (...given: A): R => {
      log.push(name);
      return call(...given);
    };
  };
  return {
    cancelBoundMs: all.cancelBoundMs,
    cachedOutcome: noted('cachedOutcome', all.cachedOutcome),
    action: noted('action', all.action),
    command: noted('command', all.command),
    prepareOutputs: noted('prepareOutputs', all.prepareOutputs),
    storeOutputs: noted('storeOutputs', all.storeOutputs),
    storeLog: noted('storeLog', all.storeLog),
    keep: noted('keep', all.keep),
  };
}
