/**
 * What a snapshot of a directory is: a canonical list of its entries. Invariant: the same content gives the same text, and a list
 * that was accepted stays inside the directory it is written to, links included.
 */
import { describeValue, invalidArgument } from '../../kernel/errors.ts';
import { FilerError } from '../../filers/filer-error.ts';
import { isPathBelow } from '../../filers/filer-arguments.ts';

/** One entry; paths are relative, with `/` between segments. */
export type ManifestEntry =
  | { readonly path: string; readonly kind: 'dir' }
  | {
      readonly path: string;
      readonly kind: 'file';
      readonly sha256: string;
      readonly bytes: number;
      readonly executable: boolean;
    }
  | { readonly path: string; readonly kind: 'link'; readonly target: string };

const FORMAT = 'dryrunner-snapshot';
const VERSION = 1;
const SHA256 = /^[0-9a-f]{64}$/;

/** True for the id of a snapshot or object: a SHA-256 in lower-case hexadecimal. */
export function isSha256(id: unknown): id is string {
  return typeof id === 'string' && SHA256.test(id);
}

/**
 * True if a link at `path` cannot lead out of the snapshot: not absolute, and `..` only at the start, no more often than the link
 * lies deep. A `..` further on could climb from wherever another link led.
 */
export function isConfinedLink(path: string, target: string): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
  const segments = target.split('/').filter((segment) => segment !== '' && segment !== '.');
  const down = segments.findIndex((segment) => segment !== '..');
  const climbs = down < 0 ? segments.length : down;
  return climbs < path.split('/').length && !segments.slice(climbs).includes('..');
}

/** Gathers entries; a directory may come twice, anything else only once. Parents are added. */
export class ManifestBuilder {
  readonly #entries = new Map<string, ManifestEntry>();

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` if something else has that path. */
  add(entry: ManifestEntry): void {
    const parent = parentOf(entry.path);
    if (parent !== '') this.add({ path: parent, kind: 'dir' });
    const other = this.#entries.get(entry.path);
    if (other?.kind === 'dir' && entry.kind === 'dir') return;
    if (other !== undefined) throw invalidArgument('paths', 'one source for each target', entry.path);
    this.#entries.set(entry.path, entry);
  }

  /** The canonical text: entries in order of their paths. */
  text(): string {
    const entries = [...this.#entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    return `${JSON.stringify({ format: FORMAT, version: VERSION, entries })}\n`;
  }
}

/**
 * Reads a manifest, trusting nothing in it.
 *
 * @throws RunnerError `RUNNER_FILER_FAILED`.
 */
export function parseManifest(text: string): ManifestEntry[] {
  const { format, version, entries } = parseJson(text);
  if (format !== FORMAT || version !== VERSION || !Array.isArray(entries)) {
    throw new FilerError('not the manifest of a snapshot that this version reads');
  }
  const sound: ManifestEntry[] = [];
  const dirs = new Set(['']);
  let last = '';
  for (const entry of entries as unknown[]) {
    if (!isSound(entry) || entry.path <= last || !dirs.has(parentOf(entry.path))) {
      throw new FilerError(`the manifest of a snapshot has an entry that cannot be: ${shownEntry(entry)}`);
    }
    last = entry.path;
    if (entry.kind === 'dir') dirs.add(entry.path);
    sound.push(entry);
  }
  return sound;
}

/** Short and without looking deep, whatever it is. */
function shownEntry(entry: unknown): string {
  const { path, kind } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  return typeof path === 'string'
    ? `${describeValue(path)}, kind ${describeValue(kind)}`
    : describeValue(entry);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function parseJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch (cause) {
    throw new FilerError('the manifest of a snapshot is not JSON', { cause });
  }
}

function isSound(entry: unknown): entry is ManifestEntry {
  if (typeof entry !== 'object' || entry === null) return false;
  const { path, kind, sha256, bytes, executable, target } = entry as Record<string, unknown>;
  if (typeof path !== 'string' || !isPathBelow(path)) return false;
  if (kind === 'dir') return true;
  if (kind === 'file') {
    return (
      isSha256(sha256) && Number.isSafeInteger(bytes) && Number(bytes) >= 0 && typeof executable === 'boolean'
    );
  }
  return kind === 'link' && typeof target === 'string' && isConfinedLink(path, target);
}
