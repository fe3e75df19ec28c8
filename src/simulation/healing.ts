/** The end of all faults. Invariant: it comes at most once, whoever asked to be told is told once, and in the order of asking. */
import { invalidArgument } from '../kernel/errors.ts';

/** Whether faults are over, and who must know. */
export class Healing {
  #isHealed = false;
  #hooks: (() => void)[] = [];

  get isHealed(): boolean {
    return this.#isHealed;
  }

  /** Ends all faults; later calls do nothing. */
  heal(): void {
    if (this.#isHealed) return;
    this.#isHealed = true;
    const hooks = this.#hooks;
    this.#hooks = [];
    for (const hook of hooks) hook();
  }

  /** Calls `hook` when faults end, at once if they have ended. */
  onHeal(hook: () => void): void {
    if (typeof (hook as unknown) !== 'function') throw invalidArgument('onHeal', 'a function', hook);
    if (this.#isHealed) hook();
    else this.#hooks.push(hook);
  }
}
