// Random histories, in the store and in its model at once: every outcome, its instant and its place in the order must agree.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RUN_STATES } from '../../src/model/run-state.ts';
import type { RunStatus } from '../../src/model/run-status.ts';
import { serviceStatus, type ServiceStatus } from '../../src/model/service-status.ts';
import { maskForState } from '../../src/model/state-mask.ts';
import { StoreModel, type ModelQuery } from './store-model.ts';
import { bareStatus, errorText, resultText, settle, StoreWorld } from './store-world.ts';

type Operation =
  | { readonly kind: 'newRun'; readonly tag: string }
  | { readonly kind: 'update'; readonly status: RunStatus; readonly afterMs: number | undefined }
  | ({ readonly kind: 'query' } & ModelQuery)
  | { readonly kind: 'cancel'; readonly signal: number }
  | { readonly kind: 'updateService'; readonly error: string }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'close' };

// Few ids, short times and few signals, so that things meet.
const runId = fc.oneof({ weight: 9, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.nat(9) }).map(String);
const shortMs = fc.nat(3);
const signal = fc.nat(2);
const text = fc.constantFrom('', '', 'a', 'b');
const status = fc
  .record({ runId, state: fc.constantFrom(...RUN_STATES), tag: text, stdoutRef: text, stderrRef: text })
  .map((fields) => bareStatus(fields.runId, fields.state, fields));
const states = fc
  .oneof(fc.subarray([...RUN_STATES], { maxLength: 2 }), fc.subarray([...RUN_STATES]))
  .map((some) => maskForState(...some));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('newRun' as const), tag: text }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('update' as const),
      status,
      afterMs: fc.option(shortMs, { nil: undefined }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('query' as const),
      runs: fc.array(runId, { maxLength: 4 }),
      allRuns: fc.boolean(),
      states,
      serviceError: fc.oneof(
        { weight: 7, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: text },
      ),
      timeoutMs: fc.oneof(shortMs, fc.constant(Infinity)),
      signal: fc.option(signal, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), signal }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('updateService' as const), error: text }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: shortMs }) },
);
// A history begins with some runs; half of them are closed in the end, and those go on for a while.
const history = fc
  .record({
    runs: fc.array(fc.record({ kind: fc.constant('newRun' as const), tag: text }), {
      minLength: 2,
      maxLength: 4,
    }),
    before: fc.array(operation, { minLength: 10, maxLength: 40 }),
    isClosed: fc.boolean(),
    after: fc.array(operation, { maxLength: 5 }),
  })
  .map(({ runs, before, isClosed, after }): Operation[] => [
    ...runs,
    ...before,
    ...(isClosed ? [{ kind: 'close' as const }, ...after] : []),
  ]);

class Rehearsal {
  readonly world: StoreWorld;
  readonly model: StoreModel;
  readonly #stops = [0, 1, 2].map(() => new AbortController());
  #queries = 0;

  constructor(capacity: number) {
    this.world = new StoreWorld({ capacity });
    this.model = new StoreModel(capacity);
  }

  async play(step: Operation): Promise<void> {
    const { world, model } = this;
    switch (step.kind) {
      case 'newRun': {
        const tags = { jobId: '', taskId: '', tag: step.tag };
        expect(outcomeOf(() => world.store.newRun(tags).runId)).toBe(model.newRun(tags));
        break;
      }
      case 'update':
        this.#update(step.status, step.afterMs);
        break;
      case 'query':
        this.#query(step);
        break;
      case 'cancel':
        this.#stops[step.signal]!.abort();
        model.cancel(step.signal);
        break;
      case 'updateService':
        world.store.updateService(serviceStatus(true, true, step.error));
        model.updateService(step.error);
        break;
      case 'pass':
        await world.pass(step.ms);
        model.pass(step.ms);
        break;
      case 'close':
        world.store.close();
        model.close();
        break;
    }
    await settle();
    await this.#compare();
  }

  #update(update: RunStatus, afterMs: number | undefined): void {
    const { world, model } = this;
    if (afterMs === undefined) {
      expect(outcomeOf(() => world.store.update(update))).toBe(model.update(update));
      return;
    }
    const outcomes: string[] = [];
    world.clock.timer(
      'write',
      afterMs,
      () => void outcomes.push(outcomeOf(() => world.store.update(update))),
    );
    model.later(afterMs, () => expect(outcomes).toEqual([model.update(update)]));
  }

  #query(query: ModelQuery): void {
    const name = `q${this.#queries}`;
    this.#queries += 1;
    const { timeoutMs } = query;
    const wait =
      query.signal === undefined ? { timeoutMs } : { timeoutMs, signal: this.#stops[query.signal]!.signal };
    const { store } = this.world;
    const { serviceError } = query;
    if (serviceError === undefined) {
      this.world.note(
        name,
        store.query(query, wait),
        (result) => `${resultText(result)} @${result.service.error}`,
      );
    } else {
      const isAwaited = ({ error }: ServiceStatus): boolean => error === serviceError;
      const answer = store.awaitService(isAwaited, wait);
      this.world.note(name, answer, (service) => `service ${service === undefined ? 'none' : service.error}`);
    }
    this.model.query(name, query);
  }

  async #compare(): Promise<void> {
    const { world, model } = this;
    expect(world.log).toEqual(model.log);
    expect((await world.store.statusAll()).statuses).toEqual(model.statuses);
    expect([...world.store.runIds]).toEqual(model.statuses.map((kept) => kept.runId));
    expect(world.store.waiterCount).toBe(model.waits.length);
    expect(world.clock.pending).toBe(model.timers);
    expect(world.clock.now()).toBe(model.nowMs);
  }
}

function outcomeOf(call: () => string): string {
  try {
    return call();
  } catch (error) {
    return errorText(error);
  }
}

test('R24 R29 R31 R35 R36 R38 R44 R47 R48 R49 R51 R52 R53 R54 R55 R56 a store behaves like its model in any history', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(3), history, async (capacity, steps) => {
      const rehearsal = new Rehearsal(capacity);
      for (const step of steps) await rehearsal.play(step);
    }),
    { numRuns: 400 },
  );
});
