/**
 * A disk in memory under several processes that do all that can be done with a disk, with crashes, power failures and all faults: what is read,
 * how long it takes, what fails and why, and what a crash leaves is what the contract says.
 */
import {
  defineScenario,
  isRunnerError,
  type ScenarioDefinition,
  type Simulation,
  type TraceEvent,
} from 'dryrunner';
import {
  createMemoryDisk,
  type Disk,
  type DiskFaults,
  type MemoryDisk,
  type MemoryDiskOptions,
} from 'dryrunner/cluster';
import { pick, pickCount, pickMs, rarely } from '../zoo/odds.ts';
import { DiskModel, type Files, type Refusal, type Step } from './disk-model.ts';
import { type AskedFault, SeenWorld } from './seen-world.ts';
import { mustRefuse } from './outcome.ts';

const REACHED = [
  'a file is not found',
  'a name is taken by a folder or a file',
  'the disk is full',
  'a write is short',
  'a write finds no space',
  'a sync fails',
  'a bit rots',
  'an operation is slow',
  'a slow operation is hurried by the heal',
  'a power failure loses something',
  'a power failure tears a write',
  'a power failure leaves zeros',
  'a power failure takes names back',
  'a crash leaves a part of a write',
  'a closed disk refuses',
  'a dead disk refuses',
] as const;
const PATHS = ['a', 'b', 'd/a', 'd/e/b', 'd'];
const FOLDERS = ['', 'd', 'd/e', 'none'];
const TEXTS = ['x', 'xy', 'zyx', '', 'yyzzxx', 'é'];
const ROUNDS = 3;
const OPERATIONS = 7;
const SLOW_MS = 1_000;
const STRIKES_MAX = 4;
const STEPS = 8;
const WRONG_PATHS = [
  '',
  '/a',
  'a/',
  'a//b',
  '.',
  '..',
  'a/../b',
  'a\\b',
  'a\0',
  'é'.repeat(128),
  '\ud800',
  3,
  undefined,
  null,
];
const WRONG_DATA = [3, null, undefined, ['x'], { length: 1 }, new Uint16Array(1)];
const WRONG_OPTIONS = [
  { latencyMs: -1 },
  { latencyMs: [2, 1] },
  { latencyMs: [1] },
  { latencyMs: [1, Infinity] },
  { capacityBytes: -1 },
  { tearBytes: 0 },
  { tearBytes: 1.5 },
  { name: '' },
  { faults: { short: 1 } },
  { faults: { slowMs: -1 } },
  { faults: { reorder: 2 } },
  { faults: { strikesMax: -1 } },
  { faults: { other: 2 } },
  { other: 1 },
];

type Make = typeof createMemoryDisk;
type Call = Step['do'] | 'read' | 'readText' | 'list' | 'close';

/** What was asked of a disk. */
interface Asked {
  readonly call: Call;
  readonly path: string;
  readonly to: string;
  readonly data: string;
  readonly atMs: number;
}

/** A disk as one process has it. */
interface Process {
  readonly disk: Disk;
  readonly pending: Asked[];
  freeAtMs: number;
  end: 'closed' | 'dead' | undefined;
}

type Outcome = { readonly value: unknown } | { readonly code: string; readonly text: string };

/** The workload of a disk; `make` is what makes one. */
export function diskWorkload(make: Make = createMemoryDisk): ScenarioDefinition<unknown> {
  return defineScenario<unknown>({
    name: 'generic-disk',
    description:
      'processes use a disk in all ways, it crashes and fails, and it holds what its contract says',
    async run(sim) {
      for (const name of REACHED) sim.sometimes(name, false);
      await new DiskWork(sim, make).run();
    },
  });
}

export const disk: ScenarioDefinition<unknown> = diskWorkload();

