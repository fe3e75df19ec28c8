/** `dryrunner explore`: looks for failing executions on all cores, and reports what was found or what was covered. */
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import type { AuditDifference } from '../explore/campaign-report.ts';
import { type PoolEvent, type PoolProgress, type PoolReport, runExplorePool } from '../threads/pool.ts';
import { ifRefused, runInThread, ScenarioRefusedError } from '../threads/thread-supervisor.ts';
import { formatCertificate, scenarioFault } from '../explore/exhaustive/certificate.ts';
import type { Escape } from '../explore/escape.ts';
import {
  DIFFERENCE_HEADLINES,
  IMPORT_CAUSE,
  moduleStateLines,
  OUTSIDE_CAUSE,
} from '../explore/explain/difference-text.ts';
import { nothingDecidedText } from '../explore/nothing-decided-text.ts';
import { reportText } from '../kernel/report-text.ts';
import { counted, formatCount } from '../model/plural.ts';
import { REPLAY_OUTCOMES } from '../explore/replay-outcome.ts';
import { tokenOf, type FailingExecution } from '../explore/failing-execution.ts';
import { failingBlock, failingJson, effortLines } from './failure-report.ts';
import { replayLine } from './rerun-line.ts';
import { detailLines, shownFrame } from './source-line.ts';
import type { Terminal } from './terminal.ts';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import {
  EXHAUSTIVE,
  isResumable,
  isStrategyName,
  strategyNames,
} from '../explore/strategies/strategy-names.ts';
import { messageOf } from '../kernel/errors.ts';
import { hashText } from '../kernel/text-hash.ts';
import {
  readNextIndex,
  writeCampaignState,
  type CampaignIdentity,
  canonicalReference,
} from '../host/corpus/campaign-state.ts';
import { CorpusFolder } from '../host/corpus/corpus-folder.ts';
import { EXIT_STATUS, UsageError, type ExitStatus } from './exit-status.ts';
import { poolOptions, threadLimits, timeFor, type ExploreCommandOptions } from './explore-options.ts';
import { LongProgress } from './long-progress.ts';
import { nameScenarios } from './scenario-loader.ts';
import { interruptible, type ScenarioSession } from './scenario-session.ts';

/** The result of exploring one scenario. */
export interface Explored {
  /** The description is shown with failures. */
  readonly scenario: Pick<ScenarioDefinition, 'name' | 'description' | 'options'>;
  readonly strategy: string;
  readonly seed: string;
  readonly report: PoolReport;
  /** The report's failures, shrunk and explained. */
  readonly found: readonly FailingExecution[];
  /** The report's executions that were cut off, with the files that keep them. */
  readonly cutOff: readonly FailingExecution[];
  /** Ids of corpus logs that were kept because they reached something new, not because they failed. */
  readonly reachLogs: ReadonlySet<string>;
  /** True if a signal ended the exploration. */
  readonly isInterrupted: boolean;
  /** True if executions differ only when another has run before in the same thread. */
  readonly isModuleState: boolean;
}

/** Text of the progress line. */
export function progressText(scenario: string, progress: PoolProgress): string {
  const { executions, failed, loadSeconds, seconds, features, decisions, firedEvents } = progress;
  const waited = loadSeconds + seconds;
  if (executions + decisions + firedEvents === 0 && waited >= WAIT_SHOWN_S) {
    return `${scenario} ${formatCount(waited)} s, Ctrl-C ends it · nothing has run yet: it loads, prepares or hangs`;
  }
  const rate = formatCount(executions / Math.max(seconds, 0.001));
  const parts = [`${formatCount(executions)} executions`, `${rate}/s`, `${formatCount(features)} features`];
  return `${scenario} ${formatCount(seconds)} s · ${parts.join(' · ')} · ${formatCount(failed)} failed`;
}

/** By this time most scenarios have begun, on slow machines too. */
const WAIT_SHOWN_S = 3;

const NOTHING_RUN = 'no execution came to its end: it needs more time, or never ends';

/** Reports what an exploration found and covered, for people. */
export function exploredLines(terminal: Terminal, explored: Explored): string[] {
  const { report, found, cutOff } = explored;
  const blocks = [
    ...found.map((failure) => foundLines(terminal, explored, failure)),
    ...cutOff.map((execution) => cutOffLines(terminal, explored, execution)),
    ...report.audit.differences.map((difference) => differenceLines(terminal, explored, difference)),
    ...(report.escapes ?? []).map((escape) => escapeLines(terminal, explored, escape)),
  ];
  const coverage = coveredLines(explored);
  if (blocks.length > 0) return [...blocks.flatMap((lines) => [...lines, '']), ...coverage];
  return [`${explored.scenario.name}: ${headline(terminal, explored)}`, ...coverage];
}

