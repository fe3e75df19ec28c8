// What hostile programs are run through: the OS execer alone, with sinks that fail as the programs ask, or a whole
// exec runner, whose own files are the sinks. Both end a program as its table entry says and tell how that went.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { createExecRunner } from '../src/host/exec-runner.ts';
import { createOsExecer } from '../src/host/os-execer.ts';
import { createSystemClock } from '../src/host/system-clock.ts';
import type { RunStatus } from '../src/model/run-status.ts';
import { finalStatus, statusNow } from '../src/model/status-lookup.ts';
import { runHostile } from '../test/host/hostile/hostile-run.ts';
import { comesTrue } from '../test/host/hostile/leftovers.ts';
import type { HostileProgram } from '../test/host/hostile/programs.ts';

/** How one program ended. */
export interface HostileEnd {
  readonly state: string;
  readonly exitCode: number;
  readonly error: string;
  readonly faults: readonly string[];
  /** Whether the program may end like this. */
  readonly legal: boolean;
}

/** Something that runs programs for real. */
export interface HostileSubject {
  run(program: HostileProgram, mark: string): Promise<HostileEnd>;
  /** Gives back everything that it holds. */
  close(): Promise<void>;
}

const GRACES = { graceMs: 500, drainGraceMs: 150, sinkGraceMs: 200 };

/** The OS execer alone. */
export function execerSubject(): HostileSubject {
  const execer = createOsExecer({ clock: createSystemClock(), ...GRACES });
  return {
    async run(program, mark) {
      const { status } = await runHostile(execer, program, mark);
      const { state, exitCode, error, signal, faults = [] } = status;
      const legal = program.endings.some(
        (ending) => ending.state === state && ending.exitCode === exitCode && ending.signal === signal,
      );
      return { state, exitCode, error, faults, legal };
    },
    close: () => Promise.resolve(),
  };
}

/** Exec runners, one per program that runs at the same time: a runner runs one command at a time. */
export function runnerSubject(): HostileSubject {
  const idle: ReturnType<typeof createExecRunner>[] = [];
  const all: ReturnType<typeof createExecRunner>[] = [];
  const make = (): ReturnType<typeof createExecRunner> => {
    const made = createExecRunner(GRACES);
    all.push(made);
    return made;
  };
  return {
    async run(program, mark) {
      const runner = idle.pop() ?? make();
      const argv = ['sh', '-c', program.script];
      const { runId } = await runner.run({ argv, envVars: { HOSTILE_MARK: mark } });
      const look = async (): Promise<RunStatus> => (await statusNow(runner, runId)).status;
      const { abort } = program;
      if (abort === 'when ready') await untilReady(look);
      else if (abort !== 'never') await pause(abort.afterMs);
      if (abort !== 'never') await runner.abort(runId);
      const { status } = await finalStatus(runner, runId);
      idle.push(runner);
      const { state, exitCode, error } = status;
      return { state, exitCode, error, faults: [], legal: isLegal(program, status) };
    },
    async close() {
      for (const runner of all) {
        await runner.release();
        await runner.outputs.dispose();
      }
    },
  };
}

/** A run says ABORTED where a process says FAILED −1, and knows no signals. */
function isLegal({ endings }: HostileProgram, { state, exitCode }: RunStatus): boolean {
  return endings.some((ending) =>
    ending.state === 'FAILED' ? state === 'ABORTED' : state === ending.state && exitCode === ending.exitCode,
  );
}

async function untilReady(look: () => Promise<RunStatus>): Promise<void> {
  let stdoutRef = '';
  while (stdoutRef === '') {
    ({ stdoutRef } = await look());
    await pause(2);
  }
  const path = decodeURIComponent(new URL(stdoutRef).pathname);
  await comesTrue(() => /^ready$/m.test(readFileSync(path, 'latin1')));
}
