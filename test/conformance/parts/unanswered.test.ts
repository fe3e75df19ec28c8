// What a case says that waits for a call of its part that is never answered.
import { expect, test } from 'vitest';
import {
  type ContentStoreSubject,
  contentStoreCases,
} from '../../../src/conformance/parts/content-store-cases.ts';
import { execerCases } from '../../../src/conformance/parts/execer-cases.ts';
import { filerCases } from '../../../src/conformance/parts/filer-cases.ts';
import { outputCases } from '../../../src/conformance/parts/output-cases.ts';
import type { PartCase, PartSubject } from '../../../src/conformance/parts/part-case.ts';
import { simFilerCases } from '../../../src/conformance/parts/sim-filer-cases.ts';
import { storeCases } from '../../../src/conformance/parts/store-cases.ts';
import { createMemoryContentStore } from '../../../src/cas/memory-content-store.ts';
import { messageOf } from '../../../src/kernel/errors.ts';
import { simulate } from '../../../src/simulation/simulate.ts';
import { execerSubjects, memoryFilerSubject, memoryOutputs, simFiler, statusStore } from './part-subjects.ts';

/** The same part, whose calls of that method have no answer; `then` follows the call. */
const mute = <T extends object>(part: T, method: keyof T, then = (): void => undefined): T =>
  new Proxy(part, {
    get(target, key) {
      if (key === method) {
        return () => {
          void Promise.resolve().then(then);
          return new Promise(() => {});
        };
      }
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });

/** What the first case says that does not hold. */
async function failureOf<Subject extends PartSubject>(
  cases: readonly PartCase<Subject>[],
  subject: Subject,
  signal?: AbortSignal,
): Promise<string> {
  for (const each of cases) {
    try {
      await each.prove(subject, signal === undefined ? {} : { signal });
    } catch (error) {
      return messageOf(error);
    }
  }
  return 'nothing';
}

test('in a simulation it names the call, its part and since when it waits', async () => {
  const store = {
    ...statusStore,
    create: (...given: Parameters<typeof statusStore.create>) => mute(statusStore.create(...given), 'query'),
  };
  expect(await failureOf(storeCases, store)).toMatch(
    /^R211 Deadlock: nothing is due any more[^]*\nthe case waits for the answer to query\(\{"runs":.*\}, .*\) from the store since \d+ ms/,
  );
  const filer = {
    ...simFiler,
    create: (...given: Parameters<typeof simFiler.create>) => mute(simFiler.create(...given), 'ingest'),
  };
  expect(await failureOf(simFilerCases, filer)).toMatch(
    /\nthe case waits for the answer to ingest\("[^"]*"\) from the filer since \d+ ms/,
  );
});

test('of what a call made it names the calls too', async () => {
  const [first] = execerSubjects();
  const subject = {
    ...first!,
    async create() {
      const under = await first!.create();
      const { execer } = under;
      return {
        ...under,
        execer: {
          cancelBoundMs: execer.cancelBoundMs,
          exec: async (...given: Parameters<typeof execer.exec>) => mute(await execer.exec(...given), 'wait'),
        },
      };
    },
  };
  expect(await failureOf(execerCases, subject)).toMatch(
    /^nothing is left to happen, and the result is not there\nwait\(\) of the process, call 2 of the case, has no answer$/,
  );
});

test('where only its subject knows the time, it names the call once the subject, or the test, gives up', async () => {
  const inSimulation: ContentStoreSubject = {
    name: 'a store in a simulation',
    async use(body, limits) {
      const { failure } = await simulate({
        scenario: () => body(mute(createMemoryContentStore(limits), 'read')),
      });
      if (failure !== undefined) throw new Error(failure.message);
    },
  };
  expect(await failureOf(contentStoreCases, inSimulation)).toMatch(
    /^Deadlock: nothing is due any more[^]*\nread\(.*\) of the store, call \d+ of the case, has no answer$/,
  );
  const timeUp = new AbortController();
  const giveUp = (): void => timeUp.abort();
  const filer = memoryFilerSubject('mute', <T extends object>(part: T) =>
    mute(part, 'checkout' as keyof T, giveUp),
  );
  const said = failureOf(filerCases, filer, timeUp.signal);
  expect(await said).toMatch(
    /^cut off: the case has not ended\ncheckout\("\d+"\) of the filer, call \d+ of the case, has no answer$/,
  );
});

test('a signal that was aborted before cuts off too', async () => {
  const filer = memoryFilerSubject('mute', <T extends object>(part: T) => mute(part, 'checkout' as keyof T));
  expect(await failureOf(filerCases, filer, AbortSignal.abort())).toMatch(
    /^cut off: the case has not ended(\n.*, call \d+ of the case, has no answer)?$/,
  );
});

test('a check that does not hold is said alone', async () => {
  const wrong = {
    ...memoryOutputs,
    use: (body: Parameters<typeof memoryOutputs.use>[0]) =>
      memoryOutputs.use(({ outputs }) => body({ outputs, read: () => new Uint8Array() })),
  };
  expect(await failureOf(outputCases, wrong)).toMatch(/^the bytes: expected .*$/);
});
