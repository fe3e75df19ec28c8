/**
 * Which wrong uses of a network are refused, and with which messages. Invariant: each case runs in the plain order of
 * events, with exactly the faults that it asks for.
 */
import type { ClusterNode } from '../../../cluster/node.ts';
import { withCallOptions } from '../../../cluster/stub.ts';
import { isRunnerError } from '../../../kernel/errors.ts';
import { checkEqual, checkThat } from '../../check.ts';
import { codeOf, inWords, refusalOf } from '../part-case.ts';
import { fails, holds, type Make, type SimulatedNetwork, type Spec } from './network-case.ts';
import { ECHO } from './node-programs.ts';

type WrongUses = readonly (readonly [act: () => unknown, message: string])[];
const FREE =
  'expected the name of a node (ASCII letters, digits, dots, dashes and underscores, not dots and dashes alone)';

const wrongNodes = (net: SimulatedNetwork, left: ClusterNode<void>): WrongUses => [
  [() => net.node('left', () => undefined), 'name: expected one that no other node has, got "left"'],
  [() => net.node('s', () => undefined), 'name: expected one that no other node has, got "s"'],
  [() => net.through('s', ECHO), 'name: expected one that no other node has, got "s"'],
  [() => net.node('scenario', () => undefined), 'name: expected one that no other node has, got "scenario"'],
  [() => net.node('a b', () => undefined), `name: ${FREE}, got "a b"`],
  [() => net.through('', ECHO), `name: ${FREE}, got ""`],
  [() => net.node('x', 7 as never), 'program: expected a function, got 7'],
  [() => net.node('x', () => 7 as never), 'the object that x serves: expected an object, got 7'],
  [() => net.through('x', 7 as never), 'object: expected an object, got 7'],
  [
    () => net.node('x', () => undefined, { faults: { crash: 1 } }),
    'faults.crash: expected true, false or an integer ≥ 2, got 1',
  ],
  [
    () => net.node('x', () => undefined, { skew: 5 as never }),
    'skew: expected true, offsetMs and driftPpm, or offsetMsMax and driftPpmMax, got 5',
  ],
  [
    () => net.node('x', () => undefined, { onError: 'die' as never }),
    'onError: expected one of "fail", "crash", "restart", got "die"',
  ],
  [() => left.slow(0.5), 'factor: expected a finite number ≥ 1, got 0.5'],
];

const wrongGroups = (net: SimulatedNetwork): WrongUses => [
  [() => net.partition('scenario', 'nobody'), 'groups[1]: expected nodes of this network, got "nobody"'],
  [() => net.partition('scenario'), 'groups: expected at least two groups of nodes, got an array of 1'],
  [() => net.partition('scenario', []), 'groups[1]: expected at least one node, got an array of 0'],
  [() => net.partition('scenario', 'scenario'), 'groups: expected each node once, got "scenario"'],
  [() => net.cut('nobody', 'scenario'), 'from: expected nodes of this network, got "nobody"'],
  [() => net.hold('scenario', 'nobody'), 'to: expected nodes of this network, got "nobody"'],
  [() => net.release('nobody', 'scenario'), 'from: expected nodes of this network, got "nobody"'],
  [() => net.hold('scenario', 'scenario'), 'to: expected each node once, got "scenario"'],
  [() => net.cut(7 as never, 's'), 'from: expected a name or a list of names, got 7'],
  [() => net.send(7 as never, 1), 'to: expected a string, got 7'],
];

