// More hostile programs: those that need something of the machine (`needs`), leave something that is reported (`reports`), or do their
// harm on the disk, so that they want a directory of their own. Each knows $HOSTILE_MARK and $HOSTILE_BIN, the folder of the C programs.
import {
  FACELESS_DAEMON,
  FACELESS_FOSTERED_CHILDREN,
  FOSTERED_CHILDREN,
  THREADED_DAEMON,
} from './perl-programs.ts';
import { aborted, DAEMON, HOP, KILLED, natural, NATURAL, SLEEP, TERMINATED } from './program.ts';
import type { HostileProgram, Ending } from './program.ts';

const endings = (exitCode: number, signal?: string): Partial<HostileProgram> => {
  const ending: Ending = { state: 'COMPLETE', exitCode };
  return { endings: [signal === undefined ? ending : { ...ending, signal }] };
};
const UNREAPED = /which cannot reap them/;
const C = (name: string): string => `exec "$HOSTILE_BIN/${name}" $HOSTILE_MARK`;
/** As many levels of thirty bytes as no path can name. */
const DIG = `d=dddddddddddddddddddddddddddddd; i=0; while [ $i -lt 200 ]; do i=$((i+1)); mkdir $d; : > file; cd -P $d || exit 9; done`;

const HIDING: readonly HostileProgram[] = [
  natural('R129 leaves a daemon whose first thread has ended', THREADED_DAEMON, { needs: ['perl'] }),
  natural('R129 leaves a daemon that shows nothing of its origin', FACELESS_DAEMON, {
    needs: ['perl', 'cgroup'],
  }),
  natural('R129 makes children for its parent', FOSTERED_CHILDREN, { needs: ['perl'], reports: UNREAPED }),
  natural(
    'R129 makes children for its parent that show nothing of their origin',
    FACELESS_FOSTERED_CHILDREN,
    {
      needs: ['perl', 'cgroup'],
      reports: UNREAPED,
    },
  ),
  natural('R129 makes eight sessions for its parent', C('fosters'), { needs: ['cc'], reports: UNREAPED }),
  aborted('R125 blocks every signal under a false name', C('renamed'), { needs: ['cc'], endings: [KILLED] }),
  natural('R129 leaves a daemon that may not be looked at', C('undumpable'), { needs: ['cc'] }),
  natural(
    'R129 leaves a daemon that has moved to another control group',
    `for f in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/unified/cgroup.procs; do [ -w $f ] && all="$all $f"; done
     (setsid sh -c 'for f in $0; do echo $$ > $f; done; exec ${SLEEP}' "$all" &); sleep 0.05; exit 0`,
    { needs: ['cgroup'] },
  ),
  natural(
    'R129 leaves a daemon in a control group below its own',
    `for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do own=$root$(sed -n 's/^0:://p' /proc/self/cgroup)
       [ -w $own/cgroup.procs ] && mkdir $own/inner && break; done
     (env -i HOSTILE_MARK=$HOSTILE_MARK setsid sh -c 'echo $$ > $0/inner/cgroup.procs; exec ${SLEEP}' $own &); sleep 0.05`,
    { needs: ['cgroup'] },
  ),
  natural('R129 leaves a pid namespace', `setsid unshare --pid --fork ${SLEEP} & sleep 0.05; exit 0`, {
    needs: ['namespaces'],
  }),
  natural(
    'R129 leaves a process of another user',
    `setsid setpriv --reuid=65534 --clear-groups ${SLEEP} & sleep 0.05; exit 0`,
    { needs: ['root'] },
  ),
  natural(
    'R129 leaves a terminal of its own',
    `script -qfc '${SLEEP}' /dev/null </dev/null & sleep 0.1; exit 0`,
    {
      needs: ['pty'],
    },
  ),
  natural(
    'R129 leaves a daemon with an environment of a hundred kilobytes',
    `HUGE=$(head -c 100000 /dev/zero | tr '\\0' x); export HUGE; ${DAEMON(SLEEP)}; sleep 0.02`,
  ),
  natural('R129 leaves what nohup started, elsewhere', `cd /; nohup ${SLEEP} >/dev/null 2>&1 & exit 0`),
  natural('R129 starts a daemon as it ends', `trap '${DAEMON(SLEEP)}; sleep 0.02' EXIT; exit 5`, endings(5)),
  natural(
    'R129 becomes another program a hundred times',
    `sh -c '${HOP}' hop 20 '${HOP}'; n=100
     export n; exec sh -c 'n=$((n-1)); [ $n -gt 0 ] && exec sh -c "$0" "$0"; exit 6' \\
       'n=$((n-1)); [ $n -gt 0 ] && exec sh -c "$0" "$0"; exit 6'`,
    endings(6),
  ),
];

