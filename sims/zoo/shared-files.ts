/**
 * Several users of one filer: they ingest a tree, check it out where it suits them, give it back, perhaps twice, and change their mind
 * while something is under way. What they keep meanwhile must stay as it is, and in the end nothing of them is left.
 */
import { Cancellation } from 'dryrunner/kit';
import {
  createMemoryFiler,
  createMemoryOutputs,
  createSimFiler,
  defineScenario,
  type Filer,
  isRunnerError,
  type MaybePromise,
  type MemoryFiler,
  type ScenarioDefinition,
  type Simulation,
} from 'dryrunner';
import { pick, pickCount, pickIndex, pickMs, rarely } from './odds.ts';
import { failUnexpected } from './unexpected-error.ts';

const STEP_MS = 10;
const CANCEL_MS = 10;
const OUTPUTS_MAX = 3;
const SOURCE = '/home/source';
/** A file that somebody needs. */
const TAKEN = '/home/taken';
/** Names of directories of a user, or a path. */
const PLACES: readonly (string | undefined)[] = [undefined, 'a', 'b', TAKEN];

export const sharedFiles: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-shared-files',
  description:
    'users of one filer ingest a tree, check it out, give it back, perhaps twice, and may cancel any of it: a checkout stays whole until it is given back, what is cancelled ends soon, and nothing is left. Then some logs are created in outputs that keep the newest three',
  async run(sim) {
    const { clock, choices, tracer } = sim.world;
    const files = createMemoryFiler();
    files.tree.writeFile(`${SOURCE}/main.c`, 'int main;');
    files.tree.writeFile(TAKEN, 'a file');
    const filer = createSimFiler({
      clock,
      choices,
      tracer,
      name: 'filer',
      delegate: files,
      cancelBoundMs: CANCEL_MS,
      menu: {
        ingest: [{ latencyMs: STEP_MS }, { latencyMs: 2 * STEP_MS, cancelMs: CANCEL_MS }, { hang: true }],
        checkout: [{ latencyMs: STEP_MS }, { latencyMs: 2 * STEP_MS, cancelMs: CANCEL_MS }],
      },
    });
    const before = namesIn(files);
    const users = Array.from({ length: pickCount(sim, 'more users', 2) }, (_, index) =>
      new User(sim, files, filer, `user ${index}`).work(),
    );
    await Promise.all(users);
    sim.check(
      namesIn(files) === before,
      `files are left over or missing in the end\n\nExpected ${before}, got ${namesIn(files)}.`,
    );
    keepFewOutputs(sim);
  },
});

/** All files; directories are of no account. */
function namesIn({ tree }: MemoryFiler): string {
  const names = [...tree.entriesUnder('/')].flatMap(([name, { kind }]) => (kind === 'file' ? [name] : []));
  return names.sort().join(' ');
}

/** A creator of outputs keeps the newest ones and lets go of the others. */
function keepFewOutputs(sim: Simulation): void {
  const outputs = createMemoryOutputs({ maxOutputs: OUTPUTS_MAX });
  const count = pickIndex(sim, 'logs that are created', 5, 15, (at) => `${at} logs`);
  for (let index = 0; index < count; index += 1) outputs.create(`log-${index}`);
  const kept = outputs.all().length;
  sim.check(
    kept === Math.min(count, OUTPUTS_MAX),
    `outputs that are to keep the newest ${OUTPUTS_MAX} logs keep another number\n\n${count} logs were created.\nExpected ${Math.min(count, OUTPUTS_MAX)} to be kept, got ${kept}.`,
  );
}

const cancelText = (at: number): string =>
  at === 0 ? 'never' : at === 1 ? 'before it begins' : `after ${(at - 1) * STEP_MS} ms`;

class User {
  readonly #sim: Simulation;
  readonly #files: MemoryFiler;
  readonly #filer: Filer;
  readonly #name: string;

  constructor(sim: Simulation, files: MemoryFiler, filer: Filer, name: string) {
    this.#sim = sim;
    this.#files = files;
    this.#filer = filer;
    this.#name = name;
  }

