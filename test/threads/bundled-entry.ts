// Bundles the entry of the threads once: to load its two hundred sources in each thread takes longer than most tests of threads.
// Invariant: stacks name the sources, as where a thread loads these.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { projectRoot } from '../../scripts/module-graph.ts';

/** A bundle in a folder of its own. */
export interface BundledEntry {
  readonly entry: URL;
  readonly remove: () => void;
}

/** Here the code finds package.json where it does in `src` and `dist`: two folders above. */
const PLACE = join(projectRoot, '.dryrunner');
/** Only what is loaded afterwards has its source map. */
const START = "process.setSourceMapsEnabled(true);\nawait import('./bundle.js');\n";

export async function bundleEntry(source: URL): Promise<BundledEntry> {
  mkdirSync(PLACE, { recursive: true });
  const folder = mkdtempSync(join(PLACE, 'threads-'));
  const build = await rolldown({
    input: { bundle: fileURLToPath(source) },
    platform: 'node',
    external: /^[^./]/,
  });
  await build.write({ dir: folder, sourcemap: true, chunkFileNames: '[name].js' });
  await build.close();
  const start = join(folder, 'start.js');
  writeFileSync(start, START);
  return { entry: pathToFileURL(start), remove: () => rmSync(folder, { recursive: true }) };
}
