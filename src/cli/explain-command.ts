/** `dryrunner explain`: shrinks and explains one failing execution, named by a seed, a token or a file. */
import type { ReplayOutcome, ReplayTask } from '../threads/task.ts';
import { lostIn, type ThreadRun } from '../threads/thread-supervisor.ts';
import { eventBound, type FailingExecution } from '../explore/failing-execution.ts';
import { debugExecution } from './debug-execution.ts';
import {
  readExecution,
  type NamedExecution,
  type ReplayedLog,
  type TestExecution,
} from './execution-source.ts';
import { EXIT_STATUS, UsageError, type ExitStatus } from './exit-status.ts';
import { SHRINK_MS } from './explore-defaults.ts';
import { threadLimits, type NamedExecutionOptions } from './explore-options.ts';
import { explainTimeMs, handleFailure } from './failure-handler.ts';
import { cutShortLines, failingBlock, failingJson, effortLines } from './failure-report.ts';
import { isOtherLoss, refusalText, replayLog, requireOutcome, runShown, taskOf } from './replay-log.ts';
import type { LongerSource } from './rerun-line.ts';
import { isScenarioReference, nameScenario } from './scenario-loader.ts';
import type { Interruption } from './interruption.ts';
import { interruptible, type ScenarioSession } from './scenario-session.ts';
import type { Terminal } from './terminal.ts';
import {
  checkExecutionFiles,
  hasFiles,
  requireOwnFiles,
  writeExecution,
  writeFilesOf,
  type ExecutionTarget,
} from './execution-files.ts';
import { writeAfterResult } from './trace-target.ts';
import { replayInVitest } from './vitest-replay.ts';

/** Options as typed. */
export interface ExplainCommandOptions extends NamedExecutionOptions {
  /** Seed, if a scenario is named; default 1. */
  readonly seed?: string;
  /** False after `--no-shrink`. */
  readonly shrink: boolean;
  /** Milliseconds for shrinking; default {@link SHRINK_MS}. */
  readonly time?: number;
  /** True to leave out no line of the history. */
  readonly allLines?: boolean;
}

/** Exit code: 1 if the execution fails, 0 if it holds, 3 if it is named by a log that no longer fits. */
export async function explainCommand(
  terminal: Terminal,
  what: string,
  options: ExplainCommandOptions,
): Promise<ExitStatus> {
  await checkExecutionFiles(options, options.debug ?? false);
  const named = await executionOf(what, options);
  if ('kind' in named) return replayInVitest(terminal, named, options);
  await requireOwnFiles(options, [what], [named.scenario]);
  if (options.debug === true) return debugExecution(terminal, named, options.json ?? false);
  const work = async (interruption: Interruption): Promise<ExitStatus> => {
    const scenario = await interruption.alongsideForeignCode(() =>
      interruption.unlessRequested(nameScenario(named.scenario), 'the scenario was loading'),
    );
    return new Explaining({ terminal, scenario, options, interruption }, named).run();
  };
  return isLog(named)
    ? interruptible(terminal, work, (refused) => refusalText(refused, named))
    : interruptible(terminal, work);
}

/** The execution to explain. A seed of a scenario has no log yet. */
async function executionOf(
  what: string,
  { seed, allow = [] }: ExplainCommandOptions,
): Promise<NamedExecution | TestExecution> {
  if (await isScenarioReference(what)) return { scenario: what, seed: seed ?? '1' };
  if (seed !== undefined) {
    throw new UsageError('--seed: expected with a scenario; a token or a file has its decisions itself');
  }
  const source = await readExecution(what, allow);
  if (source.kind === 'test') return source;
  if (source.kind !== 'recording') return source.log;
  throw new UsageError(
    `${what}: expected a simulated execution, got a recording of real commands; \`replay\` compares it`,
  );
}

/** True if the log no longer leads to what it was kept for: what there is to say then, `replay` says. */
function isUnlike(
  log: ReplayedLog,
  outcome: ReplayOutcome | undefined,
  lost: FailingExecution | undefined,
): boolean {
  return outcome?.isReproduced === false || (lost !== undefined && isOtherLoss(log, lost));
}

/** Explains one execution and reports to a person or a program. */
class Explaining {
  readonly #session: ScenarioSession<ExplainCommandOptions>;
  readonly #named: NamedExecution;

  constructor(session: ScenarioSession<ExplainCommandOptions>, named: NamedExecution) {
    this.#session = session;
    this.#named = named;
  }

