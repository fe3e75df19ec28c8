/** Commands that read: whatever they show is told to the model, which knows what may be shown now. */
import { ALL_MASK, DONE_MASK, type StateMask } from '../model/state-mask.ts';
import type { RunStatus } from '../model/run-status.ts';
import { NO_WAIT } from '../model/wait.ts';
import { answered, RunnerCommandBase, type RunnerUnderTest } from './runner-command.ts';
import { ContractBrokenError, type RunnerModel } from './runner-model.ts';

export class Query extends RunnerCommandBase {
  readonly #states: StateMask;

  constructor(states: StateMask) {
    super();
    this.#states = states;
  }

  async run(model: RunnerModel, { service }: RunnerUnderTest): Promise<void> {
    const result = await answered(service.queryNow({ allRuns: true, states: this.#states }));
    if (result === undefined) return;
    result.statuses.forEach((status) => model.saw(status));
    const ids = result.statuses.map(({ runId }) => runId);
    const inOrder = model.runIds.filter((runId) => ids.includes(runId));
    if (ids.join() !== inOrder.join()) {
      throw new ContractBrokenError('R37', `runs ${ids.join()} came in another order than ${inOrder.join()}`);
    }
    if (this.#states === ALL_MASK && ids.length !== model.runIds.length) {
      throw new ContractBrokenError('R24', `${ids.length} of ${model.runIds.length} runs match every state`);
    }
  }

  toString(): string {
    return `query(${this.#states === ALL_MASK ? 'all' : this.#states === DONE_MASK ? 'done' : 'running'})`;
  }
}

/** Every way of reading, in some order: what each shows may not be older than what the one before has shown. */
export class Look extends RunnerCommandBase {
  readonly #turn: number;

  constructor(turn: number) {
    super();
    this.#turn = turn;
  }

  async run(model: RunnerModel, { service }: RunnerUnderTest): Promise<void> {
    const ids = model.runIds;
    const query = { runs: ids, states: ALL_MASK };
    const each = async (): Promise<readonly RunStatus[]> =>
      (await Promise.all(ids.map((runId) => service.status(runId)))).map(({ status }) => status);
    const reads: readonly (readonly [string, () => Promise<readonly RunStatus[]>])[] = [
      ['status', each],
      ['statusAll', async () => (await service.statusAll()).statuses],
      ['queryNow', async () => (await service.queryNow(query)).statuses],
      ['query', async () => (await service.query(query, NO_WAIT)).statuses],
    ];
    for (let read = 0; read < reads.length; read += 1) {
      const [name, ask] = reads[(read + this.#turn) % reads.length] ?? ['', each];
      const statuses = await answered(ask());
      if (statuses === undefined) continue;
      statuses.forEach((status) => model.saw(status));
      const shown = statuses.map(({ runId }) => runId);
      if (shown.join() === ids.join()) continue;
      const rule = [...shown].sort().join() === [...ids].sort().join() ? 'R37' : 'R43';
      throw new ContractBrokenError(rule, `${name} shows runs ${shown.join()}, of ${ids.join()}`);
    }
  }

  toString(): string {
    return `look(${this.#turn})`;
  }
}
