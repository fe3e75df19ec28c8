/**
 * Outputs in memory on their own: several at once, with planned faults, lookups, drops and a limit, against a model of what each doc comment says.
 */
import {
  type Chunk,
  createMemoryOutputs,
  createNullOutputs,
  defineScenario,
  isRunnerError,
  type MemoryOutput,
  type MemoryOutputs,
  type OutputFault,
  type ScenarioDefinition,
  type Simulation,
} from 'dryrunner';
import { NULL_OUTPUT } from 'dryrunner/kit';
import { pick, pickCount, rarely } from '../zoo/odds.ts';

export const outputs: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'outputs',
  description:
    'outputs in memory keep what was written, in order, but for what their faults say; they are found by URI until they are dropped',
  async run(sim) {
    if (rarely(sim, 'null outputs', 12)) checkNull(sim);
    else await new OutputPlay(sim).run();
  },
});

const IDS = ['out', 'run-1-stdout', 'two words', 'ü', 'a.b~c'];
const BAD_IDS = ['', '.', '..', 'a/b', 'a\\b', 'a\0'];
const CHUNKS = ['x', '', 'three', 'ü'];
const FAULTS: readonly (readonly OutputFault[] | undefined)[] = [
  undefined,
  [],
  [{ kind: 'create' }],
  [{ kind: 'create', error: new Error('own creation error') }],
  [{ kind: 'error', afterBytes: 4 }],
  [{ kind: 'error', afterBytes: 0, error: new Error('own write error') }],
  [{ kind: 'short', afterBytes: 4 }],
  [{ kind: 'delay', ms: 10 }],
  [{ kind: 'close' }],
  [{ kind: 'close', error: new Error('own close error') }],
  [{ kind: 'delay', ms: 10 }, { kind: 'short', afterBytes: 3 }, { kind: 'close' }],
];
const LATE_MS = 0.25;

function faultOf<K extends OutputFault['kind']>(
  faults: readonly OutputFault[],
  kind: K,
): Extract<OutputFault, { kind: K }> | undefined {
  return faults.find((fault): fault is Extract<OutputFault, { kind: K }> => fault.kind === kind);
}

function bytesOf(chunk: Chunk): number[] {
  return [...(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk)];
}

/** An output as its doc comment says. */
interface ModelOutput {
  readonly id: string;
  readonly serial: number;
  readonly faults: readonly OutputFault[];
  readonly output: MemoryOutput;
  /** Writes that were taken: when each is stored, which bytes, and whether it fails. */
  readonly writes: { readonly storedMs: number; readonly bytes: readonly number[] }[];
  isClosed: boolean;
  isHeld: boolean;
}

class OutputPlay {
  readonly #sim: Simulation;
  readonly #outputs: MemoryOutputs;
  readonly #models: ModelOutput[] = [];
  readonly #maxOutputs: number;
  readonly #hasFiles: boolean;
  readonly #pending: Promise<void>[] = [];
  #faults: readonly OutputFault[] | undefined;
  #asked: string[] = [];
  #created = 0;

