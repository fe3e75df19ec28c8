// What the explanation of a failure says in which a remote call was struck.
import { describe, expect, test } from 'vitest';
import { createExecutor, type Explanation, explain } from '../../../src/explore/index.ts';
import { defineScenario, finalStatus, type ScenarioDefinition } from '../../../src/index.ts';
import { createRemoteRunner } from '../../../src/remote/remote-runner.ts';
import { createRemoteService } from '../../../src/remote/remote-service.ts';
import { withRemoteFaults } from '../../../src/remote/remote-faults.ts';
import { REMOTE_METHODS } from '../../../src/remote/methods.ts';
import { MESSAGES } from '../../../src/cas/codec.ts';
import { overWire } from '../../../src/remote/rpc.ts';
import { type Topic, topicOf } from '../../../src/kernel/question.ts';
import { createMemoryContentStore, type MemoryContentStore } from '../../../src/cas/memory-content-store.ts';
import type { RemoteFaultKind } from '../../../src/model/faults.ts';
import type { ContentStore } from '../../../src/model/content-store.ts';
import type { Digest } from '../../../src/model/digest.ts';
import { digestOf } from '../../../src/cas/digest-of.ts';
import type { ActionOutcome } from '../../../src/model/action.ts';
import { readOutputs } from '../../../src/remote/read-outputs.ts';
import { createSimContentStore } from '../../../src/remote/sim-stores.ts';
import { addAction, commandFor, makeBazelLab } from '../../remote/bazel-lab.ts';

/** A scheduler that runs a failed job again, though the failure may hide a run that goes on. */
const twice = defineScenario({
  name: 'twice',
  description: 'each job is started once',
  async run(sim) {
    const { runner: worker, blobs: content, results: cache } = makeBazelLab(sim.world, { name: 'worker' });
    const server = createRemoteService(sim.world, { runner: worker, content, cache });
    const faults = { rates: { loseDone: 0.1 }, strikesMax: 1 };
    const transport = withRemoteFaults(overWire(server), sim.world, faults);
    const lanes = ['lane-1', 'lane-2'].map((name) =>
      createRemoteRunner(sim.world, { name, transport, retriesMax: 0 }),
    );
    const runJob = async (lane: (typeof lanes)[number], nth: number): Promise<void> => {
      for (;;) {
        const { runId } = await lane.run({ argv: [`sleep ${nth}00`, 'complete 0'], taskId: `job-${nth}` });
        if ((await finalStatus(lane, runId)).status.state === 'COMPLETE') return;
      }
    };
    for (const before of [1, 3, 5, 7]) {
      await Promise.all(lanes.map((lane, at) => runJob(lane, before + at)));
    }
    const { statuses } = await worker.statusAll();
    sim.check(statuses.length <= 8, `8 jobs were started ${statuses.length} times`);
    await Promise.all(lanes.map((lane) => lane.release()));
    server.close();
    await worker.release();
  },
});

/** The explanation with the `nth` Execute struck. */
async function explained(nth: number): Promise<Explanation> {
  const question = topicOf({ owner: 'remote', what: 'call', subject: 'Execute' }).asks('fault');
  const log = Array.from({ length: nth }, (_, at) => ({ question, n: 10, answer: at === nth - 1 ? 9 : 0 }));
  return explain(createExecutor(twice), log, { linesMax: 14 });
}

const plain = (text: string): string =>
  text.replace(/action [0-9a-f]{8}/g, 'action HASH').replace(/operations\/[\w-]+/g, 'operations/N');

