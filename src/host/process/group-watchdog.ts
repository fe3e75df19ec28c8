/**
 * Ends the process groups that we started when our own process is gone, however it ended: a small shell waits for the
 * end of a pipe that only we hold open, and the kernel closes that pipe when we die. Invariants: the shell runs before
 * the first of these groups starts; it outlives us by little more than a second, and does not keep us alive.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { requireFiles } from './os-execer-spawn.ts';
import { createToken } from './process-cookie.ts';

/** How long the shell stays with nothing to watch, since the next command often comes soon. */
const IDLE_MS = 1_000;

/**
 * Reads `+ PID` and `- PID`, and `.` when nothing is left to do. At the end of the pipe each remaining group gets
 * SIGTERM, so that it can remove its lock files, and SIGKILL a second later. We may have died between the start of a
 * group and the line about it, or during its start: so the shell looks, where there is /proc, for the groups of all
 * processes that carry our token. It looks twice, because a process in the middle of an exec shows no environment. It
 * ignores the signals that the terminal sends to everyone.
 */
const SCRIPT = `trap '' INT TERM HUP QUIT
token=$1
groups=' '
add() { case $groups in *" $1 "*) ;; *) groups="$groups$1 " ;; esac; }
while read -r sign pid; do
  case $sign in
    +) add "$pid" ;;
    -) case $groups in *" $pid "*) groups="\${groups%% $pid *} \${groups#* $pid }" ;; esac ;;
    .) exit 0 ;;
  esac
done
find_groups() {
  for file in $(grep -lsF -e "$token" /proc/[0-9]*/environ); do
    read -r stat 2>/dev/null <"\${file%environ}stat" || continue
    set -- \${stat##*) }
    add "$3"
  done
}
find_groups
for pid in $groups; do kill -s TERM -- "-$pid" 2>/dev/null; done
sleep 1
find_groups
for pid in $groups; do kill -s KILL -- "-$pid" 2>/dev/null; done`;

/** The watch over one process group, from before its start to its end. */
export interface GroupWatch {
  /**
   * Must be in the environment of the started process, which is found by it until {@link GroupWatch.started} is called.
   */
  readonly token: string;
  /** Reports the group's number. Must be called in the same turn in which the group was started. */
  started(leader: number): void;
  /** The group has ended, or could not be started. */
  end(): void;
}

class GroupWatchdog {
  readonly #token = createToken();
  readonly #watches = new Set<GroupWatch>();
  readonly #groups = new Set<number>();
  #shell: ChildProcess | undefined;
  #idle: NodeJS.Timeout | undefined;
  readonly #onExit = (): void => {
    for (const group of this.#groups) {
      try {
        endGroup(group, 'SIGTERM');
      } catch {
        // The remaining groups still need their signal, and the shell does the rest.
      }
    }
  };

  expect(): GroupWatch {
    clearTimeout(this.#idle);
    // The shell has been spawned when this returns, and reads what was written to the pipe even after we are gone.
    this.#shell ??= this.#start();
    if (this.#watches.size === 0) process.on('exit', this.#onExit);
    let leader: number | undefined;
    const watch: GroupWatch = {
      token: this.#token,
      started: (group) => {
        leader = group;
        this.#groups.add(group);
        this.#say(`+ ${group}`);
      },
      end: () => {
        if (!this.#watches.delete(watch)) return;
        if (leader !== undefined && this.#groups.delete(leader)) this.#say(`- ${leader}`);
        if (this.#watches.size > 0) return;
        process.off('exit', this.#onExit);
        this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
      },
    };
    this.#watches.add(watch);
    return watch;
  }

  #say(line: string): void {
    this.#shell ??= this.#start();
    this.#shell?.stdin?.write(`${line}\n`);
  }

  /** Undefined if no shell can be started, for lack of `sh` or of descriptors; the exit listener still works then. */
  #start(): ChildProcess | undefined {
    let shell: ChildProcess;
    try {
      requireFiles();
      // In a group of its own, so that a signal that ends our group does not end the watchdog.
      shell = spawn('sh', ['-c', SCRIPT, 'sh', this.#token], {
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore'],
        cwd: '/',
      });
    } catch {
      return undefined;
    }
    const forget = (): void => {
      if (this.#shell === shell) this.#shell = undefined;
    };
    shell.on('error', forget).on('exit', forget);
    shell.unref();
    const { stdin } = shell;
    stdin?.on('error', forget);
    // In Node, a pipe to a child is a Socket, although it is typed as a plain stream.
    if (stdin instanceof Socket) stdin.unref();
    for (const group of this.#groups) stdin?.write(`+ ${group}\n`);
    return shell;
  }

  #end(): void {
    this.#shell?.stdin?.end('.\n');
    this.#shell = undefined;
  }
}

const watchdog = new GroupWatchdog();

/**
 * Watches a group that is about to be started: the group is ended if this process dies before the watch is ended.
 * Starts `sh` if none is running. Without `sh`, and on a machine without /proc also between the group's start and
 * {@link GroupWatch.started}, only an orderly exit ends the group.
 */
export function expectGroup(): GroupWatch {
  return watchdog.expect();
}

/** Sends a signal to a group; a no-op if none of it is left. */
export function endGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
