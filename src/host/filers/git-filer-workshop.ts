/** Git at work on the objects of a repository. Invariant: with our settings alone, see `git-filer-settings.ts`. */
import { runGit } from './git-filer-command.ts';
import type { GitCommand } from './git-filer-command.ts';

/** How a command is run, but for what it is and where. */
export type CommandOptions = Omit<GitCommand, 'args' | 'globals'>;

/** A git directory of our own, made by `makeGitDir`, that borrows a repository's objects. */
export class GitWorkshop {
  readonly #git: string;
  readonly #dir: string;
  readonly #objects: string;

  constructor(git: string, dir: string, objects: string) {
    this.#git = git;
    this.#dir = dir;
    this.#objects = objects;
  }

  run(args: readonly string[], { env = {}, ...options }: CommandOptions): Promise<string> {
    return runGit(this.#git, {
      ...options,
      env: { GIT_OBJECT_DIRECTORY: this.#objects, ...env },
      globals: [`--git-dir=${this.#dir}`],
      args,
    });
  }
}
