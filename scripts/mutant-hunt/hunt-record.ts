// What is known of one drawn mutant, how it is printed, and why nothing but unit tests saw it. Invariant: plain data, as it stands in a report.
import type { Mutant } from './mutant.ts';
import { WAYS, type Way } from './trial.ts';
import type { TrialEnd } from './trials.ts';
import type { UnitAnswer } from './unit-tests.ts';

/** One drawn mutant. */
export interface HuntRecord {
  readonly mutant: Pick<Mutant, 'id' | 'folder' | 'file' | 'line' | 'mutator' | 'before' | 'after'>;
  readonly unit: UnitAnswer;
  /** Absent if it survives the unit tests. */
  readonly ways?: readonly TrialEnd[];
  /** How many seconds it took in all. */
  readonly seconds: number;
}

/** One that the unit tests kill, and that was hunted. */
export type KeptRecord = HuntRecord & {
  readonly unit: Extract<UnitAnswer, { killed: true }>;
  readonly ways: readonly TrialEnd[];
};

/** True if it counts. */
export function isKept(record: HuntRecord): record is KeptRecord {
  return record.unit.killed && record.ways !== undefined;
}

/** What is said of a way that has found it; undefined if it has not. */
function foundBy({ ways }: KeptRecord, way: Way): TrialEnd | undefined {
  return ways.find((end) => end.way === way && end.found);
}

/** The ways that have found it. */
export function foundWays(record: KeptRecord): Way[] {
  return WAYS.filter((way) => foundBy(record, way) !== undefined);
}