describe('a struck remote call', () => {
  test('is named with its run and action, in sentence and remedy', async () => {
    const { what, nearestPass } = await explained(4);
    const struck = 'remote call Execute(run 1 of lane-2, action HASH) ends without its result';
    expect(plain(what)).toBe(`8 jobs were started 9 times, when ${struck}.`);
    expect(plain(nearestPass?.text ?? '')).toContain(`nothing would have failed: ${struck}.`);
  });

  test('is shown with both starts of its job, by the client and by the worker, and with nothing of other jobs', async () => {
    const { history } = await explained(4);
    const lines = history.map(({ text }) => plain(text));
    const line = '["sleep 400","complete 0"]';
    expect(lines.filter((text) => text.includes(' accepted run '))).toEqual([
      `lane-2 accepted run 1 for job-4: ${line}`,
      `worker accepted run 3 for action HASH: ${line}`,
      `lane-2 accepted run 2 for job-4: ${line}`,
      `worker accepted run 4 for action HASH: ${line}`,
    ]);
    expect(lines).toContainEqual(expect.stringMatching(/^run 1 of lane-2 became FAILED/));
  });

  test('leads to the lines that started its job', async () => {
    const { places } = await explained(4);
    const started = places.filter(({ what }) => what.endsWith(' was started'));
    expect(started.map(({ what }) => what)).toEqual([
      'run 1 of lane-2 was started',
      'run 2 of lane-2 was started',
    ]);
    for (const { frames } of started) expect(frames[0]).toMatch(/^runJob .*remote-failures\.test\.ts:36:/);
  });

  test('names the runners of runs that several have in the causes of lines', async () => {
    const { history } = await explained(4);
    const causes = history.flatMap(({ because }) => because ?? []).join('\n');
    expect(causes).toContain('the end of run 1 of lane-2');
    expect(causes).not.toMatch(/of run [01234](?! of )/);
  });
});

/** The action of a job, which is in the store of its client. */
const actionOf = (content: MemoryContentStore, nth: number): Digest =>
  addAction(content, [`sleep ${nth}00`, `write out.txt result ${nth}`, 'complete 0'], {
    action: { doNotCache: true },
    command: { outputPaths: ['out.txt'] },
    inputs: { 'in.txt': `input ${nth}` },
  });

/**
 * A scheduler that notes each try, in words of the failure, and goes on although a struck one may have started; or a
 * runner that does so.
 */
const notedWith = (retriesMax: number): ScenarioDefinition<unknown> =>
  defineScenario<unknown>({
    name: 'noted',
    description: 'each step is done once',
    async run(sim) {
      const { runner: worker, blobs: content, results: cache } = makeBazelLab(sim.world, { name: 'worker' });
      const server = createRemoteService(sim.world, { runner: worker, content, cache });
      const transport = withRemoteFaults(overWire(server), sim.world, { rates: { cut: 0.1 }, strikesMax: 1 });
      const own = createMemoryContentStore();
      const lane = createRemoteRunner(sim.world, { name: 'lane', transport, content: own, retriesMax });
      for (const step of [1, 2, 3, 4, 5, 6]) {
        for (let nth = 1; ; nth += 1) {
          const { runId } = await lane.run(commandFor(actionOf(own, step)));
          const { state } = (await finalStatus(lane, runId)).status;
          sim.note(`try ${nth} of step ${step} is ${state}`);
          if (state === 'COMPLETE') break;
          await sim.sleep(10, 'pause');
        }
      }
      const { statuses } = await worker.statusAll();
      sim.check(statuses.length <= 6, `a step was done again: ${statuses.length} good runs of 6 steps`);
      await lane.release();
      server.close();
      await worker.release();
    },
  });

