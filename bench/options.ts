/**
 * What can be measured, and the options of `npm run bench`. Invariant: this file imports nothing of the package,
 * because options are read before it is built.
 */
import { parseArgs } from 'node:util';

const ROUNDS = 5;
const PAIRED_ROUNDS = 10;

/** The kinds of figures. */
export const KINDS = [
  'runs',
  'explore',
  'links',
  'scale',
  'disks',
  'sleeps',
  'waiters',
  'idle',
  'nodes',
  'remote',
  'actions',
  'ambient',
  'awaits',
  'help',
  'simtest',
] as const;
export type KindName = (typeof KINDS)[number];

/** What is measured beside another commit, and what a table calls it. */
export const PAIRED = {
  runs: 'whole simulated runs',
  fake: 'executions on three fake runners',
  simulated: 'executions on three simulated runners',
  sleeps: 'sleeps in a simulation',
  raft: 'executions of Raft',
  first: 'explore SCENARIO --executions 1',
  help: '--help',
} as const;
export type PairedName = keyof typeof PAIRED;

export interface BenchOptions {
  readonly names: readonly string[];
  readonly rounds: number;
  readonly json: boolean;
  /** The commit to measure beside. */
  readonly against?: string;
  readonly help: boolean;
}

/** @throws Error that says in a sentence what is wrong with the command line. */
export function readOptions(): BenchOptions {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      against: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { against, json, help } = values;
  const known: readonly string[] = against === undefined ? KINDS : Object.keys(PAIRED);
  const names = values.only ?? known;
  const rounds = Number(values.rounds ?? (against === undefined ? ROUNDS : PAIRED_ROUNDS));
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--only: expected one of ${known.join(', ')}, got ${unknown}`);
  if (!(Number.isSafeInteger(rounds) && rounds >= 1)) {
    throw new Error(`--rounds: expected an integer >= 1, got ${values.rounds}`);
  }
  return { names, rounds, json, help, ...(against !== undefined && { against }) };
}
