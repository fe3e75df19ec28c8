/** A wire between two parties of a small scheduler: messages take their time, overtake each other, and a few get lost. */
import type { Simulation } from 'dryrunner';
import { pickMs } from './odds.ts';

const STEP_MS = 10;
const STEPS = 3;

/** No message takes longer. */
export const WIRE_MS_MAX: number = (STEPS - 1) * STEP_MS;

/** See above. Only so many messages get lost that whoever repeats itself gets through. */
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
    const label = `${this.#name} carries ${message}`;
    await this.#sim.sleep(
      pickMs(this.#sim, `the time of ${message} on ${this.#name}`, STEPS, STEP_MS),
      `the arrival of ${message} on ${this.#name}`,
    );
    if (this.#losses === 0 || !this.#loses(label)) return true;
    this.#losses -= 1;
    this.#sim.note(`${message} is lost on ${this.#name}`);
    return false;
  }

  #loses(label: string): boolean {
    return this.#sim.choose(`${label} and loses it`, 3, (answer) => (answer < 2 ? 'no' : 'yes')) === 2;
  }
}
