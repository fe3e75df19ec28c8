// Repositories for tests: git with an identity of its own, and commits of files.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeTree } from './disk-tree.ts';

/** What git prints. */
export function git(dir: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@localhost'];
  return execFileSync('git', [...identity, ...args], { cwd: dir, encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** A repository with one commit of these files; gives the commit. */
export function commitOf(dir: string, tree: Readonly<Record<string, string>>): string {
  writeTree(dir, tree);
  if (!existsSync(join(dir, '.git'))) git(dir, 'init', '-q', '-b', 'main');
  git(dir, 'add', '--all');
  git(dir, 'commit', '-q', '-m', 'work');
  return git(dir, 'rev-parse', 'HEAD');
}
