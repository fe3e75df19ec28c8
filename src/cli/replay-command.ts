/** `dryrunner replay`: plays a token or a file again, whatever kind it is, and names the first difference. */
import { decodeToken, isTokenText } from '../explore/replay-token.ts';
import { isRunnerError } from '../kernel/errors.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import { catchStrayErrors } from '../host/stray-errors.ts';
import { readTraceFile } from '../host/trace-file.ts';
import { simulate } from '../simulation/simulate.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { diffEventStreams } from '../trace/trace-differ.ts';
import type { TraceHeader } from '../trace/trace-header.ts';
import { openTrace } from '../trace/trace-reader.ts';
import { checkAllowedScenario } from './allowed-scenario.ts';
import { EXIT_STATUS, UsageError, type ExitStatus } from './exit-status.ts';
import { replayLog, type ReplayedLog } from './replay-log.ts';
import { replayRecording } from './replay-recording.ts';
import { prepareScenario } from './scenario-campaign.ts';
import { findScenarios } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';
import { failureLines, verdictJson } from './verdict-report.ts';

/** Options as typed. */
export interface ReplayCommandOptions {
  readonly json?: boolean;
  /** Goes on by chance where the log of an exploration does not fit. */
  readonly continueRandomly?: boolean;
  /** Milliseconds without progress after which the log of an exploration has failed; default that of `explore`. */
  readonly hang?: number;
  /** MiB that the log of an exploration may need. */
  readonly memory: number;
  /** Folders beside the current one from which the scenario that is named may be loaded. */
  readonly allow?: readonly string[];
}

/** 0 if the file's run happened again, 1 if it did and its property failed again, 3 at the first difference. */
export async function replayCommand(
  terminal: Terminal,
  path: string,
  { json = false, continueRandomly = false, hang, memory, allow = [] }: ReplayCommandOptions,
): Promise<ExitStatus> {
  const options = { json, continueRandomly, hang, memory };
  try {
    if (isTokenText(path)) {
      const log = decodeToken(path);
      await checkAllowedScenario(log.scenario, allow);
      return await replayLog(terminal, { scenario: log.scenario, log }, options);
    }
    const { header, decisions } = await readDecisions(path);
    if (header.kind === 'recording') return await replayRecording(terminal, path, json);
    const explored = exploredLog(path, header, decisions);
    await checkAllowedScenario(explored?.scenario ?? simulatedReference(path, header), allow);
    if (explored !== undefined) return await replayLog(terminal, explored, options);
    return await replaySimulation(terminal, path, header, decisions, json);
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_TRACE_FORMAT')) {
      throw new UsageError(isTokenText(path) ? error.message : `${path}: ${error.message}`);
    }
    if (isRunnerError(error, 'RUNNER_INVALID_ARGUMENT')) throw new UsageError(error.message);
    throw error;
  }
}

/** A log without a seed is of an exploration. */
function exploredLog(
  file: string,
  { kind, scenario = '', seed, meta = {} }: Exclude<TraceHeader, { kind: 'recording' }>,
  log: readonly Decision[],
): ReplayedLog | undefined {
  if (kind !== 'decisions' || seed !== undefined || scenario === '') return undefined;
  const { reference = scenario, failureKey } = meta;
  return { scenario: reference, log, failureKey, file };
}

/** Reads the whole file once, so that a damaged one is refused before anything is played; keeps the decisions only. */
async function readDecisions(path: string): Promise<{ header: TraceHeader; decisions: Decision[] }> {
  const trace = await openTrace(readTraceFile(path));
  const decisions: Decision[] = [];
  for await (const entry of trace) {
    if (entry.type === 'decision') decisions.push(entry.decision);
  }
  return { header: trace.header, decisions };
}

function simulatedReference(
  path: string,
  { scenario, meta = {} }: Exclude<TraceHeader, { kind: 'recording' }>,
): string {
  const reference = meta['reference'] ?? scenario;
  if (reference !== undefined) return reference;
  throw new UsageError(`${path}: expected a header that names its scenario, got one without`);
}

async function replaySimulation(
  terminal: Terminal,
  path: string,
  header: Exclude<TraceHeader, { kind: 'recording' }>,
  decisions: readonly Decision[],
  json: boolean,
): Promise<ExitStatus> {
  const { seed = '1' } = header;
  const reference = simulatedReference(path, header);
  const [scenario] = await findScenarios([reference]);
  if (scenario === undefined) throw new UsageError(`${path}: no scenario is called ${reference}`);
  const { definition } = scenario;
  const input = await prepareScenario(scenario);
  const startedAt = performance.now();
  const verdict = await catchStrayErrors((onTurn) =>
    simulate({
      ...definition.options,
      name: definition.name,
      seed,
      replay: decisions,
      keepTrace: header.kind === 'simulation',
      scenario: (sim) => definition.run(sim, input),
      onTurn,
    }),
  );
  const difference = await firstDifference(path, header, verdict);
  const realMs = performance.now() - startedAt;
  if (json) terminal.json(replayJson(verdict, difference, realMs));
  else for (const line of replayLines(terminal, verdict, scenario.reference, difference)) terminal.line(line);
  if (difference !== undefined) return EXIT_STATUS.DIVERGED;
  return verdict.held ? EXIT_STATUS.HELD : EXIT_STATUS.FAILED;
}

async function firstDifference(
  path: string,
  header: TraceHeader,
  verdict: Verdict,
): Promise<string | undefined> {
  if (verdict.failure?.kind === 'diverged') return verdict.failure.message;
  if (header.kind !== 'simulation' || verdict.traceHash === header.meta?.['verdictHash']) return undefined;
  const difference = await diffEventStreams(eventsOf(path), verdict.trace());
  return difference?.text ?? 'the events are the same, but the hash of the whole run is another';
}

async function* eventsOf(path: string): AsyncGenerator<TraceEvent, void, void> {
  for await (const entry of await openTrace(readTraceFile(path))) {
    if (entry.type === 'event') yield entry.event;
  }
}

function replayJson(
  verdict: Verdict,
  difference: string | undefined,
  realMs: number,
): Record<string, unknown> {
  const diverged = difference === undefined ? {} : { difference };
  return {
    ...verdictJson(verdict, realMs),
    type: 'replay',
    reproduced: difference === undefined,
    ...diverged,
  };
}

function replayLines(
  terminal: Terminal,
  verdict: Verdict,
  reference: string,
  difference: string | undefined,
): string[] {
  const title = `${verdict.scenario}, seed ${verdict.seed}`;
  if (difference !== undefined) {
    return [terminal.style('red', `${title}: the replay diverged`), `  ${difference}`];
  }
  return [
    `${title}: reproduced, trace hash ${verdict.traceHash}`,
    ...failureLines(terminal, verdict, reference),
  ];
}
