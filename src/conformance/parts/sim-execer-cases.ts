/**
 * The contract of the execer that runs scripts, as a list of cases. Invariant: each case runs in the plain order of
 * events, so that everything that a process does is known with its time.
 */
import type { SimExecer, SimExecerOptions } from '../../execers/sim-execer.ts';
import { createMemoryMetrics } from '../../metrics/memory-metrics.ts';
import type { ExecCommand, MemoryReport, Process, ProcessStatus } from '../../model/execer.ts';
import { isPending } from '../../model/maybe-promise.ts';
import type { Chunk } from '../../model/output.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import { checkEqual, checkThat } from '../check.ts';
import { aborted, complete, plain, statusOf } from './execer-case.ts';
import {
  inWords,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  refusalOf,
} from './part-case.ts';
import { callsIn, MADE_BY_EXECER, noted } from './noted-part.ts';
import { type Played, playHolding } from './played.ts';

/** A kind of script execer under test: see {@link simExecerCases}. */
export interface SimExecerSubject extends PartSubject {
  create(options: SimExecerOptions): SimExecer;
}

/** The tools of a case. */
interface Stage {
  readonly sim: Simulation;
  readonly execer: SimExecer;
  /** All writes, as `12 stdout text`. */
  readonly written: string[];
  readonly start: (argv: readonly string[], extra?: Partial<ExecCommand>) => Process;
  readonly make: (options: Partial<SimExecerOptions>) => SimExecer;
}

function sinks(sim: Simulation, written: string[]): Pick<ExecCommand, 'stdout' | 'stderr'> {
  const sink = (stream: string) => ({
    write: (chunk: Chunk) => void written.push(`${sim.now()} ${stream} ${String(chunk)}`),
  });
  return { stdout: sink('stdout'), stderr: sink('stderr') };
}

const on = (
  title: string,
  body: (stage: Stage) => Promise<void>,
  options: Partial<SimExecerOptions> = {},
  look: (played: Played) => void = () => undefined,
): PartCaseSpec<SimExecerSubject> => ({
  title,
  async prove(subject, { signal }) {
    const scenario = (sim: Simulation): Promise<void> => {
      const { clock, tracer } = sim.world;
      const note = callsIn(sim.world);
      const make = (own: Partial<SimExecerOptions>): SimExecer =>
        noted(note, 'the execer', subject.create({ clock, tracer, runner: 'r', ...own }), MADE_BY_EXECER);
      const execer = make(options);
      const written: string[] = [];
      const start: Stage['start'] = (argv, extra = {}) =>
        execer.exec({ ...plain(argv), ...sinks(sim, written), ...extra });
      return body({ sim, execer, written, start, make });
    };
    look(await playHolding(scenario, {}, { signal }));
  },
});

const killed = (signal: string): ProcessStatus => ({
  ...{ state: 'COMPLETE', exitCode: -1, error: `Killed by ${signal}` },
  signal,
});

/** A script, how and when it ends, and what it has written. */
const SCRIPTS: readonly (readonly [string[], ProcessStatus, number, string[]])[] = [
  [['complete 0'], complete(0), 0, []],
  [['complete 7'], complete(7), 0, []],
  [['complete -1'], complete(-1), 0, []],
  [['complete 007'], complete(7), 0, []],
  [['complete 256'], complete(256), 0, []],
  [['complete 2147483647'], complete(2_147_483_647), 0, []],
  [['complete -2147483648'], complete(-2_147_483_648), 0, []],
  [['complete 3', 'complete 4', 'stdout late'], complete(3), 0, []],
  [
    ['stdout a', 'stderr b', 'stdout c', 'complete 1'],
    complete(1),
    0,
    ['0 stdout a', '0 stderr b', '0 stdout c'],
  ],
  [['stdout', 'stderr ', 'stdout  two spaces '], complete(0), 0, ['0 stdout  two spaces ']],
  [['stdout line\n', 'stderr # no comment'], complete(0), 0, ['0 stdout line\n', '0 stderr # no comment']],
  [['fail 250 no tty', 'complete 0'], { state: 'FAILED', exitCode: 250, error: 'no tty' }, 0, []],
  [['fail 1  spaced\nlines'], { state: 'FAILED', exitCode: 1, error: ' spaced\nlines' }, 0, []],
  [['fail -3 '], { state: 'FAILED', exitCode: -3, error: '' }, 0, []],
  [['fail 0'], { state: 'FAILED', exitCode: 0, error: '' }, 0, []],
  [['signal SIGSEGV', 'complete 0'], killed('SIGSEGV'), 0, []],
  [['sleep 5', 'stdout a', 'sleep 0.25', 'stdout b'], complete(0), 5.25, ['5 stdout a', '5.25 stdout b']],
  [['sleep 1.0004', 'stdout a'], complete(0), 1, ['1 stdout a']],
  [['sleep 1.0005', 'stdout a'], complete(0), 1.001, ['1.001 stdout a']],
  [[], complete(0), 0, []],
  [['# nothing', '#', '#! sim execer'], complete(0), 0, []],
  [['sleep 50'], complete(0), 50, []],
  [['ignore-term', 'mem 5', 'mem 9007199254740991', 'fork'], complete(0), 0, []],
];

