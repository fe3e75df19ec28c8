// Hostile programs that a shell cannot be: those that end their first thread, make children for their parent, or overwrite what /proc
// shows of them. They are in Perl, which asks the kernel by number; numbers are known for two architectures.
import { spawnSync } from 'node:child_process';

const CALLS: Partial<Record<NodeJS.Architecture, { readonly exit: number; readonly clone: number }>> = {
  x64: { exit: 60, clone: 56 },
  arm64: { exit: 93, clone: 220 },
};
const CLONE_PARENT = 0x8000;
const SIGCHLD = 17;

/** Why these programs cannot run here; empty if they can. */
export const WHY_NO_PERL: string =
  CALLS[process.arch] === undefined
    ? `because the numbers of system calls on ${process.arch} are not known`
    : spawnSync('perl', ['-Mthreads', '-MPOSIX', '-e', '1']).status === 0
      ? ''
      : 'because there is no Perl with threads';

const { exit, clone } = CALLS[process.arch] ?? { exit: -1, clone: -1 };
/** Longer than any environment here; the mark is all that is left in what /proc shows. */
const OVERWRITE = '$0 = $ENV{HOSTILE_MARK} x 20_000;';

/** A shell line that becomes a Perl program. */
function perl(code: string): string {
  // Without exec the shell would be the parent of what is made for the parent.
  return `exec perl -MPOSIX -Mthreads -e '${code.replaceAll("'", `'\\''`)}'`;
}

/** The daemon of R-1: keeps its environment, but ends its first thread. Its parent waits until it has. */
export const THREADED_DAEMON: string = perl(
  `pipe(my $r, my $w); if (my $pid = fork) { close $w; <$r>; exit 0 }
   POSIX::setsid(); exit 0 if fork; my $fd = fileno $w; for (0 .. 9) { POSIX::close($_) if $_ != $fd }
   threads->create(sub { select(undef, undef, undef, 0.02); POSIX::close($fd); sleep 50 })->detach; syscall(${exit}, 0);`,
);

/** A daemon of which nothing shows its origin: session, parent, environment and output are all its own. */
export const FACELESS_DAEMON: string = perl(
  `pipe(my $r, my $w); if (fork) { close $w; <$r>; exit 0 }
   POSIX::setsid(); exit 0 if fork; ${OVERWRITE} my $fd = fileno $w; for (0 .. 9) { POSIX::close($_) if $_ != $fd }
   POSIX::close($fd); sleep 50;`,
);

/** Makes three children whose parent is the parent of this process; they stay. */
export const FOSTERED_CHILDREN: string = perl(
  `for (1 .. 3) { my $pid = syscall(${clone}, ${CLONE_PARENT | SIGCHLD}, 0, 0, 0, 0); if ($pid == 0) { exec "sleep", "50" } }
   select(undef, undef, undef, 0.05); exit 0;`,
);

/** The same with children that leave their session and overwrite their environment. */
export const FACELESS_FOSTERED_CHILDREN: string = perl(
  `pipe(my $r, my $w); for (1 .. 2) { my $pid = syscall(${clone}, ${CLONE_PARENT | SIGCHLD}, 0, 0, 0, 0);
     if ($pid == 0) { POSIX::setsid(); ${OVERWRITE} my $fd = fileno $w;
       for (0 .. 9) { POSIX::close($_) if $_ != $fd } POSIX::close($fd); sleep 50; POSIX::_exit(0) } }
   close $w; <$r>; exit 0;`,
);
