/**
 * Calls between nodes, and messages in mailboxes: what crosses is an equal copy, errors keep what they say, limits and signals end a call in their
 * instant, what cannot be called is refused, and a mailbox is a line with a bound.
 */
import {
  defineScenario,
  isRunnerError,
  RunnerError,
  type ScenarioDefinition,
  type Simulation,
} from 'dryrunner';
import {
  createNetwork,
  isCallLost,
  type Mailbox,
  type Network,
  type NodeContext,
  type Stub,
  withCallOptions,
} from 'dryrunner/cluster';
import { pick, rarely } from '../zoo/odds.ts';
import { SETTLE_MS, textOf, TIMEOUTS_MS, type Waiting, WaitWork } from './wait-work.ts';
import { codeOf } from './outcome.ts';

const REACHED = [
  'a call answers',
  'a call times out',
  'a call is given up',
  'a method throws',
  'an argument cannot cross',
  'the method does not exist',
  'the node does not exist',
  'a call is not answered when the network stops',
  'a message is received at once',
  'a message is received after a wait',
  'a message goes to a handler',
  'a mailbox is full',
  'a reader times out',
] as const;
const STUB_OPTIONS = [{ timeoutMs: -1 }, { timeoutMs: NaN }, { signal: {} }, 'x'];

type Make = typeof createNetwork;

/** The workload of calls; `make` is what makes a network. */
export function callsWorkload(make: Make = createNetwork): ScenarioDefinition<unknown> {
  return defineScenario<unknown>({
    name: 'generic-calls',
    description: 'nodes call each other with all values and limits and read their mailboxes, as a model says',
    async run(sim) {
      for (const name of REACHED) sim.sometimes(name, false);
      const isCalls = pick(sim, 'kind', [true, false], 2, (is) => (is ? 'calls' : 'mailbox'));
      await (isCalls ? new CallsWork(sim, make) : new MailboxWork(sim, make)).run();
    },
  });
}

export const calls: ScenarioDefinition<unknown> = callsWorkload();

class Point {
  readonly x: number;
  readonly #hidden = 1;
  constructor(x: number) {
    this.x = x;
  }
  get hidden(): number {
    return this.#hidden;
  }
}

class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
  readonly size = 3;
}

function circle(): unknown {
  const one: Record<string, unknown> = { name: 'circle' };
  one['self'] = one;
  return one;
}

function deep(levels: number): unknown {
  return levels === 0 ? 'end' : { next: deep(levels - 1) };
}

function twice(): unknown {
  const part = { shared: true };
  return [part, part];
}

/** What can cross, made anew each time. */
const VALUES: readonly (() => unknown)[] = [
  () => 1,
  () => undefined,
  () => null,
  () => -0,
  () => NaN,
  () => 'text',
  () => 12n,
  () => [1, [2, { three: 3 }]],

  () => [1, , 3],
  () => ({ a: undefined, b: { c: [] } }),
  () =>
    new Map<unknown, unknown>([
      ['a', { b: 1 }],
      [{ k: 1 }, new Set([1, 'x'])],
    ]),
  () => new Set([[1], 'x']),
  () => new Uint8Array([1, 2, 255]),
  () => new Float64Array([0.5, -0]),
  () => new DataView(new ArrayBuffer(2)),
  () => new ArrayBuffer(3),
  () => /x+/giu,
  () => new Point(3),
  () => Object.create(null) as unknown,
  () => new RangeError('too large'),
  () => circle(),
  () => twice(),
  () => deep(70),
  () => JSON.parse('{"__proto__": {"a": 1}}') as unknown,
  () => Object.assign([1], { extra: true }),
];

/** What cannot, and how the refusal names it. */
const UNCLONEABLE: readonly (readonly [() => unknown, string])[] = [
  [() => () => 1, 'a function'],
  [() => Symbol('s'), 'a symbol'],
  [() => ({ on: { callback: () => 1 } }), 'a function at .on.callback'],
  [() => [1, [() => 1]], 'a function at [1][0]'],
  [() => new Map([['key', () => 1]]), 'a function at .get(key)'],
  [() => new Set([Symbol('s')]), 'a symbol at .values()'],
  [() => ({ later: Promise.resolve(1) }), 'a Promise at .later'],
  [() => new WeakMap(), 'a WeakMap'],
  [() => new WeakSet(), 'a WeakSet'],
  [
    () => ({ signal: new AbortController().signal }),
    'an AbortSignal at .signal; withCallOptions(stub, { signal }) cancels a call',
  ],
];

