// Runs one program of the matrix after the other: output into a log, a sign of life, and an end with us. Invariant: no more than one
// program runs at a time, and none is left after an interruption.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import process from 'node:process';

const SIGN_MS = 30_000;
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** What to run. */
export interface Step {
  /** Names it on stderr. */
  readonly title: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Where all output goes. */
  readonly log: string;
  /** Put before PATH, so that whatever starts `node` gets this one. */
  readonly nodeFolder?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How it went. */
export interface StepEnd {
  readonly ok: boolean;
  readonly seconds: number;
  /** Everything it printed. */
  readonly output: string;
}

let running: ChildProcess | undefined;

/** From here on an interruption ends what runs, and then this process, as a shell would say. */
export function endWithSignals(): void {
  for (const [signal, status] of Object.entries(SIGNALS)) {
    process.once(signal, () => {
      if (running?.pid !== undefined) process.kill(-running.pid, 'SIGTERM');
      process.exit(status);
    });
  }
}

/** Runs it to its end. */
export async function runStep({ title, program, args, cwd, log, nodeFolder, env }: Step): Promise<StepEnd> {
  const startMs = performance.now();
  const seconds = (): number => Math.round((performance.now() - startMs) / 1000);
  process.stderr.write(`${title}…\n`);
  const sign = setInterval(() => process.stderr.write(`${title}: ${seconds()} s\n`), SIGN_MS);
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, 'w');
  try {
    // A group of its own, so that what it starts ends with it.
    running = spawn(program, args, {
      cwd,
      detached: true,
      stdio: ['ignore', output, output],
      env: environment(nodeFolder, env),
    });
    const [code] = (await once(running, 'exit')) as [number | null];
    return { ok: code === 0, seconds: seconds(), output: readFileSync(log, 'utf8') };
  } finally {
    running = undefined;
    clearInterval(sign);
    closeSync(output);
  }
}

function environment(nodeFolder: string | undefined, more: Step['env'] = {}): NodeJS.ProcessEnv {
  const { PATH = '' } = process.env;
  const path = nodeFolder === undefined ? PATH : `${nodeFolder}${delimiter}${PATH}`;
  // The environment that npm gave the script that started us is about another package than that of the step.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'));
  return {
    ...Object.fromEntries(inherited),
    PATH: path,
    NO_COLOR: '1',
    npm_config_update_notifier: 'false',
    ...more,
  };
}
