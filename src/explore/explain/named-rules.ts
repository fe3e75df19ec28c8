/** The rules of the contract that a text names by number, in their words: who reads a failure may have no page at hand. */
import { CONTRACT_RULES } from '../../model/contract-rules.ts';

const RULE_NUMBERS = /\bR\d{1,3}\b/g;
/** Of more the reader finds the others by their numbers. */
const RULES_MAX = 3;

/** `R31 Nothing matches and timeout > 0: …` for each rule that a text names, each once, in the order of naming. */
export function rulesNamedIn(text: string): string[] {
  const rules = [...new Set(text.match(RULE_NUMBERS))].flatMap((number) => {
    const rule = CONTRACT_RULES[number];
    return rule === undefined ? [] : [`${number} ${rule}`];
  });
  return rules.slice(0, RULES_MAX);
}