const SIGNALS =
  'SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGSYS';

/** What the error for an invalid step expects, and such steps. */
const BAD_STEPS: readonly (readonly [expected: string, steps: readonly string[]])[] = [
  [
    '"complete N" with a 32-bit integer N',
    [
      'complete',
      'complete ',
      'complete x',
      'complete 1.5',
      'complete 1 2',
      'complete  1',
      'complete 1\n',
      'complete +1',
      'complete 0x10',
      'complete 1e3',
      'complete 2147483648',
      'complete -2147483649',
      'complete 4294967296',
    ],
  ],
  [
    '"sleep MS" with a number MS from 0 to 9007199254740',
    [
      'sleep',
      'sleep -1',
      'sleep soon',
      'sleep 1e3',
      'sleep Infinity',
      'sleep .5',
      'sleep 5.',
      'sleep x5',
      'sleep 5x',
      'sleep 9007199254741',
    ],
  ],
  [
    '"fail CODE TEXT" with a 32-bit integer CODE',
    ['fail', 'fail ', 'fail text', 'fail 1text', 'fail x1', 'fail x 1 text', 'fail 2147483648 text'],
  ],
  [
    '"signal NAME" with a signal that ends a process, such as SIGSEGV',
    ['signal', 'signal KILL', 'signal SIGCHLD', 'signal 9'],
  ],
  [
    '"mem BYTES" with an integer BYTES ≥ 0 below 2^53',
    ['mem', 'mem -1', 'mem 1.5', 'mem x1', 'mem 1k', 'mem 9007199254740992'],
  ],
  ...['pause', 'ignore-term', 'hang', 'orphan', 'fork'].map(
    (op) => [`"${op}" with nothing after it`, [`${op} 1`, `${op} `]] as const,
  ),
  [
    'complete, pause, sleep, stdout, stderr, fail, signal, mem, ignore-term, hang, orphan, fork or a # comment',
    ['', ' pause', 'Pause', 'explode now', 'toString'],
  ],
];

