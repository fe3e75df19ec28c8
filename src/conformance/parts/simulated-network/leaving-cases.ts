/**
 * How a node leaves gracefully. Invariant: each case runs in the plain order of events, with exactly the faults that it
 * asks for.
 */
import { messageOf } from '../../../kernel/errors.ts';
import type { NodeContext } from '../../../model/node-context.ts';
import { checkEqual } from '../../check.ts';
import { checkRefuses, inWords, meanwhile, refusalOf } from '../part-case.ts';
import { holds, looks, type Spec } from './network-case.ts';
import { ECHO } from './node-programs.ts';

export const leavingCases: readonly Spec[] = [
  looks(
    'a node that leaves aborts its signal, calls its hooks, the last one first, and is gone',
    async (sim, make) => {
      const order: string[] = [];
      const node = make().node(
        'a',
        ({ signal, onStop, sleep }) => {
          signal.addEventListener('abort', () => order.push(messageOf(signal.reason)));
          onStop(() => void order.push(`first ${String(signal.aborted)}`));
          onStop(async () => {
            await sleep(10);
            order.push('second');
          });
        },
        { onDown: () => void order.push('down') },
      );
      await node.leave();
      checkEqual('it', [sim.now(), node.state], [10, 'left']);
      await node.leave();
      checkEqual('the order', order, ['a leaves', 'second', 'first true', 'down']);
    },
    ({ verdict, lines }) => {
      checkEqual('the faults', verdict.faults, 0);
      checkEqual('the history', lines, ['10 ms: a has left']);
    },
  ),
  holds('a crash aborts no signal and calls no hook, also of one that leaves', async (sim, make) => {
    const called: string[] = [];
    const net = make();
    const program = ({ onStop, signal }: NodeContext): void => {
      signal.addEventListener('abort', () => called.push('signal'));
      onStop(() => void called.push('hook'));
    };
    net.node('a', program).crash();
    const other = net.node('b', ({ onStop }) => {
      onStop(() => void called.push('rest'));
      onStop(() => {
        called.push('b');
        other.crash();
      });
    });
    await other.leave();
    await sim.sleep(1);
    checkEqual('what was called', [called, other.state], [['b'], 'left']);
  }),
  inWords((said) =>
    holds('a crash meanwhile ends it at once, and no other process starts', async (sim, make) => {
      const node = make().node('a', ({ onStop, sleep }) => onStop(() => sleep(100)));
      const left = meanwhile(node.leave());
      await sim.sleep(50);
      await said.refuses('a restart', () => node.restart(), 'RUNNER_SIMULATION_MISUSE', 'a is leaving');
      node.crash();
      await left;
      said.equal('it', [sim.now(), node.state, node.incarnation], [50, 'left', 0]);
    }),
  ),
  holds('a node that is down leaves at once, and one that is paused once it resumes', async (sim, make) => {
    const net = make();
    const down = net.node('down', () => undefined);
    down.crash();
    await down.leave();
    checkEqual('it', [down.state, sim.now()], ['left', 0]);
    const paused = net.node('paused', () => undefined);
    paused.pause();
    const left = meanwhile(paused.leave());
    await sim.sleep(10);
    checkEqual('its state', paused.state, 'paused');
    paused.resume();
    await left;
    checkEqual('it', [paused.state, sim.now()], ['left', 10]);
  }),
  inWords((said) =>
    holds(
      'a call that a leaving node has not answered is lost at once, and a later one is refused',
      async (sim, make) => {
        const net = make();
        const node = net.node('a', ({ sleep }) => ({ work: () => sleep(100) }));
        const stub = net.connect<{ work(): Promise<void> }>('a');
        const call = refusalOf(() => stub.work());
        await sim.sleep(1);
        await node.leave();
        said.equal('the loss', await call, 'RUNNER_CALL_LOST a went down before it answered work');
        said.equal('when it was lost', sim.now(), 1);
        said.equal('a later call', await refusalOf(() => stub.work()), 'RUNNER_NODE_DOWN a has left');
      },
    ),
  ),
  holds('a node can join at any time, under a name that was never used', async (sim, make) => {
    const net = make();
    await sim.sleep(10);
    const late = net.node('late', () => ({ ping: () => 'pong' }));
    checkEqual('its answer', await net.connect<{ ping(): string }>('late').ping(), 'pong');
    await late.leave();
    await checkRefuses('its name', () => net.node('late', () => undefined), 'RUNNER_INVALID_ARGUMENT');
  }),
  inWords((said) =>
    looks(
      'stop ends all nodes and the calls of the scenario at once, without hooks or faults',
      async (sim, make) => {
        const net = make();
        const called: number[] = [];
        const node = net.node('a', ({ onStop, sleep }) => {
          onStop(() => void called.push(1));
          return { work: () => sleep(100) };
        });
        const stub = net.connect<{ work(): Promise<void> }>('a');
        const pending = refusalOf(() => stub.work());
        await sim.sleep(1);
        net.stop();
        said.equal('its state', node.state, 'left');
        said.equal(
          'a pending call',
          await pending,
          'RUNNER_CALL_LOST a had not answered work when the network was stopped',
        );
        said.equal('when it was lost', sim.now(), 1);
        const stopped = 'RUNNER_RELEASED the network was stopped';
        said.equal('a later call', await refusalOf(() => stub.work()), stopped);
        said.equal('a later node', await refusalOf(() => net.node('b', () => undefined)), stopped);
        said.equal('a later object', await refusalOf(() => net.through('c', ECHO)), stopped);
        await sim.sleep(1);
        said.equal('what was called', called, []);
      },
      ({ verdict, events }) => {
        checkEqual('the faults', [verdict.faults, events.filter(({ type }) => type === 'fault')], [0, []]);
      },
    ),
  ),
];
