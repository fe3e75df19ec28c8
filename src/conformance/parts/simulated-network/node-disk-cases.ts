/**
 * The disk of a node, over its crashes. Invariant: each case runs in the plain order of events, with exactly the faults
 * that it asks for.
 */
import type { ClusterNodeOptions, NodeCrashOptions } from '../../../cluster/node.ts';
import { randomDecisions } from '../../../kernel/random-decisions.ts';
import { checkEqual } from '../../check.ts';
import { simulateHolding } from '../played.ts';
import { holds, type Spec } from './network-case.ts';

export const nodeDiskCases: readonly Spec[] = [
  holds(
    'the disk of a node outlives its processes, has the name of the node and shows its files',
    async (sim, make) => {
      const net = make();
      const starts: number[] = [];
      const node = net.node(
        'a',
        async ({ disk }) => {
          starts.push((await disk.list()).length);
          await disk.append('log', 'x');
          await disk.sync('log');
          return { read: () => disk.readText('log') };
        },
        { disk: { latencyMs: 5 } },
      );
      const stub = net.connect<{ read(): Promise<string> }>('a');
      checkEqual('what is read', await stub.read(), 'x');
      checkEqual('the time', sim.now(), 20);
      node.restart();
      checkEqual('what is read then', await stub.read(), 'xx');
      checkEqual('what was there at each start', starts, [0, 1]);
      checkEqual('its files', [...node.disk.files().keys()], ['log']);
    },
  ),
  {
    title: 'a crash loses what was not synced as is decided, and keeps it where only the process dies',
    async prove(subject, { signal }) {
      const survivors = async (options: ClusterNodeOptions, crash?: NodeCrashOptions): Promise<string[]> => {
        const found = new Set<string>();
        for (let seed = 0; seed < 20; seed += 1) {
          await simulateHolding(seed, {
            signal,
            source: randomDecisions(seed),
            async scenario(sim) {
              const net = subject.create(sim);
              const node = net.node(
                'a',
                async ({ disk, incarnation }) => {
                  if (incarnation > 0) return;
                  await disk.append('log', '1');
                  await disk.sync('log');
                  await disk.append('log', '2');
                },
                options,
              );
              await sim.sleep(10);
              node.crash(crash);
              found.add(new TextDecoder().decode(node.disk.files().get('log')));
            },
          });
        }
        return [...found].sort();
      };
      checkEqual('after the power has failed', await survivors({}), ['1', '12']);
      const kept = { keepsUnsynced: true };
      checkEqual('after the process has died', await survivors({ disk: kept }), ['12']);
      checkEqual('after a crash of the process alone', await survivors({}, kept), ['12']);
      const lost = await survivors({ disk: kept }, { keepsUnsynced: false });
      checkEqual('after a crash that is a power failure', lost, ['1', '12']);
    },
  },
  holds('an operation that is under way when the process dies is never answered', async (sim, make) => {
    let answers = 0;
    const node = make().node(
      'a',
      async ({ disk, incarnation }) => {
        if (incarnation > 0) return;
        await disk.write('a', 'x');
        answers += 1;
      },
      { disk: { latencyMs: 10 } },
    );
    await sim.sleep(5);
    node.restart();
    await sim.sleep(50);
    checkEqual('the answers', answers, 0);
  }),
];
