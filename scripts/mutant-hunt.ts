// The measure of power: draws mutants at random, keeps those that the unit tests kill, and lets generic and shipped scenarios and the suite of
// conformance hunt for each of them separately. A row per mutant as it comes, then the rates, and what only unit tests saw.
//   --count N         N that the unit tests kill (200)
//   --seed S          another draw (1)
//   --seconds N       time of the processor for each way to hunt (20)
//   --only FOLDER     one folder: model, store, runners, …, or nodes
//   --ways WAY,…      some of generic, shipped, conformance (all)
//   --jobs N          N mutants at a time (2)
//   --resume          goes on with the hunt of this seed that was stopped
//   --report FILE     where the hunt is kept as it goes (.dryrunner/mutant-hunt/SEED.jsonl)
//   --reasons FILE    JSON: why a mutant is seen by unit tests only, by its id
//   --json FILE       writes all that was found out
//   --list            draws, shows, and hunts for nothing
//   --help            this text
// Exits 1 if fewer than N were there, 2 on wrong usage or if a hunter fails without any mutant, 130 on Ctrl-C, with what is there printed.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { endWhenIdle, optionsOrEnd, positiveInteger } from './command-line.ts';
import { HuntFile } from './mutant-hunt/hunt-file.ts';
import { changeText, isKept, recordRow, reportLines, type HuntRecord } from './mutant-hunt/hunt-record.ts';
import { MutantDraw } from './mutant-hunt/mutant-draw.ts';
import { HUNT_FOLDER, MutantHunt } from './mutant-hunt/mutant-hunt.ts';
import { WAYS, type Way } from './mutant-hunt/trial.ts';
import { allMutants, HUNTED } from './mutant-hunt/mutant.ts';

function wayNamed(name: string): Way {
  const way = WAYS.find((each) => each === name);
  if (way !== undefined) return way;
  throw new Error(`--ways: expected some of ${WAYS.join(', ')}, got ${name}`);
}

function options() {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '20' },
      only: { type: 'string' },
      ways: { type: 'string', default: WAYS.join(',') },
      jobs: { type: 'string', default: '2' },
      resume: { type: 'boolean', default: false },
      report: { type: 'string' },
      reasons: { type: 'string' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { only } = values;
  if (only !== undefined && !Object.hasOwn(HUNTED, only)) {
    throw new Error(`--only: expected one of ${Object.keys(HUNTED).join(', ')}, got ${only}`);
  }
  return {
    ...values,
    count: positiveInteger('count', values.count),
    seconds: positiveInteger('seconds', values.seconds),
    ways: values.ways.split(',').map(wayNamed),
    jobs: positiveInteger('jobs', values.jobs),
  };
}

const given = optionsOrEnd(import.meta.url, options);

function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

async function hunt(draw: MutantDraw): Promise<void> {
  const { seed, count, seconds, only = '', resume, json, jobs, ways } = given;
  const path = given.report ?? join(HUNT_FOLDER, `${seed.replaceAll(/\W/g, '-')}.jsonl`);
  const reasons =
    given.reasons === undefined
      ? {}
      : (JSON.parse(readFileSync(given.reasons, 'utf8')) as Record<string, string>);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
  const mutantHunt = new MutantHunt({ seed, seconds, jobs, ways }, stop.signal);
  // Not before the folder is taken: another process may write this file.
  const file = new HuntFile(path, { seed, count, seconds, only, ways, sources: mutantHunt.sources }, resume);
  await mutantHunt.checkHealthy();
  const records: HuntRecord[] = [];
  await mutantHunt.run(draw, file, (record) => {
    records.push(record);
    const kept = records.filter(isKept).length;
    print([`${kept}/${draw.count} ${recordRow(record)}`]);
  });
  print(reportLines(records, reasons));
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify({ seed, count, seconds, records }, undefined, 2)}\n`);
  }
  if (stop.signal.aborted) process.exitCode = 130;
  else if (records.filter(isKept).length < draw.count) process.exitCode = 1;
}

async function main(): Promise<void> {
  const draw = new MutantDraw(await allMutants(given.only), given.count, given.seed);
  if (!given.list) {
    await hunt(draw);
    return;
  }
  for (let mutant = draw.next(); mutant !== undefined; mutant = draw.next()) {
    print([changeText({ mutant })]);
  }
}

main().catch(endWhenIdle(import.meta.url));