  async run(): Promise<ExitStatus> {
    const { terminal, options, interruption } = this.#session;
    const { memory, hang, json = false, trace, timeline } = options;
    const replay = await this.#execute();
    const { outcome } = replay;
    requireOutcome(this.#session.scenario.name, replay, interruption);
    const lost = lostIn(replay);
    if (isLog(this.#named) && isUnlike(this.#named, outcome, lost)) {
      return replayLog(terminal, this.#named, {
        ...{ json, continueRandomly: false, memory, hang },
        ...{ trace, timeline },
      });
    }
    const failing = lost ?? outcome?.failing;
    if (failing === undefined) {
      if (outcome !== undefined) this.#reportHeld(outcome);
      await this.#draw(this.#named.log);
      return interruption.status ?? EXIT_STATUS.HELD;
    }
    const handled = await this.#handle(failing);
    await this.#print(handled);
    await writeAfterResult(terminal, EXIT_STATUS.FAILED, async () => {
      if (outcome !== undefined) await this.#draw((handled.shrunk ?? failing).decisions, eventBound(failing));
      else await writeFilesOf(terminal, this.#target(), this.#named, replay);
    });
    return interruption.status ?? EXIT_STATUS.FAILED;
  }

  #execute(): Promise<ThreadRun<ReplayTask>> {
    const { terminal, scenario, options, interruption } = this.#session;
    const { reference } = scenario;
    const task = { ...taskOf(this.#named), scenario: reference, onGap: 'keyed', explains: false } as const;
    const limits = { ...threadLimits(options), signal: interruption.signal };
    return runShown({ terminal, name: scenario.name, json: options.json ?? false }, task, limits);
  }

  async #handle(failing: FailingExecution): Promise<FailingExecution> {
    const { shrink, time = SHRINK_MS, allLines = false } = this.#session.options;
    const handled = await handleFailure(this.#session, {
      failing,
      ...(shrink ? {} : { maxExecutions: 0 }),
      ...(allLines ? { linesMax: Infinity } : {}),
      shrinkMs: time,
      explainMs: explainTimeMs(time, SHRINK_MS),
    });
    const { terminal, interruption } = this.#session;
    terminal.progress('');
    if (interruption.requested) {
      const work = shrink ? 'made small and explained' : 'explained';
      const isSmaller = (handled.shrunk ?? failing).traceHash !== failing.traceHash;
      const how = isSmaller ? 'as small as it got' : 'as it was found';
      terminal.note(`interrupted while the failure was ${work}: it is shown ${how}`);
    }
    return handled;
  }

  async #draw(log: ReplayTask['log'], bound: ReturnType<typeof eventBound> = {}): Promise<void> {
    const { terminal, scenario, options, interruption } = this.#session;
    if (!hasFiles(options) || interruption.requested) return;
    const drawn = { ...this.#named, scenario: scenario.reference, log, ...bound };
    await writeExecution(terminal, this.#target(), drawn, threadLimits(options));
  }

  #target(): ExecutionTarget {
    const { options, interruption } = this.#session;
    const { trace, timeline, json = false } = options;
    return { trace, timeline, json, interruption };
  }

  #reportHeld({ traceHash }: ReplayOutcome): void {
    const { terminal, scenario, options } = this.#session;
    terminal.progress('');
    const { name } = scenario;
    if (options.json === true) {
      terminal.json({ type: 'explained', scenario: name, held: true, traceHash });
    } else terminal.line(`${name}${this.#seedText()}: it holds, so there is nothing to explain`);
  }

  /** What was typed repeats a failure whose token is too long to be typed. */
  #longer(): LongerSource {
    const { file, seed = '1' } = this.#named;
    return isLog(this.#named) ? file : { reference: this.#session.scenario.reference, seed };
  }

  #seedText(): string {
    return isLog(this.#named) ? '' : `, seed ${this.#named.seed ?? '1'}`;
  }

  async #print(handled: FailingExecution): Promise<void> {
    const { terminal, scenario, options } = this.#session;
    terminal.noteFailure();
    if (options.json === true) {
      terminal.json({ type: 'explained', scenario: scenario.name, held: false, ...failingJson(handled) });
      return;
    }
    const { definition } = await scenario.load();
    const { name, description } = definition;
    const named = { name: `${name}${this.#seedText()}`, description };
    for (const line of failingBlock(terminal, named, handled, this.#longer())) terminal.line(line);
    const rest = options.shrink ? effortLines(handled, definition) : cutShortLines(handled);
    if (rest.length > 0) terminal.line();
    for (const line of rest) terminal.line(line);
  }
}

function isLog(named: NamedExecution): named is ReplayedLog {
  return named.log !== undefined;
}
