import { describe, expect, test } from 'vitest';
import { readManifest } from '../../scripts/package-doors.ts';
import { readCodeBlocks } from './code-blocks.ts';
import { commandLineProblem } from './command-lines.ts';

const { scripts } = readManifest();
const shells = new Set(['sh', 'bash', 'shell', 'console']);

/** A command without the variables of the environment that stand before it. */
function withoutVariables(command: string): string {
  return command.replace(/^(?:[A-Z_]+=\S+ )+/, '');
}

describe('command lines in the documents', () => {
  test('name scripts, subcommands and flags that exist', () => {
    const problems = readCodeBlocks()
      .filter(({ language }) => shells.has(language))
      .flatMap(({ file, line, code }) =>
        code.split('\n').flatMap((text, index) => {
          const command = text
            .replace(/^\$ /, '')
            .replace(/(^|\s)#.*$/, '')
            .trim();
          const parts = command === '' ? [] : command.split(/\s*(?:&&|\|)\s*/).map(withoutVariables);
          return parts.flatMap((part) => {
            const problem = commandLineProblem(part, scripts);
            return problem === undefined ? [] : [`${file}:${line + index} ${problem}`];
          });
        }),
      );
    expect(problems).toEqual([]);
  });

  test.for([
    ['npm ci', undefined],
    ['npm test', undefined],
    ['npm start -- --seeds 300', undefined],
    ['npm run dryrunner -- exec --timeout 5s -- make -j4 --odd', undefined],
    ['npx dryrunner run a --seed=7 --json', undefined],
    ['npm run nothing', 'package.json has no script nothing'],
    ['npm run dryrunner -- walk', 'dryrunner has no subcommand walk'],
    ['npx dryrunner run --sed 7', 'dryrunner run has no flag --sed'],
    ['node --inspect-brk node_modules/.bin/dryrunner replay a.jsonl --debug', undefined],
    ['node --inspect-brk node_modules/.bin/dryrunner replay --dbug', 'dryrunner replay has no flag --dbug'],
    ['make all', 'unknown program make'],
  ] as const)('%s: %s', ([line, problem]) => {
    expect(commandLineProblem(line, scripts)).toBe(problem);
  });
});
