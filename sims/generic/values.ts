/**
 * The values of the contract: masks, states, durations, commands, queries, statuses, errors and the functions that look runs up, each held to the
 * rule that defines it (R1–R26, R40–R43) by values that are drawn. Invariant: what is expected is written from the contract and calls none of them.
 */
import {
  ABORTED_MASK,
  ALL_MASK,
  type Command,
  COMPLETE_MASK,
  defineScenario,
  DONE_MASK,
  FAILED_MASK,
  finalStatus,
  formatCommand,
  formatGoDuration,
  formatMask,
  formatRunState,
  formatRunStatus,
  isRunnerError,
  isTerminal,
  maskForState,
  maskMatches,
  PENDING_MASK,
  type Query,
  type QueryResult,
  RUN_STATES,
  RUNNING_MASK,
  RunRejectedError,
  type RunRejectionCode,
  type RunState,
  type RunStatus,
  type ScenarioDefinition,
  type Simulation,
  singleStatus,
  type StateMask,
  statusAll,
  statusNow,
  TIMEDOUT_MASK,
  UNKNOWN_MASK,
  type Wait,
  waitForever,
  waitForState,
} from 'dryrunner';
import {
  abortStatus,
  cannotHappen,
  checkCommand,
  checkQuery,
  checkWait,
  codedError,
  completeStatus,
  createStatusStore,
  EXIT_CODES,
  exitCodeOf,
  ExitCodeError,
  failedStatus,
  formatServiceStatus,
  HEALTHY_SERVICE_STATUS,
  makeRunStatus,
  matchesQuery,
  NO_TAGS,
  pendingStatus,
  QUEUE_FULL_MSG,
  QUEUE_INITING_MSG,
  QUEUE_INVALID_MSG,
  runningStatus,
  serviceStatus,
  tagsOf,
  timeoutStatus,
  unknownRun,
  unknownRunMessage,
  waitCancelled,
  withError,
  withRefs,
  WORKER_UNHEALTHY_MSG,
} from 'dryrunner/kit';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import { dataText, settledAs } from './outcome.ts';

type CheckName = 'checkCommand' | 'checkQuery' | 'checkWait';
/** Without what they say to the compiler. */
const CHECKS: Readonly<Record<CheckName, (value: unknown) => void>> = { checkCommand, checkQuery, checkWait };

/** The functions of the model. */
export interface ModelFunctions extends Readonly<Record<CheckName, (value: unknown) => void>> {
  readonly abortStatus: typeof abortStatus;
  readonly cannotHappen: typeof cannotHappen;
  readonly codedError: typeof codedError;
  readonly completeStatus: typeof completeStatus;
  readonly createStatusStore: typeof createStatusStore;
  readonly exitCodeOf: typeof exitCodeOf;
  readonly failedStatus: typeof failedStatus;
  readonly finalStatus: typeof finalStatus;
  readonly formatCommand: typeof formatCommand;
  readonly formatGoDuration: typeof formatGoDuration;
  readonly formatMask: typeof formatMask;
  readonly formatRunState: typeof formatRunState;
  readonly formatRunStatus: typeof formatRunStatus;
  readonly formatServiceStatus: typeof formatServiceStatus;
  readonly isTerminal: typeof isTerminal;
  readonly makeRunStatus: typeof makeRunStatus;
  readonly maskForState: typeof maskForState;
  readonly maskMatches: typeof maskMatches;
  readonly matchesQuery: typeof matchesQuery;
  readonly pendingStatus: typeof pendingStatus;
  readonly runningStatus: typeof runningStatus;
  readonly serviceStatus: typeof serviceStatus;
  readonly singleStatus: typeof singleStatus;
  readonly statusAll: typeof statusAll;
  readonly statusNow: typeof statusNow;
  readonly tagsOf: typeof tagsOf;
  readonly timeoutStatus: typeof timeoutStatus;
  readonly unknownRun: typeof unknownRun;
  readonly unknownRunMessage: typeof unknownRunMessage;
  readonly waitCancelled: typeof waitCancelled;
  readonly waitForState: typeof waitForState;
  readonly waitForever: typeof waitForever;
  readonly withError: typeof withError;
  readonly withRefs: typeof withRefs;
}

/** What is held to the contract. A test breaks one of them. */
const SHIPPED: ModelFunctions = {
  ...{ abortStatus, cannotHappen, codedError, completeStatus, exitCodeOf, failedStatus, finalStatus },
  ...{ formatCommand, formatGoDuration, formatMask, formatRunState, formatRunStatus, formatServiceStatus },
  ...{ isTerminal, makeRunStatus, maskForState, maskMatches, matchesQuery, pendingStatus, runningStatus },
  ...{ serviceStatus, singleStatus, statusAll, statusNow, tagsOf, timeoutStatus, unknownRun },
  ...{ unknownRunMessage, waitCancelled, waitForever, waitForState, withError, withRefs },
  createStatusStore,
  ...CHECKS,
};