const scripts: readonly PartCaseSpec<SimExecerSubject>[] = [
  on(
    'R135 R137 R139 R144 D68 a script ends as it says, when it says, and has written what it says',
    async ({ sim, start, written, execer }) => {
      for (const [argv, status, durationMs, texts] of SCRIPTS) {
        const startMs = sim.now();
        const process = start(argv);
        const wait = process.wait();
        checkEqual(`whether ${argv.join()} has ended at once`, !isPending(wait), durationMs === 0);
        checkEqual(`the end of ${argv.join()}`, await wait, status);
        checkEqual('its time', Math.round((sim.now() - startMs) * 1_000) / 1_000, durationMs);
        const relative = written.splice(0).map((text) => {
          const [at = '', ...rest] = text.split(' ');
          return [Math.round((Number(at) - startMs) * 1_000) / 1_000, ...rest].join(' ');
        });
        checkEqual('what it has written', relative, texts);
        checkEqual('an abort after its end', await process.abort(), status);
        checkEqual('how many live', execer.livingProcesses, 0);
      }
      for (const name of SIGNALS.split(' ')) {
        checkEqual('a death', statusOf(start([`signal ${name}`])), killed(name));
      }
    },
  ),
  inWords((said) =>
    on(
      'R136 a bad step is refused with its index, what was expected and what came; then nothing has started',
      async ({ start, written, execer }) => {
        for (const [expected, steps] of BAD_STEPS) {
          for (const step of steps) {
            said.equal(
              'the refusal',
              await refusalOf(() => start(['stdout a', step, 'explode'])),
              `RUNNER_EXEC_FAILED Bad sim script: argv[1]: expected ${expected}, got ${JSON.stringify(step)}`,
            );
          }
        }
        const none = 'RUNNER_EXEC_FAILED Bad sim script: argv';
        said.equal(
          'no text',
          await refusalOf(() => start([7 as never])),
          `${none}[0]: expected a string, got 7`,
        );
        said.equal(
          'no list',
          await refusalOf(() => start('pause' as never)),
          `${none}: expected an array of steps, got "pause"`,
        );
        said.equal('what was started', [written, execer.livingProcesses], [[], 0]);
      },
    ),
  ),
  on(
    'R138 D67 a sleep is followed by the next step, and one of 0 lets others that are due go first',
    async ({ sim, start, written }) => {
      const process = start(['sleep 10', 'stdout woke', 'sleep 20', 'complete 7']);
      await sim.sleep(9.999);
      checkEqual('it', [statusOf(process), written], ['running', []]);
      await sim.sleep(0.001);
      await sim.sleep(0);
      checkEqual('it', [statusOf(process), written], ['running', ['10 stdout woke']]);
      await process.wait();
      start(['stdout first', 'sleep 0', 'stdout third']);
      start(['stdout second']);
      await sim.sleep(1);
      checkEqual('what was written', written.slice(1), [
        '30 stdout first',
        '30 stdout second',
        '30 stdout third',
      ]);
    },
  ),
  on('all waits for a process are one promise, and its end is one value', async ({ start }) => {
    const process = start(['sleep 5', 'complete 2']);
    const waits = [process.wait(), process.wait()];
    checkThat(waits[0] === waits[1], 'the waits', 'one promise', waits);
    const status = await waits[0];
    checkThat(
      process.wait() === status && process.abort() === status,
      'later calls',
      'the same value',
      status,
    );
    checkThat(Object.isFrozen(status), 'it', 'frozen', status);
  }),
  on(
    'each process is in the trace from its start to its end, by its run or a number, and children beside it',
    async ({ sim, start, make }) => {
      start(['fork', 'sleep 2.5'], { runId: '3' });
      start(['sleep 1']);
      start(['complete 0']);
      await sim.sleep(5);
      make({ runner: 'other' }).exec(plain(['sleep 1']));
      await sim.sleep(2);
    },
    {},
    ({ events, lines }) => {
      const of = (at: number, type: 'acquired' | 'freed', name: string, runId = '', runner = 'r') => ({
        ...{ at, type, runner, runId, resource: 'process', name },
      });
      checkEqual('the trace', events, [
        of(0, 'acquired', 'process/3', '3'),
        of(0, 'acquired', 'process/3/1', '3'),
        of(0, 'acquired', 'process/#0', '#0'),
        of(0, 'acquired', 'process/#1', '#1'),
        of(0, 'freed', 'process/#1', '#1'),
        of(1, 'freed', 'process/#0', '#0'),
        of(2.5, 'freed', 'process/3', '3'),
        of(2.5, 'freed', 'process/3/1', '3'),
        of(5, 'acquired', 'process/#0', '#0', 'other'),
        of(6, 'freed', 'process/#0', '#0', 'other'),
      ]);
      checkThat(
        lines.every((line) => line.includes('process')),
        'the history',
        'processes',
        lines,
      );
    },
  ),
];

