/** The commands of a workload, in the vocabulary of its subject, each with its end if it is not stopped. */
import type { Command } from '../../model/command.ts';
import type { RunState } from '../../model/run-state.ts';
import type { ConformanceSubject } from '../subject.ts';
import type { Draws } from './draws.ts';
import { LOST_AT_ONCE, LOST_IN_A_ROW } from './expected-health.ts';

/** How a command ends if it is not stopped. */
export interface ExpectedEnd {
  readonly state: RunState;
  /** Undefined if any code will do. */
  readonly exitCode: number | undefined;
  /** The whole text of its error; undefined if `hasError` checks it instead. */
  readonly error: string | undefined;
  readonly hasError?: (error: string) => boolean;
}

/** A drawn command, and what it does. */
export interface DrawnCommand {
  readonly command: Command;
  /** The value passed instead of the command, if it is malformed. */
  readonly given?: unknown;
  /** Its kind, for reports of what was reached. */
  readonly kind: CommandKind | 'malformed';
  /** Undefined if it runs until it is stopped. */
  readonly end: ExpectedEnd | undefined;
  /** From the start of its process to the end, in milliseconds of virtual time; `Infinity` if it has no end. */
  readonly lastsMs: number;
  /** Whether a process of it ever starts, so that the run is RUNNING at some point. */
  readonly starts: boolean;
  /** Whether it ignores the first request to stop. */
  readonly isStubborn: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** Values that must not appear in any log. */
  readonly secrets: readonly string[];
}

/** What a command does. */
export type CommandKind =
  | 'exit'
  | 'write'
  | 'hang'
  | 'write and hang'
  | 'die of a signal'
  | 'fail to start'
  | 'get lost'
  | 'ignore the request to stop';

/** What is drawn of a command beside its kind. */
export type CommandTrait =
  | 'a timeout that does not matter'
  | 'a timeout just at the end'
  | 'a timeout before the end'
  | 'a timeout of next to nothing'
  | 'a timeout below 0'
  | 'tags'
  | 'an environment';

type Behaviour = Omit<DrawnCommand, 'kind' | 'secrets'>;

const LASTING_MS = [0, 10, 5, 20, 50];
const EXIT_CODES = [0, 1, 7, 200, 211, 240, 241, 250, 255];
/** Exit codes of failures; a code that is listed several times is drawn that much more often. */
const DRAWN_CODES = [17, 0, 17, 0, 250, ...LOST_IN_A_ROW, LOST_IN_A_ROW[0], LOST_AT_ONCE];
const TINY_MS = 0.001;
const AMPLE_MS = 1_000_000;
const SIGNALS = ['SIGKILL', 'SIGTERM', 'SIGSEGV'];

const complete = (exitCode: number): ExpectedEnd => ({ state: 'COMPLETE', exitCode, error: '' });

const BEHAVIOURS: Readonly<
  Record<CommandKind, (draws: Draws, subject: ConformanceSubject, mark: string) => Behaviour>
> = {
  exit(draws, { commands }) {
    const exitCode = draws.pick('exit code', EXIT_CODES, 3);
    const lastsMs = draws.pick('lasts', LASTING_MS, 2);
    return behaviour(commands.exit(exitCode, lastsMs), complete(exitCode), lastsMs);
  },
  write(draws, { commands }, mark) {
    const lastsMs = draws.pick('lasts', LASTING_MS, 2);
    const stdout = draws.pick('stdout', [`out of ${mark}\n`, '', 'a\nb\n', 'no line end']);
    const stderr = draws.pick('stderr', [`err of ${mark}\n`, '', 'ä€\n']);
    const command = commands.write(stdout, stderr, lastsMs);
    return { ...behaviour(command, complete(0), lastsMs), stdout, stderr };
  },
  hang: (_, { commands }) => behaviour(commands.hang(), undefined, Infinity),
  'write and hang': (_, { commands }, mark) => ({
    ...behaviour(commands.writeAndHang(`out of ${mark}\n`), undefined, Infinity),
    stdout: `out of ${mark}\n`,
  }),
  'die of a signal'(draws, { commands }) {
    const signal = draws.pick('signal', SIGNALS);
    const hasError = (error: string): boolean => error.includes(signal);
    return behaviour(
      commands.killedBy(signal),
      { state: 'COMPLETE', exitCode: -1, error: undefined, hasError },
      0,
    );
  },
  'fail to start': (_, { commands }) => ({
    ...behaviour(
      commands.unstartable(),
      {
        state: 'FAILED',
        exitCode: 240,
        error: undefined,
        hasError: (error) => error.startsWith('could not exec: '),
      },
      0,
    ),
    starts: false,
  }),
  'get lost'(draws, { commands }, mark) {
    const code = draws.pick('exit code', DRAWN_CODES, 3);
    const text = `${mark} is lost`;
    const end: ExpectedEnd = {
      state: 'FAILED',
      exitCode: code === 0 ? 250 : code,
      error: `error execing: ${text}`,
    };
    return behaviour(commands.lost(code, text), end, 0);
  },
  'ignore the request to stop': (_, { commands }) => ({
    ...behaviour(commands.stubborn(), undefined, Infinity),
    isStubborn: true,
  }),
};

