/** Checks the logs of a run against what its command writes (R96, R97, R101, R107). */
import { formatGoDuration } from '../../model/go-duration.ts';
import type { RunStatus } from '../../model/run-status.ts';
import type { RunnerUnderTest } from '../subject.ts';
import { bodyOf, headerFault, LOGS_READ_MAX, markerOf } from './log-text.ts';
import type { LedgerRun, LedgerTerms, RunLedger } from './run-ledger.ts';
import type { RunnerReach } from './runner-reach.ts';
import type { WorkloadHost } from './workload-host.ts';

/** Checks the logs of the latest runs. */
export async function checkOutputs(
  host: Pick<WorkloadHost, 'check' | 'world'>,
  ledger: RunLedger,
  readOutput: NonNullable<RunnerUnderTest['readOutput']>,
  reach: RunnerReach,
): Promise<void> {
  const judge = new OutputJudge(host, readOutput, ledger.terms);
  const local = (ref: string): string => ledger.terms.parts.localRef?.(ref) ?? ref;
  for (const run of ledger.runs.slice(-LOGS_READ_MAX)) {
    if (run.ended === undefined || run.ended.stdoutRef === '') continue;
    const { stdoutRef, stderrRef } = run.ended;
    // Uploaded logs cannot be read here, so the local ones are.
    await judge.check(run, { ...run.ended, stdoutRef: local(stdoutRef), stderrRef: local(stderrRef) });
    reach.note('output that was read');
  }
}

class OutputJudge {
  readonly #host: Pick<WorkloadHost, 'check' | 'world'>;
  readonly #read: NonNullable<RunnerUnderTest['readOutput']>;
  /** Whether time passes between two steps of the runner: then two streams may arrive in any order. */
  readonly #takesTime: boolean;
  /** Whether an abort may come after the end of the process. */
  readonly #mayEndLater: boolean;

  constructor(
    host: Pick<WorkloadHost, 'check' | 'world'>,
    readOutput: NonNullable<RunnerUnderTest['readOutput']>,
    { parts: { hasUploads = false }, takesTime = false }: Pick<LedgerTerms, 'parts' | 'takesTime'>,
  ) {
    this.#host = host;
    this.#read = readOutput;
    this.#takesTime = takesTime;
    this.#mayEndLater = takesTime || hasUploads;
  }

  async check(run: LedgerRun, status: RunStatus): Promise<void> {
    const { drawn, runId } = run;
    const stdout = await this.#read(status.stdoutRef);
    const stderr = await this.#read(status.stderrRef);
    const stdlogUri = /\tLog: (\S+)$/m.exec(stdout)?.[1] ?? '';
    this.#demand(
      stdlogUri !== '',
      'R96',
      `the header of stdout of run ${runId} has no URI of the combined log`,
    );
    const stdlog = await this.#read(stdlogUri);
    const marker = markerOf(stdout);
    const trailers = trailersOf(marker, status, drawn.command.timeoutMs ?? 0, this.#mayEndLater);
    const isWhole = status.state === 'COMPLETE' || (drawn.lastsMs === Infinity && !this.#takesTime);
    const both = this.#takesTime ? [drawn.stdout, drawn.stderr] : [drawn.stdout + drawn.stderr];
    for (const [name, log, streams] of [
      ['stdout', stdout, [drawn.stdout]],
      ['stderr', stderr, [drawn.stderr]],
      ['stdlog', stdlog, both],
    ] as const) {
      const what = `${name} of run ${runId}`;
      this.#checkHeader(what, log, run, [status.stdoutRef, status.stderrRef, stdlogUri]);
      const body = bodyOf(log);
      const written = streams.join('');
      const isRight = trailers.some((trailer) => {
        const length = body.length - trailer.length;
        if (!body.endsWith(trailer) || (isWhole && length !== written.length)) return false;
        return isArrivalOf(body.slice(0, length), streams);
      });
      if (!isRight) {
        const [got, expected] = [body, written + (trailers[0] ?? '')].map((text) => JSON.stringify(text));
        this.#demand(
          false,
          'R97 R101 R107',
          `${what}, which is ${status.state}, is ${got}, and not ${expected}`,
        );
      }
      for (const secret of drawn.secrets) {
        this.#demand(!log.includes(secret), 'R17 R96', `${what} shows a value of the environment`);
      }
    }
  }

  #checkHeader(
    what: string,
    log: string,
    { drawn: { command }, acceptedAtMs }: LedgerRun,
    uris: readonly string[],
  ): void {
    const { clock } = this.#host.world;
    const [fromMs, toMs] = [acceptedAtMs, clock.now()].map((ms) => clock.epochMs + ms) as [number, number];
    // A date on the machine's time is not looked at.
    const written = this.#takesTime ? undefined : { fromMs, toMs };
    const fault = headerFault(log, { command, uris, written });
    if (fault !== undefined) this.#demand(false, fault[0], `${what} ${fault[1]}`);
  }

  #demand(condition: boolean, rule: string, message: string): void {
    if (!condition) this.#host.check(false, `${rule} ${message}`);
  }
}

/** True if the streams, or beginnings of them, may arrive as this text: each keeps its own order. */
function isArrivalOf(text: string, [one = '', other = '']: readonly string[]): boolean {
  if (other === '') return one.startsWith(text);
  /** How many characters may have come from the first. */
  let counts = new Set([0]);
  for (const [at, character] of text.split('').entries()) {
    const next = new Set<number>();
    for (const count of counts) {
      if (one[count] === character) next.add(count + 1);
      if (other[at - count] === character) next.add(count);
    }
    counts = next;
  }
  return counts.size > 0;
}

/**
 * The possible texts after the marker that the header starts with: what an abort or a deadline wrote while the command
 * ran. There are several if an abort may also have come after that, while the logs were written or uploaded.
 */
function trailersOf(
  marker: string,
  { state }: RunStatus,
  timeoutMs: number,
  mayEndLater: boolean,
): readonly string[] {
  const trailer = (why: string): string => `\n\n${marker}\n${marker}\n\nFAILED\n${why}\n`;
  const timeout = trailer(`Task exceeded timeout ${formatGoDuration(timeoutMs)}`);
  if (state === 'TIMEDOUT') return [timeout];
  if (state !== 'ABORTED') return [''];
  const abort = trailer('Task aborted');
  return mayEndLater ? [abort, '', ...(timeoutMs > 0 ? [timeout] : [])] : [abort];
}
