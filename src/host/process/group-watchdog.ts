/**
 * Ends process groups that we started when our own process is gone, however it went: a small shell waits for the end of a pipe that only
 * we hold open, and the kernel closes that when we die. Invariants: it runs before the first of these groups is started; it outlives us
 * by little more than a second, and does not keep us alive.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { createToken } from './process-cookie.ts';

/** How long the shell stays when there is nothing to watch: the next command comes soon. */
const IDLE_MS = 1_000;

/**
 * Reads `+ PID` and `- PID`, and `.` when nothing is left to do. At the end each group that is left gets SIGTERM, so that it can clear its
 * locks away, and SIGKILL a second later. We may have died between the start of a group and the line about it, or while it was starting: so
 * it looks, where there is /proc, for the groups of all that carry our token. It does so twice, because what is just becoming
 * another program shows no environment. It ignores what the terminal sends to everybody.
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

/** A process group, from before its start to its end. */
export interface GroupWatch {
  /** To be in the environment of what is started: it is found by that until {@link GroupWatch.started} was called. */
  readonly token: string;
  /** Says which group it is. To be called in the turn in which it was started. */
  started(leader: number): void;
  /** It has ended, or could not be started. */
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
        // The others still need their message, and the shell does the rest.
      }
    }
  };

  expect(): GroupWatch {
    clearTimeout(this.#idle);
    // It runs when this is over, not only soon, and reads what was written to it even when we are gone.
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

  /** Without a shell, for want of one or of descriptors, there is still the exit listener. */
  #start(): ChildProcess | undefined {
    let shell: ChildProcess;
    try {
      // In a group of its own: what ends ours must not end who is to notice that.
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
    // A pipe to a child is a socket to Node, which only the types of a stream do not say.
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
 * Watches a group that is about to be started: it is ended if this process dies before the watch was. `sh` is started if none runs; without
 * one, or on a machine without /proc between the start and {@link GroupWatch.started}, only an orderly exit ends the group.
 */
export function expectGroup(): GroupWatch {
  return watchdog.expect();
}

/** Sends a signal to a group; nothing if nobody of it is left. */
export function endGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
