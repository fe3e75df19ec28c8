/**
 * Ends process groups that we started when our own process is gone, however it went: a small shell waits for the end of a pipe that only
 * we hold open, and the kernel closes that when we die. Invariant: it outlives us by no more than a second and a half, and does not keep
 * us alive.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';

/** How long the shell stays when there is nothing to watch: the next command comes soon. */
const IDLE_MS = 1_000;

/**
 * Reads `+ PID` and `- PID`. At the end each group that is left gets SIGTERM, so that it can clear its locks away, and SIGKILL a second
 * later. It ignores what the terminal sends to everybody.
 */
const SCRIPT = `trap '' INT TERM HUP QUIT
groups=' '
while read -r sign pid; do
  case $sign in
    +) groups="$groups$pid " ;;
    -) case $groups in *" $pid "*) groups="\${groups%% $pid *} \${groups#* $pid }" ;; esac ;;
  esac
done
case $groups in *[0-9]*) ;; *) exit 0 ;; esac
for pid in $groups; do kill -s TERM -- "-$pid" 2>/dev/null; done
sleep 1
for pid in $groups; do kill -s KILL -- "-$pid" 2>/dev/null; done`;

class GroupWatchdog {
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

  watch(group: number): () => void {
    clearTimeout(this.#idle);
    if (this.#groups.size === 0) process.on('exit', this.#onExit);
    this.#groups.add(group);
    this.#say(`+ ${group}`);
    return () => this.#leave(group);
  }

  #leave(group: number): void {
    if (!this.#groups.delete(group)) return;
    this.#say(`- ${group}`);
    if (this.#groups.size > 0) return;
    process.off('exit', this.#onExit);
    this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
  }

  #say(line: string): void {
    this.#shell ??= this.#start();
    this.#shell.stdin?.write(`${line}\n`);
  }

  #start(): ChildProcess {
    // In a group of its own: what ends ours must not end who is to notice that.
    const shell = spawn('sh', ['-c', SCRIPT], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
    });
    const forget = (): void => {
      if (this.#shell === shell) this.#shell = undefined;
    };
    // Without a shell there is still the exit listener.
    shell.on('error', forget).on('exit', forget);
    shell.stdin.on('error', forget);
    shell.unref();
    // A pipe to a child is a socket to Node, which only the types of a stream do not say.
    if (shell.stdin instanceof Socket) shell.stdin.unref();
    for (const group of this.#groups) shell.stdin.write(`+ ${group}\n`);
    return shell;
  }

  #end(): void {
    this.#shell?.stdin?.end();
    this.#shell = undefined;
  }
}

const watchdog = new GroupWatchdog();

/**
 * Ends the process group of that leader if this process dies before the returned function was called. To be called in the turn in which
 * the group was started.
 */
export function watchGroup(leader: number): () => void {
  return watchdog.watch(leader);
}

/** Sends a signal to a group; nothing if nobody of it is left. */
export function endGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
