/**
 * The contract of a filer with planned behaviour, as a list of cases. Invariant: each case runs in the plain order of
 * events, with exactly the behaviour that it asks for.
 */
import type { FilerBehaviour } from '../../filers/filer-behaviour.ts';
import type { SimFiler, SimFilerOptions } from '../../filers/sim-filer.ts';
import { Cancellation } from '../../model/cancellation.ts';
import { exitCodeOf } from '../../model/exit-code.ts';
import type { Checkout, Filer } from '../../model/filer.ts';
import { isPending } from '../../model/maybe-promise.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import { checkEqual, checkThat } from '../check.ts';
import {
  answering,
  codeOf,
  inWords,
  ofOurWords,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  refusalOf,
} from './part-case.ts';
import { callsIn, MADE_BY_FILER, noted } from './noted-part.ts';
import { type PlayAnswers, type Played, playHolding } from './played.ts';

/** A kind of planned filer under test: see {@link simFilerCases}. */
export interface SimFilerSubject extends PartSubject {
  create(options: SimFilerOptions): SimFiler;
}

type Make = (options?: Partial<SimFilerOptions>) => SimFiler;
type SimBody = (sim: Simulation, make: Make) => Promise<void>;

const plays = (
  title: string,
  body: SimBody,
  look: (played: Played) => void = () => undefined,
  answers: PlayAnswers = {},
): PartCaseSpec<SimFilerSubject> =>
  answering(answers, {
    title,
    async prove(subject, { signal }) {
      const run = (sim: Simulation): Promise<void> => {
        const note = callsIn(sim.world);
        return body(sim, (options) =>
          noted(note, 'the filer', subject.create({ clock: sim.world.clock, ...options }), MADE_BY_FILER),
        );
      };
      look(await playHolding(run, answers, { signal }));
    },
  });

const FAIL = { text: 'no', exitCode: 212 };
const DONE = 'done';
const CANCELLED = 'RUNNER_CANCELLED filer/sim checkout s was cancelled';

/** A behaviour, when it is cancelled, and when and how it ends; no end if it hangs. */
const ENDS: readonly (readonly [FilerBehaviour, number | undefined, string | undefined])[] = [
  [{}, undefined, `0 ${DONE}`],
  [{ latencyMs: 50 }, undefined, `50 ${DONE}`],
  [{ latencyMs: 50, fail: FAIL }, undefined, '50 ExitCodeError: no'],
  [{ fail: FAIL }, undefined, '0 ExitCodeError: no'],
  [{ fail: { text: 'no' } }, undefined, '0 RUNNER_FILER_FAILED no'],
  [{ hang: true }, undefined, undefined],
  [{ hang: true }, 10, `10 ${CANCELLED}`],
  [{ latencyMs: 50 }, 10, `10 ${CANCELLED}`],
  [{ latencyMs: 50 }, 60, `50 ${DONE}`],
  [{ latencyMs: 50, cancelMs: 20 }, 10, `30 ${CANCELLED}`],
  [{ latencyMs: 50, cancelMs: 20 }, 40, `50 ${DONE}`],
  [{ hang: true, cancelMs: 20 }, 10, `30 ${CANCELLED}`],
  [{ latencyMs: 50, deaf: true }, 10, `50 ${DONE}`],
  [{ hang: true, deaf: true }, 10, undefined],
  [{ deaf: true }, 0, `0 ${DONE}`],
  [{}, 0, `0 ${CANCELLED}`],
  [{ fail: FAIL }, 0, `0 ${CANCELLED}`],
  [{ latencyMs: 50 }, 0, `0 ${CANCELLED}`],
  [{ cancelMs: 20 }, 0, `20 ${CANCELLED}`],
  [{ latencyMs: 5, cancelMs: 20 }, 0, `20 ${CANCELLED}`],
  [{ cancelMs: 9 }, undefined, `0 ${DONE}`],
];

