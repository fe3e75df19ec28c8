/**
 * The contract of outputs in memory beyond `outputCases`, as a list of cases: their faults, and what they keep.
 * Invariant: a case reads what was written only through its subject.
 */
import type { MemoryOutputs, MemoryOutputsOptions } from '../../outputs/memory-output.ts';
import type { OutputFault } from '../../outputs/output-fault.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import { checkEqual, checkThat } from '../check.ts';
import {
  inWords,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  refusalOf,
} from './part-case.ts';
import { callsIn, noted } from './noted-part.ts';
import { playHolding } from './played.ts';

/** Outputs in memory under test: see {@link memoryOutputCases}. */
export interface MemoryOutputSubject extends PartSubject {
  create(options?: MemoryOutputsOptions): MemoryOutputs;
}

type MakeOutputs = (options?: MemoryOutputsOptions) => MemoryOutputs;

const inMemory = (
  title: string,
  body: (make: MakeOutputs, sim: Simulation) => Promise<void>,
): PartCaseSpec<MemoryOutputSubject> => ({
  title,
  async prove(subject, { signal }) {
    const scenario = (sim: Simulation): Promise<void> => {
      const note = callsIn(sim.world);
      return body((options) => noted(note, 'the outputs', subject.create(options)), sim);
    };
    await playHolding(scenario, {}, { signal });
  },
});

const faulty = (make: MakeOutputs, ...faults: OutputFault[]) => make({ faults: () => faults }).create('log');

