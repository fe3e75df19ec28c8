/**
 * Quotes the contract rules that a text names by number, because a reader of a failure may not have the page at hand.
 */
import { CONTRACT_RULES } from '../../model/contract-rules.ts';

const RULE_NUMBERS = /\bR\d{1,3}\b/g;
/** Further rules are left to be looked up by number. */
const RULES_MAX = 3;

/** `R31 Nothing matches and timeout > 0: …` for each rule that the text names, once each, in order. */
export function rulesNamedIn(text: string): string[] {
  const rules = [...new Set(text.match(RULE_NUMBERS))].flatMap((number) => {
    const rule = CONTRACT_RULES[number];
    return rule === undefined ? [] : [`${number} ${rule}`];
  });
  return rules.slice(0, RULES_MAX);
}
