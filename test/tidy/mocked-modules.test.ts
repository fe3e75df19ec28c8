// Files of the group `pure` share their worker's modules: one that is replaced there comes too late for a file
// that already loaded it, and stays for the files after it.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { listFiles } from '../../scripts/module-graph.ts';
import config from '../../vitest.config.ts';

const MOCK = /^\s*vi\.(?:do)?[mM]ock\(/m;

/** Folders whose files have a process, and so modules, of their own. */
function isolatedFolders(): string[] {
  const projects = config.test?.projects ?? [];
  return projects
    .flatMap((project) => (typeof project === 'object' && 'test' in project ? [project.test] : []))
    .filter((group) => group.isolate === true)
    .flatMap((group) => group.include ?? [])
    .map((glob) => glob.slice(0, glob.indexOf('*')));
}

test('only test files with modules of their own replace modules', () => {
  const folders = isolatedFolders();
  expect(folders).toContain('test/host/');
  const mocking = listFiles(['test']).filter((file) => MOCK.test(readFileSync(file, 'utf8')));
  expect(mocking).toContain('test/package/missing-protobuf.test.ts');
  expect(mocking.filter((file) => !folders.some((folder) => file.startsWith(folder)))).toEqual([]);
});