/** What methods throw. */
const THROWN: Readonly<Record<string, () => unknown>> = {
  'a TypeError': () => Object.assign(new TypeError('no such type'), { code: 'E_TYPE' }),
  'a RangeError with a cause': () =>
    new RangeError('too far', { cause: new SyntaxError('inner', { cause: 'deepest' }) }),
  'an error of its own': () => new QueueFullError('full'),
  'an error with fields': () =>
    Object.assign(new Error('with fields'), { limit: { bytes: 3 }, retry: () => 1, code: 7 }),
  'a RunnerError': () => new RunnerError('RUNNER_BUSY', 'no room'),
  'a text': () => 'just a text',
  'an object': () => ({ name: 'Odd', message: 'an object', code: 'ODD' }),
};

const server = ({ sleep }: NodeContext): Server => ({
  echo: (...args) => args,
  async late(ms, value) {
    if (ms > 0) await sleep(ms);
    return value;
  },
  fail(kind) {
    throw THROWN[kind]?.();
  },
  async failLater(kind) {
    await sleep(2.5);
    throw THROWN[kind]?.();
  },
  giveBack: (index) => UNCLONEABLE[index]?.[0](),
});

interface Server {
  echo(...args: unknown[]): unknown;
  late(ms: number, value: unknown): Promise<unknown>;
  fail(kind: string): never;
  failLater(kind: string): Promise<never>;
  giveBack(index: number): unknown;
}

interface OpenCall extends Waiting {
  readonly endMs: number;
  readonly code: string;
  readonly text: string;
  readonly method: string;
}

/** Calls. */
class CallsWork extends WaitWork {
  readonly #net: Network;
  readonly #latencyMs: number;
  readonly #callTimeoutMs: number;
  readonly #stubs: Stub<Server>[] = [];
  #open: OpenCall[] = [];