class DiskWork {
  readonly #sim: Simulation;
  readonly #seen: SeenWorld;
  readonly #name: string;
  readonly #options: MemoryDiskOptions;
  readonly #faults: DiskFaults;
  readonly #medium: MemoryDisk;
  #model: DiskModel;
  #processes: Process[] = [];
  readonly #background: Promise<void>[] = [];
  /** Slow operations that are not over. */
  #slow: { readonly operation: string; readonly file: string }[] = [];
  #strikes = 0;
  #healedAtMs = Infinity;

  constructor(sim: Simulation, make: Make) {
    this.#sim = sim;
    this.#seen = new SeenWorld(sim);
    const name = pick(sim, 'name', [undefined, 'n1'], 1);
    this.#name = name ?? 'disk';
    this.#faults = this.#drawFaults();
    this.#options = {
      latencyMs: pick(sim, 'latency', [0, 2, [1, 8], [3, 3]] as const, 1, String),
      ...defined('tearBytes', pick(sim, 'tears at', [undefined, 2, 4, Infinity], 1)),
      ...defined('capacityBytes', pick(sim, 'capacity', [undefined, 6, 12, 0], 4)),
      ...(name === undefined ? {} : { name }),
      faults: this.#faults,
    };
    this.#refusesOptions(make);
    this.#medium = make(this.#seen.world, this.#options);
    this.#check(this.#medium.name === this.#name, `the disk is called ${this.#medium.name}`);
    this.#model = this.#modelOf({});
  }

  async run(): Promise<void> {
    const sim = this.#sim;
    for (let left = pickCount(sim, 'rounds', ROUNDS); left > 0; left -= 1) {
      const processes = pickCount(sim, 'processes', 2);
      this.#processes = Array.from({ length: processes }, () => ({
        disk: this.#medium.mount(sim.world),
        pending: [],
        freeAtMs: sim.now(),
        end: undefined,
      }));
      const work = this.#processes.map((process, index) => this.#program(process, `process ${index + 1}`));
      const end = pick(sim, 'the round ends by', ['itself', 'power failure', 'crash'] as const, 1);
      if (end !== 'itself' && rarely(sim, 'in the midst', 2)) {
        await sim.sleep(pickMs(sim, 'after', 8, 1, 0.25));
        this.#die(end);
        await this.#settled(work);
      } else {
        await this.#settled(work);
        if (end !== 'itself') this.#die(end);
      }
    }
    await this.#healthy();
  }

  async #settled(work: readonly Promise<void>[]): Promise<void> {
    await Promise.all(work);
    await Promise.all(this.#background.splice(0));
  }

  /** Once faults have ended nothing is lost or fails. */
  async #healthy(): Promise<void> {
    const sim = this.#sim;
    this.#heal();
    const before = this.#files();
    this.#medium.powerFail();
    this.#seen.takeEvents();
    this.#check(same(this.#files(), before), 'after the heal a power failure loses something');
    this.#model = this.#modelOf(before);
    const process: Process = {
      disk: this.#medium.mount(sim.world),
      pending: [],
      freeAtMs: sim.now(),
      end: undefined,
    };
    this.#processes = [process];
    await this.#settled([this.#program(process, 'process after the heal')]);
    const { strikesMax = STRIKES_MAX } = this.#faults;
    this.#check(this.#strikes <= strikesMax, `${this.#strikes} faults, and there may be ${strikesMax}`);
  }

  #heal(): void {
    if (this.#healedAtMs < Infinity) return;
    this.#healedAtMs = this.#sim.now();
    this.#sim.heal();
  }

  #drawFaults(): DiskFaults {
    const sim = this.#sim;
    const rate = (kind: string): number | boolean | undefined =>
      pick(sim, kind, [undefined, 2, true, 4, false], 4);
    return {
      ...defined('short', rate('short')),
      ...defined('noSpace', rate('no space')),
      ...defined('sync', rate('sync fails')),
      ...defined('rot', rate('rot')),
      ...defined('slow', rate('slow')),
      ...defined('slowMs', pick(sim, 'slow by', [undefined, 30], 1)),
      ...defined('reorder', pick(sim, 'reorder', [undefined, true, false], 1)),
      ...defined('strikesMax', pick(sim, 'strikes', [undefined, 1, 0, Infinity], 2)),
    };
  }

  #refusesOptions(make: Make): void {
    const wrong = pick(this.#sim, 'wrong options', WRONG_OPTIONS, 1, (value) => JSON.stringify(value));
    mustRefuse(this.#sim, `a disk of ${JSON.stringify(wrong)}`, () => make(this.#sim.world, wrong as never));
  }

  #modelOf(files: Files): DiskModel {
    const { tearBytes = 1, capacityBytes = Infinity } = this.#options;
    return new DiskModel({ tear: tearBytes, reorder: this.#faults.reorder ?? false, capacityBytes }, files);
  }

  async #program(process: Process, name: string): Promise<void> {
    const sim = this.#sim;
    for (let left = pickCount(sim, `${name} operations`, OPERATIONS); left > 0; left -= 1) {
      const gapMs = pick(sim, `${name} sleeps`, [0, 1, 10], 4);
      if (gapMs > 0) await sim.sleep(gapMs);
      if (rarely(sim, `${name} heals`, 64)) this.#heal();
      if (rarely(sim, `${name} errs`, 12)) await this.#wrong(process, name);
      const done = this.#operation(process, name);
      if (rarely(sim, `${name} does not wait`, 3)) this.#background.push(done);
      else await done;
    }
  }

  #operation(process: Process, name: string): Promise<void> {
    const sim = this.#sim;
    const calls = [
      'write',
      'append',
      'sync',
      'read',
      'rename',
      'remove',
      'list',
      'readText',
      'append',
      'sync',
      'write',
    ] as const;
    const call: Call = rarely(sim, `${name} closes`, 24) ? 'close' : pick(sim, `${name} does`, calls, 1);
    const isTop = call === 'sync' && rarely(sim, `${name} syncs the top`, 6);
    const path =
      call === 'list'
        ? pick(sim, `${name} folder`, FOLDERS, 1)
        : call === 'close' || isTop
          ? ''
          : pick(sim, `${name} file`, [...PATHS, ...(call === 'sync' ? FOLDERS.slice(1) : [])], 2);
    const to = call === 'rename' ? pick(sim, `${name} new name`, PATHS, 1) : '';
    const text = call === 'write' || call === 'append' ? pick(sim, `${name} data`, TEXTS, 1) : '';
    const data = bytesOf(text);
    const asked: Asked = { call, path, to, data: textOf(data), atMs: sim.now() };
    const isText = rarely(sim, `${name} writes text`, 2);
    const answer = ask(process.disk, asked, isText ? text : data);
    // Whose bytes those are afterwards is the caller's affair.
    data.fill(0);
    if (process.end === undefined) process.pending.push(asked);
    const isRefused = process.end;
    if (call === 'close') process.end ??= 'closed';
    return answer.then(
      (value) => this.#ended(process, asked, { value }, isRefused),
      (error: unknown) => this.#ended(process, asked, outcomeOf(error), isRefused),
    );
  }

  #ended(process: Process, asked: Asked, outcome: Outcome, isRefused: Process['end']): void {
    const events = this.#seen.takeEvents().filter(isOfDisk);
    const wasPending = process.pending[0] === asked;
    if (asked.call === 'close' && isRefused !== undefined) {
      // A disk is closed once, and says so each time.
      this.#check(process.end === 'dead' || 'value' in outcome, 'closing it again ends as the first time');
      this.#noteSlow(events);
      return;
    }
    if (isRefused !== undefined || !wasPending) {
      this.#noteSlow(events);
      const why = isRefused === 'closed' ? 'it was closed' : 'the process that used it has crashed';
      this.#fails(asked, outcome, { code: 'RUNNER_DISK_CLOSED', why });
      this.#check(
        isRefused === undefined || asked.atMs === this.#sim.now(),
        'a disk that is closed or dead answers at once',
      );
      this.#sim.sometimes(isRefused === 'closed' ? 'a closed disk refuses' : 'a dead disk refuses');
      return;
    }
    process.pending.shift();
    this.#expectQuestions(asked, events, this.#seen.takeAsked());
    const faults = events.filter((event) => event.type === 'fault' && event.kind !== 'slow');
    this.#carryOut(asked, outcome, faults as FaultEvent[]);
    this.#expectEvents(asked, outcome, events);
    this.#noteSlow(events);
    this.#checkTime(process, asked);
    this.#agrees(textOfCall(asked));
  }

  /** What may strike is asked about, with as many answers as its chance says, and nothing else is. */
  #expectQuestions(
    { call, path }: Asked,
    events: readonly DiskishEvent[],
    asked: readonly AskedFault[],
  ): void {
    for (const { kind, text, n } of asked) {
      const name = FAULTS.find((one) => text.endsWith(` ${KINDS[one]} fault`));
      if (kind === 'delay' || name === undefined) continue;
      const chance = this.#faults[name] ?? false;
      this.#check(
        chance !== false && n === (chance === true ? ONE_IN : chance),
        `"${text}" has ${n} answers`,
      );
    }
    const isWrite = call === 'write' || call === 'append';
    const first = isWrite ? 'noSpace' : call === 'sync' ? 'sync' : 'rot';
    const mayStrike = isWrite
      ? this.#model.obstacle(path) === undefined
      : call === 'sync'
        ? this.#model.read(path) !== undefined
        : nameOf(call) === 'read' && this.#model.certainBytes(path) > 0;
    const { strikesMax = STRIKES_MAX } = this.#faults;
    const own = events.filter((event) => event.type === 'fault' && event.kind !== 'slow').length;
    const before = this.#seen.strikes - own;
    if (!mayStrike || before >= strikesMax || (this.#faults[first] ?? false) === false) return;
    if (this.#sim.now() >= this.#healedAtMs) return;
    const isAsked = asked.some(({ text }) => text.includes(` ${nameOf(call)} ${path} ${KINDS[first]} `));
    this.#check(
      isAsked,
      `${first} may strike ${call} of ${path}, and nothing is asked but ${asked.map(({ text }) => text).join()}`,
    );
  }

  /** What the operation does by the model, with the fault that has struck it. */
  #carryOut(asked: Asked, outcome: Outcome, faults: readonly FaultEvent[]): void {
    const { call, path, to, data } = asked;
    const [fault] = faults;
    this.#check(faults.length <= 1, 'one fault at most strikes an operation');
    this.#strikes += faults.length;
    if (fault !== undefined) {
      this.#check(
        fault.operation === nameOf(call) && fault.file === path && fault.runner === this.#name,
        `the fault ${fault.kind} of ${fault.operation} of ${String(fault.file)} is one of ${call} of ${path}`,
      );
      this.#check(this.#sim.now() <= this.#healedAtMs, 'a fault strikes after the heal');
      this.#struck(asked, outcome, fault);
      return;
    }
    if (call === 'read' || call === 'readText') {
      const content = this.#model.read(path);
      if (content === undefined) {
        this.#fails(asked, outcome, { code: 'RUNNER_DISK_NOT_FOUND', why: 'no such file' });
      } else this.#gives(asked, outcome, call === 'read' ? content : utf8(content));
    } else if (call === 'list') this.#gives(asked, outcome, this.#model.list(path));
    else if (call === 'close') this.#gives(asked, outcome, undefined);
    else {
      const refusal = this.#model.carryOut({ do: call, path, to, data });
      if (refusal === undefined) this.#gives(asked, outcome, undefined);
      else this.#fails(asked, outcome, refusal);
    }
  }

  #struck(asked: Asked, outcome: Outcome, { kind }: FaultEvent): void {
    const { call, path, data } = asked;
    const isWrite = call === 'write' || call === 'append';
    this.#check(
      isWrite ? kind === 'short' || kind === 'no-space' : call === 'sync' ? kind === 'fail' : kind === 'rot',
      `the fault ${kind} strikes ${call}`,
    );
    if (kind === 'no-space') {
      this.#fails(asked, outcome, { code: 'RUNNER_DISK_NO_SPACE', why: 'no space left' });
      this.#sim.sometimes('a write finds no space');
    } else if (kind === 'fail') {
      this.#model.failSync(path);
      this.#fails(asked, outcome, { code: 'RUNNER_DISK_FAILED', why: 'input/output error (injected fault)' });
      this.#sim.sometimes('a sync fails');
    } else if (kind === 'rot') this.#rotten(asked, outcome);
    else if (isWrite) {
      const before = call === 'write' ? '' : (this.#model.read(path) ?? '');
      const part = (this.#files()[path] ?? '').slice(before.length);
      this.#check(
        part.length < data.length && data.startsWith(part),
        `"${part}" is a first part of "${data}"`,
      );
      const refusal = this.#model.carryOut({ do: call, path, data: part });
      const why = `only ${part.length} of ${data.length} bytes were written (injected fault)`;
      // A short write may find the disk full as well.
      const isFull = 'code' in outcome && outcome.code === 'RUNNER_DISK_NO_SPACE';
      const { capacityBytes = Infinity } = this.#options;
      this.#check(!isFull || capacityBytes < Infinity, 'a disk without a limit is full');
      this.#fails(asked, outcome, isFull ? FULL : (refusal ?? { code: 'RUNNER_DISK_FAILED', why }));
      this.#sim.sometimes('a write is short');
    }
  }

  /** One bit of what is certain is another, from now on. */
  #rotten(asked: Asked, outcome: Outcome): void {
    const { path, call } = asked;
    const before = this.#model.read(path) ?? '';
    const certain = this.#model.certainBytes(path);
    const now = this.#files()[path] ?? '';
    const different = [...before].flatMap((char, at) => (char === now[at] ? [] : [at]));
    const [at = Infinity] = different;
    const bits = ((before.charCodeAt(at) ^ now.charCodeAt(at)) >>> 0).toString(2).replaceAll('0', '').length;
    this.#check(
      now.length === before.length && different.length === 1 && at < certain && bits === 1,
      `a bit of the first ${certain} bytes of ${show(before)} rots, not ${show(now)}`,
    );
    this.#model.rot(path, now);
    this.#gives(asked, outcome, call === 'read' ? now : utf8(now));
    this.#sim.sometimes('a bit rots');
  }

  #gives(asked: Asked, outcome: Outcome, value: unknown): void {
    const given = 'value' in outcome ? outcome.value : outcome;
    const plain = given instanceof Uint8Array ? textOf(given) : given;
    this.#check(same(plain, value), `${textOfCall(asked)} gives ${show(plain)}, not ${show(value)}`);
    // What is read is the caller's own.
    if (given instanceof Uint8Array) given.fill(7);
  }

  #fails(asked: Asked, outcome: Outcome, { code, why }: Refusal): void {
    const message = `${textOfCall(asked)} on disk ${this.#name}: ${why}`;
    this.#check(
      'code' in outcome && outcome.code === code && outcome.text === message,
      `${textOfCall(asked)} on disk ${this.#name}: expected ${code} "${message}", got ${endText(outcome)}`,
    );
    if (code === 'RUNNER_DISK_NOT_FOUND') this.#sim.sometimes('a file is not found');
    if (why.includes(' is a folder') || why.includes(' is no folder')) {
      this.#sim.sometimes('a name is taken by a folder or a file');
    }
    if (code === 'RUNNER_DISK_NO_SPACE') this.#sim.sometimes('the disk is full');
  }

  /** What was done is in the trace. */
  #expectEvents(asked: Asked, outcome: Outcome, events: readonly DiskishEvent[]): void {
    const { call, path, to } = asked;
    const steps = events.filter((event) => event.type === 'disk');
    const isDone = 'value' in outcome;
    const [step] = steps;
    const isTraced =
      ['read', 'write', 'append', 'sync', 'remove', 'rename'].includes(nameOf(call)) &&
      !(call === 'rename' && path === to);
    this.#check(
      steps.length === (isTraced && isDone ? 1 : 0) ||
        (steps.length === 1 && (call === 'write' || call === 'append')),
      `${call} leaves ${steps.length} events`,
    );
    if (step === undefined) return;
    const expected =
      call === 'rename'
        ? { step: 'renamed', file: to, from: path }
        : call === 'sync' || call === 'remove'
          ? { step: call === 'sync' ? 'synced' : 'removed', file: path }
          : {
              step: nameOf(call) === 'read' ? 'read' : call === 'write' ? 'wrote' : 'appended',
              file: path,
              bytes: isDone ? this.#bytesMoved(asked) : step.bytes,
            };
    const { at, runner, file, bytes, from } = step;
    const rest = { step: step.step, file, bytes, from };
    this.#check(
      at === this.#sim.now() && runner === this.#name && same(rest, { ...expected }),
      `the trace says ${show(rest)}, not ${show(expected)}`,
    );
  }

  #bytesMoved({ call, path, data }: Asked): number {
    return nameOf(call) === 'read' ? (this.#model.read(path) ?? '').length : data.length;
  }

  /** Operations of a process take their time one after another. */
  #checkTime(process: Process, asked: Asked): void {
    const { call, path, atMs } = asked;
    const now = this.#sim.now();
    const fromMs = Math.max(atMs, process.freeAtMs);
    const durationMs = Math.round((now - fromMs) * 1_000) / 1_000;
    process.freeAtMs = now;
    if (this.#isUsual(durationMs)) return;
    const index = this.#slow.findIndex(({ operation, file }) => operation === nameOf(call) && file === path);
    this.#check(index >= 0, `${textOfCall(asked)} took ${durationMs} ms, and was not slow`);
    this.#slow.splice(index, 1);
    const { slowMs = SLOW_MS } = this.#faults;
    const isHurried = now === this.#healedAtMs && fromMs <= now;
    this.#check(
      this.#isUsual(durationMs - slowMs) || isHurried,
      `${textOfCall(asked)} took ${durationMs} ms`,
    );
    this.#sim.sometimes(isHurried ? 'a slow operation is hurried by the heal' : 'an operation is slow');
  }

  #isUsual(ms: number): boolean {
    const { latencyMs = 0 } = this.#options;
    const [least, most] = typeof latencyMs === 'number' ? [latencyMs, latencyMs] : latencyMs;
    return Array.from({ length: STEPS }, (_, step) => least + (step * (most - least)) / (STEPS - 1)).includes(
      ms,
    );
  }

  #noteSlow(events: readonly DiskishEvent[]): void {
    for (const event of events) {
      if (event.type !== 'fault' || event.kind !== 'slow') continue;
      this.#strikes += 1;
      this.#slow.push({ operation: event.operation, file: event.file ?? '' });
    }
  }

  #die(how: 'crash' | 'power failure'): void {
    this.#noteSlow(this.#seen.takeEvents().filter(isOfDisk));
    const underWay = this.#processes.flatMap(({ pending, end }) =>
      end === 'dead' ? [] : pending.slice(0, 1),
    );
    for (const process of this.#processes) {
      // Those that were closed and are done with everything have left it.
      process.end = process.end === 'closed' && process.pending.length === 0 ? 'closed' : 'dead';
      process.pending.length = 0;
    }
    this.#slow = [];
    if (how === 'power failure') {
      this.#powerFail(underWay);
      this.#model = this.#modelOf(this.#files());
    } else this.#crash(underWay);
  }

  #powerFail(underWay: readonly Asked[]): void {
    // What was under way is written and not synced, as all the rest.
    for (const asked of underWay) {
      if (isChange(asked.call)) this.#model.carryOut({ ...asked, do: asked.call });
    }
    const before = this.#model.files;
    this.#medium.powerFail();
    const events = this.#seen.takeEvents().filter(isOfDisk);
    const left = this.#files();
    this.#check(
      this.#model.allows(left),
      `after a power failure it holds ${show(left)}, and before it ${show(before)}`,
    );
    const losses = events.filter(
      ({ type, ...event }) => type === 'disk' && 'step' in event && LOSSES.includes(event.step),
    );
    this.#check(
      losses.length > 0 || same(left, before),
      `it holds ${show(left)}, not ${show(before)}, and the trace says of nothing that it was lost`,
    );
    const has = (step: string): boolean =>
      losses.some((event) => 'step' in event && event.step === step && event.change === undefined);
    if (has('lost')) this.#sim.sometimes('a power failure loses something');
    if (has('torn')) this.#sim.sometimes('a power failure tears a write');
    if (has('zeroed')) this.#sim.sometimes('a power failure leaves zeros');
    if (losses.some((event) => 'change' in event)) this.#sim.sometimes('a power failure takes names back');
  }

  /** Each operation that was under way was done, or not, or a part of a write was; all else is there, as it was. */
  #crash(underWay: readonly Asked[]): void {
    this.#medium.crash();
    const steps = this.#seen
      .takeEvents()
      .filter(isOfDisk)
      .filter((event) => event.type === 'disk' && !LOSSES.includes(event.step));
    const left = this.#files();
    for (const [index, asked] of underWay.entries()) {
      const { call, path, to, data } = asked;
      if (!isChange(call)) continue;
      // Of two processes that write the same file one may have done it, and what it holds says which.
      const mayBeOther = underWay
        .slice(index + 1)
        .some((other) => steps.length === 1 && isSameStep(other, asked));
      const step = steps.findIndex(
        (event) =>
          isStepOf(event, asked) &&
          (!mayBeOther || (left[path] ?? '').endsWith(data.slice(0, bytesIn(event)))),
      );
      const [done] = step < 0 ? [] : steps.splice(step, 1);
      if (done?.type !== 'disk') continue;
      const bytes = bytesIn(done);
      const offset = call === 'write' ? 0 : (this.#model.read(path) ?? '').length;
      const part = data.slice(0, bytes);
      const refusal = this.#model.carryOut({ do: call, path, to, data: part });
      const isFull = this.#options.capacityBytes !== undefined;
      const { tearBytes = 1 } = this.#options;
      const isTorn = part.length < data.length && (call === 'write' || call === 'append');
      this.#check(
        refusal === undefined && (!isTorn || isFull || (offset + bytes) % tearBytes === 0),
        `${textOfCall(asked)} cannot have been done up to ${bytes} of ${data.length} bytes`,
      );
      if (isTorn) this.#sim.sometimes('a crash leaves a part of a write');
    }
    this.#check(steps.length === 0, `a crash does what nobody has asked for: ${show(steps)}`);
    this.#agrees('after a crash');
  }

  #agrees(when: string): void {
    const files = this.#files();
    this.#check(
      same(files, this.#model.files),
      `${when} the disk holds ${show(files)}, not ${show(this.#model.files)}`,
    );
  }

  async #wrong(process: Process, name: string): Promise<void> {
    const { disk: mounted } = process;
    const drawn = pick(this.#sim, `${name} wrong path`, WRONG_PATHS, 1, show);
    const path = drawn as string;
    const data = pick(this.#sim, `${name} wrong data`, WRONG_DATA, 1, show) as string;
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      read: () => mounted.read(path),
      readText: () => mounted.readText(path),
      write: () => mounted.write(path, 'x'),
      append: () => mounted.append(path, 'x'),
      'write of anything but data': () => mounted.write('a', data),
      'append of anything but data': () => mounted.append('a', data),
      rename: () => mounted.rename(path, 'a'),
      'rename to it': () => mounted.rename('a', path),
      remove: () => mounted.remove(path),
      ...(drawn === undefined ? {} : { sync: () => mounted.sync(path), list: () => mounted.list(path) }),
    };
    const which = pick(this.#sim, `${name} wrong call`, Object.keys(calls), 1);
    const atMs = this.#sim.now();
    const outcome = await (calls[which] as () => Promise<unknown>)().then(
      (value): Outcome => ({ value }),
      outcomeOf,
    );
    this.#check(
      'code' in outcome && outcome.code === 'RUNNER_INVALID_ARGUMENT' && this.#sim.now() === atMs,
      `${which} of ${show(path)} is refused at once, and comes to ${show(outcome)}`,
    );
  }

  #files(): Files {
    const files = this.#medium.files();
    const texts = Object.fromEntries([...files].map(([path, bytes]) => [path, textOf(bytes)]));
    for (const bytes of files.values()) bytes.fill(9);
    return texts;
  }

  #check(condition: boolean, message: string): void {
    this.#sim.check(condition, message);
  }
}

