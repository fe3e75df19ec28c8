// Small hostile programs for everything that runs real commands; they need a shell and no directory.
import { aborted, DAEMON, HOP, KILLED, natural, SLEEP, TERMINATED, type HostileProgram } from './program.ts';

/** A process that ignores SIGTERM, and so do its children. */
const DEAF = `sh -c 'trap "" TERM; ${SLEEP}; ${SLEEP}'`;

export const HOSTILE_PROGRAMS: readonly HostileProgram[] = [
  natural('R129 D55 leaves a child in the background that holds its output', `${SLEEP} & exit 0`),
  natural('R129 D55 leaves a child that has closed its output', `${SLEEP} >&- 2>&- & exit 0`),
  natural('R129 leaves a child in a session of its own', `setsid ${SLEEP} & sleep 0.02; exit 0`),
  natural(
    'R129 leaves daemons that process 1 has adopted',
    `${DAEMON(SLEEP)}; ${DAEMON(`sh -c '${SLEEP} & ${SLEEP} & wait'`)}; sleep 0.02`,
  ),
  natural('R129 leaves a child with an empty environment', `env -i ${SLEEP} & sleep 0.02; exit 0`),
  // `timeout` moves into a group of its own, and nothing but the session is left to know it by.
  natural(
    'R129 leaves a child in a group of its own with an empty environment',
    `env -i timeout 50 ${SLEEP} & sleep 0.05; exit 0`,
  ),
  natural('R129 leaves children that ignore SIGTERM', `${DEAF} & ${DAEMON(DEAF)}; sleep 0.02; exit 0`),
  natural('R129 leaves a halted child', `sh -c 'kill -STOP $$; ${SLEEP}' & sleep 0.02; exit 0`),
  natural('R129 forks from session to session forty times', `sh -c '${HOP}' hop 40 '${HOP}'; exit 0`),
  natural(
    'R129 forks forty children that nobody waits for',
    `i=0; while [ $i -lt 40 ]; do i=$((i+1)); ${DAEMON(SLEEP)}; done`,
  ),
  natural('R124 is killed by a signal and leaves a child', `${SLEEP} & kill -SEGV $$`, {
    endings: [{ state: 'COMPLETE', exitCode: -1, signal: 'SIGSEGV' }],
  }),
  natural('R123 floods its output and ends', 'yes hostile | head -c 3000000'),
  natural('R123 D52 floods a sink that throws', 'yes hostile | head -c 3000000', { sink: 'throws' }),
  natural('R123 D52 floods a sink that rejects', 'yes hostile | head -c 3000000', { sink: 'rejects' }),
  natural('R123 D52 floods a sink that never settles', 'yes hostile | head -c 3000000', {
    sink: 'never settles',
  }),
  natural('R123 floods a slow sink', 'yes hostile | head -c 500000; exit 0', { sink: 'slow' }),
  natural('R123 D63 floods no sink at all', 'yes hostile | head -c 3000000', { sink: 'missing' }),
  natural('R123 closes its output and goes on', 'exec >&- 2>&-; sleep 0.1; exit 4', {
    endings: [{ state: 'COMPLETE', exitCode: 4 }],
  }),
  natural('R122 reads its input', 'cat; exit 0'),
  natural('R129 removes its own directory', 'cd "$(mktemp -d)" && rmdir "$PWD" && sh -c "exit 0"'),
  aborted('R125 R126 waits for ever', `echo ready; ${SLEEP}`),
  aborted('R125 D55 waits for a child in the background', `${SLEEP} >&- 2>&- & echo ready; wait`),
  aborted('R125 has a child in a session of its own', `setsid ${SLEEP} & echo ready; wait`),
  aborted(
    'R125 has a child that left everything but its parent',
    `env -i setsid ${SLEEP} & sleep 0.02; echo ready; wait`,
  ),
  aborted('R125 has a daemon', `${DAEMON(SLEEP)}; sleep 0.02; echo ready; ${SLEEP}`),
  aborted(
    'R125 ends with a code of its own when asked to',
    `${SLEEP} & trap 'exit 3' TERM; echo ready; wait`,
  ),
  aborted('R125 is halted', `sh -c 'sleep 0.05; echo ready' & kill -STOP $$`),
  aborted('R125 R126 ignores SIGTERM', `trap "" TERM; echo ready; ${SLEEP}; ${SLEEP}`, { endings: [KILLED] }),
  aborted('R126 R127 ends, and its child ignores SIGTERM', `${DEAF} & sleep 0.02; echo ready; ${SLEEP}`),
  aborted(
    'R127 D59 ends, and its daemon holds the pipe',
    `${DAEMON(DEAF)}; sleep 0.02; echo ready; ${SLEEP}`,
  ),
  aborted(
    'R128 D56 ends with a code of its own when the grace is over',
    `${SLEEP} & trap 'sleep 0.4; exit 3' TERM; echo ready; wait`,
    {
      endings: [TERMINATED, KILLED],
    },
  ),
  aborted(
    'R129 forks while it is being killed',
    `trap "" TERM; echo ready; i=0; while [ $i -lt 50 ]; do i=$((i+1)); ${SLEEP} & done; wait`,
    {
      endings: [KILLED],
    },
  ),
  aborted(
    'R129 forks daemons while it is being killed',
    `trap "" TERM; echo ready; i=0; while [ $i -lt 40 ]; do i=$((i+1)); ${DAEMON(SLEEP)}; done; ${SLEEP}`,
    {
      endings: [KILLED],
    },
  ),
  aborted(
    'R129 forks from session to session while it is being killed',
    `trap "" TERM; echo ready; sh -c '${HOP}' hop 40 '${HOP}'; ${SLEEP}`,
    {
      endings: [KILLED],
    },
  ),
  aborted('R123 R125 floods its output without end', 'echo ready; exec yes hostile'),
  aborted('R123 R125 floods a sink that throws without end', 'exec yes hostile', {
    sink: 'throws',
    abort: { afterMs: 100 },
  }),
  aborted('R123 R125 floods a sink that never settles without end', 'exec yes hostile', {
    sink: 'never settles',
    abort: { afterMs: 100 },
  }),
  aborted('R120 R128 is stopped in the instant of its start', `${SLEEP} & ${SLEEP}`, {
    abort: { afterMs: 0 },
  }),
  aborted('R120 D60 ends by itself at the moment of the abort', `${SLEEP} & sleep 0.05; exit 3`, {
    abort: { afterMs: 50 },
    endings: [{ state: 'COMPLETE', exitCode: 3 }, TERMINATED],
  }),
];