/** The scenario over some functions. */
export function valuesWorkload(functions: Partial<ModelFunctions> = {}): ScenarioDefinition<unknown> {
  return defineScenario<unknown>({
    name: 'values',
    description:
      'masks, durations, commands, queries, statuses, errors and look-ups are what the contract says',
    run: (sim) => new ValuePlay(sim, { ...SHIPPED, ...functions }).run(),
  });
}

export const values: ScenarioDefinition<unknown> = valuesWorkload();

/** R1, R2, R11: in the order of their codes. */
const STATES: readonly (readonly [state: RunState, isOver: boolean, fields: readonly OutcomeField[]])[] = [
  ['UNKNOWN', true, []],
  ['PENDING', false, []],
  ['RUNNING', false, []],
  ['COMPLETE', true, ['snapshotId', 'exitCode', 'error']],
  ['FAILED', true, ['exitCode', 'error']],
  ['ABORTED', true, ['error']],
  ['TIMEDOUT', true, []],
];
type OutcomeField = 'snapshotId' | 'exitCode' | 'error';

const NAMED_MASKS: Readonly<Record<string, StateMask>> = {
  UNKNOWN_MASK,
  PENDING_MASK,
  RUNNING_MASK,
  COMPLETE_MASK,
  FAILED_MASK,
  ABORTED_MASK,
  TIMEDOUT_MASK,
};
/** R19. */
const CODES: Readonly<Record<string, number>> = {
  ...{ PREPROCESSING: 200, CHECKOUT_UNCODED: 210, CLEAN: 211, CHECKOUT: 212, CHECKOUT_RELEASE: 213 },
  ...{ BUNDLE_UPLOAD: 214, READ_ALL: 215, EXPORT: 216, DB_INIT: 217, LOG_CREATION: 220, POSTPROCESSING: 230 },
  ...{ COULD_NOT_EXEC: 240, HIGH_INITIAL_MEMORY: 241, POST_EXEC: 250 },
};
/** R23. */
const TEXTS: readonly (readonly [got: string, expected: string])[] = [
  [QUEUE_INITING_MSG, 'Queue is still initializing. Please try later.'],
  [QUEUE_FULL_MSG, 'No resources available. Please try later.'],
  [WORKER_UNHEALTHY_MSG, 'Worker is unhealthy.'],
  [QUEUE_INVALID_MSG, 'Failed initialization, queue permanently broken.'],
];
const REJECTIONS: readonly RunRejectionCode[] = [
  ...([
    'RUNNER_BUSY',
    'RUNNER_INITIALIZING',
    'RUNNER_BROKEN',
    'RUNNER_UNHEALTHY',
    'RUNNER_RELEASED',
  ] as const),
  'RUNNER_INVALID_ARGUMENT',
];

const WORDS = ['7', '', 'job 1', 'x'.repeat(40), '0', 'ä€', 'a # b'];
const ARGUMENTS = ['make', '', 'two words', 'say "hi"', 'back\\slash', 'line\nend', 'tab\t', 'ä€😀', "it's"];
const PARTS_MS = [0, 1, 500, 1_000, 59_000, 60_000, 3_540_000, 3_600_000, 360_000_000];
const FRACTIONS_MS = [0, 0.5, 0.001, 0.000_001, 0.25, 0.999_999];
const NOT_DURATIONS = ['5', undefined, null, {}, 5n];
const NOT_MASKS = [128, -1, 1.5, NaN, '3', undefined, Infinity];
const NOT_STATES: readonly unknown[] = ['DONE', '', 'complete', 'toString', 3, undefined, null];
const PLAYS = [
  'masks',
  'durations',
  'commands',
  'malformed',
  'queries',
  'statuses',
  'errors',
  'lookups',
] as const;

/** One play with the functions of the model. */
class ValuePlay {
  readonly #sim: Simulation;
  readonly #model: ModelFunctions;

  constructor(sim: Simulation, model: ModelFunctions) {
    this.#sim = sim;
    this.#model = model;
  }

