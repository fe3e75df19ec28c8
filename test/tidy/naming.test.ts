import { describe, expect, test } from 'vitest';
import { parseModule, readModules } from '../../scripts/module-graph.ts';
import type { SourceModule } from '../../scripts/module-graph.ts';

const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.ts$/;
const vagueFile = /(^|[/-])(utils?|helpers?|common|misc|managers?)([/.-]|$)/;
const vagueExport = /(^|[a-z0-9])(Utils?|Helpers?|Common|Misc|Managers?)([A-Z0-9]|$)/;
const areas = ['src', 'sims', 'scripts', 'bench', 'test'];

const fileNameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function namingProblems({ path, exports }: SourceModule): string[] {
  const problems: string[] = [];
  if (!kebabCase.test(fileNameOf(path))) problems.push(`${path} is not in kebab-case`);
  if (vagueFile.test(path)) problems.push(`${path} does not say what it owns: name its noun`);
  for (const { name, line } of exports) {
    if (vagueExport.test(name)) problems.push(`${path}:${line} ${name} does not say what it does`);
  }
  return problems;
}

function opensWithItsPurpose({ text, source }: SourceModule): boolean {
  const firstCode = source.statements[0]?.getStart(source) ?? text.length;
  return /^(#!.*\n)?\s*(\/\/|\/\*)/.test(text.slice(0, firstCode));
}

describe('names', () => {
  test('files are in kebab-case and say what they own', () => {
    expect(readModules(areas).flatMap(namingProblems)).toEqual([]);
    // It parses all that there is, on a machine that may be busy.
  });

  test('every file but tests opens with a comment that says what it owns', () => {
    const silent = readModules(['src', 'sims', 'scripts', 'bench']).filter(
      (module) => !opensWithItsPurpose(module),
    );
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  test.for([
    ['src/store/StatusStore.ts', '', 'not in kebab-case'],
    ['src/store/status_store.ts', '', 'not in kebab-case'],
    ['src/store/run-utils.ts', '', 'name its noun'],
    ['src/common/run.ts', '', 'name its noun'],
    ['src/store/run.ts', 'export class StatusManager {}', 'does not say what it does'],
  ] as const)('%s is refused: %s', ([path, text, problem]) => {
    expect(namingProblems(parseModule(path, text))).toEqual([expect.stringContaining(problem)]);
  });

  test('ordinary names pass', () => {
    const module = parseModule('test/store/status-store.test.ts', 'export const commonPrefix = 1;');
    expect(namingProblems(module)).toEqual([]);
  });
});