const wrongOptions = (net: SimulatedNetwork, make: Make): WrongUses => [
  [
    () => make({ latencyMs: [5, 1] }),
    'latencyMs: expected the shortest time, then the longest, got an array of 2',
  ],
  [
    () => make({ latencyMs: [1] as never }),
    'latencyMs: expected the shortest time, then the longest, got an array of 1',
  ],
  [
    () => make({ latencyMs: [1, 2, 3] as never }),
    'latencyMs: expected the shortest time, then the longest, got an array of 3',
  ],
  [() => make({ latencySteps: 0 }), 'latencySteps: expected an integer ≥ 1, got 0'],
  [() => make({ bytesPerMs: 0 }), 'bytesPerMs: expected a number > 0, got 0'],
  [() => make({ faults: { lose: 1 } }), 'faults.lose: expected true, false or an integer ≥ 2, got 1'],
  [
    () => make({ faults: { lose: 2, duplicate: 2, delay: 2 } }),
    'faults: expected rates that add up to 1 at most, got 1.5',
  ],
  [() => net.connect('s', { timeoutMs: -1 }), 'timeoutMs: expected a number ≥ 0, got -1'],
  [() => net.connect(7 as never), 'to: expected a string, got 7'],
  [() => withCallOptions({}, {}), 'stub: expected what connect() gives, got an object'],
];

export const refusalCases: readonly Spec[] = [
  inWords((said) =>
    holds('wrong use is refused with what was expected and what came', async (_sim, make) => {
      const net = make();
      const left = net.node('left', () => undefined);
      await left.leave();
      net.through('s', ECHO);
      await said.wrongUse([...wrongNodes(net, left), ...wrongGroups(net), ...wrongOptions(net, make)]);
    }),
  ),
  fails(
    'wrong options of a link fail the simulation, even if the caller ignores the error',
    async (_sim, make) => {
      const stub = make({ links: () => ({ latencyMs: -1 }) }).through('x', ECHO);
      checkEqual('the refusal', await codeOf(() => stub.echo()), 'RUNNER_INVALID_ARGUMENT');
    },
    ({ failure }) =>
      checkThat(
        isRunnerError(failure?.cause, 'RUNNER_INVALID_ARGUMENT'),
        'the failure',
        'its cause',
        failure,
      ),
  ),
  inWords((said) =>
    holds('an object that a stub cannot represent cannot stand behind a link', async (_sim, make) => {
      const net = make();
      const objects = {
        then: { then: () => undefined },
        toJSON: { toJSON: () => undefined },
        constructor: { constructor: () => 7 },
        hasOwnProperty: { hasOwnProperty: () => 7 },
      };
      for (const [name, object] of Object.entries(objects)) {
        said.equal(
          'the refusal',
          await refusalOf(() => net.through('server', object)),
          `RUNNER_INVALID_ARGUMENT the object that server serves: expected no method called ${name}, which a stub cannot have`,
        );
      }
      net.node('shy', () => ({ then: 5, ping: () => 'pong' }));
      said.equal(
        'an object with a field called so',
        await net.connect<{ ping(): string }>('shy').ping(),
        'pong',
      );
    }),
  ),
  inWords((said) =>
    holds('a field that is not a method is refused with what is there', async (_sim, make) => {
      const net = make();
      const served = (name: string, object: object | undefined) => {
        net.node(name, () => object);
        return net.connect<{ x(): void; size(): void }>(name);
      };
      const table: readonly (readonly [() => unknown, string])[] = [
        [() => served('a', { size: 3 }).size(), 'RUNNER_NO_METHOD a has no method size: a.size is 3'],
        [() => served('b', ECHO).x(), 'RUNNER_NO_METHOD b has no method x: b.x is undefined'],
        [() => served('c', undefined).x(), 'RUNNER_NO_METHOD c has no method x: it serves no object'],
        [() => net.connect<{ x(): void }>('d').x(), 'RUNNER_NODE_DOWN there is no node d'],
      ];
      for (const [act, text] of table) said.equal('the refusal', await refusalOf(act), text);
    }),
  ),
  inWords((said) =>
    holds('a node that has left refuses its verbs', async (_sim, make) => {
      const node = make().node('a', () => undefined);
      await node.leave();
      const verbs = { restart: () => node.restart(), crash: () => node.crash(), pause: () => node.pause() };
      for (const [verb, act] of Object.entries({
        ...verbs,
        resume: () => node.resume(),
        slow: () => node.slow(2),
      })) {
        said.equal(
          'the refusal',
          await refusalOf(act),
          `RUNNER_SIMULATION_MISUSE a has left the network, for good: ${verb}() comes too late`,
        );
      }
    }),
  ),
];