function behaviour(command: Command, end: ExpectedEnd | undefined, lastsMs: number): Behaviour {
  return { command, end, lastsMs, starts: true, isStubborn: false, stdout: '', stderr: '' };
}

/** The kinds of commands that a subject supports. */
export function commandKinds({ supports }: ConformanceSubject): readonly CommandKind[] {
  const { unstartable, outputs, signals, failures, stubborn } = supports;
  return [
    'exit',
    'hang',
    ...(unstartable === true ? (['fail to start'] as const) : []),
    ...(outputs === true ? (['write', 'write and hang'] as const) : []),
    ...(signals === true ? (['die of a signal'] as const) : []),
    ...(failures === true ? (['get lost'] as const) : []),
    ...(stubborn === true ? (['ignore the request to stop'] as const) : []),
  ];
}

/** Draws a command that the subject can run. `mark` distinguishes it from other commands of the workload. */
export function drawCommand(
  draws: Draws,
  subject: ConformanceSubject,
  mark: string,
  note: (trait: CommandTrait) => void,
): DrawnCommand {
  const kind = draws.pick('runs', commandKinds(subject), 4);
  const drawn = BEHAVIOURS[kind](draws, subject, mark);
  const timeoutMs = subject.supports.timeouts === true ? drawTimeout(draws, drawn, note) : undefined;
  const dress = draws.pick('with', ['nothing', 'tags', 'an environment', 'both'] as const, 2);
  const hasEnv = dress === 'an environment' || dress === 'both';
  const hasTags = dress === 'tags' || dress === 'both';
  if (hasTags) note('tags');
  if (hasEnv) note('an environment');
  const secret = `secret of ${mark}`;
  const command: Command = {
    ...drawn.command,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(hasTags ? { jobId: `job ${mark}`, taskId: `task ${mark}`, tag: `tag ${mark}` } : {}),
    ...(hasEnv ? { envVars: { ...drawn.command.envVars, ZULU: '', ALPHA: secret } } : {}),
  };
  return { ...drawn, command, kind, secrets: hasEnv ? [secret] : [] };
}

function drawTimeout(
  draws: Draws,
  { lastsMs }: Behaviour,
  note: (trait: CommandTrait) => void,
): number | undefined {
  const isFinite = lastsMs > 0 && lastsMs < Infinity;
  const choices: (readonly [ms: number, trait: CommandTrait] | undefined)[] = [
    undefined,
    [isFinite ? lastsMs : 20, isFinite ? 'a timeout just at the end' : 'a timeout before the end'],
    [isFinite ? lastsMs / 2 : 5, 'a timeout before the end'],
    [AMPLE_MS, 'a timeout that does not matter'],
    [TINY_MS, 'a timeout of next to nothing'],
    [-20, 'a timeout below 0'],
  ];
  const chosen = draws.pick('timeout', choices, 4, (choice) =>
    choice === undefined ? 'none' : `${choice[0]} ms`,
  );
  if (chosen === undefined) return undefined;
  note(chosen[1]);
  return chosen[0];
}

/** Values other than commands; the first is undefined. */
const MALFORMED: readonly unknown[] = [
  undefined,
  null,
  'complete 0',
  {},
  { argv: 'complete 0' },
  { argv: [7] },
  { argv: ['a\0b'] },
  { argv: ['complete 0'], timeoutMs: '5' },
  { argv: ['complete 0'], timeoutMs: NaN },
  { argv: ['complete 0'], envVars: { A: 7 } },
  { argv: ['complete 0'], envVars: { 'A=B': 'c' } },
  { argv: ['complete 0'], envVars: { '': 'c' } },
  { argv: ['complete 0'], envVars: [] },
  { argv: ['complete 0'], jobId: 7 },
  { argv: ['complete 0'], taskId: null },
  { argv: ['complete 0'], tag: {} },
  { argv: ['complete 0'], snapshotId: 1 },
  { argv: ['complete 0'], executeRequest: 'x' },
];

/** Draws a value other than a command. A runner may refuse it, or let it fail (R66). */
export function drawMalformedCommand(draws: Draws): DrawnCommand {
  const given = draws.pick('malformed', MALFORMED, 1, (value) => JSON.stringify(value));
  const end: ExpectedEnd = {
    state: 'FAILED',
    exitCode: undefined,
    error: undefined,
    hasError: (error) => error !== '',
  };
  return { ...behaviour({ argv: [] }, end, 0), given, starts: false, kind: 'malformed', secrets: [] };
}
