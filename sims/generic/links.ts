/**
 * Links under messages that nobody answers, with all options, faults and verbs: which of them arrive, when, how often and in which order is what a
 * model computes from what was asked for and decided.
 */
import { defineScenario, type ScenarioDefinition, type Simulation, type TraceEvent } from 'dryrunner';
import {
  createNetwork,
  type LinkFaults,
  type LinkOptions,
  type Network,
  type NetworkOptions,
  type NodeContext,
  type NodeNames,
} from 'dryrunner/cluster';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import { LinkModel, type LinkRules, type Parting, parts, type Travel } from './link-model.ts';
import { type AskedFault, SeenWorld } from './seen-world.ts';
import { codeOf, usOf } from './outcome.ts';

const OUTAGES = ['hold', 'partition'] as const;
const BRIEF = ['delay', 'reorder', 'duplicate', 'lose'] as const;
const KINDS = [...OUTAGES, ...BRIEF];
type Kind = (typeof KINDS)[number];
const VERBS = ['partition', 'cut', 'hold', 'release', 'repair'] as const;
const REACHED = [
  ...KINDS.map((kind) => `${kind} strikes`),
  ...VERBS.map((verb) => `${verb} of the scenario`),
  'a message is lost on its way, as the network was partitioned meanwhile',
  'a message waits for the release of its link',
  'a message to nobody is refused',
  'faults have struck as often as they may',
  'a heal brings what was held back',
];
const NODES = ['a', 'b', 'c', 'd'];
const STEPS = 14;
const ONE_IN = 16;
const OUTAGE_ONE_IN = 64;
const STRIKES_MAX = 64;
const FAULT_MS = 1_000;
const LENGTHS = 4;
const LATENCY_STEPS = 8;
/** Of every message. */
const HEAD_BYTES = 32;
const NUMBER_BYTES = 8;
/** So long after messages are sent verbs come, and so much later in its millisecond each step begins: then hardly an instant has two outcomes. */
const OFF_MS = 0.1;
const STEP_MS = 0.011;
const WRONG_OPTIONS = [
  { latencyMs: -1 },
  { latencyMs: [2, 1] },
  { latencyMs: [1] },
  { latencyMs: [1, 2, 3] },
  { latencyMs: [] },
  { latencySteps: 0 },
  { fifo: 1 },
  { bytesPerMs: 0 },
  { callTimeoutMs: -1 },
  { links: 1 },
  { links: { fifo: true } },
  { faults: { lose: 1 } },
  { faults: { delayMs: -1 } },
  { faults: { strikesMax: 1.5 } },
  { faults: { lose: 2, duplicate: 2, delay: 2 } },
  { faults: { other: true } },
  { nodes: { other: 1 } },
  { other: 1 },
];
const WRONG_GROUPS: readonly (readonly unknown[])[] = [
  [],
  ['a'],
  ['a', 'nobody'],
  ['a', []],
  ['a', 'a'],
  [['a', 'b'], 'b'],
  ['a', 3],
];

type Make = typeof createNetwork;

interface Sent {
  readonly id: number;
  readonly from: string;
  readonly to: string;
}

interface Seen {
  readonly id: number;
  readonly atUs: number;
}

/** The workload of links; `make` is what makes a network. */
export function linksWorkload(make: Make = createNetwork): ScenarioDefinition<unknown> {
  return defineScenario<unknown>({
    name: 'generic-links',
    description: 'messages travel on links with all options, faults and verbs, and arrive as a model says',
    async run(sim) {
      for (const name of REACHED) sim.sometimes(name, false);
      await new LinksWork(sim, make).run();
    },
  });
}

export const links: ScenarioDefinition<unknown> = linksWorkload();