const stops: readonly PartCaseSpec<SimExecerSubject>[] = [
  on(
    'R141 R142 R144 D71 an abort ends it at once, or by SIGKILL after the grace, with no further output',
    async ({ sim, start, written, execer }) => {
      checkEqual('its bound', execer.cancelBoundMs, 11_000);
      for (const [argv, signal, durationMs] of [
        [['sleep 100', 'stdout late'], 'SIGTERM', 0],
        [['pause', 'stdout late'], 'SIGTERM', 0],
        [['hang', 'stdout late'], 'SIGTERM', 0],
        [['ignore-term', 'sleep 100000', 'stdout late'], 'SIGKILL', 10_000],
        [['ignore-term', 'pause', 'stdout late'], 'SIGKILL', 10_000],
        [['ignore-term', 'hang', 'stdout late'], 'SIGKILL', 10_000],
        [['fork', 'orphan', 'ignore-term', 'fork', 'hang'], 'SIGKILL', 10_000],
      ] as const) {
        const process = start(['stdout early', ...argv]);
        await sim.sleep(50);
        const startMs = sim.now();
        const result = process.abort();
        checkEqual(`whether ${argv.join()} takes its time`, isPending(result), durationMs > 0);
        checkEqual('its end', await result, aborted(signal));
        checkEqual('the time that it took', sim.now() - startMs, durationMs);
        checkEqual('how many live', [execer.livingProcesses, execer.paused], [0, []]);
      }
      await sim.sleep(200_000);
      checkThat(
        written.every((text) => text.endsWith('early')),
        'what was written',
        'nothing late',
        written,
      );
    },
  ),
  on(
    'R141 a process that ends within the grace counts as ended by SIGTERM, and may write until then; a second abort starts no new grace',
    async ({ sim, start, written }) => {
      const tidy = start(['ignore-term', 'sleep 20', 'stdout cleaning up', 'sleep 5', 'complete 3']);
      await sim.sleep(10);
      checkEqual('its end', await tidy.abort(), aborted('SIGTERM'));
      checkEqual('what it wrote', [written, sim.now()], [['20 stdout cleaning up'], 25]);
      const deaf = start(['ignore-term', 'hang']);
      void deaf.abort();
      await sim.sleep(60);
      void deaf.abort();
      checkEqual('its end', await deaf.wait(), aborted('SIGKILL'));
      checkEqual('the time', sim.now(), 125);
      const early = start(['sleep 1', 'ignore-term', 'hang']);
      checkEqual('one that did not ignore it yet', await early.abort(), aborted('SIGTERM'));
    },
    { graceMs: 100 },
  ),
  on(
    'R142 D71 an abort from within a sink stops the script before its next step',
    async ({ sim, execer }) => {
      const held: { process?: Process } = {};
      const texts: string[] = [];
      const stdout = {
        write: (chunk: Chunk) => {
          texts.push(String(chunk));
          void held.process?.abort();
        },
      };
      held.process = execer.exec({ ...plain(['sleep 1', 'stdout a', 'stdout b', 'sleep 1']), stdout });
      await sim.sleep(5);
      checkEqual('it', [texts, statusOf(held.process)], [['a'], aborted('SIGTERM')]);
    },
  ),
  on(
    'R140 D69 a pause blocks until a resume picks it: the one that paused first, or one by run or tag',
    async ({ sim, start, execer, written }) => {
      checkEqual('a resume without a paused process', [execer.resume(), execer.resume('3')], [false, false]);
      const late = start(['sleep 2', 'pause', 'complete 1'], { runId: 'late' });
      const early = start(['sleep 1', 'pause', 'pause', 'stdout on', 'complete 2'], { runId: 'early' });
      await sim.sleep(5);
      checkEqual('who is paused', execer.paused, ['early', 'late']);
      checkEqual('a resume', [execer.resume(), execer.paused], [true, ['late', 'early']]);
      checkEqual(
        'a resume',
        [execer.resume(), statusOf(late), statusOf(early)],
        [true, complete(1), 'running'],
      );
      checkEqual(
        'a resume',
        [execer.resume(), statusOf(early), written],
        [true, complete(2), ['5 stdout on']],
      );
      checkEqual('a resume without a paused process', [execer.resume(), execer.paused], [false, []]);
      const named = [
        start(['pause'], { runId: '0' }),
        start(['pause'], { runId: '1', tag: 'blue' }),
        start(['pause'], { runId: '2', tag: 'blue' }),
        start(['pause']),
      ];
      const ended = (): boolean[] => named.map((process) => statusOf(process) !== 'running');
      checkEqual(
        'names that do not exist',
        ['3', 'red', ''].map((name) => execer.resume(name)),
        [false, false, false],
      );
      checkEqual('by tag', [execer.resume('blue'), ended()], [true, [false, true, false, false]]);
      checkEqual('by run', [execer.resume('2'), ended()], [true, [false, true, true, false]]);
      checkEqual(
        'by number',
        [execer.resume('blue'), execer.resume('#0'), execer.paused],
        [false, true, ['0']],
      );
      await named[0]?.abort();
      checkEqual('who is paused', execer.paused, []);
    },
  ),
  on(
    'R140 a process that is being stopped cannot be resumed, and uses up no resume of others',
    async ({ sim, start, execer, written }) => {
      const doomed = start(['ignore-term', 'pause', 'stdout doomed']);
      const next = start(['pause', 'stdout next', 'complete 6']);
      const late = start(['ignore-term', 'sleep 2', 'pause', 'stdout never']);
      void doomed.abort();
      void late.abort();
      await sim.sleep(5);
      checkEqual('a resume', [execer.resume(), statusOf(next), execer.resume()], [true, complete(6), false]);
      checkEqual(
        'the ends',
        [await doomed.wait(), await late.wait()],
        [aborted('SIGKILL'), aborted('SIGKILL')],
      );
      checkEqual('what was written', written, ['5 stdout next']);
      const hanging = start(['hang']);
      checkEqual('a hang', [execer.resume(), execer.paused], [false, []]);
      await hanging.abort();
    },
    { graceMs: 10 },
  ),
  inWords((said) =>
    on(
      'R129 R144 no process of a tree outlives it, and each that would have is a fault',
      async ({ start, execer }) => {
        const outlived = (count: number): string =>
          `descendants: ${count} outlived the command and had to be killed`;
        checkEqual('forks', statusOf(start(['fork', 'complete 3'])), complete(3));
        said.equal('an orphan', statusOf(start(['fork', 'orphan', 'complete 3'])), {
          ...complete(3),
          faults: [outlived(1)],
        });
        said.equal('two', statusOf(start(['orphan', 'fork', 'orphan'])), {
          ...complete(0),
          faults: [outlived(2)],
        });
        const tree = start(['fork', 'orphan', 'ignore-term', 'fork', 'hang']);
        const other = start(['hang']);
        checkEqual('how many live', execer.livingProcesses, 5);
        void tree.abort();
        checkEqual('how many live', execer.livingProcesses, 3);
        checkEqual('its end', await tree.wait(), aborted('SIGKILL'));
        checkEqual('how many live', execer.livingProcesses, 1);
        const late = start(['orphan', 'ignore-term', 'orphan', 'sleep 5']);
        said.equal('its end', await late.abort(), { ...aborted('SIGTERM'), faults: [outlived(1)] });
        await other.abort();
      },
      { graceMs: 50 },
    ),
  ),
];