  async run(): Promise<void> {
    const plays: Readonly<Record<(typeof PLAYS)[number], () => void | Promise<void>>> = {
      masks: () => this.#masks(),
      durations: () => this.#durations(),
      commands: () => this.#commands(),
      malformed: () => this.#malformed(),
      queries: () => this.#queries(),
      statuses: () => this.#statuses(),
      errors: () => this.#errors(),
      lookups: () => this.#lookups(),
    };
    for (const name of PLAYS) this.#sim.sometimes(`a play of ${name}`, false);
    const count = pickCount(this.#sim, 'plays', 6);
    for (let at = 0; at < count; at += 1) {
      const name = pick(this.#sim, 'play', PLAYS, 1);
      await plays[name]();
      this.#sim.sometimes(`a play of ${name}`);
    }
  }

  // Masks and states.

  #masks(): void {
    const { maskForState: make, maskMatches: matches, formatMask: format, isTerminal: isOver } = this.#model;
    const chosen = STATES.filter(([state]) => rarely(this.#sim, `mask has ${state}`, 2)).map(
      ([state]) => state,
    );
    const drawn = rarely(this.#sim, 'listed twice', 3) ? [...chosen, ...chosen].reverse() : chosen;
    const mask = make(...drawn);
    const bits = STATES.reduce((sum, [state], code) => (chosen.includes(state) ? sum + 2 ** code : sum), 0);
    this.#same('R6 R8', `the mask of ${drawn.join()}`, mask, bits);
    for (const [code, [state, isEnd]] of STATES.entries()) {
      this.#same('R8', `${mask} matches ${state}`, matches(mask, state), chosen.includes(state));
      this.#same('R2', `${state} is terminal`, isOver(state), isEnd);
      this.#same('R5', `code ${code} in words`, this.#model.formatRunState(code), state);
      this.#same('R5', `${state} in words`, this.#model.formatRunState(state), state);
      this.#same('R1', `the state of code ${code}`, RUN_STATES[code], state);
      this.#same('R6', `${state}_MASK`, NAMED_MASKS[`${state}_MASK`], make(state));
    }
    this.#same(
      'R7',
      'DONE_MASK',
      DONE_MASK,
      make(...STATES.filter(([, isEnd]) => isEnd).map(([state]) => state)),
    );
    this.#same('R7', 'ALL_MASK', ALL_MASK, make(...STATES.map(([state]) => state)));
    this.#same('R9', `mask ${mask} in words`, format(mask), maskText(chosen, bits));
    const code = pick(this.#sim, 'no code', [7, -1, 1.5, 99], 1);
    this.#same('R5', `code ${code} in words`, this.#model.formatRunState(code), `RunState(${code})`);
    const state = pick(this.#sim, 'no state', NOT_STATES, 1, String);
    this.#refused('R8', 'state', () => make(state as RunState));
    this.#refused('R8', 'state', () => matches(mask, state as RunState));
    this.#same('R2', `${String(state)} is terminal`, isOver(state as RunState), false);
    const none = pick(this.#sim, 'no mask', NOT_MASKS, 1, String) as StateMask;
    const shown = typeof none === 'string' ? `"${String(none)}"` : String(none);
    this.#same('R9', `mask ${shown} in words`, format(none), `StateMask(${shown})`);
    if (typeof none !== 'number') this.#refused('R8', 'mask', () => matches(none, 'PENDING'));
  }

  // Durations: what is printed is read back, since that needs no second printer.

  #durations(): void {
    const parts = [1, 2, 3].map((at) => pick(this.#sim, `part ${at}`, PARTS_MS, 1));
    const fraction = pick(this.#sim, 'fraction', FRACTIONS_MS, 2);
    const sign = rarely(this.#sim, 'negative', 4) ? -1 : 1;
    const ms = sign * (parts.reduce((sum, part) => sum + part, 0) + fraction);
    const text = this.#model.formatGoDuration(ms);
    const what = `${ms} ms in words, which are ${text}`;
    const match = /^(-?)(?:(?:(\d+)h)?(\d+)m)?(\d+(?:\.\d*[1-9])?)(s|ms|µs|ns)$/.exec(text);
    this.#demand('R17', match !== null, `${what}, are no duration of Go`);
    const [, minus = '', hours = '0', minutes, seconds = '', unit = ''] = match ?? [];
    const small = { s: 1_000, ms: 1, µs: 0.001, ns: 0.000_001 }[unit] ?? NaN;
    const readMs = Number(hours) * 3_600_000 + Number(minutes ?? 0) * 60_000 + Number(seconds) * small;
    const isSame = Math.abs(readMs - Math.abs(ms)) < 0.000_000_5 + Math.abs(ms) * 1e-15;
    this.#demand('R17', isSame && (minus === '-') === ms < 0, `${what}, are ${readMs} ms`);
    const isWhole = unit === 's' || minutes === undefined;
    const isShort = Number(seconds) < 60 || unit !== 's';
    const isLeading = Number(seconds) >= 1 || text === '0s' || minutes !== undefined;
    const isSmall = unit === 's' || Number(seconds) < 1_000;
    const isCarried = Number(minutes ?? 0) < 60 && !(text.includes('h') && minutes === undefined);
    this.#demand(
      'R17',
      isWhole && isShort && isLeading && isSmall && isCarried,
      `${what}, are not as Go prints it`,
    );
    this.#demand('R17', !/^-?0[hm]/.test(text), `${what}, begin with nothing`);
    const endless = pick(this.#sim, 'endless', [Infinity, -Infinity, NaN], 1);
    this.#same('R17', `${endless} in words`, this.#model.formatGoDuration(endless), String(endless));
    const none = pick(this.#sim, 'no duration', NOT_DURATIONS, 1, String);
    this.#refused('R17', 'ms', () => this.#model.formatGoDuration(none as number));
  }

  // Commands.

  #command(): Command {
    const sim = this.#sim;
    const count = pickCount(sim, 'arguments', 4) - 1;
    const argv = Array.from({ length: count }, (_, at) => pick(sim, `argument ${at}`, ARGUMENTS, 2));
    const timeoutMs = pick(sim, 'timeout', [undefined, 0, 600_000, 1.5, -5], 2);
    const text = (what: string): string | undefined =>
      rarely(sim, `has ${what}`, 2) ? pick(sim, what, WORDS, 1) : undefined;
    const [snapshotId, jobId, taskId, tag] = [text('snapshot'), text('job'), text('task'), text('tag')];
    const envVars = rarely(sim, 'has environment', 2)
      ? Object.fromEntries(
          ['zulu', 'ALPHA', 'Beta']
            .filter((key) => rarely(sim, `env ${key}`, 2))
            .map((key) => [key, `${key} value`]),
        )
      : undefined;
    const fields = { timeoutMs, snapshotId, jobId, taskId, tag, envVars };
    return { argv, ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) };
  }

  #commands(): void {
    const { formatCommand: format, tagsOf: tags, checkCommand: check } = this.#model;
    const command = this.#command();
    check(command);
    const { jobId = '', taskId = '', tag = '', snapshotId = '', timeoutMs = 0, argv, envVars } = command;
    this.#same('R16', 'the tags of a command', tags(command), { jobId, taskId, tag });
    this.#same('R16', 'no tags', NO_TAGS, { jobId: '', taskId: '', tag: '' });
    const hidden = pick(this.#sim, 'hides', ['nothing', 'all', 'one', 'said to be nothing'] as const, 1);
    const options = {
      ...(hidden === 'all' ? { redactEnv: true } : {}),
      ...(hidden === 'one' ? { redactEnv: (key: string) => key === 'ALPHA' } : {}),
      ...(hidden === 'said to be nothing' ? { redactEnv: false } : {}),
    };
    const isHidden = (key: string): boolean => hidden === 'all' || (hidden === 'one' && key === 'ALPHA');
    const env = Object.keys(envVars ?? {})
      .sort()
      .map((key) => `  ${key}=${isHidden(key) ? '<redacted>' : envVars?.[key]}`);
    const expected = [
      `runner.Command -- SnapshotID: ${snapshotId}`,
      `Argv: [${argv.map((argument) => JSON.stringify(argument)).join(' ')}]`,
      `Timeout: ${{ 0: '0s', 600_000: '10m0s', 1.5: '1.5ms', '-5': '-5ms' }[timeoutMs]}`,
      `JobID: ${jobId}`,
      `TaskID: ${taskId}`,
      `Tag: ${tag}`,
      ...(env.length === 0 ? [] : [`Env:${env.join('')}`]),
    ].join(' # ');
    this.#same(
      'R17',
      'a command in words',
      hidden === 'nothing' ? format(command) : format(command, options),
      expected,
    );
    this.#refused('R17', 'command', () => format(undefined as never));
    this.#refused('R17', 'command.argv', () => format({ argv: 'make' } as never));
    this.#refused('R17', 'redactEnv', () => format(command, { redactEnv: 1 } as never));
    this.#refused('R16', 'command', () => tags(null as never));
  }

  /** R66: what is refused names the field. */
  #malformed(): void {
    const { checkCommand: check } = this.#model;
    const fields: readonly (readonly [field: string, wrong: unknown])[] = [
      ['argv', 'make'],
      ['argv', undefined],
      ['argv[1]', ['make', 7]],
      ['argv[0]', ['a\0b']],
      ['envVars', []],
      ['envVars', null],
      ['envVars', 'A=1'],
      ['envVars', { 'A=B': '' }],
      ['envVars', { '': '' }],
      ['envVars', { 'A\0': '' }],
      ['envVars.A', { A: 7 }],
      ['envVars.A', { Z: '', A: 'a\0b' }],
      ['timeoutMs', '5'],
      ['timeoutMs', NaN],
      ['timeoutMs', Infinity],
      ['timeoutMs', 1e16],
      ...(['snapshotId', 'jobId', 'taskId', 'tag'] as const).flatMap((name): [string, unknown][] =>
        [7, null, {}].map((wrong) => [name, wrong]),
      ),
      ['executeRequest', 'x'],
    ];
    const [field, wrong] = pick(
      this.#sim,
      'wrong',
      fields,
      1,
      ([name, value]) => `${name} ${String(JSON.stringify(value))}`,
    );
    const name = field.split(/[[.]/)[0] as string;
    this.#refused('R66', `command.${field}`, () => check({ ...this.#command(), [name]: wrong }));
    const none = pick(this.#sim, 'no command', [undefined, null, 'make', 7], 1, String);
    this.#refused('R66', 'command', () => check(none));
  }

  // Queries and waits.

  #queries(): void {
    const sim = this.#sim;
    const { matchesQuery: matches, checkQuery: check, checkWait: checkIt } = this.#model;
    const [state] = pick(sim, 'state', STATES, 1, ([name]) => name);
    const runId = pick(sim, 'run', WORDS, 1);
    const status: RunStatus = { ...EMPTY, runId, state };
    const states = sim.choose('mask', ALL_MASK + 1, (mask) => formatMask(mask as StateMask)) as StateMask;
    const runs = WORDS.filter((word) => rarely(sim, `lists ${word}`, 3));
    const query: Query = pick<Query>(
      sim,
      'asks',
      [
        { states, runs },
        { states },
        { states, allRuns: true },
        { states, runs, allRuns: false },
        { states, runs, allRuns: true },
      ],
      1,
      JSON.stringify,
    );
    check(query);
    const bit = 2 ** STATES.findIndex(([name]) => name === state);
    const isListed = query.allRuns === true || (query.runs ?? []).includes(runId);
    const isMatch = isListed && Math.floor(states / bit) % 2 === 1;
    this.#same('R24', `${JSON.stringify(query)} matches ${runId} ${state}`, matches(status, query), isMatch);
    this.#refused('R24', 'status', () => matches(undefined as never, query));
    const [field, wrong] = pick(
      sim,
      'no query',
      NO_QUERIES,
      1,
      ([name, value]) => `${name} ${String(JSON.stringify(value))}`,
    );
    this.#refused('R24', field, () => check(wrong));
    this.#refused('R24', field, () => matches(status, wrong as never));
    const signal = pick(sim, 'signal', [undefined, new AbortController().signal], 1, () => 'one');
    const timeoutMs = pick(sim, 'wait', [0, 5, 0.5, Infinity], 1);
    checkIt(signal === undefined ? { timeoutMs } : { timeoutMs, signal });
    const forever = this.#model.waitForever(signal);
    this.#demand(
      'R32',
      forever.timeoutMs === Infinity && forever.signal === signal,
      'a wait for ever has a limit, or another signal',
    );
    checkIt(forever);
    const [part, none] = pick(sim, 'no wait', NO_WAITS, 1, ([name, value]) => `${name} ${String(value)}`);
    this.#refused('R33', part, () => checkIt(none));
  }

  // Statuses.

  #statuses(): void {
    const sim = this.#sim;
    const words = (what: string): string => pick(sim, what, WORDS, 1);
    const tags = { jobId: words('job'), taskId: words('task'), tag: words('tag') };
    const runId = words('id');
    const [stdoutRef, stderrRef, snapshotId] = [words('stdout'), words('stderr'), words('snapshot')];
    const exitCode = pick(sim, 'exit code', [0, 1, -1, 255], 1);
    const error = words('error');
    const isTagged = rarely(sim, 'tagged', 2);
    const given: [typeof tags] | [] = isTagged ? [tags] : [];
    const model = this.#model;
    const base = { ...EMPTY, runId, ...(isTagged ? tags : {}) };
    const made: readonly (readonly [got: RunStatus, expected: RunStatus])[] = [
      [model.pendingStatus(runId, ...given), { ...base, state: 'PENDING' }],
      [
        model.runningStatus(runId, stdoutRef, stderrRef, ...given),
        { ...base, state: 'RUNNING', stdoutRef, stderrRef },
      ],
      [
        model.completeStatus(runId, snapshotId, exitCode, ...given),
        { ...base, state: 'COMPLETE', snapshotId, exitCode },
      ],
      [
        model.failedStatus(runId, new ExitCodeError(exitCode, error), ...given),
        { ...base, state: 'FAILED', exitCode, error },
      ],
      [model.abortStatus(runId, ...given), { ...base, state: 'ABORTED' }],
      [model.timeoutStatus(runId, ...given), { ...base, state: 'TIMEDOUT' }],
    ];
    for (const [got, expected] of made) {
      this.#same('R12', `the status ${expected.state}`, got, expected);
      this.#same(
        'R14',
        `the status ${expected.state} in words`,
        model.formatRunStatus(got),
        statusText(expected),
      );
      const withRef = { ...expected, stdoutRef, stderrRef };
      this.#same('R11', 'a status with refs', model.withRefs(got, stdoutRef, stderrRef), withRef);
      this.#same('R14', 'a status with refs in words', model.formatRunStatus(withRef), statusText(withRef));
      const fields = STATES.find(([state]) => state === expected.state)?.[2] ?? [];
      if (fields.includes('error')) {
        this.#same('R11', 'a status with an error', model.withError(got, 'why'), {
          ...expected,
          error: 'why',
        });
      } else this.#refused('R11', 'status', () => model.withError(got, 'why'));
      this.#same('R39', 'a status is frozen', Object.isFrozen(got), true);
      this.#writes(got, fields);
    }
    this.#odd(runId);
  }

  /** R11: a store takes a status only if what is not valid in its state is zero, and each field of its kind. */
  #writes(status: RunStatus, fields: readonly OutcomeField[]): void {
    const store = this.#model.createStatusStore({ clock: this.#sim.world.clock });
    const { runId } = store.newRun();
    const own = { ...status, runId };
    for (const [field, value] of VALID_SOMEWHERE) {
      const filled = { ...own, [field]: value };
      if (fields.includes(field)) {
        this.#same(
          'R11',
          `a write with ${field}`,
          refusalOf(() => store.update(filled)),
          '',
        );
      } else this.#refused('R11', `status.${field}`, () => store.update(filled));
    }
    const [field, wrong] = pick(
      this.#sim,
      'wrong field',
      NO_FIELDS,
      1,
      ([name, value]) => `${name} ${String(value)}`,
    );
    this.#refused('R11', `status.${field}`, () => store.update({ ...own, [field]: wrong }));
    store.close();
  }

  #odd(runId: string): void {
    const model = this.#model;
    this.#refused('R12', 'exitCode', () => model.completeStatus(runId, '', 1.5));
    const none = pick(this.#sim, 'no coded error', [undefined, null, new Error('no'), 7], 1, String);
    this.#refused('R13', 'error', () => model.failedStatus(runId, none as never));
    this.#refused('R14', 'status', () => model.formatRunStatus(none === 7 ? (7 as never) : (null as never)));
    for (const at of [2, 3, 4]) {
      const parts: unknown[] = [runId, 'PENDING', NO_TAGS, EMPTY, EMPTY];
      parts[at] = undefined;
      const make = model.makeRunStatus as (...given: unknown[]) => RunStatus;
      this.#refused('R10', ['tags', 'refs', 'outcome'][at - 2] as string, () => make(...parts));
    }
    const [initialized, isHealthy] = [rarely(this.#sim, 'initialized', 2), rarely(this.#sim, 'healthy', 2)];
    const error = pick(this.#sim, 'service error', WORDS, 1);
    const service = model.serviceStatus(initialized, isHealthy, error);
    this.#same('R15', 'a service status', service, { initialized, isHealthy, error });
    this.#same('R15', 'one without an error', model.serviceStatus(initialized, isHealthy).error, '');
    this.#same('R15', 'a healthy one', HEALTHY_SERVICE_STATUS, {
      initialized: true,
      isHealthy: true,
      error: '',
    });
    const text = `--- Service Status ---\n\tInitialized : ${initialized}\n\tIsHealthy : ${isHealthy}\n`;
    const whole = error === '' ? text : `${text}\tError : ${error}\n`;
    this.#same('R15', 'a service status in words', model.formatServiceStatus(service), whole);
    this.#refused('R15', 'service', () => model.formatServiceStatus(null as never));
  }

  // Errors.

  #errors(): void {
    const sim = this.#sim;
    const { codedError: coded, exitCodeOf: codeOf } = this.#model;
    this.#same('R19', 'the exit codes', EXIT_CODES, CODES);
    for (const [got, expected] of TEXTS) this.#same('R23', 'a text', got, expected);
    const exitCode = pick(sim, 'code', [212, 0, -1, 7], 1);
    const own = new ExitCodeError(exitCode, 'own', { cause: 'it' });
    this.#same(
      'R21',
      'a coded error',
      [own.exitCode, own.message, own.name, own.cause],
      [exitCode, 'own', 'ExitCodeError', 'it'],
    );
    this.#demand('R21', coded(own, 250) === own, 'a coded error was coded again');
    this.#same('R21', 'the code of a coded error', codeOf(own), exitCode);
    const plain = new Error('plain');
    const wrapped = coded(plain, exitCode);
    this.#same(
      'R21',
      'an error that was coded',
      [wrapped?.exitCode, wrapped?.message, wrapped?.cause === plain],
      [exitCode, 'plain', true],
    );
    this.#same('R21', 'the code of an error without one', [codeOf(plain), codeOf(plain, 9)], [250, 9]);
    for (const none of [undefined, null]) {
      this.#same(
        'R21',
        'no error',
        [coded(none, exitCode), codeOf(none), codeOf(none, 9)],
        [undefined, 0, 0],
      );
    }
    this.#refused('R21', 'fallback', () => codeOf(plain, 1.5));
    this.#refused('R21', 'exitCode', () => new ExitCodeError(1.5, 'no'));
    const code = pick(sim, 'rejection', REJECTIONS, 1);
    const text = pick(sim, 'text of the status', WORDS, 1);
    const rejected = new RunRejectedError(code, 'no', ...(text === '' ? [] : [text]));
    this.#same('R22', 'the status of a refused run', rejected.status, { ...EMPTY, error: text });
    this.#same('R22', 'a refusal', [rejected.code, rejected.message], [code, 'no']);
    this.#ofReads(pick(sim, 'run', WORDS, 1));
  }

  #ofReads(runId: string): void {
    const { unknownRun: unknown, unknownRunMessage: message, waitCancelled: cancelled } = this.#model;
    this.#same('R23', 'the text about an unknown run', message(runId), `unknown run id ${runId}`);
    const error = unknown(runId);
    this.#same(
      'R26',
      'an unknown run',
      [error.code, error.message],
      ['RUNNER_UNKNOWN_RUN', `unknown run id ${runId}`],
    );
    const ended = cancelled('why');
    this.#same('R34', 'a cancelled wait', [ended.code, ended.cause], ['RUNNER_WAIT_CANCELLED', 'why']);
    const never = this.#model.cannotHappen({ runs: [runId], states: DONE_MASK });
    this.#same('R36', 'what cannot happen', never.code, 'RUNNER_CANNOT_HAPPEN');
    const saysWhat = never.message.includes('DONE_MASK') && never.message.includes(runId);
    this.#demand('R36', saysWhat, `what cannot happen is not said: ${never.message}`);
    this.#refused('R36', 'query', () => this.#model.cannotHappen(undefined as never));
  }

  // Look-ups over a querier that answers what was drawn.

  async #lookups(): Promise<void> {
    const sim = this.#sim;
    const runId = pick(sim, 'run', WORDS, 1);
    const [state] = pick(sim, 'state', STATES, 1, ([name]) => name);
    const status: RunStatus = { ...EMPTY, runId, state };
    const service = { initialized: true, isHealthy: false, error: 'ill' };
    const count = pick(sim, 'shows', [1, 0, 2], 1);
    const failure = rarely(sim, 'refuses', 4) ? new Error('no') : undefined;
    const answer: QueryResult = { statuses: [status, EMPTY].slice(0, count), service };
    const asked: (readonly [Query, Wait | undefined])[] = [];
    const reply = (query: Query, wait?: Wait): Promise<QueryResult> => {
      asked.push([query, wait]);
      return failure === undefined ? Promise.resolve(answer) : Promise.reject(failure);
    };
    const querier = { query: reply, queryNow: (query: Query) => reply(query) };
    const signal = rarely(sim, 'signal', 2) ? new AbortController().signal : undefined;
    const one = { status, service };
    const calls = [
      [
        'R40',
        settledAs(this.#model.statusNow(querier, runId)),
        { runs: [runId], states: ALL_MASK },
        false,
        one,
        'RUNNER_UNKNOWN_RUN',
      ],
      [
        'R41',
        settledAs(this.#model.finalStatus(querier, runId, signal)),
        { runs: [runId], states: DONE_MASK },
        true,
        one,
        'RUNNER_NO_STATUS',
      ],
      [
        'R41',
        settledAs(this.#model.waitForState(querier, runId, state, signal)),
        { runs: [runId], states: 2 ** STATES.findIndex(([name]) => name === state) },
        true,
        one,
        'RUNNER_NO_STATUS',
      ],
      [
        'R43',
        settledAs(this.#model.statusAll(querier)),
        { allRuns: true, states: ALL_MASK },
        false,
        answer,
        undefined,
      ],
    ] as const;
    for (const [at, [rule, settled, query, waits, expected, ofNone]] of calls.entries()) {
      const [got, wait] = asked[at] ?? [];
      this.#same(rule, 'what a look-up asks', got, query);
      const isWait = waits ? wait?.timeoutMs === Infinity && wait.signal === signal : wait === undefined;
      this.#demand(rule, isWait, 'a look-up waits in another way than it says');
      const came = await settled;
      const isEmpty = count === 0 && ofNone !== undefined;
      if (failure !== undefined) {
        this.#demand(rule, came.error === failure, `the querier's own error became ${String(came.error)}`);
      } else if (isEmpty) {
        this.#demand(
          rule,
          isRunnerError(came.error, ofNone),
          `an empty answer became ${String(came.error ?? came.value)}`,
        );
      } else this.#same(rule, 'what a look-up gives', came.value, expected);
    }
    this.#single(answer);
    const none = pick(sim, 'no state', NOT_STATES, 1, String);
    const refused = await settledAs(this.#model.waitForState(querier, runId, none as RunState));
    this.#demand(
      'R41',
      isRunnerError(refused.error, 'RUNNER_INVALID_ARGUMENT'),
      `a wait for ${String(none)} became ${String(refused.error)}`,
    );
  }

  #single(answer: QueryResult): void {
    const { singleStatus: single } = this.#model;
    const [first] = answer.statuses;
    if (first !== undefined) {
      this.#same('R42', 'the single status', single(answer), { status: first, service: answer.service });
    } else {
      const error = thrownBy(() => single(answer));
      const hasService = (error as { service?: unknown } | undefined)?.service === answer.service;
      this.#demand(
        'R42',
        isRunnerError(error, 'RUNNER_NO_STATUS') && hasService,
        `no status became ${String(error)}`,
      );
    }
    this.#refused('R42', 'result', () => single(undefined as never));
  }

  // Claims.

  #same(rule: string, what: string, got: unknown, expected: unknown): void {
    const [is, should] = [JSON.stringify(got), JSON.stringify(expected)];
    if (dataText(got) !== dataText(expected)) {
      this.#sim.check(false, `${rule} ${what} is ${is}, expected ${should}`);
    }
  }

  /** Wrong use: a code, the place, what was expected and what came. */
  #refused(rule: string, place: string, act: () => unknown): void {
    const error = thrownBy(act);
    const isRefusal =
      isRunnerError(error, 'RUNNER_INVALID_ARGUMENT') &&
      /^[^:]+: expected .+, got .+/s.test(error.message) &&
      error.message.split(':')[0]?.endsWith(place) === true;
    this.#demand(
      rule,
      isRefusal,
      `wrong use of ${place} came to ${error instanceof Error ? error.message : 'no error'}`,
    );
  }

  #demand(rule: string, holds: boolean, message: string): void {
    if (!holds) this.#sim.check(false, `${rule} ${message}`);
  }
}