class LinksWork {
  readonly #sim: Simulation;
  readonly #seen: SeenWorld;
  readonly #options: NetworkOptions;
  readonly #own: LinkOptions | undefined;
  readonly #names: readonly string[];
  readonly #net: Network;
  readonly #model: LinkModel;
  readonly #contexts = new Map<string, NodeContext>();
  readonly #sent = new Map<number, Sent>();
  /** Ids of the trace. */
  readonly #traced = new Map<number, number>();
  readonly #arrived: Seen[] = [];
  readonly #lost: Seen[] = [];
  readonly #refused: Seen[] = [];
  readonly #askedFor = new Set<string>();
  /** Strikes so far: of each link that counts for itself, and of all others together. */
  readonly #strikes = new Map<string, number>();
  /** The end of what the exploration has begun, in microseconds. */
  #chosenUntilUs = -1;
  #ids = 0;

  constructor(sim: Simulation, make: Make) {
    this.#sim = sim;
    this.#seen = new SeenWorld(sim);
    const count = 1 + pickCount(sim, 'nodes beside one', 3);
    this.#names = NODES.slice(0, count);
    this.#own = this.#drawOwn();
    this.#options = {
      ...this.#drawLink('all'),
      ...(this.#own === undefined ? {} : { links: (from, to) => this.#ownOf(from, to) }),
    };
    this.#refusesOptions(make);
    this.#net = make(this.#seen, this.#options);
    this.#model = new LinkModel((from, to) => this.#rulesOf(from, to));
    for (const name of this.#names) {
      this.#net.node(name, (node) => {
        this.#contexts.set(name, node);
        node.onMessage((message: { id: number; text: string }, from) => this.#receive(name, from, message));
      });
    }
    this.#net.connect(NODES[0] as string);
    this.#refusesGroups();
  }

  async run(): Promise<void> {
    const sim = this.#sim;
    for (let left = pickCount(sim, 'steps', STEPS); left > 0; left -= 1) {
      const messages = pickCount(sim, 'messages', 3) - 1;
      for (let at = 0; at < messages; at += 1) this.#send();
      await sim.sleep(OFF_MS);
      this.#compare();
      if (this.#isLost()) return;
      if (rarely(sim, 'a verb', 2)) this.#verb();
      if (rarely(sim, 'faults end', 32)) this.#heal();
      await sim.sleep(pick(sim, 'pauses', [1, 4, 20], 1) + STEP_MS - OFF_MS);
      this.#model.advance(sim.now());
    }
    await sim.sleep(OFF_MS);
    this.#compare();
    if (this.#isLost()) return;
    this.#heal();
    // What the scenario has begun after that only it ends.
    this.#net.repair();
    this.#endPartings(() => true);
    await sim.sleep(2 * FAULT_MS + OFF_MS);
    this.#compare();
    sim.check(this.#model.onTheirWay === 0, 'after the heal everything arrives');
    this.#compareOrder();
  }

  /** Two things of one instant concern each other: the model knows no more. */
  #isLost(): boolean {
    return this.#model.isAmbiguous;
  }

  #drawLink(of: string): LinkOptions {
    const sim = this.#sim;
    const latencies = [undefined, 3, [2, 10], [0, 6], [5, 5]] as const;
    const latencyMs = pick(sim, `latency of ${of}`, latencies, 1, String);
    const latencySteps = pick(sim, `steps of ${of}`, [undefined, 1, 3, 16], 2);
    const fifo = pick(sim, `order of ${of}`, [undefined, true, false], 1);
    const bytesPerMs = pick(sim, `width of ${of}`, [undefined, 16, 32, Infinity], 2);
    const faults = this.#drawFaults(of);
    return {
      ...(latencyMs === undefined ? {} : { latencyMs }),
      ...(latencySteps === undefined ? {} : { latencySteps }),
      ...(fifo === undefined ? {} : { fifo }),
      ...(bytesPerMs === undefined ? {} : { bytesPerMs }),
      ...(faults === undefined ? {} : { faults }),
    };
  }

  #drawFaults(of: string): LinkFaults | undefined {
    const sim = this.#sim;
    if (pick(sim, `faults of ${of}`, [true, false], 2)) {
      const most = pick(sim, `strikes of ${of}`, [undefined, 3, Infinity], 2);
      const chances = KINDS.map((kind) => {
        return [kind, pick(sim, `${kind} of ${of}`, [undefined, 8, true, false], 1)] as const;
      });
      return {
        ...Object.fromEntries(chances.filter(([, chance]) => chance !== undefined)),
        delayMs: 40,
        reorderMs: 20.26,
        outageMs: 40.4,
        ...(most === undefined ? {} : { strikesMax: most }),
      };
    }
    return pick(sim, `one fault of ${of}`, [undefined, ...BRIEF], 1) === undefined
      ? undefined
      : { [pick(sim, `which fault of ${of}`, BRIEF, 1)]: 2, reorderMs: 20.26, delayMs: 40 };
  }

  /** How links to b differ. */
  #drawOwn(): LinkOptions | undefined {
    if (!rarely(this.#sim, 'links to b differ', 3)) return undefined;
    const own = this.#drawLink('links to b');
    // Without a number of their own, strikes are counted with those of all others.
    return own;
  }

  #ownOf(from: string, to: string): LinkOptions | undefined {
    const link = `${from} to ${to}`;
    this.#sim.check(!this.#askedFor.has(link), `it is asked twice how the link ${link} differs`);
    this.#askedFor.add(link);
    return to === 'b' ? this.#own : undefined;
  }

  #optionsOf(to: string): LinkOptions {
    return to === 'b' ? { ...this.#options, ...this.#own } : this.#options;
  }

  #rulesOf(_: string, to: string): LinkRules {
    const { latencyMs = 0, fifo = false, bytesPerMs = Infinity } = this.#optionsOf(to);
    const leastMs = typeof latencyMs === 'number' ? latencyMs : latencyMs[0];
    return { leastMs, isFifo: fifo, bytesPerMs };
  }

  #refusesOptions(make: Make): void {
    const wrong = pick(this.#sim, 'wrong options', WRONG_OPTIONS, 1, (value) => JSON.stringify(value));
    const code = codeOf(() => {
      const net = make(this.#sim, wrong as never);
      net.node('a', () => undefined);
      net.send('a', 'x');
    });
    this.#check(code === 'RUNNER_INVALID_ARGUMENT', `${JSON.stringify(wrong)} are refused, not ${code}`);
  }

  #refusesGroups(): void {
    const sim = this.#sim;
    const groups = pick(sim, 'wrong groups', WRONG_GROUPS, 1, (value) =>
      JSON.stringify(value),
    ) as NodeNames[];
    const verb = pick(sim, 'wrong verb', ['partition', 'cut', 'hold', 'release'] as const, 1);
    const act = (): void => {
      if (verb === 'partition') this.#net.partition(...groups);
      else this.#net[verb](groups[0] as string, groups[1] as string);
    };
    const code = codeOf(act);
    this.#check(code === 'RUNNER_INVALID_ARGUMENT', `${verb} of ${JSON.stringify(groups)} is refused`);
    this.#seen.takeEvents();
  }

  #send(): void {
    const sim = this.#sim;
    const from = pick(sim, 'from', [...this.#names, 'scenario'], 1);
    const to = pick(sim, 'to', ['b', 'a', ...this.#names.slice(2), 'nobody', 'scenario'], 3);
    this.#ids += 1;
    const id = this.#ids;
    const text = pick(sim, 'says', ['', 'four', 'a longer text'], 1);
    const message = rarely(sim, 'has a type', 3) ? { id, text, type: 'beat' } : { id, text };
    const bytes =
      HEAD_BYTES +
      Object.keys(message).join('').length +
      NUMBER_BYTES +
      text.length +
      ('type' in message ? 4 : 0);
    this.#model.advance(sim.now());
    this.#note();
    this.#sent.set(id, { id, from, to });
    this.#seen.takeAsked();
    if (from === 'scenario') this.#net.send(to, message);
    else this.#contexts.get(from)?.send(to, message);
    // What the sender does with it afterwards is seen by nobody.
    message.text = 'changed';
    const events = this.#seen.takeEvents();
    this.#sentAs(id, from, to, events, 'type' in message ? 'beat' : 'message');
    this.#travel({ from, to, id, bytes }, events, this.#seen.takeAsked());
  }

  #sentAs(id: number, from: string, to: string, events: readonly TraceEvent[], name: string): void {
    const [first] = events;
    this.#check(
      first?.type === 'message' &&
        first.step === 'sent' &&
        first.kind === 'message' &&
        first.runner === from &&
        first.to === to &&
        first.name === name &&
        first.at === this.#sim.now(),
      `the first event of a message is ${JSON.stringify(first)}`,
    );
    if (first?.type === 'message') this.#traced.set(first.id, id);
  }

  /** What was decided of a message as it was sent. */
  #travel(sent: Sent & { bytes: number }, events: readonly TraceEvent[], asked: readonly AskedFault[]): void {
    const { from, to, id, bytes } = sent;
    const wasCut = this.#model.isCut(from, to);
    const faultEvents = events.filter((event) => event.type === 'fault');
    const fault = asked.find(({ kind }) => kind === 'fault');
    this.#check(faultEvents.length <= 1, 'one fault at most strikes a message');
    this.#expectQuestion(sent, wasCut, fault);
    const [struck] = faultEvents;
    this.#check(
      (fault?.isFault === true) === (struck !== undefined),
      `of "${fault?.text}" came ${struck?.kind}`,
    );
    const delays = asked.filter(({ kind }) => kind === 'delay');
    const struckAs = struck === undefined ? undefined : this.#struck(struck, delays, sent);
    const isOutage = struckAs === 'hold' || struckAs === 'partition';
    const drawn = delays.filter(
      ({ text }) => text.startsWith(`${from} to ${to}`) && !text.includes(' late '),
    );
    const kind: Travel['fault'] = struckAs === undefined || isOutage ? 'none' : struckAs;
    const faults = this.#optionsOf(to).faults ?? {};
    const faultMs = kind === 'delay' ? (struck?.ms ?? NaN) : (faults.reorderMs ?? FAULT_MS);
    const drawnMs = this.#drawnMs(to, drawn, wasCut || this.#model.isCut(from, to) ? 'lose' : kind);
    this.#model.send(from, to, { id, bytes, fault: kind, faultMs, drawnMs });
    const isLost = this.#model.isCut(from, to) || kind === 'lose';
    const steps = events.flatMap((event) => (event.type === 'message' ? [event.step] : []));
    const expected = isLost
      ? ['sent', 'lost']
      : {
          duplicate: ['sent', 'duplicated'],
          delay: ['sent', 'held'],
          reorder: ['sent', 'held'],
          none: ['sent'],
          lose: [],
        }[kind];
    this.#check(steps.join() === expected.join(), `its steps are ${steps.join()}, not ${expected.join()}`);
    if (isLost) this.#lost.push({ id, atUs: usOf(this.#sim.now()) });
  }

  /** One question for each message that crosses the network, with as many answers as the chances need. */
  #expectQuestion({ from, to }: Sent, wasCut: boolean, fault: AskedFault | undefined): void {
    const { faults } = this.#optionsOf(to);
    const ownMost = to === 'b' ? this.#own?.faults?.strikesMax : undefined;
    const counter = ownMost === undefined ? 'all' : `${from} to ${to}`;
    const most = ownMost ?? this.#options.faults?.strikesMax ?? STRIKES_MAX;
    const counted = this.#strikes.get(counter) ?? 0;
    const n = this.#answersFor(faults ?? {}, to);
    const isAsked = from !== to && !wasCut && counted < most && n > 1;
    if (counted >= most && n > 1) this.#sim.sometimes('faults have struck as often as they may');
    this.#check(
      isAsked === (fault !== undefined),
      `of a message from ${from} to ${to} it is ${isAsked ? 'not ' : ''}asked what strikes`,
    );
    if (fault === undefined) return;
    this.#check(fault.n === n, `${fault.n} answers, and the chances need ${n}`);
    if (fault.isFault) this.#strikes.set(counter, counted + 1);
  }

  #chancesOf(faults: LinkFaults, to: string): readonly (readonly [Kind, number])[] {
    const isFifo = this.#rulesOf('', to).isFifo;
    // While one that lasts is in force no other one begins.
    const isOutage = usOf(this.#sim.now()) < this.#chosenUntilUs;
    return KINDS.flatMap((kind) => {
      const chance = faults[kind] ?? false;
      if (chance === false || (isFifo && kind === 'reorder')) return [];
      const isLasting = kind === 'hold' || kind === 'partition';
      if (isLasting && isOutage) return [];
      return [[kind, chance === true ? (isLasting ? OUTAGE_ONE_IN : ONE_IN) : chance] as const];
    });
  }

  #answersFor(faults: LinkFaults, to: string): number {
    const chances = this.#chancesOf(faults, to);
    if (chances.length === 0) return 1;
    for (let n = 2; ; n += 1) {
      const counts = chances.map(([, oneIn]) => n / oneIn);
      const taken = counts.reduce((sum, count) => sum + count, 0);
      if (counts.every(Number.isInteger) && taken < n) return n;
    }
  }

  /** A strike is of a kind that is allowed, and lasts as long as was decided. */
  #struck(event: FaultEvent, delays: readonly AskedFault[], { from, to }: Sent): Kind {
    const faults = this.#optionsOf(to).faults ?? {};
    const kind = (event.kind === 'cut' ? 'partition' : event.kind) as Kind;
    this.#check(
      this.#chancesOf(faults, to).some(([one]) => one === kind),
      `${kind} strikes, and may not`,
    );
    this.#sim.sometimes(`${kind} strikes`);
    if (kind === 'hold' || kind === 'partition') {
      this.#beginChosen(event, faults.outageMs ?? FAULT_MS, delays, { from, to });
      return kind;
    }
    this.#check(
      event.runner === from &&
        event.operation === 'message' &&
        event.message?.includes(`from ${from} to ${to}`) === true,
      `the fault is one of ${event.runner}: ${String(event.message)}`,
    );
    if (kind === 'delay') this.#isFraction(event.ms, faults.delayMs ?? FAULT_MS, delays, ' late ');
    return kind;
  }

  #beginChosen(
    event: FaultEvent,
    mostMs: number,
    delays: readonly AskedFault[],
    link: { from: string; to: string },
  ): void {
    this.#isFraction(event.ms, mostMs, delays, 'network ');
    const groups = groupsOf(event.parts ?? '', event.kind);
    const nowUs = usOf(this.#sim.now());
    this.#chosenUntilUs = nowUs + usOf(event.ms ?? NaN);
    const parting: Parting = { kind: event.kind as Parting['kind'], groups, endUs: this.#chosenUntilUs };
    this.#model.begin(parting);
    const all = [...this.#names, 'scenario'];
    const [one = [], other = []] = groups;
    const isWhole = one.length + other.length === all.length;
    const isFit =
      event.kind === 'hold'
        ? one.join() === link.from && other.join() === link.to
        : isWhole
          ? Math.min(one.length, other.length) === 1 ||
            (event.kind === 'partition' && one.length === Math.floor(all.length / 2))
          : event.kind === 'partition' && one.length === 1 && other.length === 1;
    this.#check(isFit && groups.length === 2, `${event.kind} ${String(event.parts)} is none that may begin`);
  }

  /** A quarter of the most, or two, three, all of it. */
  #isFraction(ms: number | undefined, mostMs: number, delays: readonly AskedFault[], of: string): void {
    const asked = delays.find(({ text }) => text.includes(of) || text.startsWith(of));
    const expected = Math.round((mostMs * 1_000 * ((asked?.answer ?? NaN) + 1)) / LENGTHS) / 1_000;
    this.#check(ms === expected, `it lasts ${ms} ms, and was decided to last ${expected}`);
  }

  #drawnMs(to: string, drawn: readonly AskedFault[], fault: Travel['fault']): number[] {
    const { latencyMs = 0, latencySteps = LATENCY_STEPS } = this.#optionsOf(to);
    const [least, most] = typeof latencyMs === 'number' ? [latencyMs, latencyMs] : latencyMs;
    const usMax = usOf(most - least);
    const n = Math.max(1, Math.min(latencySteps, usMax));
    const copies = fault === 'lose' || fault === 'reorder' ? 0 : fault === 'duplicate' ? 2 : 1;
    this.#check(
      drawn.length === (n === 1 ? 0 : copies),
      `${drawn.length} latencies are drawn for ${copies} copies`,
    );
    this.#check(
      drawn.every((asked) => asked.n === n),
      `latencies have ${drawn[0]?.n} steps, not ${n}`,
    );
    return Array.from(
      { length: copies },
      (_, at) => Math.floor(((drawn[at]?.answer ?? 0) * usMax) / n) / 1_000,
    );
  }

  #receive(name: string, from: string, message: { id: number; text: string }): void {
    const sent = this.#sent.get(message.id);
    this.#check(
      sent?.from === from && sent.to === name && message.text !== 'changed',
      `${name} gets ${JSON.stringify(message)} from ${from}`,
    );
    this.#arrived.push({ id: message.id, atUs: usOf(this.#sim.now()) });
  }

  #verb(): void {
    const sim = this.#sim;
    const verb = pick(sim, 'which verb', VERBS, 1);
    sim.sometimes(`${verb} of the scenario`);
    if (verb === 'repair') {
      this.#net.repair();
      this.#endPartings(() => true);
      return;
    }
    const groups = this.#drawGroups();
    const [one, other] = groups as [string[], string[]];
    const given = (names: readonly string[]): NodeNames =>
      names.length === 1 && rarely(sim, 'by its name', 2) ? (names[0] as string) : names;
    if (verb === 'partition') this.#net.partition(...groups.map(given));
    else this.#net[verb](given(one), given(other));
    if (verb === 'release') {
      const isMeant = (parting: Parting): boolean =>
        parting.kind === 'hold' && one.some((from) => other.some((to) => parts(parting, from, to)));
      this.#endPartings(isMeant);
    } else if (verb === 'hold') {
      // Each link is held by itself.
      for (const from of one) {
        for (const to of other) this.#model.begin({ kind: verb, groups: [[from], [to]], endUs: Infinity });
      }
    } else this.#model.begin({ kind: verb, groups: verb === 'cut' ? [one, other] : groups, endUs: Infinity });
    const begun = this.#seen.takeEvents().filter((event) => event.type === 'fault');
    const expected = verb === 'release' ? 0 : verb === 'hold' ? one.length * other.length : 1;
    this.#check(
      begun.length === expected && begun.every(({ kind }) => kind === verb),
      `${verb} leaves ${begun.length} faults in the trace`,
    );
  }

  #endPartings(isMeant: (parting: Parting) => boolean): void {
    const before = this.#model.partings.length;
    this.#model.end(isMeant);
    const ended = before - this.#model.partings.length;
    if (!this.#model.partings.some(({ endUs }) => endUs < Infinity)) this.#chosenUntilUs = -1;
    const notes = this.#seen.takeEvents().filter((event) => event.type === 'note').length;
    this.#check(notes === ended, `${ended} end, and the trace says so of ${notes}`);
  }

  /** Two groups or three of different nodes. */
  #drawGroups(): string[][] {
    const sim = this.#sim;
    const all = [...this.#names, 'scenario'];
    const groups: string[][] = [[], [], []];
    for (const name of all) groups[pick(sim, `group of ${name}`, [0, 1, 3, 2], 1)]?.push(name);
    const filled = groups.filter((group) => group.length > 0);
    return filled.length < 2 ? [['a'], ['b']] : filled;
  }

  #heal(): void {
    const sim = this.#sim;
    if (sim.healed) return;
    const before = this.#model.onTheirWay;
    sim.heal();
    this.#note();
    this.#model.heal();
    this.#chosenUntilUs = -1;
    if (before > 0) sim.sometimes('a heal brings what was held back');
  }

  /** Reads the trace: what was lost on its way, and what was refused. */
  #note(): void {
    for (const event of this.#seen.takeEvents()) {
      if (event.type !== 'message') continue;
      const seen = { id: this.#traced.get(event.id) ?? NaN, atUs: usOf(event.at) };
      if (event.step === 'lost') {
        this.#lost.push(seen);
        this.#check(event.reason === 'the network is partitioned', `it is lost, as ${String(event.reason)}`);
        this.#sim.sometimes('a message is lost on its way, as the network was partitioned meanwhile');
      } else if (event.step === 'refused') {
        const { to } = this.#sent.get(seen.id) as Sent;
        const why =
          to === 'scenario' ? 'scenario is not a node and takes no messages' : `there is no node ${to}`;
        this.#check(event.reason === why, `it is refused, as ${String(event.reason)}`);
        this.#refused.push(seen);
        this.#sim.sometimes('a message to nobody is refused');
      } else if (event.step === 'held' && event.reason !== undefined) {
        this.#check(event.reason === 'the link is held', `it is held, as ${event.reason}`);
        this.#sim.sometimes('a message waits for the release of its link');
      }
    }
  }

  /** What has happened until now is what the model says. */
  #compare(): void {
    this.#model.advance(this.#sim.now());
    this.#note();
    if (this.#isLost()) return;
    const { landings } = this.#model;
    const sorted = (seen: readonly Seen[]): string =>
      seen
        .map(({ id, atUs }) => `${id} at ${atUs / 1_000}`)
        .sort()
        .join(', ');
    const isRefused = ({ id }: Seen): boolean =>
      ['nobody', 'scenario'].includes(this.#sent.get(id)?.to ?? '');
    const came = landings.filter(({ lost }) => !lost);
    const pairs = [
      ['arrive', this.#arrived, came.filter((seen) => !isRefused(seen))],
      ['are refused', this.#refused, came.filter(isRefused)],
      ['are lost', this.#lost, landings.filter(({ lost }) => lost)],
    ] as const;
    for (const [what, seen, expected] of pairs) {
      this.#check(isAlike(seen, expected), `${what}: ${sorted(seen)}; and should: ${sorted(expected)}`);
    }
  }

  /** Where the order is kept, no message passes another. */
  #compareOrder(): void {
    const latest = new Map<string, number>();
    for (const { id } of this.#arrived) {
      const { from, to } = this.#sent.get(id) as Sent;
      if (!this.#rulesOf(from, to).isFifo) continue;
      const link = `${from} to ${to}`;
      this.#check(id >= (latest.get(link) ?? 0), `on ${link} message ${id} comes after ${latest.get(link)}`);
      latest.set(link, id);
    }
  }

  #check(condition: boolean, message: string): void {
    this.#sim.check(condition, message);
  }
}

function byIdThenTime(one: Seen, other: Seen): number {
  return one.id === other.id ? one.atUs - other.atUs : one.id - other.id;
}

/** Equal, but for the microsecond that rounding makes. */
function isAlike(seen: readonly Seen[], expected: readonly Seen[]): boolean {
  const others = expected.toSorted(byIdThenTime);
  const isSame = ({ id, atUs }: Seen, at: number): boolean =>
    others[at]?.id === id && Math.abs(others[at].atUs - atUs) <= 1;
  return seen.length === others.length && seen.toSorted(byIdThenTime).every(isSame);
}

type FaultEvent = Extract<TraceEvent, { readonly type: 'fault' }>;

/** `a | b, c`, or `from a to b`. */
function groupsOf(text: string, kind: string): string[][] {
  const texts = kind === 'partition' ? text.split(' | ') : text.slice('from '.length).split(' to ');
  return texts.map((names) => names.split(', '));
}
