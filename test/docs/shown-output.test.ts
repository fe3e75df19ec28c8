import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';
import { builtCommand } from '../cli/command.ts';
import { placeOf, readCodeBlocks, type CodeBlock } from './code-blocks.ts';
import { expectShown, isCommand, isShown } from './shown-output.ts';

const blocks = readCodeBlocks();
const shown = blocks.filter(({ language }) => language === 'text');
const commands = shown.filter(isCommand);

/** A copy of the sources, so that no kept failure of the checkout is tried first. */
let copy = '';
/** What the commands print; they run beside each other. */
let outputs: ReadonlyMap<CodeBlock, Promise<string>>;

beforeAll(() => {
  copy = realpathSync(mkdtempSync(join(tmpdir(), 'dryrunner-shown-')));
  for (const name of ['src', 'sims', 'fixtures', 'scripts', 'package.json', 'tsconfig.json']) {
    cpSync(join(projectRoot, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(projectRoot, 'node_modules'), join(copy, 'node_modules'));
  giveTime(join(copy, 'src/vitest/sim-test.ts'));
  outputs = new Map(commands.filter(canRun).map((block) => [block, printedBy(commandOf(block))]));
});
afterAll(async () => {
  await Promise.allSettled(outputs.values());
  rmSync(copy, { recursive: true, force: true });
});

/** A test that is shown has no limit of its own, because readers need none. */
function giveTime(simTest: string): void {
  const code = readFileSync(simTest, 'utf8');
  const patient = code.replace(/^(const DEFAULT_TIMEOUT_MS = )[\d_]+;$/m, `$1${PATIENCE_MS};`);
  expect(patient).not.toBe(code);
  writeFileSync(simTest, patient);
}

/** The recipe about a package of others runs where `npm run foreign` has installed that. */
function canRun(block: CodeBlock): boolean {
  return (
    !commandOf(block).includes('fixtures/p-queue') ||
    existsSync(join(projectRoot, 'sims/foreign/node_modules/p-queue'))
  );
}

const CANNOT_RUN =
  '%s is the output of its command, skipped because npm run foreign has not installed p-queue';

function commandOf({ code }: CodeBlock): string {
  return code.slice('$ '.length, code.indexOf('\n'));
}

/** How long a command may take instead of its own limits, which a busy machine passes. */
const PATIENCE_MS = 500_000;

/** What a command prints on stdout, whatever it exits with. */
function printedBy(command: string): Promise<string> {
  const words = command.split(/\s+/);
  if (words[1] === 'vitest') {
    // It prints failures to the other stream.
    return outputOf([join(copy, 'node_modules/vitest/vitest.mjs'), ...words.slice(2)], true);
  }
  // The checkout runs the sources, a package what was built.
  const program = words[0] === 'npx' ? builtCommand : ['--import', 'tsx', join(copy, 'src/cli/main.ts')];
  const args = words.slice(words.indexOf('dryrunner') + 1).filter((word) => word !== '--');
  const limits = args[0] === 'explore' ? ['time', 'hang'].map((limit) => `--${limit}=${PATIENCE_MS}ms`) : [];
  return outputOf([...program, ...args, ...limits]);
}

function outputOf(args: readonly string[], ofBoth = false): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      args,
      { cwd: copy, env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined } },
      (_, stdout, stderr) =>
        stdout === ''
          ? reject(new Error(`${args.join(' ')} prints nothing: ${stderr}`))
          : resolve(ofBoth ? stdout + stderr : stdout),
    );
  });
}

/** How small and how well explained a failing test gets depends on the time that the machine has; this much stands at any rate. */
const FIRM = /^( FAIL|What happened|To see it again|.*\| )/;

describe('output that documents show', () => {
  test('is expected in every block that does not hold code or data', () => {
    const [withoutRunning, pages] = [/^(ts|sh|json|jsonl|yaml)$/, /\.md$/];
    const others = blocks.filter(({ file, language }) => pages.test(file) && !withoutRunning.test(language));
    expect(others.map(placeOf)).toEqual(shown.map(placeOf));
    expect(commands.length).toBeGreaterThan(0);
    expect(commands.length).toBeLessThan(shown.length);
  });

  test.skip.for(commands.filter((block) => !canRun(block)).map((block) => [placeOf(block)]))(
    CANNOT_RUN,
    () => undefined,
  );

  test.for(commands.filter(canRun).map((block) => [placeOf(block), block] as const))(
    '%s is the output of its command',
    async ([, block]) => {
      const text = block.code.slice(block.code.indexOf('\n') + 1);
      const printed = (await outputs.get(block)) ?? '';
      if (commandOf(block).startsWith('npx vitest')) {
        const firm = text.split('\n').filter((line) => FIRM.test(line));
        expect(firm.length).toBeGreaterThan(3);
        const found = printed.split('\n').filter((line) => firm.includes(line.trimEnd()));
        expect(found, printed).toEqual(firm);
      } else expectShown(text, printed);
    },
  );
});

describe('a comparison', () => {
  test.for([
    ['one\ntwo', 'one\ntwo\n', true],
    ['one\ntwo', 'one\nthree\n', false],
    ['one', 'one\ntwo', false],
    ['one\n…\nfour', 'one\ntwo\nthree\nfour', true],
    ['one\n…\nfour', 'one\ntwo\nthree\nfive', false],
    ['replay dr2:…', 'replay dr2:WyJz.j9h69828eumc', true],
    ['0 ms  a (by …)', '0 ms  a (by b)', true],
    ['at 5 ms', 'at 6 ms', false],
    ['500 executions in 7.2 s (277/s)', '500 executions in 11 s (91.5/s)', true],
    ['500 executions in 7.2 s', '501 executions in 7.2 s', false],
    ['found in execution 3, after 2.2 s, by pct', 'found in execution 12, after 1 s, by walk', true],
    ['run (/home/you/a.ts:1:2)', 'run (/tmp/x/b.ts:1:2)', true],
    ['run (/home/you/a.ts:1:2)', 'run (/any/root/b.ts:1:2)', true],
    ['run (/home/you/a.ts:1:2)', 'run (/tmp/x/b.ts:3:2)', false],
    ['run (a.ts:1:2)', 'run (b.ts:1:2)', false],
    ['kept in a/0123456789abcdef.jsonl', 'kept in a/9df80d4393180280.jsonl', true],
  ] as const)('of %j with %j: %s', ([text, printed, expected]) => {
    expect(isShown(text, printed)).toBe(expected);
  });
});