const EMPTY: RunStatus = Object.freeze({
  ...{ runId: '', state: 'UNKNOWN', jobId: '', taskId: '', tag: '', stdoutRef: '', stderrRef: '' },
  ...{ snapshotId: '', exitCode: 0, error: '' },
} as const);

const VALID_SOMEWHERE: readonly (readonly [field: OutcomeField, value: unknown])[] = [
  ['snapshotId', 'snap'],
  ['exitCode', 7],
  ['error', 'why'],
];
const NO_FIELDS: readonly (readonly [field: keyof RunStatus, wrong: unknown])[] = [
  ...(['jobId', 'taskId', 'tag', 'stdoutRef', 'stderrRef', 'snapshotId', 'error'] as const).map(
    (field): [keyof RunStatus, unknown] => [field, 7],
  ),
  ...['DONE', 3, undefined].map((state): [keyof RunStatus, unknown] => ['state', state]),
  ...[1.5, '1', undefined].map((code): [keyof RunStatus, unknown] => ['exitCode', code]),
  ['actionResult', 'x'],
  ['actionResult', null],
];

const NO_QUERIES: readonly (readonly [place: string, query: unknown])[] = [
  ...[undefined, null, 'all', 7].map((query): [string, unknown] => ['query', query]),
  ...[128, -1, 1.5, NaN, '3', undefined].map((states): [string, unknown] => [
    'query.states',
    { allRuns: true, states },
  ]),
  ...[1, 'yes', null].map((allRuns): [string, unknown] => ['query.allRuns', { allRuns, states: 1 }]),
  ...['0', {}, 7, null].map((runs): [string, unknown] => ['query.runs', { runs, states: 1 }]),
  ['query.runs[1]', { runs: ['0', 7], states: 1 }],
];
const NO_WAITS: readonly (readonly [place: string, wait: unknown])[] = [
  ...[undefined, null, 5, 'long'].map((wait): [string, unknown] => ['wait', wait]),
  ...[-1, NaN, '5', undefined, -Infinity].map((timeoutMs): [string, unknown] => [
    'wait.timeoutMs',
    { timeoutMs },
  ]),
  ...[{}, null, 'stop', { aborted: false }, { aborted: false, addEventListener() {} }].map(
    (signal): [string, unknown] => ['wait.signal', { timeoutMs: 0, signal }],
  ),
];

