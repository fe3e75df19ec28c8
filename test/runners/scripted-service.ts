// A service over a real store whose runs do what the test says. It writes down every call that reaches it.
import { sleep } from '../../src/kernel/clock.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { tagsOf } from '../../src/model/command.ts';
import type { Command } from '../../src/model/command.ts';
import { ExitCodeError } from '../../src/model/exit-code.ts';
import type { Query, Wait } from '../../src/model/query.ts';
import { isTerminal } from '../../src/model/run-state.ts';
import { abortStatus, completeStatus, failedStatus, runningStatus } from '../../src/model/run-status.ts';
import type { RunID, RunStatus } from '../../src/model/run-status.ts';
import { HEALTHY_SERVICE_STATUS } from '../../src/model/service-status.ts';
import type { Service } from '../../src/model/service.ts';
import { formatMask } from '../../src/model/state-mask.ts';
import type { QueryResult, StatusResult } from '../../src/model/status-reader.ts';
import { createStatusStore } from '../../src/store/status-store.ts';
import type { StatusStore } from '../../src/store/status-store.ts';

/** A scripted service. */
export class ScriptedService implements Service {
  readonly store: StatusStore;
  /** `TIME CALL ARGUMENT`, in order. */
  readonly calls: string[] = [];
  /** Makes `queryNow` answer this much later, with what held when it was asked. */
  latencyMs = 0;
  /** Makes every call but `release` reject. */
  failure: Error | undefined;
  readonly #clock: Clock;

  /** `capacity` runs are kept, all by default. */
  constructor(clock: Clock, capacity = 0) {
    this.#clock = clock;
    this.store = createStatusStore({ clock, name: 'scripted', capacity });
    this.store.updateService(HEALTHY_SERVICE_STATUS);
  }

  async run(command: Command): Promise<RunStatus> {
    this.#note('run', command.argv.join(' '));
    return this.store.newRun(tagsOf(command));
  }

  async abort(runId: RunID): Promise<RunStatus> {
    this.#note('abort', runId);
    const { state } = this.store.currentStatus(runId);
    if (!isTerminal(state)) this.store.update(abortStatus(runId));
    return this.store.currentStatus(runId);
  }

  async query(query: Query, wait: Wait): Promise<QueryResult> {
    this.#note('query', `${textOf(query)} for ${wait.timeoutMs}`);
    return this.store.query(query, wait);
  }

  async queryNow(query: Query): Promise<QueryResult> {
    this.#note('queryNow', textOf(query));
    const answer = await this.store.queryNow(query);
    if (this.latencyMs > 0) await sleep(this.#clock, this.latencyMs, 'latency');
    return answer;
  }

  async status(runId: RunID): Promise<StatusResult> {
    this.#note('status', runId);
    return this.store.status(runId);
  }

  async statusAll(): Promise<QueryResult> {
    this.#note('statusAll', '');
    return this.store.statusAll();
  }

  async release(): Promise<void> {
    this.calls.push(`${this.#clock.now()} release`);
    for (const runId of this.store.runIds) {
      if (!isTerminal(this.store.currentStatus(runId).state)) this.store.update(abortStatus(runId));
    }
    this.store.close();
  }

  /** A run that exists without a call. */
  newRun(): RunID {
    return this.store.newRun().runId;
  }

  start(runId: RunID): void {
    this.store.update(runningStatus(runId, '', ''));
  }

  complete(runId: RunID, exitCode = 0): void {
    this.store.update(completeStatus(runId, '', exitCode));
  }

  fail(runId: RunID): void {
    this.store.update(failedStatus(runId, new ExitCodeError(250, 'failed')));
  }

  /** The calls since the last time, without their times. */
  takeCalls(): string[] {
    return this.calls.splice(0).map((call) => call.slice(call.indexOf(' ') + 1));
  }

  #note(call: string, argument: string): void {
    this.calls.push(`${this.#clock.now()} ${call} ${argument}`.trimEnd());
    if (this.failure !== undefined) throw this.failure;
  }
}

function textOf({ runs = [], allRuns = false, states }: Query): string {
  return `${allRuns ? 'all' : runs.join('+')} ${formatMask(states)}`;
}