const memory: readonly PartCaseSpec<MemoryOutputSubject>[] = [
  inWords((said) =>
    inMemory('R169 an output can be read while it is written, by chunks, bytes and text', async (make) => {
      const outputs = make();
      const output = outputs.create('log');
      said.equal(
        'it',
        [output.id, output.name, output.uri, output.closed],
        ['log', 'log-0', 'memory:///log-0', false],
      );
      said.equal('its text', [output.text(), output.chunks.length], ['', 0]);
      said.equal('what a write gives', output.write('a'), undefined);
      void output.write(Uint8Array.of(98));
      said.equal('its chunks', output.chunks, ['a', Uint8Array.of(98)]);
      void output.write('c');
      said.equal(
        'its text',
        [output.text(), [...output.bytes()], output.chunks.length],
        ['abc', [97, 98, 99], 3],
      );
      let made = 0;
      void output.writeLazily?.(() => {
        made += 1;
        return 'd';
      });
      said.equal('what is lazy', made, 0);
      said.equal('its text', [output.text(), output.text(), made], ['abcd', 'abcd', 1]);
      void output.close();
      said.equal('whether it is closed', output.closed, true);
      await said.refuses(
        'a late write',
        () => output.writeLazily?.(() => 'e'),
        'RUNNER_OUTPUT_FAILED',
        'log-0',
      );
      await said.refuses('its file', () => output.asFile(), 'RUNNER_OUTPUT_FAILED', 'log-0', 'toFile');
      const local = make({ toFile: ({ name }) => `/tmp/${name}` }).create('x');
      said.equal('its file', await local.asFile(), '/tmp/x-0');
    }),
  ),
  inMemory(
    'R169 outputs are found by their URI until they are dropped, and the oldest goes first',
    async (make) => {
      const outputs = make({ maxOutputs: 2 });
      const [a, b] = [outputs.create('a'), outputs.create('b c/d'.replace('/', '?'))];
      checkEqual('the URIs', [a.uri, b.uri], ['memory:///a-0', 'memory:///b%20c%3Fd-1']);
      checkThat(
        outputs.find(a.uri) === a && outputs.find(b.uri) === b,
        'the outputs found',
        'each',
        outputs.all(),
      );
      for (const uri of ['', '-0', 'memory:///b-0', 'memory:///a-00', 'memory:///a-1', 'file:///a-0']) {
        checkEqual(`what ${uri} finds and drops`, [outputs.find(uri), outputs.drop(uri)], [undefined, false]);
      }
      const c = outputs.create('c');
      const held = (): readonly string[] => outputs.all().map(({ uri }) => uri);
      checkEqual('the outputs held', held(), [b.uri, c.uri]);
      checkEqual('the outputs found', [outputs.find(a.uri), outputs.drop(a.uri)], [undefined, false]);
      checkEqual('drops', [outputs.drop(b.uri), outputs.drop(b.uri), held()], [true, false, [c.uri]]);
      void a.write('still mine');
      checkEqual('the text of one that was dropped', a.text(), 'still mine');
      for (let n = 0; n < 100; n += 1) outputs.create('n');
      checkEqual(
        'the outputs held',
        outputs.all().map(({ name }) => name),
        ['n-101', 'n-102'],
      );
    },
  ),
  inWords((said) =>
    inMemory('R169 after N bytes a write fails whole, and a smaller one still fits', async (make) => {
      const output = faulty(make, { kind: 'error', afterBytes: 4 });
      void output.write('é');
      const full = 'RUNNER_OUTPUT_FAILED output log-0 is full after 4 bytes (injected fault)';
      said.equal('a write', await refusalOf(() => output.write('123')), full);
      void output.write('12');
      said.equal('a write', await refusalOf(() => output.write('3')), full);
      said.equal('it', [output.text(), output.write(''), output.close()], ['é12', undefined, undefined]);
    }),
  ),
  inWords((said) =>
    inMemory('R169 a short write keeps what fits and fails, and nothing fits afterwards', async (make) => {
      const output = faulty(make, { kind: 'short', afterBytes: 4 });
      void output.write('');
      void output.write('ab');
      const took = 'RUNNER_OUTPUT_FAILED output log-0 took';
      said.equal(
        'a write',
        await refusalOf(() => output.write('cdef')),
        `${took} 2 of 4 bytes (injected fault)`,
      );
      said.equal(
        'a write',
        await refusalOf(() => output.write('g')),
        `${took} 0 of 1 bytes (injected fault)`,
      );
      said.equal('its chunks', output.chunks, ['ab', new TextEncoder().encode('cd')]);
    }),
  ),
  inWords((said) =>
    inMemory(
      'R169 creation and close fail as planned, with the given error if there is one',
      async (make) => {
        const error = new Error('mine');
        const failed = 'RUNNER_OUTPUT_FAILED output';
        const table: readonly (readonly [() => unknown, string])[] = [
          [() => faulty(make, { kind: 'create' }), `${failed} log could not be created (injected fault)`],
          [() => faulty(make, { kind: 'create', error }), 'Error: mine'],
          [
            () => faulty(make, { kind: 'close' }).close(),
            `${failed} log-0 could not be closed (injected fault)`,
          ],
          [() => faulty(make, { kind: 'close', error }).close(), 'Error: mine'],
          [() => faulty(make, { kind: 'error', afterBytes: 0, error }).write('x'), 'Error: mine'],
        ];
        for (const [act, text] of table) said.equal('what fails', await refusalOf(act), text);
        const asked: unknown[] = [];
        const outputs = make({
          faults: (id, serial) => {
            asked.push([id, serial]);
            return [[{ kind: 'create' } as const], [], undefined][serial];
          },
        });
        said.equal(
          'the first',
          await refusalOf(() => outputs.create('a')),
          `${failed} a could not be created (injected fault)`,
        );
        said.equal('the names', [outputs.create('b').name, outputs.create('c').name], ['b-1', 'c-2']);
        said.equal('the questions asked', asked, [
          ['a', 0],
          ['b', 1],
          ['c', 2],
        ]);
        said.equal(
          'the outputs held',
          outputs.all().map(({ id }) => id),
          ['b', 'c'],
        );
      },
    ),
  ),
  inWords((said) =>
    inMemory(
      'R169 delayed writes take their time one after the other, keep their order, and hold up the close',
      async (make, sim) => {
        const { clock } = sim.world;
        const faults: OutputFault[] = [
          { kind: 'delay', ms: 10 },
          { kind: 'error', afterBytes: 5 },
        ];
        const output = make({ clock, faults: () => faults }).create('log');
        const seen: string[] = [];
        const note = (what: string) => (): void => void seen.push(`${sim.now()} ${what} ${output.text()}`);
        for (const text of ['ab', 'cdef', 'cd']) {
          void Promise.resolve(output.write(text)).then(note(`wrote ${text}`), note(`lost ${text}`));
        }
        void Promise.resolve(output.close()).then(note('closed'));
        void Promise.resolve(output.close()).then(note('closed again'));
        said.equal('it', [output.closed, output.text()], [true, '']);
        await sim.sleep(100);
        said.equal('what was seen', seen, [
          '10 wrote ab ab',
          '20 lost cdef ab',
          '30 wrote cd abcd',
          '30 closed abcd',
          '30 closed again abcd',
        ]);
        const failing = make({ clock, faults: () => [{ kind: 'delay', ms: 10 }, { kind: 'close' }] }).create(
          'log',
        );
        const written = failing.write('x');
        const closed = refusalOf(() => failing.close());
        await written;
        said.equal(
          'the close',
          await closed,
          'RUNNER_OUTPUT_FAILED output log-0 could not be closed (injected fault)',
        );
        said.equal('the time', sim.now(), 110);
      },
    ),
  ),
  inWords((said) =>
    inMemory('R169 wrong use is refused with what was expected and what came', async (make) => {
      const odd = 7 as never;
      await said.wrongUse([
        ...[0, -1, NaN].map(
          (maxOutputs) =>
            [() => make({ maxOutputs }), `maxOutputs: expected a number ≥ 1, got ${maxOutputs}`] as const,
        ),
        [() => make({ toFile: odd }), 'toFile: expected a function, got 7'],
        [() => make({ faults: odd }), 'faults: expected a function, got 7'],
        [() => make({ clock: odd }), 'clock: expected an object with timer(), got 7'],
        [() => make().find(odd), 'uri: expected a URI, got 7'],
        [() => make().drop(odd), 'uri: expected a URI, got 7'],
        [
          () => faulty(make, { kind: 'delay', ms: 1 }),
          'clock: expected a clock, because a delay fault needs one, got undefined',
        ],
      ]);
      for (const fault of [
        { kind: 'error', afterBytes: -1 },
        { kind: 'short', afterBytes: 0.5 },
        { kind: 'delay', ms: -1 },
      ] as const) {
        await said.refuses('such a fault', () => faulty(make, fault), 'RUNNER_INVALID_ARGUMENT', '≥ 0');
      }
      const output = faulty(make, { kind: 'delay', ms: 0 });
      said.equal(
        'a delay of no time',
        [output.write('x'), output.close(), output.text()],
        [undefined, undefined, 'x'],
      );
    }),
  ),
];

/**
 * The contract of outputs in memory beyond {@link outputCases}: they can be read at any time, and fail as planned.
 *
 * @example
 * ```ts
 * import { createMemoryOutputs } from 'dryrunner';
 * import { memoryOutputCases } from 'dryrunner/conformance';
 * for (const each of memoryOutputCases) await each.prove({ name: 'mine', create: createMemoryOutputs });
 * ```
 */
export const memoryOutputCases: readonly PartCase<MemoryOutputSubject>[] = partCases({ memory });
