/**
 * The contract of action caches as a list of cases: for those in memory, simulated, on the disk, or yours. Invariant: a
 * case relies only on the contract in `src/model/content-store.ts`, and accepts synchronous and asynchronous answers.
 */
import { digestOf } from '../../cas/digest-of.ts';
import type { ActionOutcome } from '../../model/action.ts';
import type { ActionCache } from '../../model/content-store.ts';
import { checkEqual, checkThat } from '../check.ts';
import { noted } from './noted-part.ts';
import {
  codeOf,
  notingCalls,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
} from './part-case.ts';

/** The limits of a case's action cache. */
export interface ActionCacheLimits {
  /** The most results that it keeps. Default: no limit. */
  readonly maxEntries?: number;
}

/** A kind of action cache under test: see {@link actionCacheCases}. */
export interface ActionCacheSubject extends PartSubject {
  /** Runs a body with an empty cache. A subject that lacks `eviction` is given no limits. */
  use(body: (cache: ActionCache) => Promise<void>, limits: ActionCacheLimits): Promise<void>;
}

const INVALID = 'RUNNER_INVALID_ARGUMENT';
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const using =
  (
    body: (cache: ActionCache) => Promise<void>,
    limits: ActionCacheLimits,
  ): PartCaseSpec<ActionCacheSubject>['prove'] =>
  (subject, options) =>
    notingCalls(options, (note) => subject.use((cache) => body(noted(note, 'the cache', cache)), limits));

const cached = (
  title: string,
  body: (cache: ActionCache) => Promise<void>,
): PartCaseSpec<ActionCacheSubject> => ({ title, prove: using(body, {}) });

const ACTION = digestOf('an action');

function outcome(exitCode: number): ActionOutcome {
  return {
    exitCode,
    outputFiles: [{ path: 'out/a', digest: digestOf('a'), isExecutable: true }],
    outputDirectories: [{ path: '', treeDigest: digestOf('tree') }],
    outputSymlinks: [{ path: 'l', target: 'out/a' }],
    stdoutDigest: digestOf('out'),
    stderrDigest: digestOf('err'),
    stdoutRaw: bytesOf('out'),
    metadata: { worker: 'w', queuedMs: 1, executionStartMs: 1_700_000_000_123, workerCompletedMs: 0 },
  };
}

/** A result with its bytes as plain arrays, whatever their type. */
function plain(found: ActionOutcome | undefined): unknown {
  return found === undefined ? undefined : { ...found, stdoutRaw: [...(found.stdoutRaw ?? [])] };
}

const results: readonly PartCaseSpec<ActionCacheSubject>[] = [
  cached('R186 a result comes back as it was put, for its instance and its action only', async (cache) => {
    checkEqual('at first', await cache.get('', ACTION), undefined);
    await cache.put('', ACTION, outcome(0));
    checkEqual('the result', plain(await cache.get('', ACTION)), plain(outcome(0)));
    checkEqual('of another instance', await cache.get('other', ACTION), undefined);
    checkEqual('of another action', await cache.get('', digestOf('another')), undefined);
    await cache.put('other', ACTION, outcome(1));
    checkEqual('of two instances', plain(await cache.get('', ACTION)), plain(outcome(0)));
    checkEqual('of the other', plain(await cache.get('other', ACTION)), plain(outcome(1)));
  }),
  cached('the result that was put last is the one that is kept', async (cache) => {
    for (const exitCode of [0, 1, 2]) await cache.put('', ACTION, outcome(exitCode));
    checkEqual('its exit code', (await cache.get('', ACTION))?.exitCode, 2);
    await Promise.all([3, 4, 5].map(async (exitCode) => cache.put('', ACTION, outcome(exitCode))));
    const { exitCode } = (await cache.get('', ACTION)) ?? { exitCode: -1 };
    checkThat(exitCode >= 3, 'one of those put together', 'it to be whole', exitCode);
  }),
  cached('callers can change neither the stored result nor each other’s copies', async (cache) => {
    const metadata = { worker: 'w' };
    const given = { ...outcome(0), metadata };
    await cache.put('', ACTION, given);
    metadata.worker = 'changed';
    const found = await cache.get('', ACTION);
    checkEqual('the worker', found?.metadata.worker, 'w');
    Reflect.set(found?.outputFiles ?? [], 'length', 0);
    checkEqual('the files', (await cache.get('', ACTION))?.outputFiles.length, 1);
  }),
  cached('wrong digests and instance names are refused', async (cache) => {
    const odd = { hash: 'odd', sizeBytes: 1 };
    const acts = [
      () => cache.get('', odd),
      () => cache.get(7 as never, ACTION),
      () => cache.put('', odd, outcome(0)),
      () => cache.put(7 as never, ACTION, outcome(0)),
    ];
    for (const act of acts) checkEqual('wrong use', await codeOf(act), INVALID);
  }),
  cached('R199 it states how long a cancelled call may take to end', async ({ cancelBoundMs }) => {
    checkThat(cancelBoundMs >= 0 && cancelBoundMs < Infinity, 'cancelBoundMs', 'a bound', cancelBoundMs);
    await Promise.resolve();
  }),
  {
    title: 'it keeps no more results than its limit allows',
    needs: ['eviction'],
    prove: using(
      async (cache) => {
        const actions = Array.from({ length: 30 }, (_, n) => digestOf(String(n)));
        for (const action of actions) await cache.put('', action, outcome(0));
        let kept = 0;
        for (const action of actions) if ((await cache.get('', action)) !== undefined) kept += 1;
        checkThat(kept > 0 && kept <= 10, 'how many are kept', '1 to 10', kept);
      },
      { maxEntries: 10 },
    ),
  },
];

/**
 * The contract of an action cache, case by case: results by instance and action. It may lack `eviction`. See
 * {@link contentStoreCases}.
 *
 * @example
 * ```ts
 * import { actionCacheCases, type ActionCacheSubject } from 'dryrunner/conformance';
 * import { createMemoryActionCache } from 'dryrunner/remote';
 * const subject: ActionCacheSubject = { name: 'mine', use: (body, limits) => body(createMemoryActionCache(limits)) };
 * for (const each of actionCacheCases) await each.prove(subject);
 * ```
 */
export const actionCacheCases: readonly PartCase<ActionCacheSubject>[] = partCases({ results });
