// A real Bazel over a copy of the workspace in fixtures/bazel. Each workspace has a Bazel server of its own, which ends with it; what Bazel unpacks
// of itself is shared and kept in .dryrunner/bazel.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { projectRoot } from './module-graph.ts';

const PROGRAM = join(
  projectRoot,
  'fixtures/bazel/node_modules/@bazel/bazel-linux_x64/bazel-2.1.0-linux-x86_64',
);

/** How many actions `//many:all` has; the output of each is its number. */
export const SMALL_ACTIONS = 200;

/** Why there is no Bazel here; undefined if there is one. */
export function bazelMissingBecause(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `npm has no Bazel for ${process.platform}-${process.arch}`;
  }
  return existsSync(PROGRAM) ? undefined : 'it is not installed (npm ci --prefix fixtures/bazel)';
}

/** What a finished Bazel left. */
export interface BazelFinished {
  readonly code: number | null;
  /** Both streams, as they came. */
  readonly out: string;
}

/** A Bazel at work. */
export interface BazelStarted {
  readonly child: ChildProcess;
  readonly finished: Promise<BazelFinished>;
}

/** See {@link BazelWorkspace.open}. */
export class BazelWorkspace {
  /** Its folder. */
  readonly dir: string;
  readonly #root: string;

  private constructor() {
    this.#root = mkdtempSync(join(tmpdir(), 'dryrunner-bazel-'));
    this.dir = join(this.#root, 'workspace');
    cpSync(join(projectRoot, 'fixtures/bazel/workspace'), this.dir, { recursive: true });
    mkdirSync(join(projectRoot, '.dryrunner/bazel'), { recursive: true });
    chmodSync(PROGRAM, 0o755);
  }

  static open(): BazelWorkspace {
    return new BazelWorkspace();
  }

  /** Starts a command; with an endpoint its actions run there. */
  start(command: string, args: readonly string[] = [], endpoint?: string): BazelStarted {
    const startup = [
      `--output_user_root=${join(this.#root, 'output')}`,
      `--install_base=${join(projectRoot, '.dryrunner/bazel/install')}`,
      '--max_idle_secs=60',
      '--nohome_rc',
      '--nosystem_rc',
      '--host_jvm_args=-Xmx600m',
    ];
    const remote = [
      `--remote_executor=${endpoint}`,
      '--spawn_strategy=remote',
      '--genrule_strategy=remote',
      '--strategy=TestRunner=remote',
      '--remote_timeout=60',
      '--jobs=8',
    ];
    const shown = ['--noshow_progress', '--color=no', '--curses=no'];
    const options = ['build', 'test'].includes(command)
      ? [...shown, ...(endpoint === undefined ? [] : remote)]
      : [];
    const child = spawn(PROGRAM, [...startup, command, ...options, ...args], {
      cwd: this.dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: this.#root, JAVA_HOME: '' },
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        out += text;
      });
    }
    const finished = new Promise<BazelFinished>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, out }));
    });
    return { child, finished };
  }

  /** Runs a command to its end. */
  run(command: string, args: readonly string[] = [], endpoint?: string): Promise<BazelFinished> {
    return this.start(command, args, endpoint).finished;
  }

  /** Ends the server, and removes everything but what is shared. */
  async close(): Promise<void> {
    await this.run('shutdown');
    await makeWritable(this.#root);
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** Bazel takes the right to write from what it has built. */
function makeWritable(dir: string): Promise<void> {
  return new Promise((resolve) => {
    spawn('chmod', ['-R', 'u+w', dir], { stdio: 'ignore' }).on('close', () => resolve());
  });
}
