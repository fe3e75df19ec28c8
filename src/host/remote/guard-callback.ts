/** Callbacks of users, such as logs. Invariant: what one throws is a warning of the process, and changes nothing else. */
import { messageOf } from '../../kernel/errors.ts';

/** Runs the call of a callback of that name. */
export function guardCallback(name: string, call: () => void): void {
  try {
    call();
  } catch (error) {
    process.emitWarning(`${name} threw: ${messageOf(error)}`);
  }
}
