/**
 * The execer of the machine (R121–R134): real processes in groups of their own, ended as whole trees. Invariant: when a
 * status is known, no process of the command is alive, as far as the machine lets us see (docs/runners.md says what
 * escapes).
 */
import { expectGroup, type GroupWatch } from './group-watchdog.ts';
import * as is from '../../kernel/shape.ts';
import { showsProcesses, type ProcessEntry } from './process-table.ts';
import type { ProcessTree, TreeCensus } from './process-tree.ts';
import { sendSignal } from './process-signal.ts';
import { FaultLog } from '../../execers/fault-log.ts';
import type { StreamName } from '../../execers/process-output.ts';
import { check } from '../../kernel/argument-check.ts';
import { RunnerError } from '../../kernel/errors.ts';
import { checkCommand, type Command } from '../../model/command.ts';
import type { ExecCommand, Execer, Process } from '../../model/execer.ts';
import { isPending, whenThere, type MaybePromise } from '../../model/maybe-promise.ts';
import {
  OS_EXECER_OPTIONS,
  osExecerLimits,
  type OsExecerLimits,
  type OsExecerOptions,
} from './os-execer-options.ts';
import { OsProcess } from './os-execer-process.ts';
import { NO_COMMAND, spawnCommand, type StartedChild } from './os-execer-spawn.ts';
import { createOutputPump, type OutputPump } from './output-pump.ts';
import { startInCgroup, type ProcessCgroup } from './process-cgroup.ts';
import { COOKIE_VARIABLE, createProcessCookie } from './process-cookie.ts';
import { groupsAreWatchedByDefault } from './watched-groups.ts';
import { watchMemory, type MemoryUse, type MemoryWatch } from './process-memory-watch.ts';
import { formatMemberList, type MemberMemory } from './process-memory.ts';
import { createLinuxProcessTree } from './process-tree-linux.ts';

const UNMEASURED = 'the memory of processes is only measured on Linux';
const EMPTY: TreeCensus = Object.freeze({ members: [], unreaped: [], suspects: [], exact: true });

/**
 * The fallback process tree for machines without /proc, made right after its leader was started: the leader's process
 * group and nothing else. A descendant that leaves the group escapes, and memory cannot be measured. Invariant: once
 * the group has been found empty, its number is never signalled again.
 */
export function createGroupProcessTree(leader: number): ProcessTree {
  return new GroupProcessTree(leader);
}

class GroupProcessTree implements ProcessTree {
  readonly #leader: number;
  #reaped = false;
  #empty = false;

  constructor(leader: number) {
    this.#leader = leader;
  }

  leaderReaped(): void {
    this.#reaped = true;
  }

  leaderLives(): boolean {
    return !this.#reaped;
  }

