// What hostile programs are run through: the OS execer alone, with sinks that fail as the programs ask, or a whole
// exec runner, whose own files are the sinks. Both end a program as its table entry says and report how that went.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { createExecRunner } from '../src/host/exec-runner.ts';
import { createLocalOutputs } from '../src/host/outputs/local-output.ts';
import { createOsExecer } from '../src/host/process/os-execer.ts';
import { realWorld } from '../src/host/real-world.ts';
import { createSystemClock } from '../src/host/system-clock.ts';
import { createTempDirs } from '../src/host/filers/temp-dirs.ts';
import { messageOf } from '../src/kernel/errors.ts';
import type { RunStatus } from '../src/model/run-status.ts';
import { finalStatus, statusNow } from '../src/model/status-lookup.ts';
import type { TraceEvent } from '../src/model/trace-event.ts';
import { hostileEnvironment, runHostile } from '../test/host/hostile/hostile-run.ts';
import { comesTrue } from '../test/host/hostile/leftovers.ts';
import type { HostileProgram } from '../test/host/hostile/program.ts';

/** How one program ended. */
export interface HostileEnd {
  readonly state: string;
  readonly exitCode: number;
  readonly error: string;
  /** What the run says beside its status. */
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
  const dirs = createTempDirs();
  return {
    async run(program, mark) {
      const dir = await dirs.create('execer');
      const { status } = await runHostile(execer, program, mark, dir.path);
      const { state, exitCode, error, signal } = status;
      const faults = [...(status.faults ?? [])];
      await dir.release().catch((failure: unknown) => faults.push(messageOf(failure)));
      const legal = program.endings.some(
        (ending) => ending.state === state && ending.exitCode === exitCode && ending.signal === signal,
      );
      return { state, exitCode, error, faults, legal };
    },
    close: () => Promise.resolve(),
  };
}

/** An exec runner, and what its runs say beside their statuses. */
class TalkingRunner {
  readonly #said: string[] = [];
  readonly runner: ReturnType<typeof createExecRunner>;

  constructor(outputDir: string | undefined) {
    const record = (event: TraceEvent): void => {
      if (event.type === 'recorded') this.#said.push(`${event.what}: ${event.error}`);
    };
    const world = { ...realWorld(), tracer: { record } };
    const outputs = outputDir === undefined ? {} : { outputs: createLocalOutputs({ dir: outputDir }) };
    this.runner = createExecRunner({ world, ...outputs, ...GRACES });
  }

  /** What was said since it was asked last. */
  said(): string[] {
    return this.#said.splice(0);
  }
}

/** Exec runners, one per program that runs at the same time: a runner runs one command at a time. */
export function runnerSubject(outputDir?: string): HostileSubject {
  const idle: TalkingRunner[] = [];
  const all: TalkingRunner[] = [];
  const make = (): TalkingRunner => {
    const made = new TalkingRunner(outputDir);
    all.push(made);
    return made;
  };
  return {
    async run(program, mark) {
      const talking = idle.pop() ?? make();
      const { runner } = talking;
      const argv = ['sh', '-c', program.script];
      const { runId } = await runner.run({ argv, envVars: hostileEnvironment(program, mark) });
      const look = async (): Promise<RunStatus> => (await statusNow(runner, runId)).status;
      const { abort } = program;
      if (abort === 'when ready') await untilReady(look);
      else if (abort !== 'never') await pause(abort.afterMs);
      if (abort !== 'never') await runner.abort(runId);
      const { status } = await finalStatus(runner, runId);
      const { state, exitCode, error } = status;
      const end = { state, exitCode, error, faults: talking.said(), legal: isLegal(program, status) };
      idle.push(talking);
      return end;
    },
    async close() {
      for (const { runner } of all) {
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

/** Until it has written `ready`, or has ended without. */
async function untilReady(look: () => Promise<RunStatus>): Promise<void> {
  let status = await look();
  for (; status.stdoutRef === ''; status = await look()) await pause(2);
  const path = decodeURIComponent(new URL(status.stdoutRef).pathname);
  await comesTrue(
    async () => /^ready$/m.test(readFileSync(path, 'latin1')) || (await look()).state !== 'RUNNING',
  );
}
