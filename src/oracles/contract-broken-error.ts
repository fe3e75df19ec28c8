/** A broken rule of the contract as an error, for checks that call a runner and judge its answers. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { shownText } from '../kernel/errors.ts';

/**
 * An observation that the contract does not allow. A simulation in which it is thrown fails with kind `rule`. See
 * {@link runnerProperty}.
 */
export class ContractBrokenError extends Error {
  override readonly name = 'ContractBrokenError';
  /** The rule that was broken. */
  readonly rule: string;
  /** What was observed, without the number of the rule. */
  readonly reason: string;

  /**
   * `details` are further lines of the message; `options` may have a `cause`, such as the error that reading an answer
   * threw.
   */
  constructor(rule: string, reason: string, details: readonly string[] = [], options: ErrorOptions = {}) {
    check('details', details, is.listOf(is.TEXT, 'a list of texts'));
    check('options', options, is.readable('an object'));
    const lines = details.map((line) => `  ${line}`);
    super([`${shownText(rule)}: ${shownText(reason)}`, ...lines].join('\n'), options);
    this.rule = rule;
    this.reason = shownText(reason);
  }
}