  constructor(sim: Simulation, make: Make) {
    super(sim);
    this.#latencyMs = pick(sim, 'latency', [0, 3], 1);
    const limit = pick(sim, 'limit of all', [undefined, 6.25, Infinity], 1);
    this.#callTimeoutMs = limit ?? 10_000;
    this.#net = make(this.seen, {
      latencyMs: this.#latencyMs,
      ...(limit === undefined ? {} : { callTimeoutMs: limit }),
    });
    const isLate = rarely(sim, 'starts late', 4);
    // Calls wait until the program has returned.
    this.#net.node('server', async (node) => {
      if (isLate) await node.sleep(0);
      return server(node);
    });
    this.#net.node('plain', () => undefined);
    this.#net.node('client', ({ connect }) => void this.#stubs.push(connect<Server>('server')));
    this.#stubs.push(this.#net.connect<Server>('server'));
    const wrong = pick(sim, 'wrong options', STUB_OPTIONS, 1, JSON.stringify);
    for (const act of [
      () => this.#net.connect('server', wrong as never),
      () => withCallOptions(this.#stub(), wrong as never),
    ]) {
      this.check(codeOf(act) === 'RUNNER_INVALID_ARGUMENT', `${JSON.stringify(wrong)} are refused`);
    }
    this.check(
      codeOf(() => withCallOptions({}, {})) === 'RUNNER_INVALID_ARGUMENT',
      'anything but a stub is refused',
    );
    this.check(
      codeOf(() => this.#net.node('client', () => undefined)) === 'RUNNER_INVALID_ARGUMENT',
      'a name is taken once',
    );
    const odd = this.#stub() as unknown as Record<string | symbol, unknown>;
    const none = ['then', 'toJSON', 'hasOwnProperty', Symbol.iterator];
    this.check(
      none.every((name) => odd[name] === undefined),
      'to await a stub, or print it, is no call',
    );
  }

  #stub(): Stub<Server> {
    return pick(this.sim, 'from', this.#stubs, 1, (stub) =>
      stub === this.#stubs[0] ? 'client' : 'scenario',
    );
  }

  protected act(owner: string): void {
    const kinds = [
      'late',
      'echo',
      'fail',
      'late',
      'wrong argument',
      'wrong result',
      'no method',
      'no node',
    ] as const;
    const kind = pick(this.sim, 'calls', kinds, 1);
    const id = this.nextId();
    const { options, waiting } = this.drawWait(owner, id);
    const { timeoutMs, signal } = options;
    const limits = {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    };
    const stub = withCallOptions(this.#stub(), limits);
    const limitMs = timeoutMs ?? this.#callTimeoutMs;
    const call = (
      answer: Promise<unknown>,
      method: string,
      ms: number,
      code = '',
      text = '',
      of = 'server',
    ): void => {
      this.follow(id, answer);
      if (this.isAborted(waiting.signal)) this.expect(id, 'other', 'enough');
      else {
        this.#expectCall({ ...waiting, method }, { ms: 2 * this.#latencyMs + ms, limitMs, code, text, of });
      }
    };
    switch (kind) {
      case 'late': {
        const ms = pick(this.sim, 'takes', [0, 2.5, 9.5], 1);
        call(stub.late(ms, id), 'late', ms);
        return;
      }
      case 'echo': {
        this.#echo(id, waiting, stub, limitMs);
        return;
      }
      case 'fail': {
        this.#fail(id, waiting, stub, limitMs);
        return;
      }
      case 'wrong argument': {
        this.#wrongArgument(id, waiting, stub);
        return;
      }
      case 'wrong result': {
        const index = pick(this.sim, 'which result', [...UNCLONEABLE.keys()], 1);
        const text = `the result of giveBack cannot be sent: ${UNCLONEABLE[index]?.[1]}`;
        // A promise that is returned is awaited.
        call(stub.giveBack(index), 'giveBack', 0, 'RUNNER_NOT_CLONEABLE', text);
        return;
      }
      case 'no method': {
        const isPlain = rarely(this.sim, 'of a node without an object', 2);
        const to = isPlain ? 'plain' : 'server';
        const odd = withCallOptions(this.#net.connect<{ nothing(): void }>(to), limits);
        const why = isPlain ? 'it serves no object' : 'server.nothing is undefined';
        call(odd.nothing(), 'nothing', 0, 'RUNNER_NO_METHOD', `${to} has no method nothing: ${why}`, to);
        this.sim.sometimes('the method does not exist');
        return;
      }
      case 'no node': {
        const odd = withCallOptions(this.#net.connect<{ nothing(): void }>('nobody'), limits);
        call(odd.nothing(), 'nothing', 0, 'RUNNER_NODE_DOWN', 'there is no node nobody', 'nobody');
        this.sim.sometimes('the node does not exist');
      }
    }
  }

  #expectCall(
    waiting: Waiting & { readonly method: string },
    { ms, limitMs, code, text, of }: { ms: number; limitMs: number; code: string; text: string; of: string },
  ): void {
    const now = this.sim.now();
    // An answer that comes just then is in time.
    const isLate = ms > limitMs;
    const late = `${of} has not answered ${waiting.method} within ${limitMs} ms`;
    this.#open.push({
      ...waiting,
      endMs: now + Math.min(ms, limitMs),
      code: isLate ? 'RUNNER_CALL_TIMED_OUT' : code,
      text: isLate ? late : text,
    });
  }

  #echo(id: number, waiting: Waiting, stub: Stub<Server>, limitMs: number): void {
    const makes = [
      pick(this.sim, 'first value', VALUES, 1, shown),
      pick(this.sim, 'second value', VALUES, 1, shown),
    ];
    const given = makes.map((make) => make());
    const expected = textOfValue(makes.map((make) => structuredClone(make())));
    const answer = stub.echo(...given);
    // What the caller does with it afterwards is its own affair.
    for (const value of given) spoil(value);
    const compared = answer.then((back) => {
      const text = textOfValue(back);
      this.check(text === expected, `${text} has come back, not ${expected}`);
      return 0;
    });
    this.follow(id, compared);
    if (this.isAborted(waiting.signal)) this.expect(id, 'other', 'enough');
    else {
      this.#expectCall(
        { ...waiting, method: 'echo' },
        { ms: 2 * this.#latencyMs, limitMs, code: '', text: '', of: 'server' },
      );
    }
  }

  #fail(id: number, waiting: Waiting, stub: Stub<Server>, limitMs: number): void {
    const kind = pick(this.sim, 'throws', Object.keys(THROWN), 1);
    const isLater = rarely(this.sim, 'later', 2);
    const method = isLater ? 'failLater' : 'fail';
    const thrown = THROWN[kind]?.();
    const checked = stub[method](kind).catch((error: unknown) => {
      const isOfMethod = !isCallLost(error) && textOf(error) !== 'enough';
      if (isOfMethod) this.#sameError(error, thrown);
      throw isOfMethod ? new Error('thrown') : error;
    });
    this.follow(id, checked);
    this.sim.sometimes('a method throws');
    if (this.isAborted(waiting.signal)) this.expect(id, 'other', 'enough');
    else {
      const ms = 2 * this.#latencyMs + (isLater ? 2.5 : 0);
      this.#expectCall({ ...waiting, method }, { ms, limitMs, code: 'other', text: 'thrown', of: 'server' });
    }
  }

  /** Of the same kind, name, message, code, cause and plain fields. */
  #sameError(given: unknown, thrown: unknown): void {
    const text = errorText(given);
    const expected = errorText(thrown);
    this.check(text === expected && given instanceof Error, `the error is ${text}, not ${expected}`);
    const kinds = [TypeError, RangeError, SyntaxError];
    this.check(
      kinds.every((kind) => given instanceof kind === thrown instanceof kind),
      `the error ${text} is of another kind`,
    );
    this.check(isRunnerError(given) === isRunnerError(thrown), 'a RunnerError is one at the other end');
  }

  #wrongArgument(id: number, waiting: Waiting, stub: Stub<Server>): void {
    const [make, what] = pick(this.sim, 'which argument', UNCLONEABLE, 1, ([, text]) => text);
    this.seen.takeEvents();
    const answer = stub.echo(1, make());
    this.follow(id, answer);
    if (this.isAborted(waiting.signal)) this.expect(id, 'other', 'enough');
    else this.expect(id, 'RUNNER_NOT_CLONEABLE', `argument 2 of echo cannot be sent: ${what}`);
    this.check(this.seen.takeEvents().length === 0, 'what is refused is not sent');
    this.sim.sometimes('an argument cannot cross');
  }

  protected expire(nowMs: number): void {
    for (const { id, endMs, code, text } of this.#open.filter((one) => one.endMs <= nowMs)) {
      // Whether a signal that aborts just then comes first is a decision.
      if (endMs === nowMs) this.isAmbiguous = true;
      this.expect(id, code, text, endMs);
      if (code === '') this.sim.sometimes('a call answers');
      if (code === 'RUNNER_CALL_TIMED_OUT') this.sim.sometimes('a call times out');
    }
    this.#open = this.#open.filter((one) => one.endMs > nowMs);
  }

  protected cancel(signal: number): void {
    for (const { id } of this.#open.filter((one) => one.signal === signal)) {
      this.expect(id, 'other', 'enough', this.sim.now() - SETTLE_MS);
      this.sim.sometimes('a call is given up');
    }
    this.#open = this.#open.filter((one) => one.signal !== signal);
  }

  protected look(): void {
    const one = this.#net.connect<Server>('server');
    this.check(one.late === one.late.valueOf(), 'a method of a stub stays the same');
  }

  /** Calls of the scenario that are not answered are lost, and later ones refused. */
  protected async finish(): Promise<void> {
    const answers = [
      this.#net.connect<Server>('server', { timeoutMs: Infinity }).late(1_000, 1).catch(textAndCode),
    ];
    this.#net.stop();
    answers.push(this.#net.connect<Server>('server').late(0, 1).catch(textAndCode));
    const texts = await Promise.all(answers);
    this.check(
      texts[0] === 'RUNNER_CALL_LOST server had not answered late when the network was stopped',
      `a call that is not answered when the network stops ends with ${String(texts[0])}`,
    );
    this.check(
      texts[1] === 'RUNNER_RELEASED the network was stopped',
      `a later call ends with ${String(texts[1])}`,
    );
    this.check(
      codeOf(() => this.#net.node('late', () => undefined)) === 'RUNNER_RELEASED',
      'a later node is refused',
    );
    this.sim.sometimes('a call is not answered when the network stops');
    // Those of the node that is gone never end.
    this.forget();
  }
}

interface Reading extends Waiting {
  readonly timeoutMs: number;
}

/** The mailbox of a node. */
class MailboxWork extends WaitWork {
  readonly #net: Network;
  readonly #latencyMs: number;
  #context: NodeContext | undefined;
  readonly #mailbox: Mailbox<{ id: number }>;
  #limit: number;
  readonly #flying: { readonly id: number; readonly atMs: number }[] = [];
  readonly #letters: number[] = [];
  #readers: Reading[] = [];
  #hasHandler = false;
  readonly #handled: number[] = [];
  readonly #handledExpected: number[] = [];
  #refused = 0;
  #messages = 0;

  constructor(sim: Simulation, make: Make) {
    super(sim);
    this.#latencyMs = pick(sim, 'latency', [0, 3], 1);
    this.#net = make(this.seen, { latencyMs: this.#latencyMs, fifo: true });
    this.#net.node('box', (node) => {
      this.#context = node;
    });
    this.#limit = pick(sim, 'limit', [2, 1, 3], 1);
    this.#mailbox = this.#node.mailbox({ limit: this.#limit });
    this.check(this.#mailbox.size === 0, 'it is empty at first');
    for (const wrong of [{ limit: 0 }, { limit: 1.5 }, 'x']) {
      this.check(
        codeOf(() => this.#node.mailbox(wrong as never)) === 'RUNNER_INVALID_ARGUMENT',
        'a wrong limit is refused',
      );
    }
    this.check(
      codeOf(() => this.#node.onMessage(3 as never)) === 'RUNNER_INVALID_ARGUMENT',
      'a wrong handler is refused',
    );
  }

  get #node(): NodeContext {
    return this.#context as NodeContext;
  }

  protected act(owner: string): void {
    const kinds = ['send', 'send', 'receive', 'send', 'receive', 'limit', 'handle', 'next'] as const;
    const kind = pick(this.sim, 'does', kinds, 1);
    switch (kind) {
      case 'send': {
        this.#messages += 1;
        this.#net.send('box', { id: this.#messages });
        this.#flying.push({ id: this.#messages, atMs: this.sim.now() + this.#latencyMs });
        return;
      }
      case 'receive':
      case 'next': {
        this.#receive(owner, kind === 'next');
        return;
      }
      case 'limit': {
        this.#limit = pick(this.sim, 'new limit', [1, 4, 2], 1);
        const same = this.#node.mailbox({ limit: this.#limit });
        this.check(same.size === this.#letters.length, 'a node has one mailbox');
        return;
      }
      case 'handle':
        if (rarely(this.sim, 'from now on', 3)) this.#handle();
    }
  }

  #receive(owner: string, isNext: boolean): void {
    const id = this.nextId();
    const { options, waiting } = this.drawWait(
      owner,
      id,
      TIMEOUTS_MS.filter((ms) => ms !== 0),
    );
    const { timeoutMs, signal } = options;
    const limits = {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    };
    const received = isNext
      ? this.#mailbox
          [Symbol.asyncIterator]()
          .next()
          .then((result) => (result.value as { id: number }).id)
      : this.#mailbox.receive(limits).then((message) => message.id);
    this.follow(id, received);
    if (!isNext && this.isAborted(waiting.signal)) {
      this.expect(id, 'other', 'enough');
      return;
    }
    const letter = this.#letters.shift();
    if (letter !== undefined) {
      this.expect(id, '', '', this.sim.now(), letter);
      this.sim.sometimes('a message is received at once');
    } else {
      const own = isNext ? { ...waiting, untilMs: Infinity, signal: -1 } : waiting;
      this.#readers.push({ ...own, timeoutMs: timeoutMs ?? Infinity });
    }
  }

  #handle(): void {
    this.#node.onMessage((message: { id: number }, from) => {
      this.check(from === 'scenario', `a message of ${from}`);
      this.#handled.push(message.id);
    });
    this.#hasHandler = true;
    this.#handledExpected.push(...this.#letters.splice(0));
  }

  /** Messages come and readers give up, in the order of time. */
  protected expire(nowMs: number): void {
    for (;;) {
      const [flying] = this.#flying;
      const reader = this.#readers.reduce<Reading | undefined>(
        (one, other) => (one === undefined || other.untilMs < one.untilMs ? other : one),
        undefined,
      );
      const atMs = Math.min(flying?.atMs ?? Infinity, reader?.untilMs ?? Infinity);
      if (atMs > nowMs) return;
      if (atMs === nowMs) this.isAmbiguous = true;
      // One that comes just then is in time.
      if (flying?.atMs === atMs) {
        this.#flying.shift();
        this.#arrive(flying.id, atMs);
      } else if (reader !== undefined) {
        this.#readers = this.#readers.filter((one) => one !== reader);
        const text = `no message has come to box within ${reader.timeoutMs} ms`;
        this.expect(reader.id, 'RUNNER_TIMED_OUT', text, reader.untilMs);
        this.sim.sometimes('a reader times out');
      }
    }
  }

  #arrive(message: number, atMs: number): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      this.expect(reader.id, '', '', atMs, message);
      this.sim.sometimes('a message is received after a wait');
    } else if (this.#hasHandler) {
      this.#handledExpected.push(message);
      this.sim.sometimes('a message goes to a handler');
    } else if (this.#letters.length >= this.#limit) {
      this.#refused += 1;
      this.sim.sometimes('a mailbox is full');
    } else this.#letters.push(message);
  }

  protected cancel(signal: number): void {
    for (const { id } of this.#readers.filter((one) => one.signal === signal)) {
      this.expect(id, 'other', 'enough', this.sim.now() - SETTLE_MS);
    }
    this.#readers = this.#readers.filter((one) => one.signal !== signal);
  }

  protected look(): void {
    if (this.isAmbiguous) return;
    this.check(
      this.#mailbox.size === this.#letters.length,
      `${this.#mailbox.size} wait, not ${this.#letters.length}`,
    );
    this.check(
      this.#handled.join() === this.#handledExpected.join(),
      `handled ${this.#handled.join()}, not ${this.#handledExpected.join()}`,
    );
    for (const event of this.seen.takeEvents()) {
      if (event.type !== 'message' || event.step !== 'refused') continue;
      this.#refused -= 1;
      this.check(
        /^the mailbox of box is full with \d+ messages?$/.test(event.reason ?? ''),
        `refused, as ${String(event.reason)}`,
      );
    }
    this.check(this.#refused === 0, `${this.#refused} more are to be refused`);
  }

  protected finish(): void {
    this.#net.stop();
    this.forget();
  }
}

