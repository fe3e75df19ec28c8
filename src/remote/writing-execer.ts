/**
 * An execer whose scripts can create files, for actions that have outputs. Invariants: `write PATH TEXT` is not passed
 * on to the inner execer, and its file exists when the process starts; no file is written if a `write` is invalid; an
 * error names a step by its place in the script as the caller gave it.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { BadStepError } from '../execers/sim-script.ts';
import { isPathBelow } from '../model/confined-path.ts';
import { EXECER } from '../model/argument-shapes.ts';
import type { ExecCommand, Execer, Process } from '../model/execer.ts';
import { type TreeTarget, TREE_TARGET } from './content-filer.ts';

const OPCODE = /^write(?: |$)/;
const WRITE = /^write (\S+)(?: ([^]*))?$/;

const COMMAND = is.objectOf<Pick<ExecCommand, 'argv' | 'dir'>>(
  'a command with argv and dir',
  { argv: is.listOf(is.TEXT), dir: is.TEXT },
  {},
);

class WritingExecer implements Execer {
  readonly #execer: Execer;
  readonly #tree: TreeTarget;

  constructor(execer: Execer, tree: TreeTarget) {
    this.#execer = execer;
    this.#tree = tree;
  }

  get cancelBoundMs(): number {
    return this.#execer.cancelBoundMs;
  }

  check(command: Parameters<NonNullable<Execer['check']>>[0]): void {
    this.#execer.check?.(command);
  }

  async exec(command: ExecCommand): Promise<Process> {
    check('command', command, COMMAND);
    const files: (readonly [path: string, text: string])[] = [];
    const [argv, places]: [string[], number[]] = [[], []];
    for (const [index, step] of command.argv.entries()) {
      if (OPCODE.test(step)) files.push(writtenBy(step, index));
      else {
        argv.push(step);
        places.push(index);
      }
    }
    for (const [path, text] of files) {
      await this.#tree.writeFile(`${command.dir}/${path}`, new TextEncoder().encode(text), false);
    }
    try {
      return await this.#execer.exec({ ...command, argv });
    } catch (error) {
      throw error instanceof BadStepError ? error.inArgv(places, 'write') : error;
    }
  }
}

/** The file that a step writes. Throws a {@link BadStepError} if it names none. */
function writtenBy(step: string, index: number): readonly [path: string, text: string] {
  const [, path = '', text = ''] = WRITE.exec(step) ?? [];
  if (isPathBelow(path)) return [path, text];
  throw new BadStepError(index, '"write PATH TEXT" with a PATH below the directory', step);
}

/**
 * Wraps an execer so that scripts can create files in the tree of a simulated runner: `write PATH TEXT` creates one in
 * the directory of the command, so that a simulated action has outputs. A `write` without a path in that directory fails
 * as `RUNNER_EXEC_FAILED`, before any file is written.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid parts.
 * @example
 * ```ts
 * import { createMemoryTree } from 'dryrunner';
 * import { createDoneExecer } from 'dryrunner/kit';
 * import { createWritingExecer } from 'dryrunner/remote';
 * const tree = createMemoryTree();
 * const execer = createWritingExecer(createDoneExecer(), tree);
 * await execer.exec({ argv: ['write out/a.txt hello'], dir: '/checkout', jobId: '', taskId: '', tag: '' });
 * console.log(tree.kindOf('/checkout/out/a.txt')); // file
 * ```
 */
export function createWritingExecer(execer: Execer, tree: TreeTarget): Execer {
  check('execer', execer, EXECER);
  check('tree', tree, TREE_TARGET);
  return new WritingExecer(execer, tree);
}
