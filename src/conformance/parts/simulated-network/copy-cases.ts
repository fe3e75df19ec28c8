/**
 * Arguments, results and errors arrive as copies. Invariant: each case runs in the plain order of events, with exactly
 * the faults that it asks for.
 */
import { messageOf } from '../../../kernel/errors.ts';
import { checkEqual, checkThat } from '../../check.ts';
import { inWords, meanwhile, refusalOf } from '../part-case.ts';
import { errorOf, holds, type Spec } from './network-case.ts';
import { dateOf, ECHO } from './node-programs.ts';

class QuotaError extends Error {
  override readonly name = 'QuotaError';
  readonly code = 'QUOTA';
  readonly left = { jobs: 3 };
  readonly retry = (): void => undefined;
}

const uncloneable: readonly (readonly [args: readonly unknown[], message: string])[] = [
  [[1, { callback: () => 1 }], 'argument 2 of echo cannot be sent: a function at .callback'],
  [[[1, () => 1]], 'argument 1 of echo cannot be sent: a function at [1]'],
  [[() => 1], 'argument 1 of echo cannot be sent: a function'],
  [[Symbol('x')], 'argument 1 of echo cannot be sent: a symbol'],
  [[1, 2, { done: Promise.resolve() }], 'argument 3 of echo cannot be sent: a Promise at .done'],
  [[new Map([['key', Symbol('x')]])], 'argument 1 of echo cannot be sent: a symbol at .get(key)'],
  [[new Map([[() => 1, 1]])], 'argument 1 of echo cannot be sent: a function at .keys()'],
  [[new Set([new WeakMap()])], 'argument 1 of echo cannot be sent: a WeakMap at .values()'],
  [[{ a: { b: new WeakSet() } }], 'argument 1 of echo cannot be sent: a WeakSet at .a.b'],
  [[{ at: new URL('http://host/') }], 'argument 1 of echo cannot be sent: a URL at .at'],
  [
    [{ signal: new AbortController().signal }],
    'argument 1 of echo cannot be sent: an AbortSignal at .signal; withCallOptions(stub, { signal }) cancels a call',
  ],
];

const shared = { n: 1 };
const cloneable: readonly unknown[] = [
  ...[undefined, null, true, 0, -0, NaN, Infinity, 'text', 5n, dateOf(7)],
  ...[[], [1, [2, [3]]], {}, { a: { b: { c: 1 } } }, new Map([[{ k: 1 }, new Set([1])]]), /a+/g],
  ...[
    new Uint8Array([1, 2]),
    new Float64Array([0.5]),
    new Error('inner'),
    [undefined, null],
    { x: undefined },
  ],
  ...[[, 1], { ['__proto__x']: 1 }, [shared, shared], 'ümlaut €', 'x'.repeat(200)],
];

