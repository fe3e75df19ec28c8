/**
 * `process.exitCode` as code of one simulation sets it. Invariant: outside of the simulation it is what it was, so that
 * no scenario decides how a run of tests or a command ends.
 */

type Code = typeof process.exitCode;

/** See above; made when the simulation begins. */
export class SimulatedExitCode {
  #outside: Code;
  /** Present once code of the simulation has set another one. */
  #own: { readonly code: Code } | undefined;

  /** From now on, code of the simulation runs. */
  enter(): void {
    this.#outside = process.exitCode;
    if (this.#own !== undefined) process.exitCode = this.#own.code;
  }

  /** From now on, other code runs. */
  leave(): void {
    const now = process.exitCode;
    if (now === this.#outside) this.#own = undefined;
    else {
      this.#own = { code: now };
      process.exitCode = this.#outside;
    }
  }

  /** What the simulation has set and not put back, as text. */
  get left(): string | undefined {
    return this.#own === undefined ? undefined : String(this.#own.code);
  }
}
