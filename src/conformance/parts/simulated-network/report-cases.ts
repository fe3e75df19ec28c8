/**
 * How reports of deadlocks and leftovers show calls and messages. Invariant: each case runs in the plain order of
 * events, with exactly the faults that it asks for.
 */
import type { NodeContext } from '../../../model/node-context.ts';
import { checkEqual, checkThat } from '../../check.ts';
import { fails, holds, type Spec } from './network-case.ts';
import { ECHO, type Echo } from './node-programs.ts';

/** A promise that never settles. */
const never = (): Promise<never> => Promise.race([]);

export const reportCases: readonly Spec[] = [
  fails(
    'a deadlock names the calls that are not answered',
    async (_sim, make) => {
      const net = make({ callTimeoutMs: Infinity });
      net.node('locks', () => ({ acquire: () => never() }));
      net.node('a', async ({ sleep, connect }) => {
        await sleep(20);
        await connect<{ acquire(id: number): Promise<never> }>('locks').acquire(7);
      });
      await never();
    },
    ({ failure }) => {
      checkEqual('the kind', failure?.kind, 'deadlock');
      checkEqual(
        'the wait',
        failure?.details[0],
        'a waits for the answer to acquire(7) from locks since 20 ms',
      );
    },
  ),
  fails(
    'nodes that call each other in a circle are shown as one',
    async (_sim, make) => {
      const net = make({ callTimeoutMs: Infinity });
      for (const [name, other] of [
        ['a', 'b'],
        ['b', 'a'],
      ] as const) {
        net.node(name, ({ connect }) => ({ ask: () => connect<{ ask(): Promise<void> }>(other).ask() }));
      }
      net.cut('a', 'b');
      net.node('c', ({ connect }) => {
        connect<{ ask(): Promise<void> }>('a')
          .ask()
          .catch(() => undefined);
        connect<{ ask(): Promise<void> }>('b')
          .ask()
          .catch(() => undefined);
      });
      await never();
    },
    ({ failure }) => {
      checkEqual(
        'the message',
        failure?.message,
        'Deadlock: nothing is due any more, and there is a circular wait',
      );
      checkEqual(
        'the circle',
        failure?.details[0],
        'a circular wait: a → the answer to ask() (b) → the answer to ask() (a)',
      );
    },
  ),
  fails(
    'a node that waits for a message is named, and so are the states of nodes',
    async (sim, make) => {
      const net = make();
      net.node('inbox', ({ mailbox }) =>
        mailbox()
          .receive()
          .then(() => undefined),
      );
      net.node('other', () => undefined).crash();
      await sim.sleep(5);
      await never();
    },
    ({ failure }) =>
      checkThat(
        failure?.details.includes('inbox waits for a message since 0 ms') === true,
        'the details',
        'the wait',
        failure?.details,
      ),
  ),
  fails(
    'a stub that is used after its own node has crashed is never answered, and named',
    async (_sim, make) => {
      const net = make();
      net.through('server', ECHO);
      const contexts: NodeContext[] = [];
      net.node('a', (context) => void contexts.push(context)).crash();
      await contexts[0]?.connect<Echo>('server').echo(1);
    },
    ({ failure }) =>
      checkThat(
        failure?.details.includes('a (gone) waits for the answer to echo(1) from server since 0 ms') === true,
        'the details',
        'the wait',
        failure?.details,
      ),
  ),
  holds('calls still pending when the scenario ends do not count as left over', (_sim, make) => {
    void make()
      .through('server', { work: () => never() })
      .work();
  }),
];
