// Hunts drawn mutants, several at a time. Invariants: a mutant is hunted only if the unit tests kill it; what was cut short by a stop is not
// reported; a hunter that would fail on the code as it is ends the hunt before it begins.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { projectRoot, readProjectFile } from '../module-graph.ts';
import { PackageCopies } from '../zoo/package-copy.ts';
import type { HuntFile } from './hunt-file.ts';
import type { HuntRecord } from './hunt-record.ts';
import type { MutantDraw } from './mutant-draw.ts';
import { countsReach, mutatedText, type Mutant } from './mutant.ts';
import { WAYS, type Way } from './trial.ts';
import { HUNT_PROGRAMS, runTrials } from './trials.ts';
import { UnitOrder } from './unit-order.ts';
import { UnitTests } from './unit-tests.ts';

/** Below the checkout, so that copies find its node_modules. */
export const HUNT_FOLDER: string = join(projectRoot, '.dryrunner/mutant-hunt');
const HEALTHY_EXECUTIONS = 200;

/** How to hunt. */
export interface HuntPlan {
  readonly seed: string;
  /** Time of the processor for each way to hunt. */
  readonly seconds: number;
  readonly ways: readonly Way[];
  readonly jobs: number;
  /** Where copies are made and kept; default {@link HUNT_FOLDER}. */
  readonly folder?: string;
}

/** True if there is such a process. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Hunts for mutants in copies of the checkout as it is now. */
export class MutantHunt {
  readonly #plan: HuntPlan;
  readonly #signal: AbortSignal;
  readonly #folder: string;
  readonly #copies: PackageCopies;
  readonly #order = new UnitOrder();

  /** @throws Error if another process hunts in the folder, whose copies would be removed. */
  constructor(plan: HuntPlan, signal: AbortSignal) {
    this.#plan = plan;
    this.#signal = signal;
    this.#folder = plan.folder ?? HUNT_FOLDER;
    this.#takeFolder();
    this.#copies = new PackageCopies(this.#copiesFolder, HUNT_PROGRAMS);
    this.#copies.makeBase();
  }

  get #copiesFolder(): string {
    return join(this.#folder, 'copies');
  }

  /** A digest of all that is hunted and hunts. */
  get sources(): string {
    const manifest = readFileSync(join(this.#copiesFolder, 'sources.json'));
    return createHash('sha256').update(manifest).digest('hex');
  }

  #takeFolder(): void {
    mkdirSync(this.#folder, { recursive: true });
    const path = join(this.#folder, 'hunter');
    const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
    const owner = Number(text);
    // Anything but an id was cut off by the end of its process.
    if (/^[1-9]\d*$/.test(text) && owner !== process.pid && isAlive(owner)) {
      throw new Error(
        `process ${owner} hunts in ${this.#folder}: wait for its end, or take another checkout`,
      );
    }
    writeFileSync(path, String(process.pid));
  }

  /**
   * Makes sure that nothing fails where nothing is wrong; once for each state of the sources.
   *
   * @throws Error (rejects) with what fails.
   */
  async checkHealthy(): Promise<void> {
    const digest = this.sources;
    const healthy = join(this.#folder, 'healthy');
    if (existsSync(healthy) && readFileSync(healthy, 'utf8') === digest) return;
    const plan = {
      seed: this.#plan.seed,
      seconds: 0,
      isCounted: false,
      ways: WAYS,
      executions: HEALTHY_EXECUTIONS,
    };
    for (const { found, way, by, sentence } of await runTrials(this.#copies.base, plan, this.#signal)) {
      if (found) throw new Error(`the hunt is no use, ${way} fails without a mutant: ${by}: ${sentence}`);
    }
    if (!this.#signal.aborted) writeFileSync(healthy, digest);
  }

  /** Tries what is drawn until enough are kept; each is reported as soon as it is there. */
  async run(
    draw: Pick<MutantDraw, 'next' | 'replace'>,
    file: HuntFile,
    onRecord: (record: HuntRecord) => void,
  ): Promise<void> {
    const isStopped = (): boolean => this.#signal.aborted;
    let hasFailed = false;
    const hunter = async (): Promise<void> => {
      const unitTests = new UnitTests(this.#order, join(this.#folder, 'unit-tests'));
      const close = (): void => unitTests.close();
      this.#signal.addEventListener('abort', close);
      try {
        for (let mutant = draw.next(); mutant !== undefined && !isStopped(); mutant = draw.next()) {
          // What one hunter fails with ends the hunt of all.
          if (hasFailed) return;
          const known = file.find(mutant.id);
          const record = known ?? (await this.#hunt(mutant, unitTests));
          if (record === undefined || isStopped()) return;
          if (!record.unit.killed) draw.replace(mutant);
          if (known === undefined) file.add(record);
          onRecord(record);
        }
      } catch (error) {
        hasFailed = true;
        throw error;
      } finally {
        this.#signal.removeEventListener('abort', close);
        close();
      }
    };
    await Promise.all(Array.from({ length: this.#plan.jobs }, hunter));
  }

  async #hunt(mutant: Mutant, unitTests: UnitTests): Promise<HuntRecord | undefined> {
    const { id, folder: part, file, line, mutator, before, after } = mutant;
    const about = { id, folder: part, file, line, mutator, before, after };
    const startMs = performance.now();
    const seconds = (): number => (performance.now() - startMs) / 1_000;
    const text = mutatedText(mutant, readProjectFile(mutant.file));
    const unit = await unitTests.judge(mutant.file, text);
    if (unit === undefined) return undefined;
    if (!unit.killed || this.#signal.aborted) return { mutant: about, unit, seconds: seconds() };
    const name = createHash('sha256').update(mutant.id).digest('hex').slice(0, 12);
    const folder = this.#copies.makeCopy(name, new Map([[mutant.file, text]]));
    try {
      const seed = `${mutant.id} ${this.#plan.seed}`;
      const { seconds: each, ways: wanted } = this.#plan;
      const plan = { seed, seconds: each, ways: wanted, isCounted: countsReach(text) };
      const ways = await runTrials(folder, plan, this.#signal);
      return { mutant: about, unit, ways, seconds: seconds() };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