  constructor(sim: Simulation) {
    this.#sim = sim;
    this.#maxOutputs = pick(sim, 'limit', [Infinity, 1, 3], 1);
    this.#hasFiles = rarely(sim, 'files', 3);
    const isPlain = rarely(sim, 'no plan of faults', 4);
    this.#outputs = createMemoryOutputs({
      clock: sim.world.clock,
      ...(isPlain ? {} : { faults: (id, serial) => this.#plan(id, serial) }),
      ...(this.#maxOutputs === Infinity ? {} : { maxOutputs: this.#maxOutputs }),
      ...(this.#hasFiles ? { toFile: ({ name }: MemoryOutput) => `/files/${name}` } : {}),
    });
    this.#isPlain = isPlain;
  }

  readonly #isPlain: boolean;

  #plan(id: string, serial: number): readonly OutputFault[] | undefined {
    this.#asked.push(`${serial} ${id}`);
    return this.#faults;
  }

  async run(): Promise<void> {
    await this.#sim.sleep(LATE_MS);
    const acts = pickCount(this.#sim, 'acts', 20);
    for (let act = 0; act < acts; act += 1) {
      await this.#act();
      this.#compare();
    }
    await this.#sim.sleep(1_000);
    await Promise.all(this.#pending);
    this.#compare();
  }

  async #act(): Promise<void> {
    const acts = [
      'create',
      'write',
      'write',
      'write lazily',
      'close',
      'drop',
      'find',
      'sleep',
      'file',
      'refused',
    ] as const;
    switch (pick(this.#sim, 'does', acts, 3)) {
      case 'create': {
        this.#create();
        return;
      }
      case 'write': {
        this.#write(false);
        return;
      }
      case 'write lazily': {
        this.#write(true);
        return;
      }
      case 'close': {
        this.#close();
        return;
      }
      case 'drop': {
        this.#drop();
        return;
      }
      case 'find': {
        this.#find();
        return;
      }
      case 'sleep':
        return this.#sim.sleep(pick(this.#sim, 'sleeps', [3, 10, 50], 1) + 0.001);
      case 'file':
        return this.#file();
      case 'refused': {
        this.#refuse();
        return;
      }
    }
  }

  #create(): void {
    const id = pick(this.#sim, 'id', IDS, 2);
    this.#faults = this.#isPlain ? undefined : pick(this.#sim, 'faults', FAULTS, 4, JSON.stringify);
    const faults = this.#faults ?? [];
    const creation = faultOf(faults, 'create');
    const serial = this.#created;
    this.#created += 1;
    this.#asked = [];
    try {
      const output = this.#outputs.create(id);
      this.#check(creation === undefined, `R169 output ${id}`, 'that it cannot be created', output.uri);
      this.#models.push({ id, serial, faults, output, writes: [], isClosed: false, isHeld: true });
      this.#mustBe('name and id', [`${id}-${serial}`, id], [output.name, output.id]);
      const expected = `memory:///${encodeURIComponent(`${id}-${serial}`)}`;
      this.#mustBe('R160 its URI', expected, output.uri);
      const held = this.#held();
      if (held.length > this.#maxOutputs) (held[0] as ModelOutput).isHeld = false;
      this.#sim.sometimes('the oldest output was dropped', held.length > this.#maxOutputs);
    } catch (error) {
      if (creation === undefined) throw error;
      this.#mustBe(
        'the error of a creation',
        creation.error?.message ?? injected(`output ${id} could not be created`),
        messageOf(error),
      );
      this.#sim.sometimes('an output could not be created');
    }
    this.#mustBe('what the plan of faults is asked', this.#isPlain ? [] : [`${serial} ${id}`], this.#asked);
  }

  #drawn(): ModelOutput | undefined {
    if (this.#models.length === 0) return undefined;
    return pick(this.#sim, 'output', [...this.#models].reverse(), 2, ({ serial }) => serial);
  }

  #write(isLazy: boolean): void {
    const model = this.#drawn();
    if (model === undefined) return;
    const text = pick(this.#sim, 'chunk', CHUNKS, 1);
    const chunk: Chunk = !isLazy && rarely(this.#sim, 'as bytes', 2) ? new TextEncoder().encode(text) : text;
    const { output, faults, id, serial } = model;
    const name = `${id}-${serial}`;
    const write = (): unknown => (isLazy ? output.writeLazily?.(() => text) : output.write(chunk));
    if (model.isClosed) {
      this.#pending.push(
        this.#mustFail(write, `output ${name} was written to after its close`, 'a write after the close'),
      );
      return;
    }
    const delayMs = faultOf(faults, 'delay')?.ms ?? 0;
    const nowMs = this.#sim.now();
    const lastMs = model.writes.at(-1)?.storedMs ?? nowMs;
    const storedMs = Math.max(lastMs, nowMs) + delayMs;
    const { bytes, error } = storeOf(model, bytesOf(chunk), name);
    model.writes.push({ storedMs, bytes });
    this.#pending.push(
      error === undefined
        ? this.#mustPass(write, 'a write', storedMs)
        : this.#mustFail(write, error, 'a write'),
    );
  }

  #close(): void {
    const model = this.#drawn();
    if (model === undefined) return;
    model.isClosed = true;
    const { output, faults, id, serial } = model;
    const closing = faultOf(faults, 'close');
    const lastMs = Math.max(this.#sim.now(), model.writes.at(-1)?.storedMs ?? 0);
    const close = (): unknown => output.close();
    if (closing === undefined) this.#pending.push(this.#mustPass(close, 'a close', lastMs));
    else {
      this.#pending.push(
        this.#mustFail(
          close,
          closing.error?.message ?? injected(`output ${id}-${serial} could not be closed`),
          'a close',
        ),
      );
    }
    this.#mustBe('closed', true, output.closed);
  }

  #drop(): void {
    const model = this.#drawn();
    if (model === undefined) return;
    this.#mustBe('R167 drop of an output', model.isHeld, this.#outputs.drop(model.output.uri));
    model.isHeld = false;
  }

