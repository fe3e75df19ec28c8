// What situations are made of: commands, collaborators that can be held, and acts in a phase of a run.
import { createOsExecer } from '../../src/host/process/os-execer.ts';
import type { LogUploader, Processor } from '../../src/model/collaborators.ts';
import type { Execer, Process } from '../../src/model/execer.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { ends, Gate, type Stage } from './recording-stage.ts';

/** Acts on a stage and gives the ends of the runs. */
export type Situation = (stage: Stage) => Promise<readonly string[]>;

export const sh = (script: string): { argv: string[] } => ({ argv: ['sh', '-c', script] });
export const LONG: { argv: string[] } = { argv: ['sleep', '100'] };
export const ok: { argv: string[] } = { argv: ['true'] };
export const snapshot: { argv: string[]; snapshotId: string } = { argv: ['true'], snapshotId: 's' };
export const noop = (): void => undefined;

export const uploader = (
  upload: LogUploader['upload'],
  more: Partial<LogUploader> = {},
): { uploader: LogUploader } => ({ uploader: { cancelBoundMs: 5_000, upload, ...more } });

export const processor = (process: Processor['process'], cancelBoundMs = 5_000): Processor => ({
  name: 'helper',
  cancelBoundMs,
  process,
});

/** An execer around the real one. */
export function execerAround(
  stage: Stage,
  around: {
    readonly before?: () => Promise<void>;
    readonly process?: (process: Process) => Process;
  },
): { execer: Execer } {
  const os = createOsExecer({ clock: stage.world.clock, graceMs: 300, drainGraceMs: 100 });
  return {
    execer: {
      cancelBoundMs: os.cancelBoundMs,
      exec: async (command) => {
        await around.before?.();
        const process = await os.exec(command);
        return around.process?.(process) ?? process;
      },
    },
  };
}

/** Runs one command and acts once it is in `phase`. */
export async function inPhase(
  stage: Stage,
  phase: string,
  command: { argv: string[]; snapshotId?: string; timeoutMs?: number },
  options: Parameters<Stage['runner']>[0],
  act: (runner: ReturnType<Stage['runner']>, runId: string) => Promise<unknown> | void,
): Promise<readonly string[]> {
  const runner = stage.runner(options);
  const reached = stage.phase(phase);
  const { runId } = await runner.run(command);
  // On a busy machine a deadline may pass before its phase is reached.
  await Promise.race([reached, finalStatus(runner, runId)]);
  await act(runner, runId);
  await finalStatus(runner, runId);
  return ends(runner);
}

/** Aborts in a phase that is held by a gate, which opens once the abort was made unless the collaborator honours it. */
export function abortIn(
  phase: string,
  make: (stage: Stage, gate: Gate) => Parameters<Stage['runner']>[0],
  command: { argv: string[]; snapshotId?: string } = ok,
): Situation {
  return (stage) => {
    const gate = new Gate();
    return inPhase(stage, phase, command, make(stage, gate), async (runner, runId) => {
      const aborted = runner.abort(runId);
      gate.open();
      await aborted;
    });
  };
}

/** A deadline that passes while a phase is held; the gate opens after it. */
export function deadlineIn(
  phase: string,
  make: (stage: Stage, gate: Gate) => Parameters<Stage['runner']>[0],
  command: { argv: string[]; snapshotId?: string } = ok,
  timeoutMs = 1,
): Situation {
  return (stage) => {
    const gate = new Gate();
    return inPhase(stage, phase, { ...command, timeoutMs }, make(stage, gate), async () => {
      await stage.pause(timeoutMs + 10);
      gate.open();
    });
  };
}

export async function all(
  runner: ReturnType<Stage['runner']>,
  commands: readonly object[],
): Promise<string[]> {
  const ids: string[] = [];
  for (const command of commands) ids.push((await runner.run(command as { argv: string[] })).runId);
  for (const id of ids) await finalStatus(runner, id);
  return ends(runner);
}

/** Situations by name: how the runs end, `[]` where that depends on the machine, and what is done. */
export type Situations = Readonly<Record<string, readonly [readonly string[], Situation]>>;