describe('a struck call that has started a run all the same', () => {
  test('is shown with that run, before the notes that the failure names', async () => {
    const question = topicOf({ owner: 'remote', what: 'call', subject: 'Execute' }).asks('fault');
    const log = [0, 9].map((answer) => ({ question, n: 10, answer }));
    const { history } = await explain(createExecutor(notedWith(0)), log, { linesMax: 10 });
    const lines = history.map(({ text }) => plain(text).replace(/: \[.*/, ''));
    expect(lines.slice(0, 3)).toEqual([
      'lane accepted run 1 for action HASH',
      'worker accepted run 1 for action HASH',
      'remote call Execute(run 1 of lane, action HASH) breaks off: lane gets UNAVAILABLE',
    ]);
    expect(lines.some((text) => text.startsWith('note: try'))).toBe(true);
    expect(lines.at(-1)).toBe('a step was done again: 7 good runs of 6 steps');
  });

  test('is shown with what the runner executes again by itself, before what runners forget', async () => {
    const question = topicOf({ owner: 'remote', what: 'call', subject: 'Execute' }).asks('fault');
    const log = [0, 9].map((answer) => ({ question, n: 10, answer }));
    const { history } = await explain(createExecutor(notedWith(1)), log, { linesMax: 10 });
    const lines = history.map(({ text }) => text);
    const again = lines.filter((text) => text.includes('needs its action executed again'));
    expect(again).toHaveLength(1);
    expect(lines.filter((text) => text.includes(' forgot run '))).toEqual([]);
  });
});

/** A scheduler that runs a failed job again, with a store that fails. */
const overStore = defineScenario({
  name: 'over-store',
  description: 'each job is tried once',
  async run(sim) {
    let content: ContentStore | undefined;
    const { runner: worker, results } = makeBazelLab(sim.world, {
      name: 'worker',
      content: (blobs) =>
        (content = createSimContentStore(sim.world, blobs, { rates: { fail: 0.1 }, maxDelayMs: 20 })),
    });
    const server = createRemoteService(sim.world, {
      runner: worker,
      content: content as unknown as ContentStore,
      cache: results,
    });
    const own = createMemoryContentStore();
    const transport = overWire(server);
    const lanes = ['lane-1', 'lane-2'].map((name) =>
      createRemoteRunner(sim.world, { name, transport, content: own, retriesMax: 0 }),
    );
    let tries = 0;
    const runJob = async (lane: (typeof lanes)[number], nth: number): Promise<void> => {
      for (;;) {
        tries += 1;
        const { runId } = await lane.run({ ...commandFor(actionOf(own, nth)), taskId: `job-${nth}` });
        if ((await finalStatus(lane, runId)).status.state === 'COMPLETE') return;
      }
    };
    for (const before of [1, 3, 5, 7]) {
      await Promise.all(lanes.map((lane, at) => runJob(lane, before + at)));
    }
    sim.check(tries <= 8, `8 jobs were tried ${tries} times`);
    await Promise.all(lanes.map((lane) => lane.release()));
    server.close();
    await worker.release();
  },
});

describe('a struck store', () => {
  const action = actionOf(createMemoryContentStore(), 4);
  test.for([
    ['the checkout', 'read', digestOf('input 4'), 'worker', ''],
    ['the checkout, after a delay', 'read', digestOf('input 4'), 'worker', 'slow'],
    ['the outputs', 'write', digestOf('result 4'), 'worker', ''],
    ['the request', 'read', action, 'lane-2', ''],
    ['the upload', 'findMissing', action, 'lane-2', ''],
  ] as const)('in %s is shown with both tries of the job', async ([, what, { hash }, struck, speed]) => {
    const topic = topicOf({ owner: 'cas', what, subject: hash.slice(0, 8) });
    const slow = { question: topic.asks('delay'), n: 8, answer: 3 };
    const log = [...(speed === '' ? [] : [slow]), { question: topic.asks('fault'), n: 10, answer: 9 }];
    const { history, places, sentence } = await explain(createExecutor(overStore), log, { linesMax: 14 });
    expect(sentence).toMatch(/8 jobs were tried 9 times, when .*fault "fail" strikes cas/);
    const lines = history.map(({ text }) => plain(text));
    expect(lines.filter((text) => / accepted run /.test(text)).map((text) => text.split(':')[0])).toEqual([
      'lane-2 accepted run 1 for job-4, action HASH',
      ...(struck === 'worker' ? ['worker accepted run 3 for action HASH'] : []),
      'lane-2 accepted run 2 for job-4, action HASH',
      `worker accepted run ${struck === 'worker' ? 4 : 3} for action HASH`,
    ]);
    expect(lines).toContainEqual(expect.stringMatching(/^run 1 of lane-2 became FAILED/));
    if (struck === 'worker') {
      expect(lines).toContainEqual(expect.stringMatching(/^run 3 of worker became FAILED/));
    }
    expect(places.flatMap(({ what: made }) => (made.endsWith(' was started') ? [made] : []))).toEqual([
      'run 1 of lane-2 was started',
      'run 2 of lane-2 was started',
    ]);
  });
});

test.for(['evict', 'loseBlob'] as const)(
  'an output that is lost by %s is named with its run',
  async (kind) => {
    const trusting = defineScenario({
      name: 'trusting',
      description: 'an output can be read',
      async run(sim) {
        const { runner: worker, blobs, results } = makeBazelLab(sim.world, { name: 'worker' });
        const content = createSimContentStore(sim.world, blobs, { rates: { evict: 0.1 } });
        const server = createRemoteService(sim.world, { runner: worker, content, cache: results });
        const lane = createRemoteRunner(sim.world, {
          name: 'lane',
          transport: overWire(server),
          content: blobs,
        });
        const action = addAction(blobs, ['write out.txt A', 'complete 0'], {
          command: { outputPaths: ['out.txt'] },
        });
        const { status } = await finalStatus(lane, (await lane.run(commandFor(action))).runId);
        const transport = withRemoteFaults(overWire(server), sim.world, { rates: { loseBlob: 0.1 } });
        const result = status.actionResult?.result as ActionOutcome;
        try {
          await readOutputs(sim.world, { transport, result });
        } finally {
          await lane.release();
          server.close();
          await worker.release();
        }
      },
    });
    const hash = digestOf('A').hash.slice(0, 8);
    const question =
      kind === 'evict'
        ? topicOf({ owner: 'cas', what: 'read', subject: hash })
        : topicOf({ owner: 'remote', what: 'call', subject: 'Read' });
    const { what, history } = await explain(createExecutor(trusting), [
      { question: question.asks('fault'), n: 10, answer: 9 },
    ]);
    const output = `${hash}, out.txt of run 0 of lane`;
    const struck =
      kind === 'evict'
        ? `fault "evict" strikes cas read ${output}`
        : `remote call Read(blob ${output}) does not find the blob`;
    expect(what).toMatch(/^RUNNER_RPC_FAILED "output out\.txt: .*" was thrown, when /);
    expect(what).toContain(`when ${struck}`);
    const lines = history.map(({ text }) => text);
    const shown =
      kind === 'evict'
        ? new RegExp(`^Read\\(blob ${output}\\) of the server, called by readOutputs .* fails: NOT_FOUND`)
        : /^remote call Read\(.*\) does not find the blob: readOutputs gets NOT_FOUND$/;
    expect(lines).toContainEqual(expect.stringMatching(shown));
  },
);

/** One job with the one kind of fault; it fails in any case. */
const struckBy = (kind: RemoteFaultKind): ScenarioDefinition<unknown> =>
  defineScenario<unknown>({
    name: 'struck',
    description: 'a job is never done',
    async run(sim) {
      const { runner: worker, blobs: content, results: cache } = makeBazelLab(sim.world, { name: 'worker' });
      const server = createRemoteService(sim.world, { runner: worker, content, cache });
      const faults = { rates: { [kind]: 0.1 }, slowMsMax: 4_000, strikesMax: 1 };
      const transport = withRemoteFaults(overWire(server), sim.world, faults);
      const lane = createRemoteRunner(sim.world, { name: 'lane', transport });
      const { runId } = await lane.run({ argv: ['sleep 100', 'complete 0'] });
      await finalStatus(lane, runId);
      await lane.release();
      server.close();
      await worker.release();
      sim.check(false, 'it is done');
    },
  });

describe('a fault of a remote call is one line, with what the client got', () => {
  const call = (method: string): Topic => topicOf({ owner: 'remote', what: 'call', subject: method });
  const execute = 'remote call Execute(run 0 of lane, action HASH)';
  const find = 'remote call FindMissingBlobs(run 0 of lane, 3 blobs)';
  test.for<readonly [RemoteFaultKind, string, number, string, string]>([
    ['refuse', 'Execute', 0, `${execute} is refused`, ': lane gets UNAVAILABLE'],
    [
      'loseAnswer',
      'FindMissingBlobs',
      0,
      `${find} is done, but its answer is lost`,
      ': lane gets UNAVAILABLE',
    ],
    [
      'deadline',
      'FindMissingBlobs',
      0,
      `${find} is done, but past its deadline`,
      ': lane gets DEADLINE_EXCEEDED',
    ],
    ['cut', 'Execute', 0, `${execute} breaks off`, ': lane gets UNAVAILABLE'],
    [
      'cut',
      'Execute',
      1,
      `${execute} breaks off after 1 answer`,
      ': lane gets UNAVAILABLE, after QUEUED as operations/N',
    ],
    [
      'loseDone',
      'Execute',
      0,
      `${execute} ends without its result`,
      ', after EXECUTING as operations/N, called at 0 ms',
    ],
    [
      'workerDies',
      'Execute',
      0,
      `${execute} loses its worker`,
      ': lane gets UNAVAILABLE as operations/N, called at 0 ms',
    ],
    ['slow', 'Execute', 3, `${execute} is slow for 2000 ms`, ''],
  ])('%s of %s, %i', async ([kind, method, detail, struck, outcome]) => {
    const topic = call(method);
    const log = [{ question: topic.asks('fault'), n: 10, answer: 9 }];
    if (kind === 'cut') log.push({ question: topic.plus('cut').asks('choice'), n: 3, answer: detail });
    if (kind === 'slow') log.push({ question: topic.plus('slow').asks('delay'), n: 8, answer: detail });
    const { what, history } = await explain(createExecutor(struckBy(kind)), log, { linesMax: Infinity });
    expect(plain(what)).toBe(`it is done, when ${struck}.`);
    const lines = history.map(({ text }) => plain(text));
    const decided = history.filter(({ role }) => role === 'decision').map(({ text }) => plain(text));
    expect(decided).toEqual([`${struck}${outcome}`]);
    // Apart from the answer to a call that was only slow.
    const [, of = ''] = /call (.*?)\(/.exec(struck) ?? [];
    const ofServer = lines.filter((text) => text.startsWith(`${of}(`) && text.includes(' of the server'));
    expect(ofServer.filter((text) => text.includes('injected'))).toEqual([]);
  });

  test('also where two calls of one method are struck in one step', async () => {
    const cut = call('Execute');
    const both = defineScenario({
      name: 'both',
      description: 'two actions have no result',
      async run(sim) {
        const {
          runner: worker,
          blobs: content,
          results: cache,
        } = makeBazelLab(sim.world, { name: 'worker' });
        const server = createRemoteService(sim.world, { runner: worker, content, cache });
        const transport = withRemoteFaults(overWire(server), sim.world, { rates: { cut: 0.1 } });
        const executed = async (actionDigest: Digest): Promise<void> => {
          const request = MESSAGES.ExecuteRequest.decode(MESSAGES.ExecuteRequest.encode({ actionDigest }));
          const answers = transport.serverStream(REMOTE_METHODS.execute, request, {
            signal: new AbortController().signal,
          });
          for await (const { done } of answers) if (done) return;
        };
        const [first, second] = [1, 2].map((nth) => executed(actionOf(content, nth)));
        await expect(first).rejects.toThrow('broke off');
        await expect(second).rejects.toThrow('broke off');
        server.close();
        await worker.release();
        sim.check(false, 'they have none');
      },
    });
    const log = [
      ...[9, 9].map((answer) => ({ question: cut.asks('fault'), n: 10, answer })),
      ...[1, 2].map((answer) => ({ question: cut.plus('cut').asks('choice'), n: 3, answer })),
    ];
    const { history } = await explain(createExecutor(both), log, { linesMax: Infinity });
    const decided = history.filter(({ role }) => role === 'decision').map(({ text }) => plain(text));
    const struck = 'remote call Execute(action HASH) breaks off';
    expect(decided).toEqual([`${struck} after 1 answer`, `${struck} after 2 answers`]);
  });
});
