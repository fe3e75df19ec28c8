/** Texts below the options in the help of each command. Invariant: no line is longer than 80 columns. */

export const PROGRAM_HELP = `
Exit codes: 0 held, 1 a property failed, 2 wrong usage, 3 a replay diverged,
128 + the number of the signal that ended it (130 after Ctrl-C), 141 nobody
reads the output.
Start here: dryrunner start`;

export const EXPLORE_HELP = `
Examples:
  dryrunner explore ./my-scheduler.js               a minute, on all cores
  dryrunner explore timeout-race --executions 5000  however long they take
  dryrunner explore ./my-scheduler.js --all --json  every different failure, for
                                                    programs

A failure is made small, explained, and repeated by the line that is printed
with it. Failures are kept and tried first next time.`;

export const EXPLAIN_HELP = `
Examples:
  dryrunner explain ./my-scheduler.js --seed 8  a seed that \`run\` found to fail
  dryrunner explain failure.jsonl --no-shrink   a log, as it is
  dryrunner explain dr2:… --time 2m             a token, with more time
  dryrunner explain dr2:… --all-lines           all that happens, not the few
                                                lines that matter most
  dryrunner explain dr2:… --trace small.jsonl   what happens, as events to read

Vitest runs what a simTest has printed or kept: --trace, --timeline, --time and
--hang are refused for it.

Exit codes: 1 it fails and is explained, 0 it holds, 3 a token or a log no
longer fits, and what happens now is shown.`;

export const REPLAY_HELP = `
The first line says whether it holds or fails, with what and where; the second
whether that matches the token or the file. Of a failure, it then prints:
  of a token, or a log of explore  the history that led to it
  of a trace                       what is known of it, and the lines that
                                   replay and explain it
If the outcome is different now, the first line says so, such as
NAME: the log does not fit, or NAME, seed 1, diverged from its trace; the second
names the first difference. Of a recording, it lists the runs instead.

A token or a file names the module of its scenario, and to replay it is to run
that module. So only modules under the folder in which the command runs are
loaded, links followed, and those under the folders of --allow.

Vitest runs what a simTest has printed or kept: --trace, --timeline, --hang and
--continue-randomly are refused for it.`;

export const EXEC_HELP = `
Examples:
  dryrunner exec -- make test
      here, with this input, as if typed alone
  dryrunner exec --timeout 5m --kill-after 10s -- make test
      stopped after five minutes, killed ten seconds later
  dryrunner exec --trace make.jsonl -- make test
      recorded; dryrunner replay make.jsonl plays it again
  dryrunner exec --remote grpc://127.0.0.1:8980 -- uname -a
      on a build cluster, such as that of dryrunner serve --reapi
  dryrunner exec --remote grpc://127.0.0.1:8980 --input src --output app \\
      -- make app
      in a copy of src; what it makes is brought back as ./app

The command's own options belong behind --. What it starts is stopped with it:
nothing is left behind. A cluster gives it nothing to read, none of your
variables but those of --env, and shows what it prints when it has ended;
--remote needs the packages @grpc/grpc-js and protobufjs.

Exit codes: the command's own; 124 stopped by --timeout, also by SIGKILL (where
timeout has 137), 125 dryrunner itself failed, wrong options included, 126 the
program cannot be executed, 127 there is no such program, 128 + N ended by
signal N (137 also if it passed --memory; 130 after Ctrl-C).`;

export const SERVE_HELP = `
Examples:
  dryrunner serve --reapi
      then: bazel build --remote_executor=grpc://127.0.0.1:8980 //...
  dryrunner serve --reapi --cas ~/.cache/dryrunner --jobs 8
      results stay for the next time
  dryrunner serve --reapi --chaos 7 --access-log
      the same lies for the same calls; each is shown
  dryrunner serve --reapi --runners simulated
      no command runs: how does a client like a cluster that is always fine?

Actions run as you, in a directory of their own, without a sandbox. It ends
with Ctrl-C: what runs is aborted, and nothing is left behind.

Needs the packages @grpc/grpc-js and protobufjs, and for --metrics-port
prom-client.
Exit codes: 128 + the number of the signal (130 after Ctrl-C), 2 wrong usage.`;
