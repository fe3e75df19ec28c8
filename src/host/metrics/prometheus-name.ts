/**
 * Names that Prometheus takes. Invariant: different names stay different. A name that is valid stays as it is; any other one is
 * escaped as Prometheus itself does it (scheme `values`): `U__`, then `_` doubled and each invalid character as `_HEX_`.
 */

const VALID = /^(?!U__)[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const VALID_FIRST = /[a-zA-Z:]/;
const VALID_LATER = /[a-zA-Z0-9:]/;

/** The name under which Prometheus knows a metric. */
export function prometheusName(name: string): string {
  if (VALID.test(name)) return name;
  return `U__${Array.from(name, escapeCharacter).join('')}`;
}

function escapeCharacter(character: string, index: number): string {
  if (character === '_') return '__';
  if ((index === 0 ? VALID_FIRST : VALID_LATER).test(character)) return character;
  return `_${(character.codePointAt(0) ?? 0).toString(16)}_`;
}
