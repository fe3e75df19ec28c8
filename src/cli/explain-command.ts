/** `dryrunner explain`: one execution that fails, made small and explained, whatever names it: a seed, a token or a file. */
import { failureKey } from '../explore/failure-key.ts';
import type { CampaignFailure } from '../explore/campaign-report.ts';
import { replayInThread, type ThreadReplay } from '../campaign/replay.ts';
import type { ReplayOutcome } from '../campaign/task.ts';
import { lostFailureKey, type LostExecution } from '../campaign/thread.ts';
import { ScenarioRefusedError } from '../campaign/scenario-refused-error.ts';
import { debugExecution, type DebuggedExecution } from './debug-execution.ts';
import { readExecution } from './execution-source.ts';
import { EXIT_STATUS, UsageError, type ExitStatus } from './exit-status.ts';
import { SHRINK_MS } from './explore-defaults.ts';
import { threadLimits } from './explore-options.ts';
import {
  explainedLines,
  failureBlock,
  foundJson,
  settledLines,
  type SettledFailure,
} from './failure-report.ts';
import { Interruption } from './interruption.ts';
import { replayLog, replayProgressText, type ReplayedLog } from './replay-log.ts';
import { findScenario, isScenarioReference, type LoadedScenario } from './scenario-loader.ts';
import { eventBound, explainTimeMs, settleFailure, tokenOf } from './settled-failure.ts';
import type { Terminal } from './terminal.ts';
import {
  checkTimelineTarget,
  drawTimeline,
  requireOwnTimeline,
  writeTimeline,
  type TimelineTarget,
} from './timeline-file.ts';
import { writeAfterResult } from './trace-target.ts';

/** Options as typed. */
export interface ExplainCommandOptions {
  /** Of a scenario; default 1. */
  readonly seed?: string;
  /** False after `--no-shrink`. */
  readonly shrink: boolean;
  /** Milliseconds for making it small; default {@link SHRINK_MS}. */
  readonly time?: number;
  /** Milliseconds; default that of `explore`. */
  readonly hang?: number;
  /** MiB. */
  readonly memory: number;
  readonly allow?: readonly string[];
  readonly debug?: boolean;
  /** Where a timeline goes. */
  readonly timeline?: string;
  readonly json?: boolean;
}

/** 1 if the execution fails, 0 if it holds, 3 if it is named by a log that does not fit any more. */
export async function explainCommand(
  terminal: Terminal,
  what: string,
  options: ExplainCommandOptions,
): Promise<ExitStatus> {
  await checkTimelineTarget(options.timeline, options.debug ?? false);
  const named = await executionOf(what, options);
  await requireOwnTimeline(options.timeline, [what], [named.scenario]);
  if (options.debug === true) return debugExecution(terminal, named, options.json ?? false);
  const interruption = new Interruption();
  try {
    const loading = findScenario(named.scenario);
    const scenario = await interruption.unlessRequested(loading, 'the scenario was loading');
    return await new Explaining(terminal, scenario, named, options, interruption).run();
  } catch (error) {
    if (error instanceof ScenarioRefusedError) throw new UsageError(error.message);
    throw error;
  } finally {
    terminal.progress('');
    interruption.dispose();
  }
}

/** What is to be explained; a seed of a scenario has no log yet. */
type NamedExecution = DebuggedExecution | ReplayedLog;

async function executionOf(
  what: string,
  { seed, allow = [] }: ExplainCommandOptions,
): Promise<NamedExecution> {
  if (await isScenarioReference(what)) return { scenario: what, seed: seed ?? '1' };
  if (seed !== undefined) {
    throw new UsageError('--seed: expected with a scenario; a token or a file has its decisions itself');
  }
  const source = await readExecution(what, allow);
  if (source.kind !== 'recording') return source.log;
  throw new UsageError(
    `${what}: expected a simulated execution, got a recording of real commands; \`replay\` compares it`,
  );
}

/** One execution in front of a person or a program. */
class Explaining {
  readonly #terminal: Terminal;
  readonly #scenario: LoadedScenario;
  readonly #named: NamedExecution;
  readonly #options: ExplainCommandOptions;
  readonly #interruption: Interruption;

  constructor(
    terminal: Terminal,
    scenario: LoadedScenario,
    named: NamedExecution,
    options: ExplainCommandOptions,
    interruption: Interruption,
  ) {
    this.#terminal = terminal;
    this.#scenario = scenario;
    this.#named = named;
    this.#options = options;
    this.#interruption = interruption;
  }