function textAndCode(error: unknown): string {
  return isRunnerError(error) ? `${error.code} ${error.message}` : textOf(error);
}

function shown(make: () => unknown): string {
  return textOfValue(make()).slice(0, 60);
}

function errorText(error: unknown): string {
  const { name, message, code, cause, size, limit } = (
    typeof error === 'object' && error !== null ? error : { message: error }
  ) as Record<string, unknown>;
  const inner = cause === undefined ? '' : ` by ${errorText(cause)}`;
  return `${textOfValue(name ?? 'Error')} ${textOfValue(message)} ${textOfValue(code)} ${textOfValue({ size, limit })}${inner}`;
}

/** The caller changes what it has sent. */
function spoil(value: unknown): void {
  if (value instanceof Map) value.clear();
  else if (value instanceof Set) value.clear();
  else if (value instanceof Uint8Array) value.fill(0);
  else if (Array.isArray(value)) value.length = 0;
  else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    Object.assign(value, { spoilt: true });
  }
}

/** A text that is equal for values that are, and for no others: kind, order, identity and all. */
function textOfValue(value: unknown, seen: unknown[] = []): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
  const at = seen.indexOf(value);
  if (at >= 0) return `#${at}`;
  seen.push(value);
  const part = (one: unknown): string => textOfValue(one, seen);
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (value instanceof RegExp) return String(value);
  if (value instanceof Map) {
    return `${kind}(${[...value].map(([key, item]) => `${part(key)}=>${part(item)}`).join()})`;
  }
  if (value instanceof Set) return `${kind}(${[...value].map(part).join()})`;
  if (value instanceof ArrayBuffer) return `${kind}(${new Uint8Array(value).join()})`;
  if (ArrayBuffer.isView(value)) {
    return `${kind}(${new Uint8Array(value.buffer, value.byteOffset, value.byteLength).join()})`;
  }
  if (value instanceof Error) return `${value.name}(${value.message})`;
  const owner = Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null;
  const fields = Object.keys(value).map((key) => `${key}:${part((value as Record<string, unknown>)[key])}`);
  return `${kind} ${owner?.constructor?.name ?? 'none'}${Array.isArray(value) ? value.length : ''}{${fields.join()}}`;
}
