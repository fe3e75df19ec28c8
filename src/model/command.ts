/** What a scheduler hands to a runner: argv, environment, a timeout, a snapshot and tags (R16). */
import { checkObject, unreadable } from '../kernel/argument-check.ts';

/** Ids that trace a task through all layers; empty strings when not given. */
export interface LogTags {
  readonly jobId: string;
  readonly taskId: string;
  readonly tag: string;
}

/** No tags at all. */
export const NO_TAGS: LogTags = Object.freeze({ jobId: '', taskId: '', tag: '' });

/** Request data of the Bazel path, opaque here: only runners with a Bazel filer look inside. */
export interface ExecuteRequest {
  readonly [field: string]: unknown;
}

/** A command line with its environment and limits. Everything but `argv` may be left out. */
export interface Command {
  /** Program and arguments; for the simulated execer a script, a step per element (R135). */
  readonly argv: readonly string[];
  /** Added over the environment of the execer, the command's winning (R122). */
  readonly envVars?: Readonly<Record<string, string>>;
  /** Limit from the start of the invocation, preparation included; ≤ 0 or absent means none (R16, R100). At most a hundred years. */
  readonly timeoutMs?: number;
  /** What to check out; empty or absent means an empty temporary directory (R92). */
  readonly snapshotId?: string;
  readonly jobId?: string;
  readonly taskId?: string;
  readonly tag?: string;
  readonly executeRequest?: ExecuteRequest;
}

/**
 * The tags of a command, empty strings for what it leaves out.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what is no object.
 */
export function tagsOf(command: Command): LogTags {
  try {
    checkObject('command', 'an object with argv', command);
    const { jobId = '', taskId = '', tag = '' } = command;
    return jobId === '' && taskId === '' && tag === '' ? NO_TAGS : { jobId, taskId, tag };
  } catch (error) {
    throw unreadable('command', command, error);
  }
}
