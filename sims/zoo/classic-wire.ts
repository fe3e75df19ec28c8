/** A wire between two parties of a small scheduler: messages take their time, overtake each other, and a few get lost. */
import { question } from 'dryrunner/kernel';
import type { Simulation } from 'dryrunner';

const STEP_MS = 10;
const STEPS = 3;

/** No message takes longer. */
export const WIRE_MS_MAX: number = (STEPS - 1) * STEP_MS;

/** See above. Few enough messages get lost that repeating them gets through. */
export class Wire {
  readonly #sim: Simulation;
  readonly #name: string;
  #losses: number;

  constructor(sim: Simulation, name: string, lossesMax = 0) {
    this.#sim = sim;
    this.#name = name;
    this.#losses = lossesMax;
  }

  /** Resolves when the message has arrived, with false if it never will. */
  async carry(message: string): Promise<boolean> {
    await this.#sim.sleep(this.#delayOf(message), { owner: this.#name, what: 'brings', subject: message });
    if (this.#losses === 0 || !this.#loses(message)) return true;
    this.#losses -= 1;
    this.#sim.note(`${message} is lost on ${this.#name}`);
    return false;
  }

  #delayOf(subject: string): number {
    const asked = question('delay', { owner: this.#name, what: 'carries', subject });
    const msOf = (answer: number): number => answer * STEP_MS;
    return msOf(this.#sim.world.choices.choose(asked, STEPS, msOf));
  }

  #loses(subject: string): boolean {
    const asked = question('fault', { owner: this.#name, what: 'loses', subject });
    const inWords = (answer: number): string => (answer < 2 ? '' : `${subject} is lost on ${this.#name}`);
    return this.#sim.world.choices.choose(asked, 3, inWords) === 2;
  }
}