const sinksOfProcesses: readonly PartCaseSpec<SimExecerSubject>[] = [
  inWords((said) =>
    on(
      'R123 a sink that fails changes no outcome: each write is tried, and the failures are faults',
      async ({ execer }) => {
        const tried: string[] = [];
        const stdout = {
          write: (chunk: Chunk) => {
            tried.push(String(chunk));
            if (chunk !== 'b') throw new Error(`no room for ${String(chunk)}`);
          },
        };
        const stderr = { write: () => Promise.reject(new Error('lost')) };
        const process = execer.exec({
          ...plain(['stdout a', 'stdout b', 'stdout c', 'stderr x', 'complete 2']),
          ...{ stdout, stderr },
        });
        said.equal('its end', await process.wait(), {
          ...complete(2),
          faults: ['stdout sink: no room for a', 'stdout sink: no room for c', 'stderr sink: lost'],
        });
        checkEqual('what was tried', tried, ['a', 'b', 'c']);
        const failing = (writes: number) => {
          const status = statusOf(
            execer.exec({
              ...plain(Array<string>(writes).fill('stdout x')),
              stdout: {
                write: () => {
                  throw new Error('full');
                },
              },
            }),
          );
          return status === 'running' ? [] : (status.faults ?? []);
        };
        const sixteen = Array<string>(16).fill('stdout sink: full');
        said.equal('sixteen faults', { faults: failing(16) }, { faults: sixteen });
        said.equal('one more', { faults: failing(17) }, { faults: [...sixteen, 'and 1 more'] });
        said.equal('many', { faults: failing(100) }, { faults: [...sixteen, 'and 84 more'] });
      },
    ),
  ),
  inWords((said) =>
    on(
      'R142 the end is reported once slow writes are done, or after the drain; the script does not wait for them',
      async ({ sim, execer }) => {
        const slow = (ms: number) => ({ write: () => sim.sleep(ms) });
        const startMs = sim.now();
        const process = execer.exec({
          ...plain(['stdout a', 'sleep 5', 'stdout b', 'complete 3']),
          stdout: slow(20),
        });
        await sim.sleep(5);
        checkEqual('how many live', execer.livingProcesses, 0);
        checkEqual('its end', await process.wait(), complete(3));
        checkEqual('the time', sim.now() - startMs, 25);
        const cut = execer.exec({ ...plain(['stdout a', 'stdout b', 'complete 1']), stdout: slow(100) });
        said.equal('its end', await cut.wait(), {
          ...complete(1),
          faults: ['output: cut after 30 ms, writes pending: 2'],
        });
        checkEqual('the time', sim.now() - startMs, 55);
        const stopped = execer.exec({ ...plain(['stdout a', 'sleep 5', 'stdout b']), stdout: slow(20) });
        checkEqual('an abort', await stopped.abort(), aborted('SIGTERM'));
        checkEqual('the time', sim.now() - startMs, 75);
        await sim.sleep(200);
      },
      { drainGraceMs: 30 },
    ),
  ),
];

