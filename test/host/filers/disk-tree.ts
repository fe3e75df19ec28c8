// Trees on the disk as plain data, for tests that compare what went in with what came out.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Content by relative path: text of a file, `x:` and text of an executable one, `dir`, or `-> target` of a link. */
export type DiskTree = Readonly<Record<string, string>>;

/** Writes a tree below `root`, which is made. */
export function writeTree(root: string, tree: DiskTree): string {
  mkdirSync(root, { recursive: true });
  for (const [path, content] of Object.entries(tree)) {
    const at = join(root, path);
    mkdirSync(dirname(at), { recursive: true });
    if (content === 'dir') mkdirSync(at, { recursive: true });
    else if (content.startsWith('-> ')) symlinkSync(content.slice(3), at);
    else writeFileSync(at, content.replace(/^x:/, ''));
    if (content.startsWith('x:')) chmodSync(at, 0o755);
  }
  return root;
}

/** Reads a tree back; directories only where they are empty, as `writeTree` takes them. */
export function readTree(root: string, prefix = ''): DiskTree {
  const tree: Record<string, string> = {};
  for (const name of readdirSync(join(root, prefix)).sort()) {
    const path = join(prefix, name);
    const at = join(root, path);
    const stats = lstatSync(at);
    if (stats.isSymbolicLink()) tree[path] = `-> ${readlinkSync(at)}`;
    else if (!stats.isDirectory()) {
      tree[path] = `${(stats.mode & 0o111) === 0 ? '' : 'x:'}${readFileSync(at, 'utf8')}`;
    } else if (readdirSync(at).length === 0) tree[path] = 'dir';
    else Object.assign(tree, readTree(root, path));
  }
  return tree;
}

/** Files with their texts, those that are executable under a name with `*`, as cases about filers look at them; undefined if it is not there. */
export function filesBelow(path: string): Readonly<Record<string, string>> | undefined {
  if (!existsSync(path)) return undefined;
  const entries = Object.entries(readTree(path)).filter(([, content]) => content !== 'dir');
  return Object.fromEntries(
    entries.map(([name, content]) =>
      content.startsWith('x:') ? [`${name}*`, content.slice(2)] : [name, content],
    ),
  );
}
