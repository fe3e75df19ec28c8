/**
 * Replays the token of a `simTest`: Vitest runs only that test, with the token. Invariant: a token cannot add an option
 * to Vitest's command line.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import * as inspector from 'node:inspector';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { LINES_VARIABLE } from '../explore/explain/history-length.ts';
import { REPLAY_DIVERGED, REPLAY_OUTCOMES } from '../explore/replay-outcome.ts';
import { makeTempFolder } from '../host/temp-folder.ts';
import { vitestRootAbove } from '../host/vitest-config.ts';
import { vitestPattern, type VitestTest } from '../explore/vitest-test.ts';
import { messageOf } from '../kernel/errors.ts';
import type { TestExecution } from './execution-source.ts';
import { currentFolder } from './current-folder.ts';
import { EXIT_STATUS, UsageError, type ExitStatus } from './exit-status.ts';
import type { NamedExecutionOptions } from './explore-options.ts';
import type { Interruption } from './interruption.ts';
import { interruptible } from './scenario-session.ts';
import type { Terminal } from './terminal.ts';

type Options = Partial<NamedExecutionOptions> & {
  readonly time?: number | undefined;
  readonly continueRandomly?: boolean | undefined;
  readonly allLines?: boolean | undefined;
};

/** What {@link REPORTER} says of a test file. */
interface FileReport {
  readonly file: string;
  /** Message of the error that kept the file from running. */
  readonly error?: string;
  readonly tests: readonly {
    /** Names of its groups and its own, joined by spaces. */
    readonly name: string;
    readonly state: string;
    readonly message: string;
  }[];
}

/** Source of a reporter. Vitest's own JSON reporter prints where it wrote the report, which is a temporary folder. */
const REPORTER = `import { writeFile } from 'node:fs/promises';
const nameOf = ({ name, parent }) => (parent.type === 'module' ? name : nameOf(parent) + ' ' + name);
const reportOf = (test) => {
  const { state, errors: [error] = [] } = test.result();
  return { name: nameOf(test), state, message: error?.stack || error?.message || '' };
};
export default class {
  onTestRunEnd(modules) {
    const files = modules.map((one) => ({
      file: one.moduleId,
      error: one.errors()[0]?.message,
      tests: Array.from(one.children.allTests(), reportOf),
    }));
    return writeFile(new URL('report.json', import.meta.url), JSON.stringify(files));
  }
}
`;

const VARIABLE_MAX = 32_768;
/** Options that only commands which run a scenario themselves can honour. */
const REFUSED = {
  trace: '--trace',
  timeline: '--timeline',
  continueRandomly: '--continue-randomly',
  time: '--time',
  hang: '--hang',
  memory: '--memory',
} as const;
/** Exit code: 1 if the test fails as its token says, 3 if it holds now, or if the token no longer fits. */
export async function replayInVitest(
  terminal: Terminal,
  { test, token }: TestExecution,
  options: Options,
): Promise<ExitStatus> {
  const { json = false, debug = false, allLines = false } = options;
  const { file, name } = test;
  const given = Object.entries(REFUSED).find(([key]) => options[key as keyof typeof REFUSED] !== undefined);
  if (given !== undefined) {
    throw new UsageError(
      `${given[1]}: expected the execution of a scenario, got that of a test, which Vitest runs: ${file}`,
    );
  }
  if (file.startsWith('-') || !existsSync(file)) {
    throw new UsageError(
      `the token names the test file ${file}, as it was typed. There is no such file, looked up from ${currentFolder() ?? 'a folder that is gone'}: paste the token in the folder where it was made`,
    );
  }
  const main = mainOfVitest(file);
  const root = vitestRootAbove(file);
  const temporary = makeTempFolder('replay');
  const folder = temporary.path;
  const report = join(folder, 'report.json');
  const reporter = join(folder, 'reporter.mjs');
  try {
    return await interruptible(terminal, async (interruption) => {
      await terminal.flush();
      await writeFile(reporter, REPORTER);
      const args = [
        main,
        'run',
        ...(root === undefined ? [] : [`--root=${root}`]),
        file,
        `--testNamePattern=${vitestPattern(name.split(' '))}`,
        '--reporter=default',
        `--reporter=${reporter}`,
        ...(debug ? debugging() : []),
      ];
      const variables = {
        ...(await handedOver(token, join(folder, 'token'))),
        ...(allLines ? { [LINES_VARIABLE]: 'all' } : {}),
      };
      await ended(args, variables, json, interruption);
      if (interruption.status !== undefined) return interruption.status;
      return reported(terminal, test, await resultOf(test, report), json);
    });
  } finally {
    await temporary.remove();
  }
}

