/** Collaborators of a run as they are in real life: an uploader and processors that are quick, slow, failing, or deaf to a cancel. */
import type { Cancellable } from 'dryrunner/kit';
import type { LogUploader, Output, Processor, Simulation } from 'dryrunner';

const SLOW_MS = 10;
const ENDLESS_MS = 100;

/** How an uploader does its work. */
export type UploaderKind = 'quick' | 'slow' | 'deaf' | 'failing' | 'endless';

/** An uploader that gives `https://logs/…` for each log and knows what it has taken. */
export class TidyUploader implements LogUploader {
  readonly cancelBoundMs: number = SLOW_MS;
  readonly uploadBoundMs: number = 2 * SLOW_MS;
  readonly #sim: Simulation;
  readonly #kind: UploaderKind;
  readonly #taken = new Map<string, Output>();

  constructor(sim: Simulation, kind: UploaderKind) {
    this.#sim = sim;
    this.#kind = kind;
  }

  /** Every upload ends well. */
  get isReliable(): boolean {
    return this.#kind !== 'failing' && this.#kind !== 'endless';
  }

  /** The log behind a URL that it has given. */
  find(url: string): Output | undefined {
    return this.#taken.get(url);
  }

  async upload(name: string, log: Output, cancel: Cancellable): Promise<string> {
    if (this.#kind === 'slow') await sleepUnlessCancelled(this.#sim, SLOW_MS, cancel);
    if (this.#kind === 'deaf') await this.#sim.sleep(SLOW_MS);
    if (this.#kind === 'endless') await this.#sim.sleep(ENDLESS_MS);
    if (this.#kind === 'failing') throw new Error('the store of logs is down');
    const url = `https://logs/${name}`;
    this.#taken.set(url, log);
    return url;
  }
}

/** How a processor does its work. */
export type ProcessorKind = 'quick' | 'slow' | 'failing';

/** A processor that counts its calls. */
export class CountingProcessor implements Processor {
  readonly name: string;
  readonly cancelBoundMs: number = SLOW_MS;
  calls = 0;
  readonly #sim: Simulation;
  readonly #kind: ProcessorKind;

  constructor(sim: Simulation, name: string, kind: ProcessorKind) {
    this.#sim = sim;
    this.name = name;
    this.#kind = kind;
  }

  async process(_command: unknown, cancel: Cancellable): Promise<void> {
    this.calls += 1;
    if (this.#kind === 'slow') await sleepUnlessCancelled(this.#sim, SLOW_MS, cancel);
    if (this.#kind !== 'failing') return;
    this.#sim.note(failureNote(this.name));
    throw new Error(`${this.name} failed`);
  }
}

/** The line of the trace that says that a processor is about to fail. */
export function failureNote(name: string): string {
  return `processor ${name} fails`;
}

/** True for such a line. */
export function isFailureNote(text: string): boolean {
  return text.startsWith('processor ') && text.endsWith(' fails');
}

/** Sleeps, or fails as soon as it is asked to stop. */
async function sleepUnlessCancelled(sim: Simulation, ms: number, { signal }: Cancellable): Promise<void> {
  const { clock } = sim.world;
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      timer.cancel();
      reject(new Error('asked to stop'));
    };
    const timer = clock.timer('the end of slow work', ms, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