const FULL: Refusal = { code: 'RUNNER_DISK_NO_SPACE', why: 'no space left' };
const LOSSES: readonly string[] = ['lost', 'torn', 'zeroed'];

type FaultEvent = Extract<TraceEvent, { readonly type: 'fault' }>;
type DiskishEvent = FaultEvent | Extract<TraceEvent, { readonly type: 'disk' }>;

function isOfDisk(event: TraceEvent): event is DiskishEvent {
  return event.type === 'fault' || event.type === 'disk';
}

function isChange(call: Call): call is Step['do'] {
  return call === 'write' || call === 'append' || call === 'rename' || call === 'remove';
}

const ONE_IN = 16;
const FAULTS = ['short', 'noSpace', 'sync', 'rot', 'slow'] as const;
/** As questions and the trace name them. */
const KINDS = { short: 'short', noSpace: 'no-space', sync: 'fail', rot: 'rot', slow: 'slow' } as const;
const STEPS_OF: Readonly<Record<string, string>> = {
  write: 'wrote',
  append: 'appended',
  rename: 'renamed',
  remove: 'removed',
};

function bytesIn(event: DiskishEvent): number {
  return (event.type === 'disk' ? event.bytes : undefined) ?? 0;
}

function isSameStep(one: Asked, other: Asked): boolean {
  return one.call === other.call && one.path === other.path;
}

