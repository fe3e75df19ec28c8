// Finds import cycles by depth-first search. Each cycle is reported once, from its first file in sorted order.
import type { SourceModule } from '../../scripts/module-graph.ts';

/** The cycles among the modules, each as `a → b → a`. */
export function findCycles(modules: readonly SourceModule[]): string[] {
  const targets = new Map(
    modules.map(({ path, imports }) => [path, imports.flatMap(({ target }) => target ?? [])] as const),
  );
  const finished = new Set<string>();
  const cycles = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start !== -1) cycles.add(describeCycle(trail.slice(start)));
    if (start !== -1 || finished.has(path)) return;
    for (const target of targets.get(path) ?? []) walk(target, [...trail, path]);
    finished.add(path);
  };
  for (const path of [...targets.keys()].sort()) walk(path, []);
  return [...cycles];
}

function describeCycle(members: readonly string[]): string {
  const first = members.indexOf([...members].sort()[0] ?? '');
  const turned = [...members.slice(first), ...members.slice(0, first)];
  return [...turned, turned[0]].join(' → ');
}