function headline(terminal: Terminal, { report, isInterrupted }: Explored): string {
  const { certificate, executions } = report;
  const fault = certificate === undefined ? undefined : scenarioFault(certificate);
  if (fault !== undefined) return terminal.style('red', fault);
  if (isInterrupted) {
    return terminal.style('yellow', executions > 0 ? 'interrupted, no failure until then' : 'interrupted');
  }
  return executions > 0 ? terminal.style('green', 'no failure') : terminal.style('yellow', NOTHING_RUN);
}

/** The command replays the log so far and goes on from there, to see whether the execution ever ends. */
function cutOffLines(
  terminal: Terminal,
  { scenario, strategy }: Explored,
  execution: FailingExecution,
): string[] {
  const { message, details, firedEvents, atMs, configuration = strategy, file } = execution;
  return [
    terminal.style('red', `${scenario.name}: cut off: ${message}`),
    `  ${counted(firedEvents, 'event')} and ${atMs} ms of virtual time, by ${configuration}`,
    ...detailLines(details),
    `  again: ${replayLine(tokenOf(execution), file)}`,
  ];
}

function differenceLines(
  terminal: Terminal,
  { scenario, report, isModuleState }: Explored,
  { kind, text }: AuditDifference,
): string[] {
  return [
    terminal.style('red', `${scenario.name}: ${DIFFERENCE_HEADLINES[kind]}`),
    `  ${text}`,
    ...(isModuleState
      ? [...moduleStateLines(SAME_IN_FRESH_THREADS), IMPORT_CAUSE].map((line) => `  ${line}`)
      : [`  ${OUTSIDE_CAUSE}`, ...strictHint(report)]),
  ];
}

const SAME_IN_FRESH_THREADS = 'As the first execution of a thread it is the same each time';

/** Only the watch of `--strict` knows which code touches the machine. */
function strictHint({ escapes }: PoolReport): string[] {
  return escapes === undefined ? ['  --strict lists the lines that touch a clock, randomness or I/O.'] : [];
}

function escapeLines(terminal: Terminal, { scenario }: Explored, { what, count, frames }: Escape): string[] {
  const times = count === 1 ? 'once' : `${formatCount(count)} times`;
  return [
    terminal.style('red', `${scenario.name}: outside of the simulation: ${what}, ${times}`),
    ...(frames.length === 0
      ? ['  the machine does not say from where']
      : frames.map((frame) => `  ${shownFrame(frame)}`)),
  ];
}

function coveredLines({ report, strategy, seed, isInterrupted }: Explored): string[] {
  const { decisions, firedEvents, features, audit, certificate } = report;
  const isExhausted = stopCauseOf(report) === 'exhausted';
  const end = isExhausted ? '; nothing is left to try' : isInterrupted ? '; interrupted' : '';
  const covered = features === 0 ? '' : `, ${counted(features, 'feature')} covered`;
  return [
    `  ${effort(report)}, ${counted(decisions, 'decision')}, ${counted(firedEvents, 'event')}${end}`,
    ...(certificate === undefined
      ? [`  strategy ${strategy}, seed ${JSON.stringify(seed)}${covered}`]
      : isEndedByKept(report)
        ? ['  No certificate: a kept failure ended it before the search began; --all goes on.']
        : formatCertificate(certificate)
            .split('\n')
            .map((line) => `  ${line}`)),
    ...sometimesLines(report),
    ...(decisions === 0 && report.failed === 0 && report.executions > 1
      ? [`  ${nothingDecidedText(report.executions)}`]
      : []),
    ...(report.escapes?.length === 0 ? ['  no real time, randomness or I/O was touched'] : []),
    ...(audit.repeated > 0 && audit.differences.length === 0
      ? [`  run twice, the same to the byte: ${counted(audit.repeated, 'execution')}`]
      : []),
  ];
}

/** True if kept logs have failed, and the exhaustive search has not run anything after them. */
function isEndedByKept({ certificate, failures }: PoolReport): boolean {
  return certificate?.executions === 0 && failures.some(({ corpusId }) => corpusId !== undefined);
}