const figures = (kind: string, text: string): ProcessStatus =>
  kind === 'initial'
    ? {
        state: 'FAILED',
        exitCode: 241,
        error: `Critical error detected. Initial memory utilization is over the cap: ${text}`,
      }
    : { state: 'COMPLETE', exitCode: 1, error: `Cmd exceeded MemoryCap, aborting process: ${text}` };

const memory: readonly PartCaseSpec<SimExecerSubject>[] = [
  on(
    'R130 R132 R133 R144 a process over the cap is killed and reported at the next look, and others are left alone',
    async ({ sim, start, execer }) => {
      const over: readonly (readonly [string[], string, string, number])[] = [
        [['mem 100', 'hang'], 'initial', '100 of 100 bytes', 0],
        [['sleep 1', 'mem 250', 'hang'], 'exceeded', '250 of 100 bytes', 500],
        [['sleep 500', 'mem 100', 'hang'], 'exceeded', '100 of 100 bytes', 500],
        [['sleep 500.001', 'mem 100', 'hang'], 'exceeded', '100 of 100 bytes', 1_000],
        [['sleep 1', 'mem 100', 'mem 900', 'hang'], 'exceeded', '900 of 100 bytes', 500],
        [['sleep 1', 'mem 100', 'pause'], 'exceeded', '100 of 100 bytes', 500],
        [['ignore-term', 'fork', 'mem 100', 'hang'], 'initial', '100 of 100 bytes', 0],
      ];
      for (const [argv, kind, text, durationMs] of over) {
        const reports: MemoryReport[] = [];
        const living: number[] = [];
        const startMs = sim.now();
        const onMemoryReport = (report: MemoryReport): void => {
          reports.push(report);
          living.push(execer.livingProcesses);
        };
        const end = await start(argv, { onMemoryReport }).wait();
        checkEqual(`the end of ${argv.join()}`, end, figures(kind, text));
        checkEqual('the report', reports, [{ kind, status: figures(kind, text) }]);
        checkEqual('how many lived as it came, and when', [living, sim.now() - startMs], [[0], durationMs]);
        checkEqual('who is paused', execer.paused, []);
      }
      for (const argv of [
        ['mem 99', 'sleep 2000', 'complete 0'],
        ['sleep 1', 'mem 500', 'sleep 498', 'mem 99', 'sleep 900', 'complete 0'],
        ['mem 500', 'complete 0'],
        ['sleep 1', 'mem 500', 'sleep 498', 'complete 0'],
      ]) {
        const reports: MemoryReport[] = [];
        const end = await start(argv, { onMemoryReport: (report) => void reports.push(report) }).wait();
        checkEqual(`the end of ${argv.join()}`, [end, reports], [complete(0), []]);
      }
    },
    { memoryCapBytes: 100 },
  ),
  on('R130 without a cap memory is not watched, and the period can be set', async ({ sim, start, make }) => {
    checkEqual('its end', await start(['mem 9007199254740991', 'sleep 2000']).wait(), complete(0));
    const startMs = sim.now();
    for (const [memoryPeriodMs, expected] of [
      [0.75, 1.5],
      [0.001, 1],
    ] as const) {
      const before = sim.now();
      const process = make({ memoryCapBytes: 100, memoryPeriodMs }).exec(
        plain(['sleep 1', 'mem 100', 'hang']),
      );
      await process.wait();
      checkEqual('the time', Math.round((sim.now() - before) * 1_000) / 1_000, expected);
    }
    checkThat(sim.now() > startMs, 'the time', 'later', sim.now());
  }),
  inWords((said) =>
    on(
      'R133 a report needs no receiver; a receiver that throws is a fault; a process that is being stopped is no longer measured',
      async ({ sim, start }) => {
        const end = figures('initial', '100 of 100 bytes');
        checkEqual('unheard', await start(['mem 100', 'hang']).wait(), end);
        const onMemoryReport = (): never => {
          throw new Error('not now');
        };
        said.equal('heard', await start(['mem 100', 'hang'], { onMemoryReport }).wait(), {
          ...end,
          faults: ['memory report: not now'],
        });
        const process = start(['ignore-term', 'sleep 1', 'mem 500', 'sleep 1', 'mem 600', 'hang']);
        await sim.sleep(1);
        checkEqual('one that is being stopped', await process.abort(), aborted('SIGKILL'));
      },
      { memoryCapBytes: 100 },
    ),
  ),
  on(
    'R131 R132 R179 the gauge and the counter of memory are kept while memory is watched',
    async ({ sim, make }) => {
      const metrics = createMemoryMetrics();
      const execer = make({ memoryCapBytes: 100, metrics });
      const gauge = (): number => metrics.value('memory');
      const process = execer.exec(plain(['mem 7', 'sleep 1', 'mem 150', 'hang']));
      checkEqual('the gauge', gauge(), 7);
      await sim.sleep(2);
      checkEqual('the gauge', gauge(), 150);
      await process.wait();
      checkEqual('the gauge', [gauge(), metrics.value('highInitialMemoryUtilization')], [0, 0]);
      await execer.exec(plain(['mem 200', 'hang'])).wait();
      checkEqual('the counter', [gauge(), metrics.value('highInitialMemoryUtilization')], [0, 1]);
      await execer.exec(plain(['mem 5', 'sleep 1', 'complete 0'])).wait();
      checkEqual('the gauge', gauge(), 0);
      const unwatched = createMemoryMetrics();
      make({ metrics: unwatched }).exec(plain(['mem 5']));
      checkEqual('what an unwatched one keeps', unwatched.snapshot(), {
        counters: {},
        gauges: {},
        histograms: {},
      });
    },
  ),
  inWords((said) =>
    on('wrong use is refused with what was expected and what came', async ({ make }) => {
      const ms = 'expected a finite number ≥ 0, got';
      await said.wrongUse([
        [() => make({ graceMs: -1 }), `graceMs: ${ms} -1`],
        [() => make({ drainGraceMs: NaN }), `drainGraceMs: ${ms} NaN`],
        [() => make({ memoryCapBytes: -1 }), 'memoryCapBytes: expected an integer ≥ 0, got -1'],
        [
          () => make({ memoryPeriodMs: 0 }),
          'memoryPeriodMs: expected a finite number of at least 0.001, got 0',
        ],
        [() => make({ clock: 7 as never }), 'clock: expected an object with timer(), got 7'],
      ]);
      said.equal('its bound', make({ graceMs: 5, drainGraceMs: 1 }).cancelBoundMs, 6);
    }),
  ),
];

/**
 * The contract of an execer that runs scripts, case by case: for `createSimExecer` of `dryrunner/kit`, or yours.
 *
 * @example
 * ```ts
 * import { createSimExecer } from 'dryrunner/kit';
 * import { simExecerCases } from 'dryrunner/conformance';
 * for (const each of simExecerCases) await each.prove({ name: 'mine', create: createSimExecer });
 * ```
 */
export const simExecerCases: readonly PartCase<SimExecerSubject>[] = partCases({
  ...{ scripts, stops },
  sinks: sinksOfProcesses,
  memory,
});
