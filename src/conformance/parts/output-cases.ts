/**
 * The contract of outputs of any kind, as a list of cases. Invariant: a case reads what was written only through its
 * subject.
 */
import type { MaybePromise } from '../../model/maybe-promise.ts';
import type { OutputCreator } from '../../model/output.ts';
import { checkEqual, checkThat } from '../check.ts';
import { noted, MADE_BY_OUTPUTS } from './noted-part.ts';
import {
  inWords,
  notingCalls,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
} from './part-case.ts';

/** Outputs under test, and how to read their content. */
export interface OutputsUnderTest {
  readonly outputs: OutputCreator;
  /** The bytes at a URI. */
  readonly read: (uri: string) => MaybePromise<Uint8Array>;
}

/** A kind of outputs under test: see {@link outputCases}. */
export interface OutputSubject extends PartSubject {
  /** Runs a body with outputs of which none has been created. */
  use(body: (under: OutputsUnderTest) => Promise<void>): Promise<void>;
}

const on = (
  title: string,
  body: (under: OutputsUnderTest) => Promise<void>,
): PartCaseSpec<OutputSubject> => ({
  title,
  prove: (subject, options) =>
    notingCalls(options, (note) =>
      subject.use((under) =>
        body({ ...under, outputs: noted(note, 'the outputs', under.outputs, MADE_BY_OUTPUTS) }),
      ),
    ),
});

const textOf = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

const contents: readonly PartCaseSpec<OutputSubject>[] = [
  on(
    'R162 all that was written can be read at its URI, in the order of writing, as bytes and as text',
    async ({ outputs, read }) => {
      const output = await outputs.create('log');
      await output.write('ä€');
      await output.write(Uint8Array.of(0, 255, 7));
      await output.write('');
      await output.write('end\n');
      await output.close();
      const bytes = await read(output.uri);
      checkEqual('the bytes', [...bytes], [195, 164, 226, 130, 172, 0, 255, 7, 101, 110, 100, 10]);
      const halves = await outputs.create('halves');
      await halves.write(Uint8Array.of(0xef, 0xbb, 0xbf, 0xe2, 0x82));
      await halves.write(Uint8Array.of(0xac));
      await halves.close();
      checkEqual('a letter in two writes', textOf(await read(halves.uri)), '\uFEFF€');
    },
  ),
  on('R161 each output has its own URI and content, also with the same id', async ({ outputs, read }) => {
    const all = [await outputs.create('log'), await outputs.create('log'), await outputs.create('err')];
    checkEqual('how many URIs', new Set(all.map(({ uri }) => uri)).size, 3);
    for (const [n, output] of all.entries()) {
      await output.write(`text ${n}`);
      await output.close();
    }
    for (const [n, { uri }] of all.entries()) checkEqual('its text', textOf(await read(uri)), `text ${n}`);
  }),
  inWords((said) =>
    on('R161 an id that could be a path is refused, and others are taken', async ({ outputs }) => {
      for (const id of ['', '.', '..', 'a/b', '/etc/passwd', 'a\\b', 'a\0b', '\ud800', '../x', 7 as never]) {
        await said.refuses(
          `the id ${JSON.stringify(id)}`,
          () => outputs.create(id),
          'RUNNER_INVALID_ARGUMENT',
          'a non-empty name without path separators, NUL, `.` or `..`',
        );
      }
      for (const id of ['stdout', '0-stdout', '...', '..a', 'ünï', 'a b', '-', 'a%b?c#d']) {
        await (await outputs.create(id)).close();
      }
    }),
  ),
  inWords((said) =>
    on(
      'R163 a close may be repeated; a write after it fails, and nothing of it is kept',
      async ({ outputs, read }) => {
        const output = await outputs.create('log');
        await output.write('kept');
        await output.close();
        await output.close();
        await said.refuses(
          'a late write',
          () => output.write('late'),
          'RUNNER_OUTPUT_FAILED',
          'after its close',
        );
        said.equal('its text', textOf(await read(output.uri)), 'kept');
      },
    ),
  ),
  inWords((said) =>
    on('anything but text and bytes is refused, and nothing of it is kept', async ({ outputs, read }) => {
      const output = await outputs.create('log');
      for (const chunk of [7, null, undefined, {}, [1]]) {
        await said.refuses(
          'such a write',
          () => output.write(chunk as never),
          'RUNNER_INVALID_ARGUMENT',
          'chunk',
        );
      }
      await output.close();
      said.equal('its bytes', (await read(output.uri)).length, 0);
    }),
  ),
  on('a large output is kept whole', async ({ outputs, read }) => {
    const output = await outputs.create('log');
    for (let n = 0; n < 300; n += 1) await output.write(`line ${n}\n`);
    await output.write('x'.repeat(100_000));
    await output.close();
    const text = textOf(await read(output.uri));
    checkEqual('its length', text.length, 2_590 + 100_000);
    checkThat(text.startsWith('line 0\nline 1\n'), 'its beginning', 'line 0', text.slice(0, 20));
  }),
];

/**
 * The contract of outputs, case by case: for those in memory, in a folder of the machine, or yours.
 *
 * @example
 * ```ts
 * import { createMemoryOutputs } from 'dryrunner';
 * import { outputCases, type OutputSubject } from 'dryrunner/conformance';
 * const subject: OutputSubject = {
 *   name: 'in memory',
 *   use(body) {
 *     const outputs = createMemoryOutputs();
 *     return body({ outputs, read: (uri) => outputs.find(uri)?.bytes() ?? new Uint8Array() });
 *   },
 * };
 * for (const each of outputCases) await each.prove(subject);
 * ```
 */
export const outputCases: readonly PartCase<OutputSubject>[] = partCases({ contents });
