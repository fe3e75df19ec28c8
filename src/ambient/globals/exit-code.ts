/**
 * `process.exitCode` as code of one simulation sets it. Invariants: outside of the simulation it is what it was, so that
 * no scenario decides how a run of tests or a command ends; inside it begins as undefined, whatever code outside has set.
 */

type Code = typeof process.exitCode;

/** See above; made when the simulation begins. */
export class SimulatedExitCode {
  #outside: Code;
  #own: Code;

  /** From now on, code of the simulation runs. */
  enter(): void {
    this.#outside = process.exitCode;
    if (this.#outside !== this.#own) process.exitCode = this.#own;
  }

  /** From now on, other code runs. */
  leave(): void {
    this.#own = process.exitCode;
    if (this.#own !== this.#outside) process.exitCode = this.#outside;
  }

  /** What the simulation has set and not put back, as text. */
  get left(): string | undefined {
    return this.#own === undefined ? undefined : String(this.#own);
  }
}
