import { expect, test } from 'vitest';
import * as door from './own-doors.ts';
import { check } from '../../src/kernel/argument-check.ts';
import { WORLD_OF_CHOICES, WORLD_OF_TIME, checkWorld } from '../../src/model/world.ts';
import { inSimulation } from '../runners/in-simulation.ts';

const wrong = 7 as never;
const world = {
  clock: door.createVirtualClock(),
  choices: door.createDecisions(door.fifoDecisions()),
  random: door.createRandomStream(1),
};
const without = (part: object): never => ({ ...world, ...part }) as never;
const execer = door.createDoneExecer();
const parts = {
  execer,
  filers: new Map(),
  outputs: door.createMemoryOutputs(),
  tempDirs: door.virtualTempDirs(),
};
const service = door.createFakeRunner(world);

/** What is called wrongly, and what it then says. */
test.for<[string, () => unknown]>([
  ['command: expected an object with argv, got 7', () => door.isSimCommand(wrong)],
  ['command.argv: expected an array of strings, got 7', () => door.isSimCommand({ argv: wrong })],
  ['command: expected an object with argv, got 7', () => door.formatCommand(wrong)],
  ['command.argv: expected an array of strings, got 7', () => door.formatCommand({ argv: wrong })],
  ['cancel: expected a Cancellable, got 7', () => door.isCancelled(wrong)],
  [
    'status: expected a run status, got 7',
    () => door.matchesQuery(wrong, { allRuns: true, states: door.ALL_MASK }),
  ],
  ['status: expected a run status, got 7', () => door.formatRunStatus(wrong)],
  ['status: expected a run status, got 7', () => door.withRefs(wrong, '', '')],
  ['status: expected a run status, got 7', () => door.withError(wrong, '')],
  ['result: expected a QueryResult, got 7', () => door.singleStatus(wrong)],
  [
    'result.statuses: expected a list of run statuses, got 7',
    () => door.singleStatus({ statuses: wrong } as never),
  ],
  ['querier: expected ', () => door.statusNow(wrong, '0')],
  ['querier: expected ', () => door.statusAll(wrong)],
  ['querier: expected ', () => door.finalStatus(wrong, '0')],
  ['service: expected a service status, got 7', () => door.formatServiceStatus(wrong)],
  ['step: expected a step such as simStep.sleep(5), got 7', () => door.formatSimStep(wrong)],
  ['runs: expected ', () => door.recordingsByRunId(wrong)],
  ['world: expected a World such as sim.world or realWorld(), got 7', () => checkWorld(wrong)],
  ['world.clock: expected ', () => checkWorld(without({ clock: {} }))],
  ['world.choices: expected an object with choose(), got ', () => checkWorld(without({ choices: {} }))],
  ['world.random: expected an object with fork(), got ', () => checkWorld(without({ random: {} }))],
  [
    'world.random: expected an object with int(), got ',
    () => checkWorld(without({ random: { fork: () => undefined } })),
  ],
  ['world.tracer: expected an object with record(), got ', () => checkWorld(without({ tracer: {} }))],
  [
    'world.watchServices: expected an object with service(), got ',
    () => checkWorld(without({ watchServices: 7 })),
  ],
  ['world.clock: expected ', () => door.createChaosRunner(without({ clock: {} }), service)],
  ['world.choices: expected ', () => door.createChaosRunner(without({ choices: {} }), service)],
  [
    'execer: expected an object with exec(), got ',
    () => door.createQueueRunner(world, { ...parts, execer: wrong }),
  ],
  [
    'execer.exec: expected a function, got ',
    () => door.createQueueRunner(world, { ...parts, execer: { cancelBoundMs: 0 } as never }),
  ],
  [
    'outputs: expected an object with create(), got ',
    () => door.createQueueRunner(world, { ...parts, outputs: {} as never }),
  ],
  [
    'tempDirs: expected an object with create(), got ',
    () => door.createQueueRunner(world, { ...parts, tempDirs: wrong }),
  ],
  [
    'tempDirs.create: expected a function, got ',
    () => door.createQueueRunner(world, { ...parts, tempDirs: { boundMs: 0 } as never }),
  ],
  [
    'filers: expected an object with get(), got ',
    () => door.createQueueRunner(world, { ...parts, filers: {} as never }),
  ],
])('%s', async ([message, call]) => {
  let said = '';
  try {
    await call();
  } catch (error) {
    expect(error).toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
    said = (error as Error).message;
  }
  expect(said.startsWith(message), said).toBe(true);
});

test('a part that is not needed is not asked for', async () => {
  expect(() => check('world', { clock: world.clock }, WORLD_OF_TIME)).not.toThrow();
  expect(() =>
    check('world', { clock: world.clock, choices: world.choices }, WORLD_OF_CHOICES),
  ).not.toThrow();
  await inSimulation((sim) => checkWorld(sim.world));
});
