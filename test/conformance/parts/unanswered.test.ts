// What a case says that waits for a call of its part that is never answered.
import { describe, expect, test } from 'vitest';
import * as cluster from '../../../src/cluster/index.ts';
import { createMemoryActionCache } from '../../../src/cas/memory-action-cache.ts';
import {
  actionCacheCases,
  type ActionCacheSubject,
} from '../../../src/conformance/parts/action-cache-cases.ts';
import { chaosCases } from '../../../src/conformance/parts/chaos-cases.ts';
import { diskCases, type DiskSubject } from '../../../src/conformance/parts/disk-cases.ts';
import { lockCases } from '../../../src/conformance/parts/lock-cases.ts';
import { memoryDiskCases } from '../../../src/conformance/parts/memory-disk-cases.ts';
import { memoryOutputCases } from '../../../src/conformance/parts/memory-output-cases.ts';
import { metricsCases } from '../../../src/conformance/parts/metrics-cases.ts';
import { networkCases } from '../../../src/conformance/parts/network-cases.ts';
import { nodeCases } from '../../../src/conformance/parts/node-cases.ts';
import { playbackCases } from '../../../src/conformance/parts/playback-cases.ts';
import { simExecerCases } from '../../../src/conformance/parts/sim-execer-cases.ts';
import { simulatedNetworkCases } from '../../../src/conformance/parts/simulated-network-cases.ts';
import { createMemoryDisk } from '../../../src/disks/memory-disk.ts';
import { realWorld } from '../../../src/host/real-world.ts';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';
import type { Disk } from '../../../src/model/disk.ts';
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
import * as ours from './part-subjects.ts';

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
    ...ours.statusStore,
    create: (...given: Parameters<typeof ours.statusStore.create>) =>
      mute(ours.statusStore.create(...given), 'query'),
  };
  expect(await failureOf(storeCases, store)).toMatch(
    /^R211 Deadlock: nothing is due any more[^]*\nthe case waits for the answer to query\(\{"runs":.*\}, .*\) from the store since \d+ ms/,
  );
  const filer = {
    ...ours.simFiler,
    create: (...given: Parameters<typeof ours.simFiler.create>) =>
      mute(ours.simFiler.create(...given), 'ingest'),
  };
  expect(await failureOf(simFilerCases, filer)).toMatch(
    /\nthe case waits for the answer to ingest\("[^"]*"\) from the filer since \d+ ms/,
  );
});

test('of what a call made it names the calls too', async () => {
  const [first] = ours.execerSubjects();
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
  const filer = ours.memoryFilerSubject('mute', <T extends object>(part: T) =>
    mute(part, 'checkout' as keyof T, giveUp),
  );
  const said = failureOf(filerCases, filer, timeUp.signal);
  expect(await said).toMatch(
    /^cut off: the case has not ended\ncheckout\("\d+"\) of the filer, call \d+ of the case, has no answer$/,
  );
});

test('a signal that was aborted before cuts off too', async () => {
  const filer = ours.memoryFilerSubject('mute', <T extends object>(part: T) =>
    mute(part, 'checkout' as keyof T),
  );
  expect(await failureOf(filerCases, filer, AbortSignal.abort())).toMatch(
    /^cut off: the case has not ended(\n.*, call \d+ of the case, has no answer)?$/,
  );
});

