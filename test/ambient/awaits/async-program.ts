/** Small asynchronous programs as text, drawn at random. Each logs numbers; what it logs, in which order, is what it does. */
import fc from 'fast-check';

/** Statements that wait by `await` of values, of promises that somebody settles, and of calls of async functions only. */
const PLAIN = ['log', 'value', 'shared', 'settle', 'fail', 'call', 'start'] as const;
/** Statements that wait in other ways too. */
const ANY = [
  ...PLAIN,
  ...[
    'thenable',
    'all',
    'chain',
    'returned',
    'sync',
    'generator',
    'broken',
    'delegated',
    'tick',
    'microtask',
  ],
] as const;

const SHARED = 3;

type Draw = { readonly kind: string; readonly pick: number; readonly inner: readonly Draw[] };

function draws(kinds: readonly string[]): fc.Arbitrary<readonly Draw[]> {
  const { block } = fc.letrec<{ block: readonly Draw[]; statement: Draw }>((tie) => ({
    block: fc.array(tie('statement'), { minLength: 1, maxLength: 4, depthIdentifier: 'program' }),
    statement: fc.record(
      {
        kind: fc.constantFrom(...kinds),
        pick: fc.nat(SHARED - 1),
        inner: fc.oneof(
          { depthIdentifier: 'program', maxDepth: 3 },
          fc.constant([]),
          tie('block') as fc.Arbitrary<Draw[]>,
        ),
      },
      { noNullPrototype: true },
    ),
  }));
  return block;
}

/** Writes one program; each log has a number of its own. */
class Writer {
  #count = 0;

  program(tasks: readonly (readonly Draw[])[]): string {
    const bodies = tasks.map((task) => `(async () => {${this.#block(task)}})().catch((e) => log('!' + e))`);
    return `
const shared = Array.from({ length: ${SHARED} }, () => { const d = {}; d.promise = new Promise((resolve, reject) => Object.assign(d, { resolve, reject })); d.promise.catch(() => {}); return d; });
const thenable = (v) => ({ then(resolve) { log('then' + v); resolve(v); } });
${bodies.join(';\n')};
`;
  }

  #block(statements: readonly Draw[]): string {
    return statements.map((draw) => this.#statement(draw)).join(' ');
  }

  #log(): string {
    this.#count += 1;
    return `log(${this.#count});`;
  }

  #statement({ kind, pick, inner }: Draw): string {
    const block = this.#block(inner);
    switch (kind) {
      case 'value':
        return `log(await ${pick}); ${block}`;
      case 'shared':
        return `try { log(await shared[${pick}].promise); } catch (e) { log(e); } ${block}`;
      case 'settle':
        return `shared[${pick}].resolve(${this.#next()}); ${block}`;
      case 'fail':
        return `shared[${pick}].reject('e${this.#next()}'); ${block}`;
      case 'call':
        return `await (async () => { ${block} })(); ${this.#log()}`;
      case 'start':
        return `void (async () => { await ${pick}; ${block} })(); ${this.#log()}`;
      case 'thenable':
        return `log(await thenable(${this.#next()})); ${block}`;
      case 'all':
        return `await Promise.all([${pick}, (async () => { ${block} })()]); ${this.#log()}`;
      case 'chain':
        return `void Promise.resolve().then(() => { ${this.#log()} }).then(() => { ${this.#log()} }); ${block}`;
      case 'returned':
        return `log(await (async () => { ${block} return Promise.resolve(${this.#next()}); })());`;
      case 'sync':
        return `for await (const x of [${pick}, Promise.resolve('p'), thenable(${this.#next()})]) { log(x); ${block} }`;
      case 'generator':
        return `for await (const x of (async function* () { try { yield ${pick}; ${block} yield Promise.resolve(${this.#next()}); return Promise.resolve(0); } finally { log('f'); } })()) log(x);`;
      case 'broken':
        return `for await (const x of (async function* () { try { for (;;) yield ${this.#next()}; } finally { await 0; ${this.#log()} } })()) { log(x); ${block} break; }`;
      case 'delegated':
        return `for await (const x of (async function* () { log(yield* (async function* () { yield ${this.#next()}; ${block} return 'r'; })()); yield* [${pick}]; })()) log(x);`;
      case 'tick':
        return `process.nextTick(() => { ${this.#log()} }); ${block}`;
      case 'microtask':
        return `queueMicrotask(() => { ${this.#log()} }); ${block}`;
      default:
        return `${this.#log()} ${block}`;
    }
  }

  #next(): number {
    this.#count += 1;
    return this.#count;
  }
}

function programs(kinds: readonly string[]): fc.Arbitrary<string> {
  return fc.array(draws(kinds), { minLength: 1, maxLength: 3 }).map((tasks) => new Writer().program(tasks));
}

/** Their continuations are all of rewritten awaits. */
export const plainPrograms: fc.Arbitrary<string> = programs(PLAIN);
/** Some continuations are the engine's own. */
export const anyPrograms: fc.Arbitrary<string> = programs(ANY);

/** What a program logs when it starts in a turn of its own, until it is quiet. */
export type Log = readonly unknown[];

/** Code as a function of these parameters. */
export function functionOf(parameters: readonly string[], code: string): (...given: never[]) => unknown {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- awaits are rewritten in text
  return new Function(...parameters, code) as (...given: never[]) => unknown;
}

/** The program as a function that starts it. */
export function compiled(program: string): (log: (entry: unknown) => void) => void {
  return functionOf(['log'], program) as (log: (entry: unknown) => void) => void;
}