/** A search stopped by one of its own bounds is not exhausted. */
function stopCauseOf({ stoppedBy, certificate }: PoolReport): PoolReport['stoppedBy'] {
  if (stoppedBy !== 'exhausted' || certificate === undefined || certificate.complete) return stoppedBy;
  return certificate.stoppedBy === 'maxExecutions' ? 'executions' : 'stopped';
}

function effort({ executions, corpusExecutions, seconds }: PoolReport): string {
  const rate = executions / Math.max(seconds, 0.001);
  const each = rate < 1 ? '' : ` (${formatCount(rate)}/s)`;
  const kept = corpusExecutions === 0 ? '' : ` and ${counted(corpusExecutions, 'log')} of the corpus`;
  return `${counted(executions - corpusExecutions, 'execution')}${kept} in ${seconds.toFixed(1)} s${each}`;
}

/** Up to this many reached predicates are listed; more are only counted, because those never reached matter more. */
const REACHED_MAX = 16;

function sometimesLines({ sometimes }: PoolReport): string[] {
  const names = (wanted: boolean): string[] =>
    Object.keys(sometimes).filter((name) => sometimes[name] === wanted);
  const reached = names(true);
  const missed = names(false);
  const line = (what: string, list: readonly string[]): string[] =>
    list.length === 0 ? [] : [`  ${what}: ${list.map(reportText).join(', ')}`];
  const shown =
    reached.length > REACHED_MAX ? [`${reached.length} of ${reached.length + missed.length}`] : reached;
  return [...line('sometimes, reached', shown), ...line('sometimes, never reached', missed)];
}

function foundLines(
  terminal: Terminal,
  { scenario, strategy, report, reachLogs }: Explored,
  failing: FailingExecution,
): string[] {
  const { kind, executions, seconds = 0, configuration = strategy, corpusId } = failing;
  const by = corpusId === undefined ? `by ${configuration}` : keptText(reachLogs.has(corpusId));
  return [
    ...failingBlock(terminal, scenario, failing),
    ...(kind === 'escape' ? strictHint(report) : []),
    '',
    `  found in execution ${formatCount(executions)}, after ${seconds.toFixed(1)} s, ${by}`,
    ...effortLines(failing, scenario, report.audit.differences.length > 0),
  ];
}

function keptText(isForReach: boolean): string {
  return `by a log kept from before, ${isForReach ? 'which held then: it had reached something new' : 'which failed then'}`;
}

/** The last `--json` line of a scenario. */
export function exploredJson(explored: Explored): Record<string, unknown> {
  const { scenario, strategy, seed, report, found, cutOff, isModuleState } = explored;
  const {
    audit,
    executions,
    corpusExecutions,
    seconds,
    failed,
    decisions,
    firedEvents,
    features,
    lostThreads,
  } = report;
  return {
    type: 'explored',
    scenario: scenario.name,
    strategy,
    seed,
    ...{ executions, corpusExecutions, seconds, failed, decisions, firedEvents, features, lostThreads },
    stoppedBy: stopCauseOf(report),
    nextIndex: report.nextIndex,
    sometimes: report.sometimes,
    ...(report.certificate === undefined ? {} : { certificate: report.certificate }),
    ...(report.escapes === undefined ? {} : { escapes: report.escapes }),
    audit: {
      ...audit,
      differences: audit.differences.map(({ kind, execution, text }) => ({ kind, execution, text })),
      ...(isModuleState ? { isModuleState } : {}),
    },
    failures: found.map(failingJson),
    cutOff: cutOff.map((execution) => ({ ...cutOffJson(execution), token: tokenOf(execution) })),
  };
}

/** The `--json` line of an event during the exploration. */
export function eventJson(scenario: string, event: PoolEvent): Record<string, unknown> {
  const { type } = event;
  switch (type) {
    case 'progress':
      return { type, scenario, ...event.progress };
    case 'fixed':
      return { type, scenario, key: event.key };
    case 'changed':
      return { type, scenario, key: event.key, now: event.now };
    case 'failure': {
      const { key, kind, rule, traceHash, executions, seconds, corpusId } = event.failure;
      return {
        type,
        scenario,
        key,
        kind,
        rule,
        ...cutOffJson(event.failure),
        executions,
        seconds,
        corpusId,
        traceHash,
      };
    }
    case 'cut-off':
      return { type, scenario, ...cutOffJson(event.execution) };
    case 'nondeterministic': {
      const { kind, execution, text } = event.difference;
      return { type, scenario, kind, execution, text };
    }
  }
}

