// What the package's own name means in tests: the sources behind its doors, so that examples and tests import
// `dryrunner` as users do and still see the code that is being changed.
import { join } from 'node:path';
import { projectRoot } from './module-graph.ts';
import { packageDoors } from './package-doors.ts';

/** Aliases for Vitest's `resolve.alias`; each matches one door exactly. */
export function doorAliases(): { find: RegExp; replacement: string }[] {
  return packageDoors().map(({ specifier, source }) => ({
    find: new RegExp(`^${specifier}$`),
    replacement: join(projectRoot, source),
  }));
}
