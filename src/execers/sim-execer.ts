/**
 * The execer that runs scripts instead of programs, on the injected clock alone (R143). Invariant: a process whose
 * script lets no time pass has ended when `exec` returns, and has cost no event; no process leaves a timer, a child or
 * a pause behind.
 */
import * as is from '../kernel/shape.ts';
import { check, unreadable } from '../kernel/argument-check.ts';
import type { ExecCommand, Execer, Process } from '../model/execer.ts';
import { REST_OF_WORLD } from '../model/world.ts';
import type { MemoryCapOptions } from './memory-watch.ts';
import { MemoryCap, MEMORY_CAP_FIELDS } from './memory-watch.ts';
import type { VirtualExecerOptions } from './virtual-processes.ts';
import { ProcessTable, VIRTUAL_EXECER_FIELDS } from './virtual-processes.ts';
import type { SimGround } from './sim-process.ts';
import { SimProcess } from './sim-process.ts';
import { parseSimScript } from './sim-script.ts';

/** The clock, tracer and grace periods of simulated processes, and their memory cap. */
export interface SimExecerOptions extends VirtualExecerOptions, MemoryCapOptions {}

/** An execer that runs scripts. */
export interface SimExecer extends Execer {
  /**
   * Starts a script (R135) and runs it up to its first wait before `exec` returns.
   *
   * @throws RunnerError `RUNNER_EXEC_FAILED` if a step is invalid; nothing has started then (R136).
   */
  exec(command: ExecCommand): Process;
  /**
   * Resumes one paused process, which continues before this returns: the one that paused first, or, of those whose run
   * id or tag is `name`, the first. False if there is none; a resume is never saved for later (R140).
   */
  resume(name?: string): boolean;
  /** Run ids of the processes at a `pause`, oldest pause first; `#0`, `#1`, … for those without a run. */
  readonly paused: readonly string[];
  /** Number of simulated processes that are alive, children included; 0 once all have ended. */
  readonly livingProcesses: number;
}

const { clock, ...virtual } = VIRTUAL_EXECER_FIELDS;
const SIM_EXECER_OPTIONS = is.optionsOf<SimExecerOptions>(
  { clock },
  { ...REST_OF_WORLD, ...virtual, ...MEMORY_CAP_FIELDS },
);

/** The sim execer that {@link createSimExecer} makes. */
export class ScriptExecer implements SimExecer {
  readonly cancelBoundMs: number;
  /** Whether its processes appear in a trace. */
  readonly isTraced: boolean;
  readonly #ground: SimGround;

  constructor(options: SimExecerOptions) {
    const table = new ProcessTable(options);
    this.isTraced = options.tracer !== undefined;
    this.#ground = { table, memory: new MemoryCap(options.clock, options), paused: undefined };
    this.cancelBoundMs = table.cancelBoundMs;
  }

  get paused(): readonly string[] {
    return Array.from(this.#ground.paused ?? [], ({ name }) => name);
  }

  get livingProcesses(): number {
    return this.#ground.table.living;
  }

  exec(command: ExecCommand): SimProcess {
    const script = parseSimScript(argvOf(command));
    const process = new SimProcess(this.#ground, command, script);
    process.run();
    return process;
  }

  resume(name?: string): boolean {
    const { paused } = this.#ground;
    if (paused === undefined) return false;
    for (const process of paused) {
      if (name !== undefined && !process.answersTo(name)) continue;
      paused.delete(process);
      process.disturb();
      process.run();
      return true;
    }
    return false;
  }
}

function argvOf(command: ExecCommand): readonly string[] {
  try {
    return command.argv;
  } catch (error) {
    throw unreadable('command', command, error);
  }
}

/**
 * Makes a sim execer. A command's argv is its script, one step per element: `stdout TEXT`, `sleep MS`, `complete N` and
 * the others of `simStep`. Memory is checked as on the real machine: at once, then every `memoryPeriodMs`; a process at
 * or over the cap is killed, then reported (R130–R133).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a time or a cap that is negative or not finite.
 *
 * @example
 * ```ts
 * import { createSimExecer } from 'dryrunner/kit';
 * import { createVirtualClock } from 'dryrunner/kernel';
 * const execer = createSimExecer({ clock: createVirtualClock() });
 * const process = execer.exec({ argv: ['complete 3'], dir: '/', jobId: '', taskId: '', tag: '' });
 * const { exitCode } = await process.wait();
 * if (exitCode !== 3) throw new Error('expected the exit code of the script');
 * ```
 */
export function createSimExecer(options: SimExecerOptions): SimExecer {
  check('options', options, SIM_EXECER_OPTIONS);
  return new ScriptExecer(options);
}