/** The known fields of an execution that has no end. */
function cutOffJson({
  index,
  message,
  details,
  atMs,
  firedEvents,
  configuration,
  decisions,
}: FailingExecution): Record<string, unknown> {
  return { index, message, details, atMs, firedEvents, configuration, decisions: decisions.length };
}

const STATE_EVERY_MS = 1_000;
/** More than one, because random executions can agree by chance. */
const FRESH_THREADS = 3;

/**
 * Explores the scenarios one after the other. Exit code 1 if any fails, or never comes to its end; 2 if one cannot be
 * prepared, which does not keep the others from being explored.
 */
export async function exploreCommand(
  terminal: Terminal,
  references: readonly string[],
  options: ExploreCommandOptions,
): Promise<ExitStatus> {
  requireFolder(options);
  requireStrategy(options);
  return interruptible(terminal, async (interruption) => {
    // Printed before loading: a module that blocks this thread leaves no chance later.
    terminal.progress(`loading (Ctrl-C or Ctrl-\\ ends it): ${references.join(', ')}`);
    const scenarios = await interruption.alongsideForeignCode(() =>
      interruption.unlessRequested(nameScenarios(references), 'the scenario files were loading'),
    );
    if (scenarios.length > 1 && options.json !== true) {
      terminal.note(plannedText(scenarios.length, options));
    }
    let status: ExitStatus = EXIT_STATUS.HELD;
    for (const scenario of scenarios) {
      if (interruption.requested) {
        reportUnexplored(terminal, scenario.name, options);
        continue;
      }
      try {
        const report = await new Exploration({ terminal, scenario, options, interruption }).run();
        if (!isClean(report)) status = EXIT_STATUS.FAILED;
      } catch (error) {
        if (!(error instanceof ScenarioRefusedError || error instanceof UsageError)) throw error;
        terminal.progress('');
        terminal.note(`error: ${error.message}`);
        if (status === EXIT_STATUS.HELD) status = EXIT_STATUS.USAGE;
      }
    }
    return interruption.status ?? status;
  });
}

/** The first line about several scenarios: each of them prints nothing before its end if no person watches. */
function plannedText(scenarios: number, options: ExploreCommandOptions): string {
  const timeMs = timeFor(options);
  const each =
    timeMs === undefined
      ? counted(options.executions ?? 0, 'execution')
      : `at most ${formatCount(timeMs / 1_000)} s (--time)`;
  return `${counted(scenarios, 'scenario')}, ${each} each`;
}

/** After Ctrl-C, reports a scenario that was not explored. */
function reportUnexplored(
  terminal: Terminal,
  scenario: string,
  { json = false }: ExploreCommandOptions,
): void {
  if (json) terminal.json({ type: 'unexplored', scenario });
  else terminal.line(`${scenario}: ${terminal.style('yellow', 'not explored: interrupted before')}`);
}

/** False also if nothing ran, or if the certificate shows that the scenario breaks its own promises. */
function isClean({ failures, cutOff, audit, escapes = [], executions, certificate }: PoolReport): boolean {
  if (certificate !== undefined && scenarioFault(certificate) !== undefined) return false;
  const wrong = failures.length + cutOff.length + audit.differences.length + escapes.length;
  return executions > 0 && wrong === 0;
}

/** True for an event that keeps the report from being clean. */
function isOfFailure({ type }: PoolEvent): boolean {
  return type === 'failure' || type === 'cut-off' || type === 'nondeterministic';
}

function requireFolder({ corpus }: ExploreCommandOptions): void {
  // An unset shell variable would mix the corpus with the files of the current folder.
  if (corpus.trim() === '') throw new UsageError('--corpus: expected a folder, got an empty text');
  if (isOther(corpus)) throw new UsageError(`--corpus: expected a folder, got ${corpus}, which is none`);
}