  async run(): Promise<ExitStatus> {
    const replay = await this.#execute();
    const { outcome, lost } = replay;
    const { memory, hang, json = false, timeline } = this.#options;
    if (outcome !== undefined && !outcome.isReproduced && isLog(this.#named)) {
      return replayLog(this.#terminal, this.#named, {
        json,
        continueRandomly: false,
        memory,
        hang,
        timeline,
      });
    }
    const failure = lost === undefined ? failureOf(outcome) : failureOfLoss(lost);
    if (failure === undefined) {
      if (outcome !== undefined) this.#tellHeld(outcome);
      await this.#draw(this.#named.log);
      return this.#interruption.status ?? EXIT_STATUS.HELD;
    }
    const settled = await this.#settle(failure);
    this.#tell(settled);
    await writeAfterResult(this.#terminal, EXIT_STATUS.FAILED, async () => {
      if (lost === undefined) await this.#draw((settled.shrunk ?? failure).decisions, eventBound(failure));
      else if (timeline !== undefined) await writeTimeline(this.#terminal, this.#target(timeline), replay);
    });
    return this.#interruption.status ?? EXIT_STATUS.FAILED;
  }

  #execute(): Promise<ThreadReplay> {
    const { definition, reference } = this.#scenario;
    const { log, seed, maxEvents, failureKey: key } = this.#named;
    return replayInThread({
      ...threadLimits(this.#options),
      scenario: reference,
      ...(log === undefined ? {} : { log }),
      ...(seed === undefined ? {} : { seed }),
      ...(maxEvents === undefined ? {} : { maxEvents }),
      failureKey: key,
      onGap: 'keyed',
      explains: false,
      signal: this.#interruption.signal,
      onProgress: (progress) => this.#terminal.progress(replayProgressText(definition.name, progress)),
    });
  }

  async #settle(failure: CampaignFailure): Promise<SettledFailure> {
    const { definition, reference } = this.#scenario;
    const { shrink, time = SHRINK_MS } = this.#options;
    const { seed } = this.#named;
    const settling = {
      ...{ reference, name: definition.name, seed, failure },
      limits: threadLimits(this.#options),
      ...(shrink ? {} : { maxExecutions: 0 }),
      timeMs: time,
      explainMs: explainTimeMs(time, SHRINK_MS),
      signal: this.#interruption.signal,
    };
    const shrunk = await settleFailure(this.#terminal, settling);
    this.#terminal.progress('');
    return { failure, token: tokenOf(settling, shrunk), ...(shrunk === undefined ? {} : { shrunk }) };
  }

  async #draw(log: ReplayedLog['log'] | undefined, bound: ReturnType<typeof eventBound> = {}): Promise<void> {
    const { timeline } = this.#options;
    if (timeline === undefined || this.#interruption.requested) return;
    const { seed, maxEvents } = this.#named;
    const limits = threadLimits(this.#options);
    const { reference: scenario } = this.#scenario;
    const drawn = { scenario, seed, log, maxEvents, limits, ...bound };
    await drawTimeline(this.#terminal, this.#target(timeline), drawn);
  }

  #target(path: string): TimelineTarget {
    return { path, json: this.#options.json ?? false, interruption: this.#interruption };
  }

  #tellHeld({ traceHash }: ReplayOutcome): void {
    this.#terminal.progress('');
    const { name } = this.#scenario.definition;
    if (this.#options.json === true) {
      this.#terminal.json({ type: 'explained', scenario: name, held: true, traceHash });
    } else this.#terminal.line(`${name}${this.#seedText()}: it holds, so there is nothing to explain`);
  }

  #seedText(): string {
    return isLog(this.#named) ? '' : `, seed ${this.#named.seed ?? '1'}`;
  }

  #tell(settled: SettledFailure): void {
    const { definition } = this.#scenario;
    if (this.#options.json === true) {
      this.#terminal.json({
        type: 'explained',
        scenario: definition.name,
        held: false,
        ...foundJson(settled),
      });
      return;
    }
    for (const line of failureBlock(this.#terminal, definition, settled)) this.#terminal.line(line);
    const rest = this.#options.shrink ? settledLines(settled) : explainedLines(settled.shrunk);
    if (rest.length > 0) this.#terminal.line();
    for (const line of rest) this.#terminal.line(line);
  }
}

function isLog(named: NamedExecution): named is ReplayedLog {
  return named.log !== undefined;
}

function failureOf(outcome: ReplayOutcome | undefined): CampaignFailure | undefined {
  const { failure } = outcome ?? {};
  return failure === undefined ? undefined : { ...failure, key: failureKey(failure), index: 0 };
}

function failureOfLoss(lost: LostExecution): CampaignFailure {
  const figures = { index: 0, executions: 1, atMs: 0, firedEvents: 0, traceHash: '' };
  return { ...lost, key: lostFailureKey(lost), ...figures };
}
