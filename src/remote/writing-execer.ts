/**
 * An execer whose scripts can create files, for actions that have outputs. Invariant: `write PATH TEXT` is not passed
 * on to the inner execer, and its file exists when the process starts.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { RunnerError } from '../kernel/errors.ts';
import { isPathBelow } from '../model/confined-path.ts';
import { EXECER } from '../model/argument-shapes.ts';
import type { ExecCommand, Execer, Process } from '../model/execer.ts';
import { type TreeTarget, TREE_TARGET } from './content-filer.ts';

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
    const argv: string[] = [];
    for (const step of command.argv) {
      const [, path, text = ''] = WRITE.exec(step) ?? [];
      if (path === undefined) argv.push(step);
      else await this.#write(command.dir, path, text);
    }
    return this.#execer.exec({ ...command, argv });
  }

  async #write(dir: string, path: string, text: string): Promise<void> {
    if (!isPathBelow(path)) {
      throw new RunnerError('RUNNER_EXEC_FAILED', `write ${path}: expected a path below the directory`);
    }
    await this.#tree.writeFile(`${dir}/${path}`, new TextEncoder().encode(text), false);
  }
}

/**
 * Wraps an execer so that scripts can create files in the tree of a simulated runner: `write PATH TEXT` creates one in
 * the directory of the command, so that a simulated action has outputs.
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
