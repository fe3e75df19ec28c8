import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseDrain } from '../../src/kernel/drain.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { createMemoryOutputs } from '../../src/outputs/memory-output.ts';
import type { MemoryOutput } from '../../src/outputs/memory-file.ts';
import type { OutputFault } from '../../src/outputs/output-fault.ts';

function faulty(...faults: OutputFault[]): MemoryOutput {
  return createMemoryOutputs({ clock: createVirtualClock(), faults: () => faults }).create('log');
}

const failure = (text: string): unknown =>
  expect.objectContaining({ code: 'RUNNER_OUTPUT_FAILED', message: `${text} (injected fault)` });

describe('an output in memory', () => {
  test('R160 R169 is written, read and closed, and has a URI', () => {
    const outputs = createMemoryOutputs({ toFile: ({ name }) => `/copies/${name}` });
    const output = outputs.create('stdout');
    expect(output.write('a')).toBeUndefined();
    expect(output.write(Uint8Array.of(0xc3))).toBeUndefined();
    expect(output.text()).toBe('a\ufffd');
    expect(output.write(Uint8Array.of(0xa9))).toBeUndefined();
    expect([output.closed, output.close(), output.close(), output.closed]).toEqual([
      false,
      undefined,
      undefined,
      true,
    ]);
    expect(output).toMatchObject({ id: 'stdout', name: 'stdout-0', uri: 'memory:///stdout-0' });
    expect(output.text()).toBe('aé');
    expect(output.bytes()).toEqual(Uint8Array.of(0x61, 0xc3, 0xa9));
    expect(output.asFile()).toBe('/copies/stdout-0');
  });

  test('R169 keeps its chunks as given, and their bytes are its content', () => {
    const text = fc
      .array(fc.constantFrom('a', 'é', '\ufeff', '😀', '\ud83d', '\ude00', '\0'))
      .map((all) => all.join(''));
    const chunk = fc.oneof(text, fc.uint8Array({ maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(chunk), (chunks) => {
        const output = createMemoryOutputs().create('log');
        for (const each of chunks) void output.write(each);
        const expected = Buffer.concat(chunks.map((each) => Buffer.from(each)));
        expect(Buffer.from(output.bytes())).toEqual(expected);
        expect(output.text()).toBe(expected.toString());
        expect(output.chunks).toHaveLength(chunks.length);
        expect(output.chunks.every((kept, index) => kept === chunks[index])).toBe(true);
      }),
    );
  });

  test('a lazy text is made once, by the first reader, in its place among the chunks', () => {
    const output = createMemoryOutputs().create('log');
    let made = 0;
    const text = (): string => `text ${++made}`;
    expect(output.writeLazily?.(text)).toBeUndefined();
    void output.write(', bytes, ');
    void output.writeLazily?.(text);
    void output.close();
    expect(made).toBe(0);
    expect(output.text()).toBe('text 1, bytes, text 2');
    expect(output.text()).toBe('text 1, bytes, text 2');
    expect(() => output.writeLazily?.(text)).toThrow(
      expect.objectContaining({ message: 'output log-0 was written to after its close' }),
    );
    const open = createMemoryOutputs().create('log');
    expect(() => open.writeLazily?.('text' as never)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }),
    );
  });

  test('a lazy text meets the faults of its output like any other', () => {
    const output = faulty({ kind: 'short', afterBytes: 3 });
    expect(() => output.writeLazily?.(() => 'header')).toThrow(failure('output log-0 took 3 of 6 bytes'));
    expect(output.text()).toBe('hea');
  });

  test('the returned bytes are a copy', () => {
    const output = createMemoryOutputs().create('log');
    void output.write(Uint8Array.of(1, 2));
    output.bytes().fill(9);
    expect(output.bytes()).toEqual(Uint8Array.of(1, 2));
  });

  test('a write after the close, a chunk of another type, and a file without a creator are errors', () => {
    const output = createMemoryOutputs().create('log');
    expect(() => output.write(7 as never)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected: 'a string or a Uint8Array' }),
    );
    void output.close();
    expect(() => output.write('late')).toThrow(
      expect.objectContaining({
        code: 'RUNNER_OUTPUT_FAILED',
        message: 'output log-0 was written to after its close',
      }),
    );
    expect(() => output.asFile()).toThrow(
      expect.objectContaining({
        code: 'RUNNER_OUTPUT_FAILED',
        message: 'output log-0 lives in memory and has no local file; give its creator a toFile',
      }),
    );
    expect(output.text()).toBe('');
  });
});

