/**
 * The filers on their own: fakes, the filer in memory with its tree, a composed filer, a counting updater, and the sim filer by plan and by menu,
 * each against a small model of what its doc comment says.
 */
import {
  type Checkout,
  composeFiler,
  createCountingUpdater,
  createFixedFiler,
  createInvalidFiler,
  createMemoryFiler,
  createMemoryTree,
  createSimFiler,
  createVirtualFiler,
  defineScenario,
  type Filer,
  type FilerBehaviour,
  isRunnerError,
  type MemoryTree,
  type TreeEntry,
  type ScenarioDefinition,
  type Simulation,
} from 'dryrunner';
import { Cancellation } from 'dryrunner/kit';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import { mustBe, outcomeText, shown } from './outcome.ts';

export const filers: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'filers',
  description:
    'each filer does what its doc comment says: snapshots come back as they went in, behaviours go as planned, cancels are minded',
  async run(sim) {
    const kind = pick(sim, 'filer', ['memory', 'sim', 'fakes', 'updater', 'composed'] as const, 1);
    if (kind === 'memory') new MemoryPlay(sim).run();
    if (kind === 'sim') await new SimPlay(sim).run();
    if (kind === 'fakes') checkFakes(sim);
    if (kind === 'updater') await checkUpdater(sim);
    if (kind === 'composed') await checkComposed(sim);
  },
});

/** A file by its bytes and whether it is executable, a directory as `dir`. */
type Entry = string;

const NAMES = ['a', 'b', 'c'];
const REFUSED_PATHS = ['relative', '/a/../b', '/a/./b', '', '/nul\0'];

/** A tree as a plain map of path to entry. */
class ModelTree {
  readonly entries = new Map<string, Entry>();

  makeDir(path: string): string | undefined {
    const parts = partsOf(path);
    for (let length = 1; length <= parts.length; length += 1) {
      const at = `/${parts.slice(0, length).join('/')}`;
      const entry = this.entries.get(at);
      if (entry !== undefined && entry !== 'dir') return `RUNNER_FILER_FAILED Not a directory: ${at}`;
      if (entry === undefined) this.entries.set(at, 'dir');
    }
    return undefined;
  }

  write(path: string, entry: Entry): string | undefined {
    const parts = partsOf(path);
    const fault = this.makeDir(`/${parts.slice(0, -1).join('/')}`);
    const at = `/${parts.join('/')}`;
    if (fault !== undefined) return fault;
    if (parts.length === 0 || this.entries.get(at) === 'dir') {
      return `RUNNER_FILER_FAILED Is a directory: ${at}`;
    }
    this.entries.set(at, entry);
    return undefined;
  }

  get(path: string): Entry | undefined {
    const at = `/${partsOf(path).join('/')}`;
    return at === '/' ? 'dir' : this.entries.get(at);
  }

  under(dir: string): Map<string, Entry> {
    const at = partsOf(dir).join('/');
    const prefix = at === '' ? '/' : `/${at}/`;
    const found = [...this.entries].filter(([path]) => path.startsWith(prefix));
    return new Map(found.map(([path, entry]) => [path.slice(prefix.length), entry]));
  }