export const copyCases: readonly Spec[] = [
  inWords((said) =>
    holds('a value that cannot be copied is refused with its place', async (_sim, make) => {
      const stub = make().through('server', ECHO);
      for (const [args, message] of uncloneable) {
        said.equal(
          'the refusal',
          await refusalOf(() => stub.echo(...args)),
          `RUNNER_NOT_CLONEABLE ${message}`,
        );
      }
    }),
  ),
  inWords((said) =>
    holds('results and messages that cannot be copied are named too', async (_sim, make) => {
      const net = make();
      const stub = net.through('server', { make: () => ({ close: () => undefined }) });
      said.equal(
        'the refusal of a result',
        await refusalOf(() => stub.make()),
        'RUNNER_NOT_CLONEABLE the result of make cannot be sent: a function at .close',
      );
      said.equal(
        'the refusal of a message',
        await refusalOf(() => net.send('server', Symbol('x'))),
        'RUNNER_NOT_CLONEABLE the message to server cannot be sent: a symbol',
      );
    }),
  ),
  holds('values that structured clone can copy arrive unchanged, there and back', async (_sim, make) => {
    const stub = make().through('server', ECHO);
    for (const value of cloneable) checkEqual('the echo', await stub.echo(value), [value]);
    checkEqual('several', await stub.echo(1, 'two', [3]), [1, 'two', [3]]);
    checkEqual('none', await stub.echo(), []);
    const [date] = (await stub.echo(dateOf(NaN))) as [ReturnType<typeof dateOf>];
    checkThat(Number.isNaN(date.getTime()), 'an invalid date', 'such a date', date);
  }),
  holds(
    'shared references stay shared, cycles stay cycles, and deep data arrives whole',
    async (_sim, make) => {
      const stub = make().through('server', ECHO);
      const [pair] = (await stub.echo({ one: shared, other: shared })) as [{ one: object; other: object }];
      checkThat(pair.one === pair.other, 'what is met twice', 'one object', pair);
      const loop: { self?: unknown; list?: unknown[] } = { list: [] };
      loop.self = loop;
      const [back] = (await stub.echo(loop)) as [{ self: unknown }];
      checkThat(back.self === back && back !== loop, 'a circle', 'a circle of its own', back);
      let deep: unknown = 'the end';
      for (let depth = 0; depth < 200; depth += 1) deep = { deep };
      checkEqual('deep data', await stub.echo(deep), [deep]);
      const many = Array.from({ length: 60 }, (_, n) => ({ n, list: [n] }));
      checkEqual('many objects', await stub.echo(many), [many]);
    },
  ),
  holds('an instance of a class arrives as a plain object of its own fields', async (_sim, make) => {
    class Job {
      readonly id = 7;
      get twice(): number {
        return 14;
      }
    }
    const stub = make().through('server', ECHO);
    const [job] = (await stub.echo(new Job())) as [object];
    checkEqual('its fields', { ...job }, { id: 7 });
    checkThat(Object.getPrototypeOf(job) === Object.prototype, 'the copy', 'a plain object', job);
  }),
  holds('the receiver has its own copy', async (_sim, make) => {
    const kept: unknown[] = [];
    const own = { list: [1] };
    const stub = make().through('server', {
      keep: (value: unknown) => void kept.push(value),
      own: () => own,
    });
    const value = { list: [1], map: new Map([['a', dateOf(5)]]), bytes: new Uint8Array([1, 2]) };
    const sent = meanwhile(stub.keep(value));
    value.list.push(2);
    value.map.clear();
    value.bytes[0] = 9;
    await sent;
    checkEqual('what was kept', kept, [
      { list: [1], map: new Map([['a', dateOf(5)]]), bytes: new Uint8Array([1, 2]) },
    ]);
    (await stub.own()).list.push(2);
    checkEqual('the server’s own', own, { list: [1] });
  }),
  holds(
    'an error arrives with its name, message, code, causes and other plain fields',
    async (_sim, make) => {
      const thrown: unknown[] = [
        new QuotaError('no more jobs', { cause: new TypeError('no slot', { cause: 'full' }) }),
      ];
      const stub = make().through('server', {
        fail: (): never => {
          throw thrown[0];
        },
      });
      const error = (await errorOf(stub.fail())) as QuotaError;
      checkThat(error instanceof Error, 'the rejection', 'an Error', error);
      const { name, message, code, left } = error;
      checkEqual('it', [name, message, code, left], ['QuotaError', 'no more jobs', 'QUOTA', { jobs: 3 }]);
      const cause = error.cause as Error;
      checkThat(cause instanceof TypeError, 'its cause', 'a TypeError', cause);
      checkEqual('its message', cause.message, 'no slot');
      checkEqual('the cause of that', messageOf(cause.cause), 'full');
      checkThat(!('retry' in error), 'what is not plain', 'left out', error);
      for (const Kind of [TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]) {
        thrown[0] = Object.assign(new Kind('odd'), { code: 7 });
        const came = (await errorOf(stub.fail())) as Error & { code: unknown };
        checkThat(came instanceof Kind, 'the kind', Kind.name, came);
        checkEqual('it', [came.name, came.message, came.code], [Kind.name, 'odd', 7]);
        checkEqual('the fields', Object.keys(came), ['code']);
      }
      for (const [odd, text] of [
        ['text', 'text'],
        [7, '7'],
        [undefined, 'undefined'],
        [null, 'null'],
      ] as const) {
        thrown[0] = odd;
        const came = (await errorOf(stub.fail())) as Error;
        checkEqual(`what comes of ${text}`, [came.name, came.message], ['Error', text]);
      }
    },
  ),
  holds('the causes of an error arrive up to eight deep', async (_sim, make) => {
    let error = new Error('0');
    for (let depth = 1; depth < 12; depth += 1) error = new Error(String(depth), { cause: error });
    const stub = make().through('server', {
      fail: (): never => {
        throw error;
      },
    });
    let came: unknown = await errorOf(stub.fail());
    const seen: string[] = [];
    for (; came instanceof Error; came = came.cause) seen.push(came.message);
    checkEqual('the chain', seen, ['11', '10', '9', '8', '7', '6', '5', '4', '3']);
  }),
];
