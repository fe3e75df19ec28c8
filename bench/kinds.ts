/**
 * The kinds of figures, and the program that measures one of them: `node kinds.js NAME ROUNDS` prints its figures as JSON. Invariant:
 * each kind has a process of its own, because what ran before in a process leaves the engine with other decisions.
 */
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { measureActions } from './actions.ts';
import { measureAmbient } from './ambient.ts';
import { measureAwaits } from './awaits.ts';
import { measureDisks } from './disks.ts';
import { measureExplore } from './explore.ts';
import type { Figure } from './figure.ts';
import { measureHelp } from './help.ts';
import { measureIdle } from './idle.ts';
import { measureLinks } from './links.ts';
import { measureNodes } from './nodes.ts';
import type { KindName } from './options.ts';
import { measureRemote } from './remote.ts';
import { measureRuns } from './runs.ts';
import { measureScale } from './scale.ts';
import { measureSimTest } from './simtest.ts';
import { measureSleeps } from './sleeps.ts';
import { measureWaiters } from './waiters.ts';

const kinds: Readonly<Record<KindName, (rounds: number) => Figure[] | Promise<Figure[]>>> = {
  runs: measureRuns,
  explore: measureExplore,
  links: measureLinks,
  scale: measureScale,
  disks: measureDisks,
  sleeps: sleepFigures,
  waiters: measureWaiters,
  idle: measureIdle,
  nodes: measureNodes,
  remote: measureRemote,
  actions: measureActions,
  ambient: measureAmbient,
  awaits: measureAwaits,
  help: measureHelp,
  simtest: measureSimTest,
};

async function sleepFigures(rounds: number): Promise<Figure[]> {
  return (await measureSleeps({ rounds })).map(
    ({ drain, pending, ratio, goal, perSecond, peerPerSecond }): Figure => ({
      name: `sleeps, ${drain} drain, ${pending} pending`,
      value: ratio,
      unit: '×',
      goal,
      goalIs: 'least',
      by: 'CPU time',
      peer: `fake-timers runAllAsync: ${peerPerSecond}/s`,
      note: 'three more awaits after each sleep',
      more: { perSecond },
    }),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , name, rounds] = process.argv;
  console.log(JSON.stringify(await kinds[name as KindName](Number(rounds))));
}