/** Whether that is what an operation leaves in the trace. */
function isStepOf(event: DiskishEvent, { call, path, to }: Asked): boolean {
  return (
    event.type === 'disk' && event.step === STEPS_OF[call] && event.file === (call === 'rename' ? to : path)
  );
}

function ask(mounted: Disk, { call, path, to }: Asked, data: string | Uint8Array): Promise<unknown> {
  switch (call) {
    case 'write':
    case 'append':
      return mounted[call](path, data);
    case 'rename':
      return mounted.rename(path, to);
    case 'sync':
      return path === '' ? mounted.sync() : mounted.sync(path);
    case 'list':
      return path === '' ? mounted.list() : mounted.list(path);
    case 'close':
      return mounted.close();
    case 'read':
    case 'readText':
    case 'remove':
      return mounted[call](path);
  }
}

/** As the trace and errors name it. */
function nameOf(call: Call): string {
  return call === 'readText' ? 'read' : call;
}

function textOfCall({ call, path, to }: Asked): string {
  const what = path === '' ? 'the top folder' : path;
  if (call === 'close') return 'close';
  if (call === 'write' || call === 'append') return `${call} to ${what}`;
  return call === 'rename' ? `rename of ${what} to ${to}` : `${nameOf(call)} of ${what}`;
}

function defined<K extends string, T>(name: K, value: T | undefined): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, T>);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** A character for each byte. */
function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function utf8(content: string): string {
  return decoder.decode(Uint8Array.from(content, (char) => char.charCodeAt(0)));
}

function same(one: unknown, other: unknown): boolean {
  return show(one) === show(other);
}

function show(value: unknown): string {
  // Of undefined there is no JSON.
  return value === undefined ? 'undefined' : JSON.stringify(value);
}

function outcomeOf(error: unknown): Outcome {
  return {
    code: isRunnerError(error) ? error.code : 'none',
    text: error instanceof Error ? error.message : show(error),
  };
}

/** What an operation came to. */
function endText(outcome: Outcome): string {
  return 'code' in outcome ? `${outcome.code} "${outcome.text}"` : `no error and ${show(outcome.value)}`;
}
