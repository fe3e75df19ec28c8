// The one table of floors: which folder of src may import which. ARCHITECTURE.md shows the same table, and a
// test compares the two. Siblings of one row never import each other.

/** One row of the table. */
export interface Floor {
  readonly floor: string;
  readonly folders: readonly string[];
  /** As ARCHITECTURE.md says it. */
  readonly mayUse: string;
  /** The highest numbered floor that the row may import; -1 for none. */
  readonly upTo: number;
  /** The edge folders of other rows that the row may import as well. */
  readonly edges?: readonly string[];
}

/** Lowest first. */
export const FLOORS: readonly Floor[] = [
  { floor: '0', folders: ['kernel'], mayUse: '–', upTo: -1 },
  { floor: '1', folders: ['model'], mayUse: 'kernel', upTo: 0 },
  { floor: '2', folders: ['call'], mayUse: 'kernel, model', upTo: 1 },
  { floor: '2', folders: ['store'], mayUse: 'kernel, model', upTo: 1 },
  { floor: '2', folders: ['execers'], mayUse: 'kernel, model', upTo: 1 },
  { floor: '2', folders: ['outputs', 'filers', 'metrics'], mayUse: 'kernel, model', upTo: 1 },
  { floor: '2', folders: ['disks'], mayUse: 'kernel, model', upTo: 1 },
  { floor: '2', folders: ['locks'], mayUse: 'kernel, model', upTo: 1 },
  { floor: '2', folders: ['cas'], mayUse: 'kernel, model', upTo: 1 },
  { floor: '2', folders: ['trace'], mayUse: 'kernel, model', upTo: 1 },
  { floor: '3', folders: ['runners'], mayUse: 'floors 0–2', upTo: 2 },
  { floor: '3', folders: ['network'], mayUse: 'floors 0–2', upTo: 2 },
  { floor: '3', folders: ['oracles'], mayUse: 'floors 0–2', upTo: 2 },
  { floor: '4', folders: ['simulation'], mayUse: 'floors 0–3', upTo: 3 },
  { floor: '5', folders: ['explore'], mayUse: 'floors 0–4', upTo: 4 },
  { floor: '5', folders: ['cluster'], mayUse: 'floors 0–4', upTo: 4 },
  { floor: '5', folders: ['remote'], mayUse: 'floors 0–4', upTo: 4 },
  { floor: '6', folders: ['check'], mayUse: 'floors 0–5', upTo: 5 },
  { floor: '7', folders: ['conformance'], mayUse: 'floors 0–6', upTo: 6 },
  { floor: 'edge', folders: ['host'], mayUse: 'floors 0–5', upTo: 5 },
  { floor: 'edge', folders: ['threads'], mayUse: 'floors 0–5, host', upTo: 5, edges: ['host'] },
  { floor: 'edge', folders: ['ambient'], mayUse: 'floors 0–5', upTo: 5 },
  {
    floor: 'edge',
    folders: ['vitest', 'cli'],
    mayUse: 'anything but each other',
    upTo: 7,
    edges: ['host', 'threads', 'ambient'],
  },
  { floor: 'door', folders: ['index.ts', 'kit'], mayUse: 'floors 0–4', upTo: 4 },
];

const rowOf = new Map(FLOORS.flatMap((row) => row.folders.map((folder) => [folder, row] as const)));

/** The folder of a source file as the table names it: `src/store/x.ts` is in `store`, `src/index.ts` is itself. */
export function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}

/** Why the table forbids an import from one folder to another, or `undefined` if it allows it. */
export function floorViolation(from: string, to: string): string | undefined {
  if (from === to) return undefined;
  const own = rowOf.get(from);
  const other = rowOf.get(to);
  if (own === undefined) return `src/${from} is in no row of the table`;
  if (other === undefined) return `src/${to} is in no row of the table`;
  if (other.floor === 'door') return `nothing in src imports the door src/${to}`;
  const allowed = other.floor === 'edge' ? own.edges?.includes(to) === true : Number(other.floor) <= own.upTo;
  return allowed ? undefined : `src/${from} may use ${own.mayUse}, not src/${to} (floor ${other.floor})`;
}