describe('the creator of outputs in memory', () => {
  test('R161 R167 names are unique and start with the id, and each output is found by its own URI until dropped', () => {
    const ids = fc.constantFrom('a', 'a-1', 'a-1-2', 'b c', '-', '1', '?#%', '😀');
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ create: ids }) },
      { weight: 3, arbitrary: fc.record({ dropNth: fc.nat() }) },
      { weight: 1, arbitrary: fc.constant({ fail: true }) },
    );
    const steps = fc.array(step, { maxLength: 250, size: 'max' });
    const limit = fc.constantFrom(1, 2, 5, 40, Number.POSITIVE_INFINITY);
    fc.assert(
      fc.property(steps, limit, (all, maxOutputs) => {
        const faults = (id: string): OutputFault[] => (id === 'fail' ? [{ kind: 'create' }] : []);
        const outputs = createMemoryOutputs({ maxOutputs, faults });
        const made: MemoryOutput[] = [];
        let held: MemoryOutput[] = [];
        for (const each of all) {
          if ('create' in each) {
            const output = outputs.create(each.create);
            made.push(output);
            held = [...held, output].slice(-maxOutputs);
          } else if ('fail' in each) {
            expect(() => outputs.create('fail')).toThrow();
          } else if (made.length > 0) {
            // Mostly the oldest, as runs do that end in their order.
            const output = held[each.dropNth % 3] ?? made[each.dropNth % made.length]!;
            expect(outputs.drop(output.uri)).toBe(held.includes(output));
            held = held.filter((other) => other !== output);
          }
        }
        expect(outputs.all()).toEqual(held);
        const found = new Set(held);
        const wrong = made.filter((output) => (outputs.find(output.uri) === output) !== found.has(output));
        expect(wrong).toEqual([]);
        expect(made.every(({ id, name }) => name.startsWith(id))).toBe(true);
        expect(new Set(made.map(({ name }) => name)).size).toBe(made.length);
      }),
    );
  });

  test('an unknown URI finds and drops nothing', () => {
    const outputs = createMemoryOutputs();
    outputs.create('a');
    for (const uri of ['', '-0', 'memory:///b-0', 'memory:///a-00', 'memory:///a-1', 'file:///a-0']) {
      expect([outputs.find(uri), outputs.drop(uri)]).toEqual([undefined, false]);
    }
    expect(outputs.all()).toHaveLength(1);
  });

  test('R161 ids that could be a path, and a limit below one, are refused', () => {
    expect(() => createMemoryOutputs().create('../x')).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }),
    );
    for (const maxOutputs of [0, -1, Number.NaN]) {
      expect(() => createMemoryOutputs({ maxOutputs })).toThrow(
        expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected: 'a number ≥ 1' }),
      );
    }
  });
});

