// Runs one hostile program on an execer, with the sink and the abort that its table entry asks for.
import { setTimeout as pause } from 'node:timers/promises';
import type { Execer, ProcessStatus, Sink } from '../../../src/model/execer.ts';
import type { Chunk } from '../../../src/model/output.ts';
import { builtPrograms } from './needs.ts';
import type { HostileProgram, SinkKind } from './program.ts';

const FOREVER: Promise<void> = new Promise(() => {});

export interface HostileRun {
  readonly status: ProcessStatus;
  /** What the sink of stdout got. */
  readonly stdout: string;
}

/** What a program finds in its environment. */
export function hostileEnvironment({ needs = [] }: HostileProgram, mark: string): Record<string, string> {
  return {
    HOSTILE_MARK: mark,
    ...(needs.includes('cc') ? { HOSTILE_BIN: builtPrograms().folder } : {}),
  };
}

export async function runHostile(
  execer: Execer,
  program: HostileProgram,
  mark: string,
  dir = '',
): Promise<HostileRun> {
  let stdout = '';
  let sayReady = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    sayReady = resolve;
  });
  const collect = (chunk: Chunk): void => {
    if (stdout.length < 100_000) stdout += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    if (stdout.startsWith('ready')) sayReady();
  };
  const sink = sinkOf(program.sink, collect);
  const process = await execer.exec({
    argv: ['sh', '-c', program.script],
    envVars: hostileEnvironment(program, mark),
    dir,
    jobId: '',
    taskId: '',
    tag: '',
    ...(sink === undefined ? {} : { stdout: sink, stderr: sink }),
  });
  const { abort } = program;
  if (abort !== 'never') {
    await (abort === 'when ready' ? ready : pause(abort.afterMs));
    await process.abort();
  }
  return { status: await process.wait(), stdout };
}

function sinkOf(kind: SinkKind, collect: (chunk: Chunk) => void): Sink | undefined {
  const after = async (chunk: Chunk, then: Promise<unknown>): Promise<void> => {
    collect(chunk);
    await then;
  };
  switch (kind) {
    case 'missing':
      return undefined;
    case 'collects':
      return { write: collect };
    case 'throws':
      return {
        write: () => {
          throw new Error('disk full');
        },
      };
    case 'rejects':
      return { write: (chunk) => after(chunk, Promise.reject(new Error('disk full'))) };
    case 'never settles':
      return { write: (chunk) => after(chunk, FOREVER) };
    case 'slow':
      return { write: (chunk) => after(chunk, pause(5)) };
  }
}
