/**
 * The modules that Vitest is loading now. Invariant: this reads a state of Vitest that it does not document; where that
 * is another, no module counts as being loaded.
 */
import { hub } from '../ambient/hub.ts';
import { snapshotFilesBeingRead } from './file-snapshots.ts';
import { relativePath } from './relative-path.ts';

interface LoadedModule {
  readonly file?: unknown;
  readonly promise?: unknown;
  readonly evaluated?: unknown;
}

/** Files that are being loaded; one whose loading ended in an error counts as loaded. */
function loadingModules(): readonly string[] {
  const { __vitest_worker__: worker } = globalThis as {
    __vitest_worker__?: {
      readonly evaluatedModules?: { readonly idToModuleMap?: unknown };
      readonly resolvingModules?: unknown;
    };
  };
  const modules = worker?.evaluatedModules?.idToModuleMap;
  const resolving = worker?.resolvingModules;
  const loading = [
    ...(modules instanceof Map ? [...(modules as Map<string, LoadedModule>)] : [])
      .filter(([, { promise, evaluated }]) => promise !== undefined && evaluated !== true)
      .map(([id, { file }]) => (typeof file === 'string' ? file : id)),
    ...(resolving instanceof Set ? [...(resolving as Set<string>)] : []),
  ];
  return [...new Set(loading)].map(relativePath);
}

/** Has simulations wait for modules that Vitest loads, and for snapshots that it reads, from now on. */
export function noteLoading(): void {
  const before = new Set(loadingModules());
  hub.loading = () => [
    ...loadingModules().filter((file) => !before.has(file)),
    ...snapshotFilesBeingRead().map(relativePath),
  ];
}
