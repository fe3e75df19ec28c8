/** The language in which a module is written. */
import { extname } from 'node:path';

const LANGUAGES = new Map([
  ['.ts', 'ts'],
  ['.mts', 'ts'],
  ['.cts', 'ts'],
  ['.tsx', 'tsx'],
  ['.jsx', 'jsx'],
] as const);
type Language = 'js' | 'jsx' | 'ts' | 'tsx';

/** The language of a file, by its extension. */
export function languageOf(id: string): Language {
  return LANGUAGES.get(extname(id) as '.ts') ?? 'js';
}
