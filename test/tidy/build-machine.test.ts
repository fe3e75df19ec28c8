import { describe, expect, test } from 'vitest';
import { readProjectFile } from '../../scripts/module-graph.ts';

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
}

const { scripts } = JSON.parse(readProjectFile('package.json')) as Manifest;

/** The commands of a script of the shell, without comments and settings. */
function commandsOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(?:#|set |cd |export )/.test(line));
}

/** The names of the package's scripts that a command runs, and those that these run. */
function scriptsOf(command: string): string[] {
  return command.split(/&&|\|\|/).flatMap((part) => {
    const words = part.trim().split(/\s+/);
    const [program = ''] = words;
    const named =
      program === 'npm' ? words.slice(words.indexOf('run') + 1) : program.startsWith('run-') ? words : [];
    const names = named.filter((word) => Object.hasOwn(scripts, word));
    return names.flatMap((name) => [name, ...scriptsOf(scripts[name] ?? '')]);
  });
}

describe('what the build machine runs', () => {
  const commands = commandsOf(readProjectFile('.ci/run'));

  test('it installs what the lock file names, and ends with the first command that fails', () => {
    expect(commands[0]).toMatch(/^npm ci\b/);
    expect(readProjectFile('.ci/run')).toMatch(/^set -euo pipefail$/m);
  });

  test('it runs whatever `npm run check` runs, the rules on the results of the tests among it', () => {
    const ran = commands.flatMap(scriptsOf);
    expect(ran).toEqual(
      expect.arrayContaining(['check', 'lint', 'format:check', 'typecheck', 'unused', 'docs:api', 'proof']),
    );
    expect(ran.filter((name) => name === 'rules')).toHaveLength(2);
    const proof = scripts['proof'] ?? '';
    const [, results = ''] = /--outputFile\.json=(\S+)/.exec(proof) ?? [];
    expect(results).not.toBe('');
    const rules = proof.split('&&').filter((part) => part.includes('npm run -s rules'));
    for (const part of rules) expect(part).toContain(`--results ${results} --missing`);
  });

  test('it hunts a sample of the zoo that the commit draws', () => {
    const zoo = commands.find((command) => scriptsOf(command).includes('zoo'));
    expect(zoo).toMatch(/--sample 10 --seed "\$\(git rev-parse [^)]*HEAD\)"/);
  });
});