describe('a signal', { timeout: 60_000 }, () => {
  const lists = new Map<string, () => Promise<string[]>>();
  /** Declares a list; the titles of those of its cases are kept that do not end if the signal has aborted. */
  const declare = <Subject>(
    name: string,
    cases: readonly { readonly title: string; prove: PartCase<Subject & PartSubject>['prove'] }[],
    subject: Subject & PartSubject,
  ): void => {
    lists.set(name, async () => {
      const deaf: string[] = [];
      for (const each of cases) {
        const ends = each.prove(subject, { signal: AbortSignal.abort() });
        await ends.then(
          () => deaf.push(each.title),
          () => undefined,
        );
      }
      return deaf;
    });
  };
  const memoryCache: ActionCacheSubject = {
    name: 'a cache',
    use: (body, limits) => body(createMemoryActionCache(limits)),
  };
  const memoryStore: ContentStoreSubject = {
    name: 'a store',
    use: (body, limits) => body(createMemoryContentStore(limits)),
  };
  const noCrash = { name: 'a disk', crash: () => Promise.resolve() };
  const memory: DiskSubject = {
    ...noCrash,
    async use(body) {
      const { failure } = await simulate({
        scenario: ({ world }) => {
          const medium = createMemoryDisk(world);
          return body(() => medium.mount(world));
        },
      });
      if (failure !== undefined) throw new Error(failure.message);
    },
  };
  declare('action caches', actionCacheCases, memoryCache);
  declare('chaos', chaosCases, ours.chaos);
  declare('content stores', contentStoreCases, memoryStore);
  declare('disks', diskCases, memory);
  declare('execers', execerCases, ours.execerSubjects()[0]!);
  declare('filers', filerCases, ours.memoryFilerSubject('a filer'));
  declare('locks', lockCases, ours.locks);
  const onMachine = { ...ours.locks, wallWorld: () => realWorld({ seed: 1 }) };
  declare('locks on the machine', lockCases, onMachine);
  declare('disks in memory', memoryDiskCases, ours.memoryDisk);
  declare('outputs in memory', memoryOutputCases, ours.memoryOutputs);
  declare('metrics', metricsCases, ours.memoryMetrics);
  declare('networks', networkCases, ours.networkSubject('a network'));
  declare('nodes', nodeCases, ours.serviceNode);
  declare('outputs', outputCases, ours.memoryOutputs);
  declare('playback', playbackCases, ours.playbackExecer);
  declare('execers of scripts', simExecerCases, ours.simExecer);
  declare('filers with plans', simFilerCases, ours.simFiler);
  declare('simulated networks', simulatedNetworkCases, ours.simulatedNetwork);
  declare('status stores', storeCases, ours.statusStore);

  test.each([...lists])('that has aborted ends each case about %s', async (_, deafOf) => {
    expect(await deafOf()).toEqual([]);
  });

  const CUT = 'cut off: the case has not ended';
  const never = (): Promise<never> => new Promise<never>(() => {});
  /** What a case says that waits for ever, and whose signal aborts then. */
  const failureOfMute = async (
    prove: (signal: AbortSignal, giveUp: () => void) => Promise<void>,
  ): Promise<string> => {
    const timeUp = new AbortController();
    return prove(timeUp.signal, () => timeUp.abort()).then(
      () => 'nothing',
      (error: unknown) => messageOf(error),
    );
  };

  test('ends a case about a network, and names the call of the network or of a stub', async () => {
    const [first] = networkCases;
    const saysOf = (method: 'node' | 'connect'): Promise<string> =>
      failureOfMute((signal, giveUp) => {
        const waits = (): Promise<never> => {
          void Promise.resolve().then(giveUp);
          return never();
        };
        const network = {
          notes: [],
          node: method === 'node' ? waits : () => Promise.resolve({}),
          connect: () => ({ add: waits }),
          stop: () => undefined,
        };
        return first!.prove({ name: 'mute', use: (body) => body(network as never) }, { signal });
      });
    expect(await saysOf('node')).toMatch(
      /^cut off: [^]*\nnode\("counter", .*\) of the network, call 1 of the case, has no/,
    );
    expect(await saysOf('connect')).toMatch(/\nadd\(3\) of the stub, call 4 of the case, has no answer$/);
  });

  test('ends a case about metrics, disks and crashes, and names the call if there is one', async () => {
    const ofMetrics = failureOfMute((signal, giveUp) =>
      metricsCases[0]!.prove(
        {
          name: 'mute',
          create: () =>
            mute({ metrics: createMemoryMetrics(), snapshot: () => ({}) as never }, 'snapshot', giveUp),
        },
        { signal },
      ),
    );
    expect(await ofMetrics).toBe(`${CUT}\nsnapshot() of the registry, call 1 of the case, has no answer`);
    const [write] = diskCases;
    const ofDisk = failureOfMute((signal, giveUp) =>
      write!.prove({ ...noCrash, use: (body) => body(() => mute({} as Disk, 'write', giveUp)) }, { signal }),
    );
    expect(await ofDisk).toMatch(
      /^cut off: [^]*\nwrite\("a", .*\) of the disk, call 1 of the case, has no answer$/,
    );
    const crashing = diskCases.find(({ crash }) => crash !== undefined);
    const ofCrash = failureOfMute((signal, giveUp) => {
      const crash = (): Promise<void> => {
        void Promise.resolve().then(giveUp);
        return never();
      };
      return crashing!.prove({ ...memory, crash }, { signal });
    });
    expect(await ofCrash).toBe(CUT);
  });

  test('ends a case about locks on the machine', async () => {
    const acquiring = lockCases.find(({ title }) => title.startsWith('leaves no hand-over'));
    const locks = failureOfMute((signal, giveUp) => {
      const createMutex: typeof cluster.createMutex = (...given) =>
        mute(cluster.createMutex(...given), 'acquire', giveUp);
      const parts = { ...cluster, createMutex };
      return acquiring!.prove({ ...onMachine, parts }, { signal });
    });
    expect(await locks).toBe(CUT);
  });

  test('refuses other options of a case about disks', async () => {
    await expect(diskCases[0]!.prove(memory, { signals: 1 } as never)).rejects.toThrow(/signals/);
  });
});

test('a check that does not hold is said alone', async () => {
  const wrong = {
    ...ours.memoryOutputs,
    use: (body: Parameters<typeof ours.memoryOutputs.use>[0]) =>
      ours.memoryOutputs.use(({ outputs }) => body({ outputs, read: () => new Uint8Array() })),
  };
  expect(await failureOf(outputCases, wrong)).toMatch(/^the bytes: expected .*$/);
});