  async work(): Promise<void> {
    const id = await this.#orChangeMind('ingests', (cancel) => this.#filer.ingest(SOURCE, cancel));
    if (id === undefined) return;
    const place = pick(
      this.#sim,
      { subject: this.#name, what: 'checks out at' },
      PLACES,
      9,
      (name) =>
        name === TAKEN ? `${TAKEN}, which is a file` : (this.#dirOf(name) ?? 'a place of the filer'),
      'clause',
    );
    await this.#useCheckout(id, place === TAKEN ? TAKEN : this.#dirOf(place));
    await this.#useCheckout(id, this.#dirOf(place === TAKEN ? 'a' : place));
  }

  #dirOf(place: string | undefined): string | undefined {
    return place === undefined ? undefined : `/work/${this.#name}/${place}`;
  }

  async #useCheckout(id: string, dir: string | undefined): Promise<void> {
    const checkout = await this.#orRefused(dir === TAKEN, () =>
      this.#orChangeMind('checks out', (cancel) =>
        dir === undefined ? this.#filer.checkout(id, cancel) : this.#filer.checkoutAt(id, dir, cancel),
      ),
    );
    if (checkout === undefined) return;
    const { path } = checkout;
    this.#sim.note(`${this.#name} has its checkout at ${path}`);
    await this.#sim.sleep(pickMs(this.#sim, { subject: this.#name, what: 'works' }, 3, STEP_MS, 0, 'for'), {
      subject: this.#name,
      what: 'works',
    });
    this.#mustBe('file', path, 'before it gives its checkout back');
    await checkout.release();
    this.#sim.note(`${this.#name} has given its checkout back`);
    this.#mustBe(undefined, path, 'after it has given its checkout back');
    if (dir === undefined || !rarely(this.#sim, { subject: this.#name, what: 'gives back twice' })) return;
    // Somebody else has got the place meanwhile.
    const next = this.#files.checkoutAt(id, dir);
    this.#sim.note(`somebody else has a checkout at ${next.path} now`);
    await checkout.release();
    this.#sim.note(`${this.#name} has given its old checkout back once more`);
    this.#mustBe('file', path, 'where somebody else has a checkout now');
    next.release();
  }

  #mustBe(kind: 'file' | undefined, path: string, when: string): void {
    const found = this.#files.tree.kindOf(`${path}/main.c`);
    const text = (what: string | undefined): string =>
      what === undefined ? 'no files' : 'the files of a checkout';
    this.#sim.check(
      found === kind,
      `${this.#name} finds ${text(found)} ${when}\n\nAt ${path}: expected ${text(kind)}, got ${text(found)}.\nAll files: ${namesIn(this.#files)}.`,
    );
  }

  /** Where there is a file already, nothing can be checked out. */
  async #orRefused<T>(isTaken: boolean, action: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      const result = await action();
      this.#sim.check(
        !isTaken || result === undefined,
        `${this.#name} was given a checkout at the path of a file\n\nExpected RUNNER_FILER_FAILED, for ${TAKEN} is a file that somebody needs, got a checkout.\nAll files: ${namesIn(this.#files)}.`,
      );
      return result;
    } catch (error) {
      if (isTaken && isRunnerError(error, 'RUNNER_FILER_FAILED')) return undefined;
      throw error;
    }
  }

  /** Begins something and may cancel it, before it begins, on the way, or twice; then it ends soon. */
  async #orChangeMind<T>(
    what: string,
    begin: (cancel: Cancellation) => MaybePromise<T>,
  ): Promise<T | undefined> {
    const cancel = new Cancellation();
    const step = pickIndex(this.#sim, `${this.#name} ${what} and cancels`, 7, 40, cancelText, 'clause');
    if (step === 1) cancel.cancel();
    let cancelledAtMs = step === 1 ? this.#sim.now() : Infinity;
    // Users that hang are cancelled in the end.
    const timer = this.#sim.world.clock.timer(
      { subject: this.#name, what: 'changes its mind' },
      step < 2 ? 50 : (step - 1) * STEP_MS,
      () => {
        cancel.cancel();
        cancel.cancel();
        cancelledAtMs = Math.min(cancelledAtMs, this.#sim.now());
      },
    );
    try {
      return await begin(cancel);
    } catch (error) {
      if (!cancel.cancelled) {
        if (isRunnerError(error, 'RUNNER_FILER_FAILED')) throw error;
        failUnexpected(this.#sim, `${this.#name} ${what}, and that broke`, 'an end without any error', error);
      }
      return undefined;
    } finally {
      timer.cancel();
      const lateMs = this.#sim.now() - cancelledAtMs;
      this.#sim.check(
        lateMs <= CANCEL_MS,
        `what ${this.#name} has cancelled goes on for too long\n\nIt ${what} and cancels.\nExpected an end at most ${CANCEL_MS} ms after the cancel, got it after ${lateMs} ms.`,
      );
    }
  }
}
