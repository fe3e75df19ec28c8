/** `dryrunner explore`: looks for executions that fail, on all cores, and says what was found or what was covered. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { FailingExecution } from '../explore/failing-execution.ts';
import { scenarioFault } from '../explore/exhaustive/certificate.ts';
import { EXHAUSTIVE, isStrategyName, strategyNames } from '../explore/strategies/strategy-names.ts';
import { messageOf } from '../kernel/errors.ts';
import { hashText } from '../kernel/text-hash.ts';
import { formatCount } from '../model/plural.ts';
import { readNextIndex, writeCampaignState, type CampaignIdentity } from '../host/corpus/campaign-state.ts';
import { canonicalReference } from '../host/corpus/campaign-state.ts';
import { CorpusFolder } from '../host/corpus/corpus-folder.ts';
import { runExplorePool, type PoolEvent, type PoolProgress, type PoolReport } from '../threads/pool.ts';
import { EXIT_STATUS, UsageError, type ExitStatus } from './exit-status.ts';
import { poolOptions, type ExploreCommandOptions } from './explore-options.ts';
import { eventJson, exploredJson, exploredLines, progressText, type Explored } from './explore-report.ts';
import { nameScenarios } from './scenario-loader.ts';
import { interruptible, type ScenarioSession } from './scenario-session.ts';
import type { Terminal } from './terminal.ts';

const STATE_EVERY_MS = 1_000;

/** Explores the scenarios one after the other; 1 if any fails, or came to no end at all. */
export async function exploreCommand(
  terminal: Terminal,
  references: readonly string[],
  options: ExploreCommandOptions,
): Promise<ExitStatus> {
  requireFolder(options);
  requireStrategy(options);
  return interruptible(terminal, async (interruption) => {
    // Before it begins: a module that keeps this thread busy leaves no time later.
    terminal.progress(`loading (Ctrl-C or Ctrl-\\ ends it): ${references.join(', ')}`);
    const loading = nameScenarios(references);
    const scenarios = await interruption.unlessRequested(loading, 'the scenario files were loading');
    let status: ExitStatus = EXIT_STATUS.HELD;
    for (const scenario of scenarios) {
      if (interruption.requested) break;
      const report = await new Exploration({ terminal, scenario, options, interruption }).run();
      if (!isClean(report)) status = EXIT_STATUS.FAILED;
    }
    return interruption.status ?? status;
  });
}

/** Nothing found where nothing was tried is no reason to be content, nor where the scenario is not what it says. */
function isClean({ failures, cutOff, audit, escapes = [], executions, certificate }: PoolReport): boolean {
  if (certificate !== undefined && scenarioFault(certificate) !== undefined) return false;
  const wrong = failures.length + cutOff.length + audit.differences.length + escapes.length;
  return executions > 0 && wrong === 0;
}

function requireFolder({ corpus }: ExploreCommandOptions): void {
  // An unset variable would put the corpus between whatever else is here.
  if (corpus.trim() === '') throw new UsageError('--corpus: expected a folder, got an empty text');
  if (isOther(corpus)) throw new UsageError(`--corpus: expected a folder, got ${corpus}, which is none`);
}

/** True if something is there that is no folder; any other trouble shows when something is to be kept. */
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
  if (strategy === EXHAUSTIVE && resume) {
    throw new UsageError('an exhaustive search cannot be resumed: what it has tried is in its memory only');
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

/** One scenario in front of a person or a program. */
class Exploration {
  readonly #session: ScenarioSession<ExploreCommandOptions>;
  readonly #corpus: CorpusFolder;
  /** The last state that was written, or is to be. */
  #keptIndex = 0;
  #keptAt = -Infinity;
  /** What is being written to the corpus, in order. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(session: ScenarioSession<ExploreCommandOptions>) {
    this.#session = session;
    const { name, reference } = session.scenario;
    const { corpus } = session.options;
    this.#corpus = new CorpusFolder(corpus, name, reference, (text) => this.#note(text));
  }

  async run(): Promise<PoolReport> {
    const { terminal, scenario, options, interruption } = this.#session;
    const { strategy, seed, json = false } = options;
    const firstIndex = await this.#firstIndex();
    this.#keptIndex = firstIndex + this.#campaign.shard;
    const report = await runExplorePool({
      ...poolOptions(scenario.reference, options),
      firstIndex,
      corpus: await this.#corpus.load(),
      signal: interruption.signal,
      onEvent: (event) => this.#onEvent(event),
    });
    this.#write(() => this.#corpus.keepSeeds(report.seeds));
    this.#write(() => this.#keepState(report.nextIndex));
    await this.#writing;
    const { found, description } = await this.#settle(report);
    terminal.progress('');
    const cutOff = await this.#keepCutOff(report);
    const explored = {
      scenario: { name: scenario.name, description },
      report,
      strategy,
      seed,
      found,
      cutOff,
    };
    if (json) terminal.json(exploredJson(explored));
    else for (const line of exploredLines(terminal, explored)) terminal.line(line);
    return report;
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

  /** Each campaign has a state of its own, as several may take turns here, or run at once. */
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
    if (this.#session.options.strategy === EXHAUSTIVE) return;
    try {
      await writeCampaignState(this.#statePath, { ...this.#campaign, nextIndex });
    } catch (error) {
      this.#note(`where to resume is not kept: ${messageOf(error)}`);
    }
  }

  /** Once a second, so that no more is lost if the process is killed. */
  #keepProgress({ nextIndex }: PoolProgress): void {
    const now = performance.now();
    if (nextIndex <= this.#keptIndex || now - this.#keptAt < STATE_EVERY_MS) return;
    this.#keptIndex = nextIndex;
    this.#keptAt = now;
    this.#write(() => this.#keepState(nextIndex));
  }

  async #settle({
    failures,
  }: PoolReport): Promise<Pick<Explored, 'found'> & { readonly description: string }> {
    if (failures.length === 0) return { found: [], description: '' };
    const { settleAll } = await import('./failure-desk.ts');
    const found = await settleAll(this.#session, failures, this.#corpus);
    const { definition } = await this.#session.scenario.load();
    return { found, description: definition.description };
  }

  /** Their logs are mostly too long to be pasted. */
  async #keepCutOff({ cutOff }: PoolReport): Promise<FailingExecution[]> {
    const kept: FailingExecution[] = [];
    for (const execution of cutOff) {
      const file = await this.#corpus.keep(execution);
      kept.push(file === undefined ? execution : { ...execution, file });
    }
    return kept;
  }

  #onEvent(event: PoolEvent): void {
    const { name } = this.#session.scenario;
    const { json = false } = this.#session.options;
    if (event.type === 'progress' && !json) {
      this.#session.terminal.progress(progressText(name, event.progress));
    }
    if (event.type === 'progress') this.#keepProgress(event.progress);
    if (event.type === 'failure') {
      this.#write(() => this.#corpus.keep(event.failure));
    }
    if (event.type === 'fixed' || event.type === 'changed') {
      this.#write(() => this.#corpus.retire(event.corpusId, event.type));
      const what = event.type === 'fixed' ? 'no longer fails' : 'now fails differently';
      this.#note(`${name}: ${what}: ${event.key}`);
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