const FORKING: readonly HostileProgram[] = [
  natural('R129 makes three hundred daemons at once', C('storm'), { needs: ['cc'] }),
  aborted('R129 is always another process', C('hydra'), {
    needs: ['cc'],
    endings: [NATURAL, TERMINATED, KILLED],
    abort: { afterMs: 30 },
  }),
  aborted('R125 has forty threads, of which the first has ended', C('threads'), { needs: ['cc'] }),
  aborted('R125 waits for its vfork', C('vfork'), { needs: ['cc'] }),
  natural('R129 leaves a traced child halted', C('traced'), { needs: ['cc'] }),
  aborted('R125 traces a child that halts again and again', C('tracer'), {
    needs: ['cc'],
    endings: [TERMINATED, KILLED],
  }),
  natural(
    'R129 leaves two busy loops',
    `for i in 1 2; do nice sh -c 'i=0; while [ $i -lt 9999999 ]; do i=$((i+1)); done' $HOSTILE_MARK & done; exit 0`,
  ),
  aborted(
    'R125 leaves a daemon when it is asked to end',
    `trap '${DAEMON(SLEEP)}; exit 0' TERM; ${SLEEP} & echo ready; wait`,
  ),
];

const KILLING: readonly HostileProgram[] = [
  natural('R124 kills its own group', `${SLEEP} & kill -KILL 0; ${SLEEP}`, endings(-1, 'SIGKILL')),
  natural(
    'R124 is killed by its child, which stays',
    `sh -c 'kill -KILL $PPID; ${SLEEP}' & wait; ${SLEEP}`,
    endings(-1, 'SIGKILL'),
  ),
  natural(
    'R124 halts its own group before it ends',
    `(sleep 0.05; kill -STOP 0) & (setsid sh -c 'sleep 0.15; kill -KILL '$$ &); ${SLEEP}`,
    endings(-1, 'SIGKILL'),
  ),
  natural('R124 runs out of processor time', `ulimit -t 1; while :; do :; done`, {
    endings: [
      { state: 'COMPLETE', exitCode: -1, signal: 'SIGKILL' },
      { state: 'COMPLETE', exitCode: -1, signal: 'SIGXCPU' },
    ],
  }),
  natural('R124 has no file descriptor to spare', `ulimit -n 5; ${SLEEP} & : | : ; exit 0`),
  natural('R124 may write no file', `ulimit -f 0; trap '' XFSZ; echo x > file; exit 7`, endings(7)),
  natural('R124 writes into a pipe that nobody reads', `yes | true; exit 0`),
];

const WRITING: readonly HostileProgram[] = [
  natural(
    'R123 writes bytes that are no text',
    'head -c 1000000 /dev/urandom; head -c 1000000 /dev/urandom >&2',
  ),
  natural('R123 writes a line of two megabytes', `head -c 2000000 /dev/zero | tr '\\0' x; exit 0`),
  aborted('R123 R125 floods both of its outputs', 'echo ready; yes out & exec yes err >&2'),
];

/** What does its harm in the directory that it was given. */
export const DISK_PROGRAMS: readonly HostileProgram[] = [
  natural('R171 leaves a directory deeper than any path may be', DIG),
  natural('R171 stays in a directory deeper than any path may be', `${DIG}; ${SLEEP} & exit 0`),
  natural(
    'R171 leaves directories that nobody may enter',
    'mkdir -p a/b/c; : > a/b/c/d; chmod 0 a/b/c a/b a',
  ),
  natural('R171 leaves files with a mask that forbids everything', 'umask 777; mkdir a; : > b; exit 0'),
  natural('R171 removes the directory that it was given', `rm -rf "$PWD"; ${SLEEP} & exit 0`),
  natural('R171 puts a file where its directory was', 'd=$PWD; cd /; rmdir "$d"; : > "$d"'),
  natural(
    'R171 leaves pipes and sockets',
    `mkfifo a b; cat a & perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "s", Listen => 1)' ; exit 0`,
    { needs: ['perl'] },
  ),
  natural('R171 leaves devices', 'mknod zero c 1 5; mknod disk b 1 0; exit 0', { needs: ['root'] }),
  natural(
    'R171 leaves links to itself and to everything',
    'ln -s . self; ln -s / all; ln -s gone gone; : > x; ln x y',
  ),
  natural(
    'R171 leaves names that are no text',
    `: > "$(printf 'a\\nb')"; : > "$(printf '\\377\\376')"; : > ./-rf; mkdir ' '`,
  ),
  natural('R171 leaves two thousand files', 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); : > $i; done'),
  natural(
    'R171 goes on writing while its directory is removed',
    `(setsid sh -c 'i=0; while [ $i -lt 9999 ]; do i=$((i+1)); : > f$i; done' $HOSTILE_MARK &); sleep 0.02`,
  ),
  natural(
    'R171 fills its disk',
    `mkdir full && unshare --mount sh -c 'mount -t tmpfs -o size=64k none full && head -c 1000000 /dev/zero > full/all'; exit 0`,
    { needs: ['mount'] },
  ),
  natural('R171 leaves a file that cannot be removed', ': > stays; chattr +i stays', {
    needs: ['chattr'],
    reports: /could not be removed/,
    cleanup: (dir) => ['chattr', '-i', `${dir}/stays`],
  }),
];

/** What does its harm with processes. */
export const RUDE_PROGRAMS: readonly HostileProgram[] = [HIDING, FORKING, KILLING, WRITING].flat();