  remove(path: string): void {
    const at = `/${partsOf(path).join('/')}`;
    for (const other of [...this.entries.keys()]) {
      if (other === at || at === '/' || other.startsWith(`${at}/`)) this.entries.delete(other);
    }
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

/** A path and those of the directories above it, the shortest first. */
function waysTo(path: string): string[] {
  const parts = partsOf(path);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function sortedText(entries: ReadonlyMap<string, Entry>): string {
  return [...entries]
    .map(([path, entry]) => `${path}=${entry}`)
    .sort()
    .join(' ');
}

/** A filer in memory, its tree, and the model of both. */
class MemoryPlay {
  readonly #sim: Simulation;
  readonly #tree: MemoryTree = createMemoryTree();
  readonly #model = new ModelTree();
  readonly #filer;
  readonly #snapshots: Map<string, Entry>[] = [];
  readonly #forCheckouts = new Set<string>();
  readonly #checkouts: { readonly checkout: Checkout; isReleased: boolean }[] = [];
  #made = 0;

  constructor(sim: Simulation) {
    this.#sim = sim;
    this.#filer = rarely(sim, 'tree of its own', 4) ? createMemoryFiler() : createMemoryFiler(this.#tree);
    this.#tree = this.#filer.tree;
  }

  run(): void {
    const acts = pickCount(this.#sim, 'acts', 20);
    for (let act = 0; act < acts; act += 1) {
      this.#act();
      this.#compare();
    }
  }

  #act(): void {
    const sim = this.#sim;
    const acts = [
      'write',
      'ingest',
      'checkout',
      'release',
      'release',
      'release',
      'checkout',
      'make directory',
      'remove',
      'read',
      'checkout at',
      'ingest map',
      'refused',
      'copies',
    ] as const;
    switch (pick(sim, 'does', acts, 2)) {
      case 'write': {
        this.#write();
        return;
      }
      case 'make directory': {
        this.#mustGive(
          `make ${this.#drawPath('')}`,
          () => this.#tree.makeDir(this.#path),
          this.#model.makeDir(this.#path),
        );
        return;
      }
      case 'remove':
        this.#tree.remove(this.#drawPath(''));
        {
          this.#model.remove(this.#path);
          return;
        }
      case 'read': {
        this.#read();
        return;
      }
      case 'ingest': {
        this.#ingest();
        return;
      }
      case 'ingest map': {
        this.#ingestMap();
        return;
      }
      case 'checkout': {
        this.#checkout(undefined);
        return;
      }
      case 'checkout at': {
        this.#checkout(this.#drawPath('/at'));
        return;
      }
      case 'release': {
        this.#release();
        return;
      }
      case 'refused': {
        this.#refuse();
        return;
      }
      case 'copies': {
        this.#copies();
        return;
      }
    }
  }

  #path = '';

  #drawPath(root: string): string {
    const depth = pick(this.#sim, 'depth', [1, 2, 3], 1);
    const parts = Array.from({ length: depth }, () => pick(this.#sim, 'name', NAMES, 1));
    const slash = rarely(this.#sim, 'double slashes', 8) ? '//' : '/';
    this.#path = `${root}/${parts.join(slash)}`;
    return this.#path;
  }

  #mustGive(what: string, act: () => unknown, fault: string | undefined, result = 'gave nothing'): void {
    const got = outcomeText(act);
    this.#sim.check(
      got === (fault ?? result),
      `R174 ${what}\n\nExpected "${fault ?? result}", got "${got}".`,
    );
  }

  #write(): void {
    const path = this.#drawPath('');
    const text = pick(this.#sim, 'content', ['', 'x', 'ü'], 1);
    const bytes = new TextEncoder().encode(text);
    const isExecutable = rarely(this.#sim, 'executable', 3);
    const content = rarely(this.#sim, 'as bytes', 2) ? bytes : text;
    const fault = this.#model.write(path, `${[...bytes].join(' ')}${isExecutable ? ' x' : ''}`);
    const write = (): void =>
      isExecutable ? this.#tree.writeFile(path, content, true) : this.#tree.writeFile(path, content);
    this.#mustGive(`write ${path}`, write, fault);
    // The tree keeps a copy of its own.
    bytes.fill(7);
  }

  #read(): void {
    const path = this.#drawPath('');
    const entry = this.#model.get(path);
    mustBe(
      this.#sim,
      `kind of ${path}`,
      entry === undefined ? undefined : entry === 'dir' ? 'dir' : 'file',
      this.#tree.kindOf(path),
    );
    const fault =
      entry === undefined || entry === 'dir' ? `RUNNER_FILER_FAILED No such file: ${path}` : undefined;
    this.#mustGive(
      `read ${path}`,
      () => this.#tree.readFile(path),
      fault,
      `gave bytes ${(entry ?? '').replace(/ ?x$/, '')}`,
    );
    mustBe(this.#sim, 'the root is a directory', 'dir', this.#tree.kindOf('/'));
  }

  #ingest(): void {
    const path = this.#drawPath('');
    const entry = this.#model.get(path);
    const act = (): string => this.#filer.ingest(path);
    if (entry === undefined) {
      this.#mustGive(`ingest ${path}`, act, `RUNNER_FILER_FAILED No such file or directory: ${path}`);
      return;
    }
    this.#mustGive(`ingest ${path}`, act, undefined, `gave "${this.#snapshots.length}"`);
    const name = partsOf(path).at(-1) ?? '';
    this.#snapshots.push(entry === 'dir' ? this.#model.under(path) : new Map([[name, entry]]));
  }

  #ingestMap(): void {
    const count = pick(this.#sim, 'sources', [1, 2, 0], 1);
    const paths = new Map<string, string>();
    for (let index = 0; index < count; index += 1) {
      paths.set(this.#drawPath(''), pick(this.#sim, 'target', ['', 't', 't/u', 'a'], 1));
    }
    const gathered = new ModelTree();
    let fault: string | undefined;
    for (const [source, target] of paths) {
      fault ??= this.#gather(gathered, source, target);
    }
    const act = (): string => this.#filer.ingestMap(paths);
    this.#mustGive(`ingest ${shown([...paths])}`, act, fault, `gave "${this.#snapshots.length}"`);
    if (fault === undefined) this.#snapshots.push(gathered.under('/'));
  }

  #gather(gathered: ModelTree, source: string, target: string): string | undefined {
    const entry = this.#model.get(source);
    if (entry === undefined) return `RUNNER_FILER_FAILED No such file or directory: ${source}`;
    if (entry !== 'dir' && target === '') {
      return 'RUNNER_INVALID_ARGUMENT target path: expected a name for the file, got ""';
    }
    if (entry !== 'dir') return gathered.write(`/${target}`, entry);
    let fault = gathered.makeDir(`/${target}`);
    for (const [path, each] of this.#model.under(source)) {
      const at = `/${target}/${path}`;
      fault ??= each === 'dir' ? gathered.makeDir(at) : gathered.write(at, each);
    }
    return fault;
  }

  #checkout(at: string | undefined): void {
    const id = pick(
      this.#sim,
      'snapshot',
      [...this.#snapshots.keys()].map(String).reverse().concat('99', '00', ' 0', '-1', ''),
      2,
    );
    const isCancelled = rarely(this.#sim, 'cancelled before', 8);
    const dir = at ?? `/checkouts/${this.#made}`;
    if (at === undefined) this.#made += 1;
    const snapshot = this.#snapshots[Number(id)];
    const isKnown = snapshot !== undefined && String(Number(id)) === id;
    const cancel = new Cancellation();
    if (isCancelled) cancel.cancel();
    const fault = isCancelled
      ? 'RUNNER_CANCELLED checkout was cancelled'
      : isKnown
        ? this.#modelCheckout(dir, snapshot)
        : `RUNNER_UNKNOWN_SNAPSHOT No snapshot with id: ${id}`;
    const act = (): unknown => {
      const checkout =
        at === undefined ? this.#filer.checkout(id, cancel) : this.#filer.checkoutAt(id, at, cancel);
      this.#checkouts.push({ checkout, isReleased: false });
      return [checkout.path, checkout.id];
    };
    this.#mustGive(`checkout of ${id} to ${dir}`, act, fault, `gave ${shown([dir, id])}`);
    this.#sim.sometimes('a snapshot was checked out', fault === undefined);
  }

  #modelCheckout(dir: string, snapshot: ReadonlyMap<string, Entry>): string | undefined {
    const entry = this.#model.get(dir);
    if ((entry !== undefined && entry !== 'dir') || this.#model.under(dir).size > 0) {
      return `RUNNER_FILER_FAILED Not an empty directory: ${dir}`;
    }
    const missing = waysTo(dir).filter((at) => this.#model.get(at) === undefined);
    const fault = this.#model.makeDir(dir);
    if (fault !== undefined) return fault;
    for (const at of missing) this.#forCheckouts.add(at);
    for (const [path, each] of snapshot) {
      if (each === 'dir') this.#model.makeDir(`${dir}/${path}`);
      else this.#model.write(`${dir}/${path}`, each);
    }
    return undefined;
  }

  #release(): void {
    const [first] = this.#checkouts;
    if (first === undefined) return;
    const held = pick(
      this.#sim,
      'releases',
      [...this.#checkouts].reverse(),
      1,
      ({ checkout }) => checkout.path,
    );
    this.#mustGive('release', () => held.checkout.release(), undefined);
    // The path may belong to somebody else by a second release, which does nothing (R171).
    if (!held.isReleased) this.#modelRelease(held.checkout.path);
    this.#sim.sometimes('a checkout was released twice', held.isReleased);
    held.isReleased = true;
  }

  /** A directory that was there before stays, empty; one that was made for checkouts goes when nothing is in it. */
  #modelRelease(dir: string): void {
    const [at = '/', ...above] = waysTo(dir).reverse();
    const stays = this.#model.get(at) === 'dir' && !this.#forCheckouts.has(at);
    this.#model.remove(at);
    if (stays) {
      this.#model.makeDir(at);
      return;
    }
    this.#forCheckouts.delete(at);
    for (const each of above) {
      if (!this.#forCheckouts.has(each) || this.#model.under(each).size > 0) return;
      this.#forCheckouts.delete(each);
      this.#model.remove(each);
    }
  }

  #refuse(): void {
    const path = pick(this.#sim, 'bad path', REFUSED_PATHS, 1);
    const acts: readonly (readonly [string, () => unknown])[] = [
      ['makeDir', () => this.#tree.makeDir(path)],
      ['writeFile', () => this.#tree.writeFile(path, 'x')],
      ['kindOf', () => this.#tree.kindOf(path)],
      ['ingest', () => this.#filer.ingest(path)],
      ['checkoutAt', () => this.#filer.checkoutAt('0', path)],
      ['ingestMap', () => this.#filer.ingestMap(new Map([['/a', `${path}/../up`]]))],
    ];
    const [, act] = pick(this.#sim, 'refused act', acts, 1, ([method]) => method);
    const got = outcomeText(act);
    this.#sim.check(
      /^RUNNER_(INVALID_ARGUMENT|UNKNOWN_SNAPSHOT) /.test(got),
      `a malformed path was accepted: ${shown(path)}\n\nGot "${got}".`,
    );
  }

  /** What is read is a copy: a change of it changes nothing here. */
  #copies(): void {
    for (const [path, entry] of this.#model.entries) {
      if (entry !== 'dir') this.#tree.readFile(path).fill(9);
    }
    const other = createMemoryTree();
    other.putUnder('/', this.#tree.entriesUnder('/a'));
    mustBe(
      this.#sim,
      'what was put under another root',
      sortedText(this.#model.under('/a')),
      sortedText(entriesOf(other, '')),
    );
  }

  #compare(): void {
    const [expected, came] = [sortedText(this.#model.entries), sortedText(entriesOf(this.#tree, '/'))];
    this.#sim.check(came === expected, `R174 the tree\n\nExpected ${expected}\ngot ${came}.`);
  }
}

function entriesOf(tree: MemoryTree, prefix: string): Map<string, Entry> {
  const found = new Map<string, Entry>();
  for (const [path, entry] of tree.entriesUnder('/')) {
    found.set(`${prefix}${path}`, entryText(entry));
  }
  return found;
}

function entryText(entry: TreeEntry): string {
  if (entry.kind === 'dir') return 'dir';
  if (entry.kind === 'link') return `→ ${entry.target}`;
  return `${[...entry.bytes].join(' ')}${entry.executable ? ' x' : ''}`;
}

type Operation = 'checkout' | 'ingest' | 'update' | 'release';

/** A call of a sim filer, and what is expected of it. */
interface ModelCall {
  readonly operation: Operation;
  readonly beganMs: number;
  readonly endMs: number;
  readonly outcome: 'done' | 'cancelled' | 'failed' | 'never';
  readonly behaviour: FilerBehaviour;
  readonly isCancelled: boolean;
  gotMs: number;
  got: string;
  checkout: Checkout | undefined;
  isReleased: boolean;
}

const LONG_MS = 60.25;
/** Never adds up to a time at which something ends. */
const SOON_MS = 0.3;
const BEHAVIOURS: readonly FilerBehaviour[] = [
  {},
  { latencyMs: 10 },
  { latencyMs: 20, cancelMs: 8 },
  { fail: { text: 'plain failure' } },
  { latencyMs: 10, fail: { text: 'coded failure', exitCode: 212 } },
  { hang: true },
  { hang: true, cancelMs: 2 },
  { latencyMs: 20, deaf: true },
  { hang: true, deaf: true },
  { latencyMs: 20, cancelMs: 30 },
  { cancelMs: 2 },
  { deaf: true },
];

/** A sim filer whose behaviours are known, from a plan or because the menu's choices are seen. */
class SimPlay {
  readonly #sim: Simulation;
  readonly #filer;
  readonly #plan: Partial<Record<Operation, FilerBehaviour[]>> = {};
  readonly #menu: Partial<Record<Operation, FilerBehaviour[]>> = {};
  readonly #latencyMs: number;
  readonly #calls: ModelCall[] = [];
  readonly #counts = { checkout: 0, ingest: 0, update: 0, release: 0 };
  readonly #violations: string[] = [];
  #chosen = 0;
  #heal: () => void = () => undefined;

  constructor(sim: Simulation) {
    this.#sim = sim;
    const hasMenu = rarely(sim, 'menu', 2);
    for (const operation of ['checkout', 'ingest', 'update', 'release'] as const) {
      const draw = (what: string, most: number): FilerBehaviour[] =>
        Array.from({ length: pickCount(sim, `${what} ${operation}`, most, 0) }, () =>
          pick(sim, `behaviour ${operation}`, BEHAVIOURS, 1, JSON.stringify),
        );
      this.#plan[operation] = draw('planned', 2);
      if (hasMenu) this.#menu[operation] = draw('menu', 3);
    }
    this.#latencyMs = pick(sim, 'latency', [0, 10], 2);
    const bound = pick(sim, 'bound', [undefined, 44], 2);
    const interval = pick(sim, 'interval', [undefined, 500], 2);
    const { clock, tracer } = sim.world;
    this.#filer = createSimFiler({
      clock,
      plan: this.#plan,
      ...(hasMenu
        ? {
            menu: this.#menu,
            choices: {
              choose: (_: unknown, n: number, describe?: (answer: number) => unknown) =>
                (this.#chosen = sim.choose('menu', n, describe)),
            },
          }
        : {}),
      ...(this.#latencyMs === 0 ? {} : { latencyMs: this.#latencyMs }),
      ...(bound === undefined ? {} : { cancelBoundMs: bound }),
      ...(interval === undefined ? {} : { updateIntervalMs: interval }),
      ...(rarely(sim, 'traced', 2) ? { tracer, name: 'play', runner: 'nobody' } : {}),
      ...(rarely(sim, 'delegate', 4) ? { delegate: createFixedFiler('/fixed') } : {}),
      onHeal: (hook) => {
        this.#heal = hook;
      },
    });
    const slowest = [...Object.values(this.#plan), ...Object.values(this.#menu)]
      .flat()
      .reduce((most, { cancelMs = 0 }) => Math.max(most, cancelMs), 0);
    mustBe(sim, 'R199 cancelBoundMs', bound ?? slowest, this.#filer.cancelBoundMs);
    mustBe(sim, 'R75 updateIntervalMs', interval ?? 0, this.#filer.updateIntervalMs);
  }

  async run(): Promise<void> {
    const sim = this.#sim;
    const calls = pickCount(sim, 'calls', 8);
    for (let index = 0; index < calls; index += 1) {
      this.#begin(pick(sim, 'calls for', ['checkout', 'release', 'update', 'ingest'] as const, 2));
      await sim.sleep(rarely(sim, 'soon', 3) ? SOON_MS : LONG_MS);
    }
    await sim.sleep(LONG_MS);
    this.#judge();
    this.#heal();
    await sim.sleep(1);
    const hanging = this.#calls.filter(
      ({ outcome, isCancelled, behaviour }) =>
        outcome === 'never' && !(isCancelled && behaviour.deaf !== true),
    );
    for (const { got, operation } of hanging) {
      sim.check(got !== '', `R175 a ${operation} that hangs ends when all faults do`);
      sim.sometimes('a hanging call ended with the faults');
    }
  }

  #begin(operation: Operation): void {
    const held = this.#calls.find(
      ({ checkout, isReleased }) => checkout !== undefined && (!isReleased || rarely(this.#sim, 'again', 3)),
    );
    if (operation === 'release' && held === undefined) return;
    const nowMs = this.#sim.now();
    if (operation === 'release' && held?.isReleased === true) {
      this.#violations.push('released-twice');
      void held.checkout?.release();
      return;
    }
    const isUpdating = this.#calls.some((call) => call.operation === 'update' && call.endMs > nowMs);
    const isOut = this.#open(nowMs) > 0;
    if (operation === 'checkout' && isUpdating) this.#violations.push('checkout-during-update');
    if (operation === 'update' && isUpdating) this.#violations.push('updates-overlap');
    if (operation === 'update' && isOut) this.#violations.push('update-during-checkout');
    const cancelAfterMs =
      operation === 'release' ? Infinity : pick(this.#sim, 'cancel', [Infinity, 5, 15, 0], 1);
    const cancel = new Cancellation();
    if (cancelAfterMs === 0) cancel.cancel();
    this.#chosen = 0;
    if (held !== undefined && operation === 'release') held.isReleased = true;
    const answer = this.#call(operation, cancel, held);
    const call = this.#expect(operation, nowMs, cancelAfterMs);
    this.#calls.push(call);
    void this.#watch(call, answer);
    if (cancelAfterMs > 0 && cancelAfterMs < Infinity) {
      this.#sim.world.clock.timer({ what: 'cancel' }, cancelAfterMs, () => cancel.cancel());
    }
  }

  /** What it gives, or what it throws in the call. */
  #call(
    operation: Operation,
    cancel: Cancellation,
    held: ModelCall | undefined,
  ): { readonly result: unknown } | { readonly error: unknown } {
    try {
      switch (operation) {
        case 'checkout':
          return {
            result: rarely(this.#sim, 'at a place', 3)
              ? this.#filer.checkoutAt('snap', '/there', cancel)
              : this.#filer.checkout('snap', cancel),
          };
        case 'ingest':
          return {
            result: rarely(this.#sim, 'a map', 3)
              ? this.#filer.ingestMap(new Map([['/x', 'y']]), cancel)
              : this.#filer.ingest('/x', cancel),
          };
        case 'update':
          return { result: this.#filer.update(cancel) };
        case 'release':
          return { result: held?.checkout?.release() };
      }
    } catch (error) {
      return { error };
    }
  }

  #expect(operation: Operation, beganMs: number, cancelAfterMs: number): ModelCall {
    const nth = this.#counts[operation]++;
    const usual: FilerBehaviour = operation === 'release' ? {} : { latencyMs: this.#latencyMs };
    const fromMenu = this.#chosen === 0 ? usual : (this.#menu[operation]?.[this.#chosen - 1] ?? usual);
    const behaviour = this.#plan[operation]?.[nth] ?? fromMenu;
    const { latencyMs = 0, hang = false, deaf = false, cancelMs = 0, fail } = behaviour;
    const naturalMs = hang ? Infinity : beganMs + latencyMs;
    const isInTime = !deaf && (cancelAfterMs === 0 || beganMs + cancelAfterMs < naturalMs);
    const cancelledMs = isInTime ? beganMs + cancelAfterMs + cancelMs : Infinity;
    // Asked to stop before it began, it never gets to its natural end.
    const isCancelled = cancelledMs < naturalMs || (cancelAfterMs === 0 && !deaf);
    const endMs = isCancelled ? cancelledMs : naturalMs;
    const outcome =
      endMs === Infinity ? 'never' : isCancelled ? 'cancelled' : fail === undefined ? 'done' : 'failed';
    return {
      operation,
      beganMs,
      endMs,
      outcome,
      behaviour,
      isCancelled: cancelAfterMs < Infinity,
      gotMs: NaN,
      got: '',
      checkout: undefined,
      isReleased: false,
    };
  }

  async #watch(
    call: ModelCall,
    answer: { readonly result: unknown } | { readonly error: unknown },
  ): Promise<void> {
    try {
      if ('error' in answer) throw answer.error;
      const result = await answer.result;
      call.got = 'done';
      if (call.operation === 'checkout') call.checkout = result as Checkout;
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_CANCELLED')) call.got = 'cancelled';
      else {
        const { text, exitCode } = call.behaviour.fail ?? {};
        const { message, exitCode: code } = error as { readonly message: string; readonly exitCode?: number };
        call.got = message === text && code === exitCode ? 'failed' : `failed with ${message} (${code})`;
      }
    }
    call.gotMs = this.#sim.now();
  }

  /** Checkouts that were begun or made and neither failed nor released. */
  #open(nowMs: number): number {
    const open = this.#calls.filter(
      ({ operation, outcome, endMs, isReleased }) =>
        operation === 'checkout' && !isReleased && (outcome === 'done' || endMs > nowMs),
    );
    return open.length;
  }

  #judge(): void {
    const sim = this.#sim;
    for (const { operation, behaviour, outcome, endMs, got, gotMs, beganMs } of this.#calls) {
      const expected = outcome === 'never' ? 'nothing' : `${outcome} at ${endMs} ms`;
      const came = got === '' ? 'nothing' : `${got} at ${gotMs} ms`;
      sim.check(
        came === expected,
        `R175 a ${operation} that began at ${beganMs} ms and goes so: ${JSON.stringify(behaviour)}\n\nExpected ${expected}, got ${came}.`,
      );
      sim.sometimes(`a call was ${outcome}`);
    }
    const rules = this.#filer.violations.map(({ rule }) => rule);
    mustBe(sim, 'R175 R205 violations', this.#violations, rules);
    const open = this.#open(sim.now());
    mustBe(sim, 'open checkouts', open, this.#filer.openCheckouts);
    const left = this.#filer.verify().filter(({ rule }) => rule === 'never-released').length;
    mustBe(sim, 'checkouts that were never released', open, left);
  }
}

/** R174: fakes answer at once and know any id. */
function checkFakes(sim: Simulation): void {
  const root = pick(sim, 'root', [undefined, '/some/where'], 1);
  const kinds = ['fixed', 'invalid', 'virtual'] as const;
  const kind = pick(sim, 'fake', kinds, 1);
  const filer: Filer =
    kind === 'fixed'
      ? createFixedFiler(root ?? '/fixed')
      : kind === 'invalid'
        ? createInvalidFiler()
        : root === undefined
          ? createVirtualFiler()
          : createVirtualFiler(root);
  mustBe(sim, 'bounds', [0, 0], [filer.cancelBoundMs, filer.updateIntervalMs]);
  const acts = pickCount(sim, 'acts', 6);
  let [checkouts, ingested] = [0, 0];
  for (let act = 0; act < acts; act += 1) {
    const cancel = new Cancellation();
    const isCancelled = rarely(sim, 'cancelled', 5);
    if (isCancelled) cancel.cancel();
    const what = pick(sim, 'does', ['checkout', 'checkout at', 'ingest', 'ingest map', 'update'] as const, 1);
    const path =
      kind === 'fixed'
        ? (root ?? '/fixed')
        : kind === 'invalid'
          ? '/path/is/invalid'
          : `${root ?? '/virtual'}/checkout-${checkouts}`;
    const checkoutOf = (made: unknown): unknown => {
      const { path: at, id } = made as Checkout;
      void (made as Checkout).release();
      return [at, id];
    };
    const [does, gives]: readonly [() => unknown, unknown] =
      what === 'checkout'
        ? [() => checkoutOf(filer.checkout('any', cancel)), [path, 'any']]
        : what === 'checkout at'
          ? [() => checkoutOf(filer.checkoutAt('id', '/at', cancel)), ['/at', 'id']]
          : what === 'ingest'
            ? [() => filer.ingest('/p', cancel), String(ingested)]
            : what === 'ingest map'
              ? [() => filer.ingestMap(new Map([['/p', '']]), cancel), String(ingested)]
              : [() => filer.update(cancel), undefined];
    const noun = what.startsWith('checkout') ? 'checkout' : what === 'update' ? 'update' : 'ingestion';
    const expected = isCancelled ? `RUNNER_CANCELLED ${noun} was cancelled` : `gave ${shown(gives)}`;
    mustBe(sim, `R174 ${what} of a ${kind} filer`, expected, outcomeText(does));
    if (!isCancelled && what === 'checkout') checkouts += 1;
    if (!isCancelled && what.startsWith('ingest')) ingested += 1;
  }
}

/** R174: updates wait for `unpause`, oldest first, and count when they are over; a cancelled one fails at once. */
async function checkUpdater(sim: Simulation): Promise<void> {
  const said: string[] = [];
  const isPaused = !rarely(sim, 'not paused', 4);
  const updater = createCountingUpdater({
    ...(isPaused ? {} : { paused: false }),
    ...(rarely(sim, 'interval', 2) ? { updateIntervalMs: 70 } : {}),
    ...(rarely(sim, 'silent', 3) ? {} : { say: (word: string) => void said.push(word) }),
  });
  const waiting: { readonly cancel: Cancellation; readonly state: string[] }[] = [];
  let count = 0;
  const acts = pickCount(sim, 'acts', 8);
  for (let act = 0; act < acts; act += 1) {
    const what = pick(sim, 'does', ['update', 'unpause', 'cancel', 'update without cancel'] as const, 1);
    if (what === 'unpause') {
      const first = waiting.shift();
      mustBe(sim, 'R174 unpause', first !== undefined, updater.unpause());
      if (first !== undefined) count += 1;
      await sim.sleep(0);
      if (first !== undefined) mustBe(sim, 'R174 the oldest update is over', ['done'], first.state);
    } else if (what === 'cancel') {
      const at = waiting.length - 1;
      const last = waiting[at];
      if (last === undefined) continue;
      last.cancel.cancel();
      await sim.sleep(0);
      // One without a request to stop goes on.
      if (last.state[0] === 'deaf') continue;
      waiting.splice(at, 1);
      mustBe(sim, 'R174 a cancelled update fails', ['RUNNER_CANCELLED'], last.state);
    } else {
      const cancel = new Cancellation();
      const hasCancel = what === 'update';
      const state: string[] = hasCancel ? [] : ['deaf'];
      const before = said.length;
      const result = hasCancel ? updater.update(cancel) : updater.update();
      if (isPaused) {
        waiting.push({ cancel, state });
        Promise.resolve(result).then(
          () => state.splice(0, 1, 'done'),
          (error: unknown) => state.splice(0, 1, isRunnerError(error) ? error.code : 'unknown'),
        );
      } else count += 1;
      sim.check(said.length === before || said.at(-1) === 'running', 'R174 an update says that it runs');
    }
    mustBe(sim, 'R174 count and running', [count, waiting.length], [updater.count, updater.running]);
  }
  const stopped = new Cancellation();
  stopped.cancel();
  mustBe(
    sim,
    'R173 an update that was stopped before',
    'RUNNER_CANCELLED update was cancelled',
    outcomeText(() => updater.update(stopped)),
  );
}

/** R170: each part does its own. */
async function checkComposed(sim: Simulation): Promise<void> {
  const checkouter = createVirtualFiler('/out');
  const ingester = createMemoryFiler();
  ingester.tree.writeFile('/f', 'text');
  const updater = createCountingUpdater({
    paused: false,
    updateIntervalMs: pick(sim, 'interval', [0, 30], 1),
  });
  const bound = pick(sim, 'bound', [undefined, 12], 1);
  const filer = composeFiler({
    checkouter,
    ingester,
    updater,
    ...(bound === undefined ? {} : { cancelBoundMs: bound }),
  });
  mustBe(
    sim,
    'R170 bounds',
    [bound ?? 0, updater.updateIntervalMs],
    [filer.cancelBoundMs, filer.updateIntervalMs],
  );
  const checkout = await filer.checkout('any');
  mustBe(sim, 'R170 checkout', ['/out/checkout-0', 'any'], [checkout.path, checkout.id]);
  const at = await filer.checkoutAt('id', '/at');
  mustBe(sim, 'R170 checkoutAt', ['/at', 'id'], [at.path, at.id]);
  mustBe(sim, 'R170 ingest', '0', await filer.ingest('/f'));
  mustBe(sim, 'R170 ingestMap', '1', await filer.ingestMap(new Map([['/f', 'g']])));
  await filer.update();
  mustBe(sim, 'R170 update', 1, updater.count);
  const cancel = new Cancellation();
  cancel.cancel();
  for (const act of [
    () => filer.checkout('x', cancel),
    () => filer.checkoutAt('x', '/y', cancel),
    () => filer.ingest('/f', cancel),
    () => filer.ingestMap(new Map(), cancel),
    () => filer.update(cancel),
  ]) {
    sim.check(outcomeText(act).startsWith('RUNNER_CANCELLED '), 'R173 a part gets the request to stop');
  }
}