const planned: readonly PartCaseSpec<SimFilerSubject>[] = [
  plays('R175 a checkout made by a delegate is released by it, once and in its time', async (sim, make) => {
    const calls: string[] = [];
    const note = (what: string): void => void calls.push(`${sim.now()} ${what}`);
    const checkoutOf = (id: string, path: string): Checkout => ({
      ...{ id, path },
      async release() {
        await sim.sleep(5);
        note(`released ${path}`);
      },
    });
    const delegate: Filer = {
      ...{ updateIntervalMs: 0, cancelBoundMs: 0 },
      checkout: (id) => checkoutOf(`${id}!`, '/mine'),
      checkoutAt: (id, dir) => checkoutOf(id, dir),
      ingest: (path) => `ingested ${path}`,
      ingestMap: (paths) => `ingested ${[...paths.keys()].join()}`,
      update: () => note('updated'),
    };
    const plan = { release: [{ latencyMs: 20 }, { fail: { text: 'stuck' } }] };
    const filer = make({ delegate, plan, latencyMs: 10 });
    const first = await filer.checkout('a');
    const second = await filer.checkoutAt('b', '/there');
    checkEqual(
      'the checkouts',
      [first.id, first.path, second.id, second.path],
      ['a!', '/mine', 'b', '/there'],
    );
    checkEqual(
      'the ids',
      [await filer.ingest('/x'), await filer.ingestMap(new Map([['/y', 'z']]))],
      ['ingested /x', 'ingested /y'],
    );
    await filer.update();
    await Promise.all([first.release(), first.release()]);
    checkEqual('the code of one that fails', await codeOf(() => second.release()), 'RUNNER_FILER_FAILED');
    checkEqual('what the delegate did', calls, ['50 updated', '75 released /mine']);
    checkEqual('checkouts that are out', filer.openCheckouts, 0);
  }),
  inWords((said) =>
    plays(
      'R173 R175 D44 D97 latency, failure, hang, slow and ignored cancel end when it was planned',
      async (sim, make) => {
        for (const [behaviour, cancelAtMs, expected] of ENDS) {
          const filer = make({ plan: { checkout: [behaviour] } });
          const cancel = new Cancellation();
          if (cancelAtMs === 0) cancel.cancel();
          const startMs = sim.now();
          let end: string | undefined;
          const note = (text: string): void => {
            end = `${sim.now() - startMs} ${text}`;
          };
          void (async () => {
            const text = await refusalOf(async () => {
              const checkout = await filer.checkout('s', cancel);
              said.equal('its id', checkout.id, 's');
              await checkout.release();
            });
            note(text === 'nothing' ? DONE : text);
          })();
          if (cancelAtMs !== undefined && cancelAtMs > 0) {
            await sim.sleep(cancelAtMs);
            cancel.cancel();
          }
          await sim.sleep(1_000);
          said.equal(`the end of ${JSON.stringify(behaviour)} cancelled at ${cancelAtMs}`, end, expected);
          if (end !== undefined) said.equal('the violations', filer.verify(), []);
          else said.equal('checkouts that are out', filer.openCheckouts, 1);
        }
      },
    ),
  ),
  plays('R175 it answers without a promise if it takes no time', async (_sim, make) => {
    const filer = make();
    const checkout = filer.checkout('s');
    checkThat(!isPending(checkout), 'a checkout', 'no promise', checkout);
    const made = checkout as Checkout;
    checkEqual('it', [made.id, made.path], ['s', '/virtual/checkout-0']);
    checkEqual('its release', made.release(), undefined);
    checkEqual('another place', (filer.checkoutAt('s', '/d') as Checkout).path, '/d');
    checkEqual('ingestions', [filer.ingest('/a'), filer.ingestMap(new Map([['/a', 'b']]))], ['0', '1']);
    checkEqual('an update', filer.update(), undefined);
    checkEqual('its bounds', [filer.cancelBoundMs, filer.updateIntervalMs], [0, 0]);
  }),
  plays(
    'R175 each operation follows its own list, then its usual latency; a release takes none',
    async (sim, make) => {
      const plan = {
        checkout: [{}, { latencyMs: 1 }],
        ingest: [{ latencyMs: 2 }, { latencyMs: 3 }],
        update: [{ latencyMs: 4 }],
        release: [{ latencyMs: 6 }],
      };
      const filer = make({ plan, latencyMs: 100 });
      const ends: string[] = [];
      const call = (name: string, act: () => unknown): void => {
        void Promise.resolve(act()).then((value) =>
          ends.push(`${sim.now()} ${name} ${String((value as Checkout | undefined)?.path ?? value)}`),
        );
      };
      const first = filer.checkout('a') as Checkout;
      call('release', () => first.release());
      call('b', () => filer.checkout('b'));
      call('c', () => filer.checkoutAt('c', '/c'));
      call('ingest', () => filer.ingest('/x'));
      call('ingestMap', () => filer.ingestMap(new Map([['/x', 'y']])));
      call('again', () => filer.ingest('/x'));
      call('update', () => filer.update());
      await sim.sleep(200);
      checkEqual('the ends', ends, [
        '1 b /virtual/checkout-1',
        '2 ingest 0',
        '3 ingestMap 1',
        '4 update undefined',
        '6 release undefined',
        '100 c /c',
        '100 again 2',
      ]);
    },
  ),
  plays('R175 a failure carries its exit code, or none', async (_sim, make) => {
    const filer = make({
      plan: { checkout: [{ fail: { text: 'no', exitCode: 211 } }, { fail: { text: 'no' } }] },
    });
    const codes: number[] = [];
    for (let nth = 0; nth < 2; nth += 1) {
      await Promise.resolve()
        .then(() => filer.checkout('s'))
        .catch((error: unknown) => codes.push(exitCodeOf(error, 210)));
    }
    checkEqual('the codes', codes, [211, 210]);
  }),
  ofOurWords(
    plays(
      'R175 an operation that hangs ends when faults end, unless it was asked to stop',
      async (sim, make) => {
        const plan = {
          checkout: [
            { hang: true },
            { hang: true, fail: { text: 'no' } },
            { hang: true, cancelMs: 20 },
            { hang: true },
            { latencyMs: 50 },
          ],
        };
        const filer = make({ plan, onHeal: sim.world.onHeal });
        const cancel = new Cancellation();
        const ends: string[] = [];
        const checkOut = async (id: string, given?: Cancellation): Promise<void> => {
          const text = await refusalOf(async () => (await filer.checkout(id, given)).release());
          ends.push(`${sim.now()} ${id} ${text}`);
        };
        const all = [
          checkOut('a'),
          checkOut('b'),
          checkOut('c', cancel),
          checkOut('d', cancel),
          checkOut('e'),
        ];
        await sim.sleep(10);
        cancel.cancel();
        await sim.sleep(5);
        sim.heal();
        await Promise.all(all);
        const cancelled = (id: string): string => `RUNNER_CANCELLED filer/sim checkout ${id} was cancelled`;
        checkEqual('the ends', ends, [
          `10 d ${cancelled('d')}`,
          '15 a nothing',
          '15 b RUNNER_FILER_FAILED no',
          `30 c ${cancelled('c')}`,
          '50 e nothing',
        ]);
        checkEqual('checkouts that are out, and faults', [filer.openCheckouts, filer.verify()], [0, []]);
      },
    ),
  ),
  ofOurWords(
    plays(
      'R175 the choice from the menu is a decision, of which 0 is the usual one',
      async (sim, make) => {
        const menu = {
          checkout: [
            { latencyMs: 10 },
            { fail: { text: 'no' } },
            { hang: true },
            { deaf: true, latencyMs: 5 },
            { cancelMs: 7 },
          ],
          update: [{ latencyMs: 1 }],
        };
        const filer = make({ name: 'disk', menu, choices: sim.world.choices, plan: { update: [{}] } });
        checkEqual('its bound', filer.cancelBoundMs, 7);
        const ends: string[] = [];
        const all = ['a', 'b', 'c'].map(async (id) => {
          const text = await refusalOf(async () => (await filer.checkout(id)).release());
          ends.push(`${sim.now()} ${id} ${text}`);
        });
        await Promise.all(all);
        await filer.update();
        await filer.update();
        checkEqual('what has no menu', await filer.ingest('/x'), '0');
        checkEqual('the ends', [...ends].sort(), [
          '0 a nothing',
          '0 c RUNNER_FILER_FAILED no',
          '10 b nothing',
        ]);
        checkEqual('the time', sim.now(), 11);
      },
      ({ asked, lines, verdict }) => {
        checkEqual('the questions asked', asked, [
          'filer/disk checkout a fault = 0 of 6: ',
          'filer/disk checkout b fault = 1 of 6: the checkout of b by filer disk takes 10 ms',
          'filer/disk checkout c fault = 2 of 6: the checkout of c by filer disk fails ("no")',
          'filer/disk update fault = 1 of 2: the update by filer disk takes 1 ms',
        ]);
        checkEqual('the faults', verdict.faults, lines.length);
      },
      { 'filer/disk checkout b fault': 1, 'filer/disk checkout c fault': 2, 'filer/disk update fault': 1 },
    ),
  ),
  inWords((said) =>
    plays(
      'R171 R175 R205 D89 a second release is harmless, reported, and gives the first outcome; faults are in the trace',
      async (sim, make) => {
        const plan = {
          release: [{ latencyMs: 5, fail: { text: 'stuck', exitCode: 213 } }],
          update: [{ latencyMs: 1, fail: { text: 'no' }, deaf: true, cancelMs: 1 }],
        };
        const filer = make({ name: 'disk', runner: 'r1', tracer: sim.world.tracer, plan });
        const checkout = filer.checkout('s') as Checkout;
        const first = refusalOf(() => checkout.release());
        const second = refusalOf(() => checkout.release());
        said.equal(
          'the outcomes',
          [await first, await second],
          ['ExitCodeError: stuck', 'ExitCodeError: stuck'],
        );
        said.equal('checkouts that are out', filer.openCheckouts, 0);
        const twice = { atMs: 0, rule: 'released-twice', text: 'checkout s was released twice' };
        said.equal('the violations', filer.violations, [twice]);
        said.equal('all violations', filer.verify(), [twice]);
        said.equal('an update', await refusalOf(() => filer.update()), 'RUNNER_FILER_FAILED no');
      },
      ({ events }) => {
        const fault = { type: 'fault', runner: 'r1', runId: '', filer: 'disk' } as const;
        said.equal('the trace', events, [
          { at: 0, ...fault, operation: 'release', kind: 'fail' },
          {
            ...{ at: 0, type: 'recorded', runner: 'r1', runId: '', what: 'filer/disk released-twice' },
            ...{ error: 'checkout s was released twice', exitCode: 0 },
          },
          ...['fail', 'deaf', 'slow-cancel'].map((kind) => ({ at: 5, ...fault, operation: 'update', kind })),
        ]);
      },
    ),
  ),
  inWords((said) =>
    plays(
      'R175 R205 a checkout that is still out is reported, one that failed is not; updates are counted apart',
      async (_sim, make) => {
        const plan = {
          checkout: [{ fail: { text: 'no' } }, { latencyMs: 10 }],
          update: [{ latencyMs: 10 }, { latencyMs: 10 }, {}],
        };
        const filer = make({ plan });
        said.equal('a checkout', await refusalOf(() => filer.checkout('z')), 'RUNNER_FILER_FAILED no');
        const pending = filer.checkout('a');
        const updates = [filer.update(), filer.update()];
        const out = filer.checkout('b') as Checkout;
        said.equal('how many are out', filer.openCheckouts, 2);
        for (const update of updates) await update;
        const late = await pending;
        void filer.update();
        said.equal('the violations', filer.violations, [
          { atMs: 0, rule: 'update-during-checkout', text: 'update while a is out' },
          { atMs: 0, rule: 'updates-overlap', text: 'update during another update' },
          { atMs: 0, rule: 'update-during-checkout', text: 'update while a is out' },
          { atMs: 0, rule: 'checkout-during-update', text: 'checkout b during an update' },
          { atMs: 10, rule: 'update-during-checkout', text: 'update while a, b is out' },
        ]);
        said.equal('checkouts that are out', filer.verify().slice(5), [
          { atMs: 10, rule: 'never-released', text: 'checkout a was not released' },
          { atMs: 10, rule: 'never-released', text: 'checkout b was not released' },
        ]);
        await late.release();
        await out.release();
        void filer.update();
        await (filer.checkout('c') as Checkout).release();
        said.equal('the number of violations', [filer.violations.length, filer.verify().length], [5, 5]);
      },
    ),
  ),
  inWords((said) =>
    plays('R175 wrong use is refused, before anything is counted', async (sim, make) => {
      const { clock } = sim.world;
      const ms = 'expected a finite number ≥ 0, got';
      await said.wrongUse([
        [() => make({ latencyMs: -1 }), `latencyMs: ${ms} -1`],
        [() => make({ latencyMs: NaN }), `latencyMs: ${ms} NaN`],
        [() => make({ updateIntervalMs: -1 }), `updateIntervalMs: ${ms} -1`],
        [() => make({ cancelBoundMs: -1 }), `cancelBoundMs: ${ms} -1`],
        [() => make({ clock: 7 as never }), 'clock: expected an object with timer(), got 7'],
        [
          () => make({ menu: { ingest: [] } }),
          'choices: expected someone who takes from the menu, got undefined',
        ],
      ]);
      const filer = make({ cancelBoundMs: 3, updateIntervalMs: 7, plan: { checkout: [{ cancelMs: 5 }] } });
      said.equal('its bounds', [filer.cancelBoundMs, filer.updateIntervalMs, clock.now()], [3, 7, 0]);
      said.equal(
        'a bound that is not stated',
        make({ plan: { update: [{ cancelMs: 5 }, {}] } }).cancelBoundMs,
        5,
      );
      await said.refuses('an id with NUL', () => filer.checkout('a\0'), 'RUNNER_INVALID_ARGUMENT');
      said.equal('checkouts that are out', filer.openCheckouts, 0);
    }),
  ),
];

/**
 * The contract of a filer with planned behaviour, case by case: for `createSimFiler`, or yours.
 *
 * @example
 * ```ts
 * import { createSimFiler } from 'dryrunner';
 * import { simFilerCases } from 'dryrunner/conformance';
 * for (const each of simFilerCases) await each.prove({ name: 'mine', create: createSimFiler });
 * ```
 */
export const simFilerCases: readonly PartCase<SimFilerSubject>[] = partCases({ planned });