describe('faults of an output in memory', () => {
  test('R169 after N bytes a write fails whole, and a smaller one still fits', () => {
    const output = faulty({ kind: 'error', afterBytes: 4 });
    void output.write('ééé'.slice(0, 1));
    expect(() => output.write('123')).toThrow(failure('output log-0 is full after 4 bytes'));
    void output.write('12');
    expect(() => output.write('3')).toThrow(failure('output log-0 is full after 4 bytes'));
    expect([output.text(), output.write(''), output.close()]).toEqual(['é12', undefined, undefined]);
  });

  test('R169 a short write keeps what fits and fails, and nothing fits afterwards', () => {
    const output = faulty({ kind: 'short', afterBytes: 4 });
    void output.write('');
    void output.write('ab');
    expect(() => output.write('cdef')).toThrow(failure('output log-0 took 2 of 4 bytes'));
    expect(() => output.write('g')).toThrow(failure('output log-0 took 0 of 1 bytes'));
    expect(output.chunks).toEqual(['ab', new TextEncoder().encode('cd')]);
  });

  test('R169 creation and close fail when planned, with the given error if there is one', () => {
    const own = new Error('mine');
    expect(() => faulty({ kind: 'create' })).toThrow(failure('output log could not be created'));
    expect(() => faulty({ kind: 'create', error: own })).toThrow(own);
    expect(() => faulty({ kind: 'close' }).close()).toThrow(failure('output log-0 could not be closed'));
    expect(() => faulty({ kind: 'close', error: own }).close()).toThrow(own);
    expect(() => faulty({ kind: 'error', afterBytes: 0, error: own }).write('x')).toThrow(own);
  });

  test('R169 the plan is asked once per creation, and an output without faults is plain', () => {
    const asked: unknown[] = [];
    const outputs = createMemoryOutputs({
      faults: (id, serial) => {
        asked.push([id, serial]);
        return [[{ kind: 'create' } as const], [], undefined][serial];
      },
    });
    expect(() => outputs.create('a')).toThrow(failure('output a could not be created'));
    expect([outputs.create('b').name, outputs.create('c').name]).toEqual(['b-1', 'c-2']);
    expect(asked).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ]);
    expect(outputs.all().map(({ id }) => id)).toEqual(['b', 'c']);
    expect(outputs.find('memory:///c-2')?.id).toBe('c');
  });

  test('R169 delayed writes take their time one after the other, keep their order, and hold up the close', async () => {
    const clock = createVirtualClock();
    const faults: OutputFault[] = [
      { kind: 'delay', ms: 10 },
      { kind: 'error', afterBytes: 5 },
    ];
    const output = createMemoryOutputs({ clock, faults: () => faults }).create('log');
    const events: string[] = [];
    const note = (what: string) => (): void => void events.push(`${clock.now()} ${what} ${output.text()}`);
    for (const text of ['ab', 'cdef', 'cd']) {
      void Promise.resolve(output.write(text)).then(note(`wrote ${text}`), note(`lost ${text}`));
    }
    void Promise.resolve(output.close()).then(note('closed'));
    void Promise.resolve(output.close()).then(note('closed again'));
    expect([output.closed, output.text()]).toEqual([true, '']);
    expect(clock.pendingEvents().map(({ topic }) => topic.text)).toEqual(['output/log-0 write']);
    await chooseDrain().run(() => clock.step());
    expect(events).toEqual([
      '10 wrote ab ab',
      '20 lost cdef ab',
      '30 wrote cd abcd',
      '30 closed abcd',
      '30 closed again abcd',
    ]);
    expect(clock.pending).toBe(0);
  });

  test('R169 a close that fails after delayed writes rejects', async () => {
    const clock = createVirtualClock();
    const faults: OutputFault[] = [{ kind: 'delay', ms: 10 }, { kind: 'close' }];
    const output = createMemoryOutputs({ clock, faults: () => faults }).create('log');
    const written = output.write('x');
    const closed = expect(output.close()).rejects.toEqual(failure('output log-0 could not be closed'));
    await chooseDrain().run(() => clock.step());
    await written;
    await closed;
    expect(() => output.close()).toThrow(failure('output log-0 could not be closed'));
  });

  test.for([
    [{ kind: 'error', afterBytes: -1 }, 'an integer ≥ 0'],
    [{ kind: 'short', afterBytes: 0.5 }, 'an integer ≥ 0'],
    [{ kind: 'delay', ms: -1 }, 'a finite number ≥ 0'],
    [{ kind: 'delay', ms: Number.POSITIVE_INFINITY }, 'a finite number ≥ 0'],
  ] as const)('R169 the fault %j is refused', ([fault, expected]) => {
    expect(() => faulty(fault)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected }),
    );
  });

  test('R169 a delay of no time is none', () => {
    const output = createMemoryOutputs({ faults: () => [{ kind: 'delay', ms: 0 }] }).create('log');
    expect([output.write('x'), output.close(), output.text()]).toEqual([undefined, undefined, 'x']);
  });

  test('R169 a delay needs a clock', () => {
    const outputs = createMemoryOutputs({ faults: () => [{ kind: 'delay', ms: 1 }] });
    expect(() => outputs.create('a')).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        expected: 'a clock, because a delay fault needs one',
      }),
    );
  });
});
