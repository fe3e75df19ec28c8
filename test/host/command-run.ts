// A real command with its output collected, for tests of the OS execer.
import { createOsExecer } from '../../src/host/process/os-execer.ts';
import type { OsExecerOptions } from '../../src/host/process/os-execer-options.ts';
import { createSystemClock } from '../../src/host/system-clock.ts';
import type { ExecCommand, Execer, Process } from '../../src/model/execer.ts';
import type { Chunk } from '../../src/model/output.ts';

export const NO_TAGS = { jobId: '', taskId: '', tag: '' };

/** Short graces, so that nothing takes long. */
export function testExecer(options: Partial<OsExecerOptions> = {}): Execer {
  return createOsExecer({
    clock: createSystemClock(),
    graceMs: 400,
    drainGraceMs: 100,
    sinkGraceMs: 150,
    ...options,
  });
}

export interface CommandRun {
  readonly process: Process;
  /** What came so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when stdout holds the text. */
  readonly says: (text: string) => Promise<void>;
}

/** Starts a shell script, or the argv of `more`. */
export async function start(
  execer: Execer,
  script: string,
  more: Partial<ExecCommand> = {},
): Promise<CommandRun> {
  const texts = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  const sink = (name: 'stdout' | 'stderr') => ({
    write(chunk: Chunk): void {
      texts[name] += Buffer.from(chunk as Uint8Array).toString();
      for (const listener of listeners) listener();
    },
  });
  const process = await execer.exec({
    argv: ['sh', '-c', script],
    dir: '',
    ...NO_TAGS,
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    ...more,
  });
  const says = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (texts.stdout.includes(text)) resolve();
      };
      listeners.add(look);
      look();
    });
  return { process, stdout: () => texts.stdout, stderr: () => texts.stderr, says };
}
