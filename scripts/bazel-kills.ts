// Builds in which the server is killed and started again: Bazel executes again what was lost, and ends right.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { type BazelWorkspace, SMALL_ACTIONS } from './bazel-workspace.ts';
import { projectRoot } from './module-graph.ts';

/** Starts `dryrunner serve` as a process of its own. */
async function startServer(port: number, cas: string) {
  const command = ['serve', '--reapi', '--json', '--access-log', '--jobs', '4'];
  const child = spawn(
    process.execPath,
    [
      ...['--import', import.meta.resolve('tsx'), join(projectRoot, 'src/cli/main.ts')],
      ...[...command, '--port', String(port), '--cas', cas],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit');
  const rows = createInterface({ input: child.stdout });
  const first = await Promise.race([once(rows, 'line'), ended.then(() => undefined)]);
  if (first === undefined) throw new Error('serve ended before it served');
  const { endpoint } = JSON.parse(first[0] as string) as { readonly endpoint: string };
  const executed = (count: number): Promise<void> =>
    new Promise((resolve) => {
      let left = count;
      rows.on('line', (line) => {
        const { method = '' } = JSON.parse(line) as { readonly method?: string };
        if (method.endsWith('/Execute') && (left -= 1) === 0) resolve();
      });
    });
  return {
    endpoint,
    port: Number(endpoint.slice(endpoint.lastIndexOf(':') + 1)),
    /** Resolves after that many calls of Execute have ended. */
    executed,
    async end(signal: NodeJS.Signals): Promise<void> {
      child.kill(signal);
      await ended;
    },
  };
}

/** Numbers of the small actions whose output is missing or wrong. */
function wrongOutputs(workspace: BazelWorkspace): number[] {
  const isRight = (n: number): boolean => {
    try {
      return readFileSync(join(workspace.dir, `bazel-bin/many/small_${n}.txt`), 'utf8') === `${n}\n`;
    } catch {
      return false;
    }
  };
  return Array.from({ length: SMALL_ACTIONS }, (_, n) => n).filter((n) => !isRight(n));
}

/** A build in which the server is killed once `executions` actions have been executed, and started again. */
export async function buildAcrossKill(workspace: BazelWorkspace, executions: number): Promise<boolean> {
  const cas = mkdtempSync(join(tmpdir(), 'dryrunner-bazel-cas-'));
  try {
    await workspace.run('clean');
    const first = await startServer(0, cas);
    const { finished } = workspace.start('build', ['//many:all', '--remote_retries=20'], first.endpoint);
    const isReached = await Promise.race([
      first.executed(executions).then(() => true),
      finished.then(() => false),
    ]);
    await first.end('SIGKILL');
    const second = await startServer(first.port, cas);
    const { code, out } = await finished;
    await second.end('SIGINT');
    const wrong = wrongOutputs(workspace);
    if (isReached && code === 0 && wrong.length === 0) return true;
    console.log(
      `killed after ${executions} executions${isReached ? '' : ', which were not reached'}: Bazel exits with ${code}; wrong outputs: ${wrong.join(', ') || 'none'}`,
    );
    console.log(out);
    return false;
  } finally {
    rmSync(cas, { recursive: true, force: true });
  }
}