/** R9. */
function maskText(chosen: readonly RunState[], bits: number): string {
  const ends = STATES.filter(([, isEnd]) => isEnd).map(([state]) => state);
  const isDone = chosen.length === ends.length && ends.every((state) => chosen.includes(state));
  if (bits === 0) return 'NONE';
  if (chosen.length === STATES.length) return 'ALL_MASK';
  if (isDone) return 'DONE_MASK';
  return chosen.length === 1 ? `${chosen[0]}_MASK` : chosen.join('|');
}

/** R14. */
function statusText(status: RunStatus): string {
  const { runId, state, jobId, taskId, tag, stdoutRef, stderrRef, snapshotId, exitCode, error } = status;
  const fields = STATES.find(([name]) => name === state)?.[2] ?? [];
  return [
    `RunStatus -- RunID: ${runId}`,
    `State: ${state}`,
    `JobID: ${jobId}`,
    `TaskID: ${taskId}`,
    `Tag: ${tag}`,
    ...(stdoutRef === '' ? [] : [`Stdout: ${stdoutRef}`]),
    ...(stderrRef === '' ? [] : [`Stderr: ${stderrRef}`]),
    ...(fields.includes('snapshotId') ? [`SnapshotID: ${snapshotId}`] : []),
    ...(fields.includes('exitCode') ? [`ExitCode: ${exitCode}`] : []),
    ...(fields.includes('error') ? [`Error: ${error}`] : []),
  ].join(' # ');
}

function refusalOf(act: () => unknown): string {
  const error = thrownBy(act);
  return error instanceof Error ? error.message : '';
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}