/** True if the path exists and is not a folder; other errors show when a log is to be kept. */
function isOther(path: string): boolean {
  try {
    return !statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function requireStrategy(options: ExploreCommandOptions): void {
  const { strategy, shard, resume = false, workers = 1 } = options;
  if (strategy === EXHAUSTIVE && workers !== 1) {
    throw new UsageError(`--workers: an exhaustive search runs on one thread, got ${workers}`);
  }
  if (strategy === EXHAUSTIVE && shard !== undefined) {
    throw new UsageError('an exhaustive search cannot be sharded: it goes through all there is in one order');
  }
  if (resume && !isResumable(strategy)) {
    throw new UsageError(
      `--resume: --strategy ${strategy} cannot be resumed, because what it has tried is in its memory only`,
    );
  }
  if (strategy === EXHAUSTIVE) return;
  if (!isStrategyName(strategy)) {
    const names = [...strategyNames, EXHAUSTIVE].join(', ');
    throw new UsageError(`--strategy: expected one of ${names}, got ${JSON.stringify(strategy)}`);
  }
  for (const [flag, bound] of [
    ['--max-decisions', options.maxDecisions],
    ['--max-delays', options.maxDelays],
    ['--max-faults', options.maxFaults],
  ] as const) {
    if (bound !== undefined) throw new UsageError(`${flag} bounds --strategy exhaustive, not ${strategy}`);
  }
}

/** Explores one scenario and reports to a person or a program. */
class Exploration {
  readonly #session: ScenarioSession<ExploreCommandOptions>;
  readonly #corpus: CorpusFolder;
  /** Index of the last campaign state that was written or queued. */
  #keptIndex = 0;
  #keptAt = -Infinity;
  /** Codes of errors that kept the state from being written and were reported: on a full disk all have the same. */
  readonly #unkept = new Set<string>();
  /** Writes to the corpus, chained in order. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(session: ScenarioSession<ExploreCommandOptions>) {
    this.#session = session;
    const { name: scenario, reference } = session.scenario;
    const { corpus: root } = session.options;
    this.#corpus = new CorpusFolder({ root, scenario, reference, onTrouble: (text) => this.#note(text) });
  }

  async run(): Promise<PoolReport> {
    const { terminal, scenario, options, interruption } = this.#session;
    const { strategy, seed, json = false } = options;
    const firstIndex = await this.#firstIndex();
    this.#keptIndex = firstIndex + this.#campaign.shard;
    const corpus = await this.#corpus.load();
    const shown = new LongProgress(terminal, options);
    const report = await runExplorePool({
      ...poolOptions(scenario.reference, options),
      firstIndex,
      corpus,
      signal: interruption.signal,
      onEvent: (event) => this.#onEvent(event, shown),
    }).finally(() => shown.end());
    const isInterrupted = interruption.requested;
    if (report.refusal !== undefined) {
      this.#note(`${scenario.name}: ended early, for the scenario does not load any more: ${report.refusal}`);
    }
    this.#write(() => this.#corpus.keepSeeds(report.seeds));
    this.#write(() => this.#keepState(report.nextIndex));
    await this.#writing;
    const { found, ...described } = await this.#handleFailures(report);
    terminal.progress('');
    const cutOff = await this.#keepCutOff(report);
    const [difference] = report.audit.differences;
    const isModuleState = difference !== undefined && (await this.#isModuleState(difference));
    const explored = {
      isModuleState,
      isInterrupted,
      reachLogs: new Set(corpus.filter(({ key }) => key === undefined).map(({ id }) => id)),
      scenario: { name: scenario.name, ...described },
      report,
      strategy,
      seed,
      found,
      cutOff,
    };
    if (!isClean(report)) terminal.noteFailure();
    if (json) terminal.json(exploredJson(explored));
    else for (const line of exploredLines(terminal, explored)) terminal.line(line);
    return report;
  }

  /** True if fresh threads agree on a log that differed between two executions in one thread. */
  async #isModuleState({ decisions }: AuditDifference): Promise<boolean> {
    const { scenario, options, interruption } = this.#session;
    const hashes = new Set<string | undefined>();
    for (let thread = 0; thread < FRESH_THREADS && hashes.size < 2; thread += 1) {
      const run = await runInThread(
        { kind: 'replay', scenario: scenario.reference, log: decisions, onGap: 'keyed', explains: false },
        { ...threadLimits(options), signal: interruption.signal },
        // Unknown, as the file has been edited since.
      ).catch(ifRefused(() => undefined));
      hashes.add(run?.outcome?.traceHash);
    }
    return hashes.size === 1 && !hashes.has(undefined);
  }

  get #campaign(): CampaignIdentity {
    const { strategy, seed, shard = { index: 1, count: 1 } } = this.#session.options;
    const { name, reference } = this.#session.scenario;
    return {
      scenario: name,
      reference: canonicalReference(reference),
      strategy,
      seed,
      shard: shard.index - 1,
      shards: shard.count,
    };
  }

  /** Each campaign has a state file of its own, because several may alternate here, or run at once. */
  get #statePath(): string {
    const { scenario, reference, strategy, seed, shard, shards } = this.#campaign;
    const id = (hashText(`${reference}\n${seed}`) >>> 0).toString(16);
    return join(
      this.#session.options.corpus,
      scenario,
      `state-${strategy}-${id}-${shard + 1}-of-${shards}.json`,
    );
  }

  async #firstIndex(): Promise<number> {
    if (this.#session.options.resume !== true) return 0;
    try {
      const next = await readNextIndex(this.#statePath, this.#campaign);
      const { name } = this.#session.scenario;
      this.#note(
        next === 0
          ? `${name}: nothing was kept for this scenario, strategy, seed and shard: it begins anew`
          : `${name}: goes on at index ${formatCount(next)}`,
      );
      return Math.max(0, next - this.#campaign.shard);
    } catch (error) {
      throw new UsageError(`--resume: ${messageOf(error)}`);
    }
  }

  async #keepState(nextIndex: number): Promise<void> {
    if (!isResumable(this.#session.options.strategy)) return;
    try {
      await writeCampaignState(this.#statePath, { ...this.#campaign, nextIndex });
    } catch (error) {
      const { code = '' } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
      if (!this.#unkept.has(code)) this.#note(`where to resume is not kept: ${messageOf(error)}`);
      this.#unkept.add(code);
    }
  }

  /** Writes the state at most once a second, so that a killed process loses no more than that. */
  #keepProgress({ nextIndex }: PoolProgress): void {
    const now = performance.now();
    if (nextIndex <= this.#keptIndex || now - this.#keptAt < STATE_EVERY_MS) return;
    this.#keptIndex = nextIndex;
    this.#keptAt = now;
    this.#write(() => this.#keepState(nextIndex));
  }

  async #handleFailures({
    failures,
  }: PoolReport): Promise<Pick<Explored, 'found'> & Omit<Explored['scenario'], 'name'>> {
    if (failures.length === 0) return { found: [], description: '' };
    const { handleFailures } = await import('./failure-handler.ts');
    const found = await handleFailures(this.#session, failures, this.#corpus);
    const { definition } = await this.#session.scenario.load();
    const { description, options = {} } = definition;
    return { found, description, options };
  }

  /** Keeps logs of executions that were cut off; most are too long to be pasted. */
  async #keepCutOff({ cutOff }: PoolReport): Promise<FailingExecution[]> {
    const kept: FailingExecution[] = [];
    for (const execution of cutOff) {
      const file = await this.#corpus.keep(execution);
      kept.push(file === undefined ? execution : { ...execution, file });
    }
    return kept;
  }

  #onEvent(event: PoolEvent, shown: LongProgress): void {
    const { name } = this.#session.scenario;
    const { json = false } = this.#session.options;
    if (event.type === 'progress' && !json) shown.show(progressText(name, event.progress));
    if (event.type === 'progress') this.#keepProgress(event.progress);
    if (isOfFailure(event)) this.#session.terminal.noteFailure();
    // On disk before the index from which the next campaign continues: writes keep their order.
    if (event.type === 'failure') this.#write(() => this.#corpus.keep(event.failure));
    if (event.type === 'cut-off') this.#write(() => this.#corpus.keep(event.execution));
    if (event.type === 'fixed' || event.type === 'changed') {
      this.#write(() => this.#corpus.retire(event.corpusId, event.type));
      const what =
        event.type === 'fixed'
          ? `${REPLAY_OUTCOMES.fixed}, a kept failure no longer happens`
          : `${REPLAY_OUTCOMES.different}, a kept failure is another one now`;
      const numbers = event.key.includes('#') ? ' (# is any number)' : '';
      this.#note(`${name}: ${what}${numbers}: ${event.key}`);
    }
    if (json) this.#session.terminal.json(eventJson(name, event));
  }

  #write(work: () => Promise<unknown>): void {
    this.#writing = this.#writing.then(work);
  }

  #note(text: string): void {
    this.#session.terminal.progress('');
    this.#session.terminal.note(text);
  }
}
