/** Texts below the options in the help of each command. Invariant: no line is longer than 80 columns. */

export const PROGRAM_HELP = `
Exit codes: 0 held, 1 a property failed, 2 wrong usage, 3 a replay diverged,
128 + the number of the signal that ended it (130 after Ctrl-C), 141 the reader
of the output has gone.
Start here: dryrunner start`;

export const EXPLORE_HELP = `
Examples:
  dryrunner explore ./my-scheduler.js               a minute, on all cores
  dryrunner explore timeout-race --executions 5000  however long they take
  dryrunner explore ./my-scheduler.js --all --json  every different failure, for
                                                    programs

A failure is shrunk and explained, and the line printed with it repeats it.
Failures are kept and tried first next time.`;

export const EXPLAIN_HELP = `
Examples:
  dryrunner explain ./my-scheduler.js --seed 8  a seed that \`run\` found to fail
  dryrunner explain failure.jsonl --no-shrink   a log, as it is
  dryrunner explain dr2:… --time 2m             a token, with more time
  dryrunner explain dr2:… --all-lines           all that happens, not the few
                                                lines that matter most
  dryrunner explain dr2:… --trace small.jsonl   what happens, as events to read

Vitest runs what a simTest has printed or kept, so --trace, --timeline, --time,
--hang and --memory are refused for it.

Exit codes: 1 it fails and is explained, 0 it holds, 3 the token or log no
longer fits, and what happens now is shown.`;

export const REPLAY_HELP = `
The first line says whether it holds or fails, how and where; the second whether
that matches the token or the file. For a failure, it then prints:
  for a token, or a log of explore  the history that led to it
  for a trace                       what is known of it, and the lines that
                                    replay and explain it
If the outcome is different now, the first line says so, as in "NAME: the log
does not fit" or "NAME, seed 1, diverged from its trace", and the second names
the first difference. For a recording, it lists the runs instead.

A token or a file names the module of its scenario, and replaying it runs that
module. So only modules under the current folder and the folders of --allow are
loaded; symbolic links are resolved first.

Vitest runs what a simTest has printed or kept, and a recording is of real
commands, so --trace, --timeline, --hang, --memory and --continue-randomly are
refused for them.`;

export const EXEC_HELP = `
Examples:
  dryrunner exec -- make test
      here, with this input, as if typed alone
  dryrunner exec --timeout 5m --kill-after 10s -- make test
      stopped after five minutes, and killed ten seconds later
  dryrunner exec --trace make.jsonl -- make test
      recorded; dryrunner replay make.jsonl replays it
  dryrunner exec --remote grpc://127.0.0.1:8980 -- uname -a
      on a build cluster, such as that of dryrunner serve --reapi
  dryrunner exec --remote grpc://127.0.0.1:8980 --input src --output app \\
      -- make app
      in a copy of src; the app that it makes is brought back as ./app

Put the command's own options after --. What it starts is stopped with it, so
nothing is left behind. On a cluster, it has no input and of your variables only
those of --env, and its output is shown when it has ended; --remote needs the
packages @grpc/grpc-js and protobufjs.

Exit codes: the command's own; 124 stopped by --timeout, even by SIGKILL (where
timeout has 137), 125 dryrunner itself failed, wrong options included, 126 the
program cannot be executed, 127 there is no such program, 128 + N ended by
signal N (137 also if it passed --memory; 130 after Ctrl-C), 255 with --remote:
it ended with a code that no process can have, or by an unknown signal.`;

export const SERVE_HELP = `
Examples:
  dryrunner serve --reapi
      then: bazel build --remote_executor=grpc://127.0.0.1:8980 //...
  dryrunner serve --reapi --cas ~/.cache/dryrunner --jobs 8
      results are kept for the next time
  dryrunner serve --reapi --chaos 7 --access-log
      the same faults for the same calls; each is shown
  dryrunner serve --reapi --runners simulated
      runs no command, for tests of a client

Actions run as you, in a directory of their own, without a sandbox. Ctrl-C ends
the cluster: running actions are aborted, and nothing is left behind.

It needs the packages @grpc/grpc-js and protobufjs, and for --metrics-port
prom-client.
Exit codes: 128 + the number of the signal (130 after Ctrl-C), 2 wrong usage.`;