  census(): TreeCensus {
    if (this.#empty) return EMPTY;
    if (sendSignal(-this.#leader, 0)) {
      return { members: [this.#member()], unreaped: [], suspects: [], exact: true };
    }
    this.#empty = this.#reaped;
    return EMPTY;
  }

  /** Once the leader has been reaped, only descendants can be in the group; they are known by its number alone. */
  #member(): ProcessEntry {
    return memberOf(this.#leader, this.#reaped ? -this.#leader : this.#leader);
  }

  terminate(signal: NodeJS.Signals = 'SIGTERM'): void {
    if (this.census().members.length === 0) return;
    sendSignal(-this.#leader, signal);
    // A stopped process would not notice the signal within its grace, and nothing shows which are stopped.
    sendSignal(-this.#leader, 'SIGCONT');
  }

  kill(): TreeCensus {
    const found = this.census();
    if (found.members.length > 0) sendSignal(-this.#leader, 'SIGKILL');
    return found;
  }

  usage(): never {
    throw new Error(UNMEASURED);
  }

  killNow(): TreeCensus {
    return this.kill();
  }

  dispose(): boolean {
    return true;
  }
}

/** Stands for all members of the group, which is signalled as −number: nothing more is known of them. */
function memberOf(group: number, pid: number): ProcessEntry {
  return {
    pid,
    parent: 0,
    group,
    session: group,
    alive: true,
    stopped: false,
    kernel: false,
    name: '',
    startTicks: 0,
  };
}

/**
 * Makes an execer that starts real processes.
 *
 * A command gets the parent's environment with its own merged over it and the cookie `DRYRUNNER_COOKIE`, /dev/null as
 * standard input by default, and a session of its own. Output is copied until end of file; a sink that fails never
 * holds the process up. When the leader ends, descendants that it left behind are killed at once. When it is aborted,
 * the whole tree gets SIGTERM, and after the grace the rest gets SIGKILL. `faults` lists problems that did not change
 * the outcome: a sink that failed, output that was cut, metrics that threw, descendants that were left and killed. On
 * Linux with /proc, descendants are found wherever they went; elsewhere only those in the process group are, and memory
 * is not measured without `memoryUsage`.
 *
 * Limits of Node: standard output is a socket, so a script has to write `>&2`, not `>/dev/stderr`; and a death by a
 * real-time signal looks like exit code 0.
 *
 * @example
 * ```ts
 * import { createOsExecer, createSystemClock } from 'dryrunner/host';
 * const execer = createOsExecer({ clock: createSystemClock() });
 * const process = await execer.exec({ argv: ['sh', '-c', 'exit 3'], dir: '', jobId: '', taskId: '', tag: '' });
 * const { state, exitCode } = await process.wait();
 * if (state !== 'COMPLETE' || exitCode !== 3) throw new Error('an exit code is the command\'s own');
 * ```
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a time or size that is not a finite number ≥ 0.
 */
export function createOsExecer(options: OsExecerOptions): Execer {
  check('options', options, OS_EXECER_OPTIONS);
  return new OsExecer(options);
}

/** What identifies a command and its descendants. */
interface Marks {
  readonly token: string;
  readonly watch: GroupWatch | undefined;
  readonly cgroup?: ProcessCgroup | undefined;
}

class OsExecer implements Execer {
  readonly cancelBoundMs: number;
  readonly #options: OsExecerOptions;
  readonly #limits: OsExecerLimits;
  readonly #stdin: 'ignore' | 'inherit' | number;
  readonly #stopSignal: NodeJS.Signals;
  readonly #hasProcessTable: boolean = showsProcesses();

  constructor(options: OsExecerOptions) {
    this.#options = options;
    const { stdin = 'null', stopSignal = 'SIGTERM' } = options;
    this.#stdin = stdin === 'null' ? 'ignore' : stdin;
    this.#stopSignal = stopSignal;
    this.#limits = osExecerLimits(options);
    const { graceMs, reapMs, drainGraceMs } = this.#limits;
    this.cancelBoundMs = graceMs + reapMs + drainGraceMs;
  }

  check(command: Command): void {
    checkCommand(command);
    const { argv } = command;
    if (argv.length > 0) return;
    throw new RunnerError('RUNNER_INVALID_ARGUMENT', NO_COMMAND, { expected: 'a program', actual: argv });
  }

  exec(command: ExecCommand): MaybePromise<Process> {
    // Checks only that it is a command: one that no program can be started with is an exec error (R98).
    check('command', command, is.readable('an object with argv'));
    check('command.argv', command.argv, is.listOf(is.ANY, 'an array of strings'));
    const { watchdog = groupsAreWatchedByDefault() } = this.#options;
    const watch = watchdog ? expectGroup() : undefined;
    try {
      const process = this.#start(command, watch);
      if (isPending(process)) void process.then(undefined, () => watch?.end());
      return process;
    } catch (error) {
      watch?.end();
      throw error;
    }
  }

  #start(command: ExecCommand, watch: GroupWatch | undefined): MaybePromise<Process> {
    const base = this.#options.env ?? process.env;
    // Keeps the cookie of a runner around this process, so that it finds the commands that run here, even in an
    // environment made by hand.
    const cookie = createProcessCookie(base[COOKIE_VARIABLE] ?? process.env[COOKIE_VARIABLE], watch?.token);
    const env = { ...base, ...command.envVars, [COOKIE_VARIABLE]: cookie.value };
    const start = (): MaybePromise<StartedChild> => spawnCommand(command, env, this.#stdin);
    const { cgroups = true } = this.#options;
    const { started, cgroup } =
      cgroups && this.#hasProcessTable ? startInCgroup(cookie.token, start) : { started: start() };
    const supervised = { token: cookie.token, watch };
    if (!isPending(started)) return this.#supervise(command, started, { ...supervised, cgroup });
    // The program is missing, or may not be run.
    cgroup?.remove();
    return started.then((child) => this.#supervise(command, child, supervised));
  }

  #supervise(command: ExecCommand, child: StartedChild, { token, watch, cgroup }: Marks): Process {
    watch?.started(child.pid);
    const { clock, metrics } = this.#options;
    const { memoryCapBytes: capBytes, memoryPeriodMs: periodMs, sinkGraceMs } = this.#limits;
    const makeTree = this.#hasProcessTable ? createLinuxProcessTree : createGroupProcessTree;
    const tree = makeTree(child.pid, token, cgroup);
    const faults = new FaultLog();
    const pump = (name: StreamName): OutputPump =>
      createOutputPump({ name, stream: child[name], sink: command[name], clock, sinkGraceMs, faults });
    const stderr = pump('stderr');
    const unguard = guardAtExit(tree);
    let memoryWatch: MemoryWatch | undefined;
    const supervised = new OsProcess({
      child,
      tree,
      pumps: [pump('stdout'), stderr],
      stderr,
      faults,
      clock,
      limits: this.#limits,
      stopSignal: this.#stopSignal,
      onMemoryReport: command.onMemoryReport,
      onStopped: () => memoryWatch?.end(),
      onEnd: () => {
        unguard();
        watch?.end();
        tree.dispose();
      },
    });
    if (capBytes > 0) {
      if (!this.#hasProcessTable && this.#options.memoryUsage === undefined) {
        faults.add('memory cap', new Error(`not enforced: ${UNMEASURED}, where /proc shows them`));
      }
      const measure = (): MaybePromise<MemoryUse> => this.#measure(tree, child.pid);
      const stop = supervised.stopForMemory.bind(supervised);
      memoryWatch = watchMemory({ clock, capBytes, periodMs, metrics, faults, measure, stop });
    }
    return supervised;
  }

  /**
   * The memory of the tree, or what the caller's `memoryUsage` says. If the first check uses the latter, all of it
   * counts as initial.
   */
  #measure(tree: ProcessTree, leader: number): MaybePromise<MemoryUse> {
    const { memoryUsage } = this.#options;
    if (memoryUsage !== undefined) {
      const list = (): MaybePromise<string> =>
        whenThere(tree.usage(), (members) => formatMemberList(leader, members));
      return whenThere(memoryUsage(leader), (bytes) => ({ bytes, initialBytes: bytes, list }));
    }
    return whenThere(tree.usage(), (members) => ({
      bytes: members.reduce((sum, { bytes }) => sum + bytes, 0),
      initialBytes: initialBytesOf(members.find(({ process: { pid } }) => pid === leader)),
      list: () => formatMemberList(leader, members),
    }));
  }
}

/**
 * The memory that the leader has before it does anything: its program file. With none of it loaded, the program is not
 * there yet.
 */
function initialBytesOf(leader: MemberMemory | undefined): number | undefined {
  if (leader === undefined) return 0;
  return leader.fileBytes === 0 ? undefined : leader.fileBytes;
}

const guarded = new Set<ProcessTree>();
const ROUNDS = 3;
const DISPOSE_TRIES = 20;
const DISPOSE_PAUSE_MS = 2;

/**
 * Kills the tree if this process exits before the returned function is called. A death by SIGKILL, or by a signal that
 * nothing handles, leaves no chance for that. Invariant: the exit listener exists only while there is a tree.
 */
export function guardAtExit(tree: ProcessTree): () => void {
  // Before other exit listeners, which may remove the folders that these processes write to.
  if (guarded.size === 0) process.prependListener('exit', killGuarded);
  guarded.add(tree);
  return () => {
    if (guarded.delete(tree) && guarded.size === 0) process.off('exit', killGuarded);
  };
}

function killGuarded(): void {
  // Nothing can be awaited any more, so a few rounds have to do.
  for (let round = 0; round < ROUNDS; round++) for (const tree of guarded) killOnce(tree);
  for (const tree of guarded) dispose(tree);
}

/** Retries, because a process that was just killed takes a moment to be gone. */
function dispose(tree: ProcessTree): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 0; attempt < DISPOSE_TRIES && !tree.dispose(); attempt++) {
    Atomics.wait(clock, 0, 0, DISPOSE_PAUSE_MS);
  }
}

function killOnce(tree: ProcessTree): void {
  try {
    tree.killNow();
  } catch {
    // The remaining trees still have to be killed, and it is too late to report an error.
  }
}
