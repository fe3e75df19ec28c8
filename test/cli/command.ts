// Runs the command line as a person would, as it is built from the sources that are there, and keeps what it printed.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { withoutProgress } from './progress-lines.ts';

/** The project's root. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url));

/** What Node is started with to run `dryrunner`. */
export const builtCommand: readonly string[] = [join(inject('builtPackage'), 'dist/cli/main.js')];

/** What Node is started with to run a module of the project. */
function nodeArgs(module: string): string[] {
  return ['--import', import.meta.resolve('tsx'), join(root, module)];
}

/** What a finished command left. */
export interface Finished {
  readonly code: number | null;
  readonly out: string;
  /** Without lines of progress, which depend on how busy the machine is. */
  readonly err: string;
}

/** A command at work. */
export interface Started {
  readonly child: ChildProcess;
  /** Settles when what it printed so far contains `text`. */
  prints(text: string): Promise<void>;
  readonly finished: Promise<Finished>;
}

/** Starts `dryrunner ARGS` in the project's root. */
export function start(...args: readonly string[]): Started {
  return startIn(root, ...args);
}

/**
 * Starts `dryrunner ARGS` in the project's root, and ends it when it has used that much processor time: a loop that it fails to end then
 * fails the test. Not on Windows.
 */
export function startForAtMost(processorSeconds: number, ...args: readonly string[]): Started {
  if (process.platform === 'win32') return start(...args);
  const limited = ['-c', 'ulimit -t "$0" && exec "$@"', String(processorSeconds), process.execPath];
  return startProcess(root, {}, [...limited, ...builtCommand, ...args], { program: 'sh' });
}

/** Starts `dryrunner ARGS` in a folder. */
export function startIn(cwd: string, ...args: readonly string[]): Started {
  return startProcess(cwd, {}, [...builtCommand, ...args]);
}

/** Starts `dryrunner ARGS` in the project's root with more in its environment. */
export function startWith(
  environment: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Started {
  return startProcess(root, environment, [...builtCommand, ...args]);
}

/** Starts `dryrunner ARGS` in the project's root, with this to read. */
export function startWithInput(input: string, ...args: readonly string[]): Started {
  const started = startProcess(root, {}, [...builtCommand, ...args], { stdin: 'pipe' });
  started.child.stdin?.end(input);
  return started;
}

/** Starts a module of the project, by its path from the root, in a folder. */
export function startModule(cwd: string, module: string, ...args: readonly string[]): Started {
  return startProcess(cwd, {}, [...nodeArgs(module), ...args]);
}

function startProcess(
  cwd: string,
  environment: Readonly<Record<string, string>>,
  args: readonly string[],
  { program = process.execPath, stdin = 'ignore' }: { program?: string; stdin?: 'ignore' | 'pipe' } = {},
): Started {
  const child = spawn(program, args, {
    cwd,
    stdio: [stdin, 'pipe', 'pipe'],
    // Elsewhere than in the root, the loader does not find where the package's own name leads.
    env: { ...process.env, NO_COLOR: '1', TSX_TSCONFIG_PATH: join(root, 'tsconfig.json'), ...environment },
  });
  let out = '';
  let err = '';
  const watchers = new Set<() => void>();
  const seen = (): void => watchers.forEach((watch) => watch());
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
    seen();
  });
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk;
    seen();
  });
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code, signal) => {
      const isOutOfTime = signal === 'SIGXCPU' || signal === 'SIGKILL';
      if (isOutOfTime) err += `\nended by ${signal}, perhaps because nothing else has ended its loop`;
      resolve({ code, out, err: withoutProgress(err) });
    });
  });
  const prints = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        if (!out.includes(text) && !err.includes(text)) return;
        watchers.delete(watch);
        resolve();
      };
      watchers.add(watch);
      watch();
      void finished.then(() => reject(new Error(`it ended without printing ${text}: ${out}${err}`)));
    });
  return { child, prints, finished };
}

/** Runs `dryrunner ARGS` to its end. */
export function run(...args: readonly string[]): Promise<Finished> {
  return start(...args).finished;
}

/** Runs `dryrunner ARGS` in a folder, with standard output on a full disk. */
export function runOnFullDisk(
  cwd: string,
  ...args: readonly string[]
): { readonly status: number | null; readonly stderr: string } {
  const full = openSync('/dev/full', 'w');
  try {
    return spawnSync(process.execPath, [...builtCommand, ...args], {
      cwd,
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
  } finally {
    closeSync(full);
  }
}

/** The objects of a `--json` run. */
export function jsonLines(out: string): Record<string, unknown>[] {
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
