/** Paths as reports show them, and as a command line takes them. */
import { relative } from 'node:path';

/** The path as it is typed in the folder where the tests were started: the absolute one, if that is shorter. */
export function relativePath(file: string): string {
  const typed = relative(process.cwd(), file);
  return typed.startsWith('../') && typed.length > file.length ? file : typed;
}