/** One line, and no longer than that. */
function shortened(text: string, length: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

const CODE = 50;
const TITLE = 90;

/** `src/store/a.ts:3 EqualityOperator: a < b → a > b`. */
export function changeText({ mutant }: Pick<HuntRecord, 'mutant'>): string {
  const { file, line, mutator, before, after } = mutant;
  return `${file}:${line} ${mutator}: ${shortened(before, CODE)} → ${shortened(after, CODE)}`;
}

function reachText(reached: number | undefined): string {
  if (reached === undefined) return '';
  return reached > 0 ? `, reached ${reached} times` : ', never reached';
}

function trialText(trial: TrialEnd): string {
  const { way, found, by, sentence, executions, ownExecutions, seconds, reached, end } = trial;
  const unit = way === 'conformance' ? 'cases' : 'executions';
  const cost = `${executions} ${unit}, ${seconds.toFixed(1)} s`;
  if (end === 'false alarm') return `${way} FALSE ALARM: ${by} fails without the change: ${sentence}`;
  if (end === 'hung') return `${way} ${found ? 'found' : 'missed'}: hangs in ${by}`;
  if (!found) return `${way} missed (${cost}${reachText(reached)})`;
  const where = way === 'conformance' ? '' : ` after ${ownExecutions}`;
  return `${way} found: ${shortened(by, TITLE)}${where} (${cost}): ${shortened(sentence, TITLE)}`;
}

/** The row of a mutant that was tried. */
export function recordRow(record: HuntRecord): string {
  const { unit, ways = [], seconds } = record;
  const killed = unit.killed
    ? `unit tests: ${unit.test}: ${shortened(unit.title, TITLE)}`
    : 'survives the unit tests';
  return [changeText(record), killed, ...ways.map(trialText), `${seconds.toFixed(1)} s in all`].join(' · ');
}

/** Why only unit tests saw it, as far as that can be computed. */
export function reasonFor({ mutant, unit, ways }: KeptRecord): string {
  const reasons: string[] = [];
  const isText = mutant.mutator === 'StringLiteral' && /[ :]|^``$/.test(mutant.before);
  if (ways.every(({ reached }) => reached === 0)) reasons.push('never reached');
  else if (ways.every(({ way, reached }) => way === 'conformance' || reached === 0)) {
    reasons.push('reached by conformance only');
  }
  if (ways.some(({ end }) => end === 'hung')) reasons.push('hangs in conformance');
  if (isText) reasons.push('a text');
  if (/refuse|wrong use|INVALID_ARGUMENT|hostile/i.test(`${unit.title} ${unit.message}`)) {
    reasons.push('a check of arguments');
  }
  return reasons.length > 0 ? reasons.join(', ') : 'to be read';
}

interface Rate {
  readonly name: string;
  readonly count: number;
  readonly generic: number;
  readonly shipped: number;
  readonly exploration: number;
  readonly conformance: number;
  readonly any: number;
}

/** How many of some records each way has found. */
export function rateOf(name: string, records: readonly KeptRecord[]): Rate {
  const by = (...ways: Way[]): number =>
    records.filter((record) => ways.some((way) => foundBy(record, way) !== undefined)).length;
  return {
    ...{ name, count: records.length, generic: by('generic'), shipped: by('shipped') },
    ...{ exploration: by('generic', 'shipped'), conformance: by('conformance'), any: by(...WAYS) },
  };
}

/** The same for each group that a property makes, the largest first. */
export function ratesBy(records: readonly KeptRecord[], key: 'folder' | 'mutator'): Rate[] {
  const names = [...new Set(records.map(({ mutant }) => mutant[key]))];
  return names
    .map((name) =>
      rateOf(
        name,
        records.filter(({ mutant }) => mutant[key] === name),
      ),
    )
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
}

/** Rates as a table of Markdown. */
function rateTable(heading: string, rates: readonly Rate[]): string[] {
  const cell = (found: number, count: number): string =>
    `${found} (${count === 0 ? 0 : Math.round((100 * found) / count)} %)`;
  return [
    `| ${heading} | mutants | generic | shipped | exploration | conformance | all together |`,
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rates.map(({ name, count, ...found }) => {
      const { generic, shipped, exploration, conformance, any } = found;
      const cells = [generic, shipped, exploration, conformance, any].map((n) => cell(n, count));
      return `| ${name} | ${count} | ${cells.join(' | ')} |`;
    }),
  ];
}

const LONG_CODE = 80;

/** What only unit tests saw, with the reason of each. */
function missedTable(records: readonly KeptRecord[], reasons: Readonly<Record<string, string>>): string[] {
  const cell = (text: string, length: number): string => shortened(text, length).replaceAll('|', '\\|');
  const missed = records.filter((record) => foundWays(record).length === 0);
  return [
    '| mutant | before → after | the unit test that kills it | reason |',
    '| --- | --- | --- | --- |',
    ...missed.map((record) => {
      const { mutant, unit } = record;
      const code = `\`${cell(mutant.before, LONG_CODE)}\` → \`${cell(mutant.after, LONG_CODE)}\``;
      const reason = reasons[mutant.id] ?? reasonFor(record);
      return `| ${mutant.id} | ${code} | ${unit.test}: ${cell(unit.title, LONG_CODE)} | ${reason} |`;
    }),
  ];
}

/** False alarms, which have to be fixed before the rates mean anything. */
function falseAlarms(records: readonly KeptRecord[]): string[] {
  const alarms = records.flatMap(({ ways }) => ways.filter(({ end }) => end === 'false alarm'));
  if (alarms.length === 0) return [];
  const lines = alarms.map(({ way, by, sentence }) => `- ${way}, ${by}: ${sentence}`);
  return [`${alarms.length} false alarms, which count as nothing found:`, ...lines, ''];
}

/** All that is printed at the end. */
export function reportLines(
  records: readonly HuntRecord[],
  reasons: Readonly<Record<string, string>> = {},
): string[] {
  const kept = records.filter(isKept);
  const survivors = records.filter(({ unit }) => !unit.killed);
  return [
    '',
    ...rateTable('all', [rateOf('all', kept)]),
    '',
    ...rateTable('folder', ratesBy(kept, 'folder')),
    '',
    ...rateTable('mutator', ratesBy(kept, 'mutator')),
    '',
    ...falseAlarms(kept),
    `${survivors.length} more were drawn that survive the unit tests:`,
    ...survivors.map((record) => `- ${changeText(record)}`),
    '',
    'Only unit tests saw:',
    '',
    ...missedTable(kept, reasons),
  ];
}