function mainOfVitest(file: string): string {
  try {
    const path = createRequire(resolve(file)).resolve('vitest/package.json');
    const { bin } = JSON.parse(readFileSync(path, 'utf8')) as { bin: { vitest: string } };
    return join(dirname(path), bin.vitest);
  } catch (error) {
    throw new UsageError(
      `${file} is a test of Vitest, which is not installed here: ${messageOf(error).split('\n')[0] ?? ''}`,
    );
  }
}

/**
 * Makes Vitest stop before the test, on the address of this process's debugger. The debugger of VS Code follows child
 * processes by itself.
 */
function debugging(): string[] {
  const once = ['--no-file-parallelism', '--test-timeout=0'];
  const url = inspector.url();
  if (url === undefined || process.env['VSCODE_INSPECTOR_OPTIONS'] !== undefined) return once;
  const { host } = new URL(url);
  // Returns after the debugger has disconnected; only then is the port free for Vitest.
  inspector.close();
  return [...once, `--inspect-brk=${host}`];
}

/** Linux limits an environment variable to 131,071 bytes, so a longer token is passed in a file. */
async function handedOver(token: string, path: string): Promise<NodeJS.ProcessEnv> {
  if (token.length <= VARIABLE_MAX) return { DRYRUNNER_SEED: token };
  await writeFile(path, token);
  return { DRYRUNNER_SEED: undefined, DRYRUNNER_SEED_FILE: path };
}

/** Runs Vitest to its end. Its exit code is ignored, because its report says more. */
function ended(
  args: readonly string[],
  variables: NodeJS.ProcessEnv,
  json: boolean,
  { signal }: Interruption,
): Promise<void> {
  return new Promise((resolved, reject) => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, DRYRUNNER_SEED_FILE: undefined, ...variables },
      stdio: ['inherit', json ? process.stderr : 'inherit', 'inherit'],
    });
    const stop = (): void => void child.kill('SIGINT');
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    child.once('error', (error) => reject(new UsageError(`Vitest does not start: ${error.message}`)));
    child.once('exit', () => resolved());
  });
}

interface TestResult {
  readonly hasPassed: boolean;
  readonly message: string;
}

async function resultOf({ file, name }: VitestTest, report: string): Promise<TestResult> {
  const text = await readFile(report, 'utf8').catch(() => undefined);
  if (text === undefined) throw new UsageError(`${file}: Vitest has not run it`);
  // Vitest also runs the files whose paths contain what it is given.
  const path = realpathSync(file);
  const files = (JSON.parse(text) as FileReport[]).filter((one) => realpathSync(one.file) === path);
  const results = files
    .flatMap(({ tests }) => tests)
    .filter((one) => one.name === name && (one.state === 'passed' || one.state === 'failed'));
  if (results.length === 0) {
    const why = files.map(({ error = '' }) => error).find((error) => error !== '');
    throw new UsageError(`${file}: ${why ?? `no test is called ${JSON.stringify(name)} and runs`}`);
  }
  const failed = results.find(({ state }) => state === 'failed');
  return { hasPassed: failed === undefined, message: failed?.message ?? '' };
}

function reported(
  terminal: Terminal,
  { file, name }: VitestTest,
  { hasPassed, message }: TestResult,
  json: boolean,
): ExitStatus {
  const isReproduced = !hasPassed && !message.includes(REPLAY_DIVERGED);
  const status = isReproduced ? EXIT_STATUS.FAILED : EXIT_STATUS.DIVERGED;
  terminal.noteResult(status);
  if (json) {
    const failure = hasPassed ? {} : { failure: { message } };
    terminal.json({
      type: 'replay',
      scenario: name,
      file,
      reproduced: isReproduced,
      held: hasPassed,
      ...failure,
    });
  } else if (hasPassed) terminal.line(`${file}: ${name}: ${REPLAY_OUTCOMES.fixed}: it holds`);
  return status;
}