  #find(): void {
    const model = this.#drawn();
    if (model === undefined) return;
    const found = this.#outputs.find(model.output.uri);
    this.#mustBe('R160 an output that is looked up', model.isHeld, found !== undefined);
    if (found !== undefined) this.#mustBe('R160 the output of that URI', model.output.name, found.name);
    for (const uri of ['memory:///nothing-0', `memory:///other-${model.serial}`, 'file:///x', '']) {
      this.#mustBe(`find of ${uri}`, undefined, this.#outputs.find(uri)?.name);
      this.#mustBe(`drop of ${uri}`, false, this.#outputs.drop(uri));
    }
  }

  async #file(): Promise<void> {
    const model = this.#drawn();
    if (model === undefined) return;
    const { name } = model.output;
    if (this.#hasFiles) this.#mustBe('a local file', `/files/${name}`, await model.output.asFile());
    else {
      await this.#mustFail(
        () => model.output.asFile(),
        `output ${name} lives in memory and has no local file; give its creator a toFile`,
        'a local file',
      );
    }
  }

  #refuse(): void {
    const id = pick(this.#sim, 'bad id', BAD_IDS, 1);
    let code = '';
    try {
      this.#outputs.create(id);
    } catch (error) {
      code = isRunnerError(error) ? error.code : messageOf(error);
    }
    this.#mustBe(`R161 the id ${JSON.stringify(id)}`, 'RUNNER_INVALID_ARGUMENT', code);
  }

  #held(): ModelOutput[] {
    return this.#models.filter(({ isHeld }) => isHeld);
  }

  #compare(): void {
    const nowMs = this.#sim.now();
    this.#mustBe(
      'R167 all outputs',
      this.#held().map(({ id, serial }) => `${id}-${serial}`),
      this.#outputs.all().map(({ name }) => name),
    );
    for (const { output, writes } of this.#models) {
      const stored = writes.filter(({ storedMs }) => storedMs <= nowMs).flatMap(({ bytes }) => bytes);
      this.#mustBe(`R169 the content of ${output.name}`, stored, [...output.bytes()]);
      this.#mustBe(
        `the text of ${output.name}`,
        new TextDecoder().decode(new Uint8Array(stored)),
        output.text(),
      );
    }
  }

  async #mustPass(act: () => unknown, what: string, atMs: number): Promise<void> {
    const answer = act();
    const isNow = !(answer instanceof Promise);
    await answer;
    const nowMs = Math.round(this.#sim.now() * 1_000) / 1_000;
    this.#mustBe(`the time of ${what}`, Math.round(atMs * 1_000) / 1_000, nowMs);
    this.#sim.sometimes(`${what} took its time`, !isNow);
  }

  async #mustFail(act: () => unknown, message: string, what: string): Promise<void> {
    let got = 'no error';
    try {
      await act();
    } catch (error) {
      got = messageOf(error);
    }
    this.#mustBe(`R169 the error of ${what}`, message, got);
    this.#sim.sometimes(`${what} failed`);
  }

  #mustBe(what: string, expected: unknown, got: unknown): void {
    const [wanted, came] = [JSON.stringify(expected), JSON.stringify(got)];
    this.#check(wanted === came, what, wanted, came);
  }

  #check(condition: boolean, what: string, expected: string | undefined, got: string | undefined): void {
    if (!condition) {
      this.#sim.check(false, `${what}\n\nExpected ${expected ?? 'nothing'}, got ${got ?? 'nothing'}.`);
    }
  }
}

/** What of a write is stored, and what it fails with. */
function storeOf(
  { writes, faults }: ModelOutput,
  bytes: readonly number[],
  name: string,
): { readonly bytes: readonly number[]; readonly error?: string } {
  const before = writes.reduce((sum, write) => sum + write.bytes.length, 0);
  const full = faultOf(faults, 'error');
  if (full !== undefined && before + bytes.length > full.afterBytes) {
    return {
      bytes: [],
      error: full.error?.message ?? injected(`output ${name} is full after ${full.afterBytes} bytes`),
    };
  }
  const short = faultOf(faults, 'short');
  if (short === undefined || before + bytes.length <= short.afterBytes) return { bytes };
  const room = short.afterBytes - before;
  return {
    bytes: bytes.slice(0, room),
    error: injected(`output ${name} took ${room} of ${bytes.length} bytes`),
  };
}

function injected(what: string): string {
  return `${what} (injected fault)`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** R168. */
function checkNull(sim: Simulation): void {
  const creator = createNullOutputs();
  const output = creator.create(pick(sim, 'id', IDS, 1));
  output.write();
  output.writeLazily();
  output.close();
  sim.check(output === NULL_OUTPUT, 'R168 all null outputs are the same');
  const got = `${output.uri} ${output.asFile()}`;
  sim.check(got === 'file:///dev/null /dev/null', `R168 the place of a null output: ${got}`);
  const id = pick(sim, 'bad id', BAD_IDS, 1);
  let code = '';
  try {
    creator.create(id);
  } catch (error) {
    code = isRunnerError(error) ? error.code : 'another error';
  }
  sim.check(code === 'RUNNER_INVALID_ARGUMENT', `R161 the id ${JSON.stringify(id)} was taken: ${code}`);
}
