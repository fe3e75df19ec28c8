/**
 * One-way messages, and the mailboxes that receive them. Invariant: each case runs in the plain order of events, with
 * exactly the faults that it asks for.
 */
import { isCallLost } from '../../../cluster/sent-error.ts';
import { messageOf } from '../../../kernel/errors.ts';
import type { Mailbox } from '../../../model/node-context.ts';
import { checkEqual, checkThat } from '../../check.ts';
import { SharedSignal } from '../../workload/shared-signal.ts';
import { meanwhile } from '../part-case.ts';
import { errorOf, holds, looks, type Spec } from './network-case.ts';
import { dateOf, ECHO, inbox } from './node-programs.ts';

export const messageCases: readonly Spec[] = [
  looks(
    'a message reaches the handler of a node with its sender, and its steps are in the trace',
    async (sim, make) => {
      const net = make({ latencyMs: 2 });
      const { got, from } = inbox(sim, net);
      net.send('inbox', { type: 'beat', n: 1 });
      net.node('a', ({ send }) => send('inbox', 'hello'));
      await sim.sleep(5);
      checkEqual('the messages', got, [{ type: 'beat', n: 1 }, 'hello']);
      checkEqual('their senders', from, ['scenario', 'a']);
    },
    ({ lines, events }) => {
      checkEqual('the history', lines, [
        '0 ms: scenario sends {type: "beat", n: 1} to inbox',
        '0 ms: a sends "hello" to inbox',
        '2 ms: inbox gets {type: "beat", n: 1} from scenario',
        '2 ms: inbox gets "hello" from a',
      ]);
      checkEqual(
        'the names shown',
        events.map((event) => (event.type === 'message' ? [event.kind, event.name, event.id] : [])),
        [
          ['message', 'beat', 1],
          ['message', 'message', 2],
          ['message', 'beat', 1],
          ['message', 'message', 2],
        ],
      );
    },
  ),
  holds(
    'a node has one mailbox: messages wait in it for receive, in the order of arrival',
    async (sim, make) => {
      const net = make();
      const seen: unknown[] = [];
      net.node('inbox', async ({ mailbox, sleep }) => {
        const box = mailbox<number>();
        seen.push(box.size);
        await sleep(1);
        seen.push(box.size, mailbox().size, await box.receive(), await mailbox().receive(), box.size);
        seen.push(await box.receive(), sim.now());
        for await (const message of box) {
          seen.push(message);
          if (message === 5) return;
        }
      });
      net.send('inbox', 1);
      net.send('inbox', 2);
      await sim.sleep(10);
      net.send('inbox', 3);
      net.send('inbox', 4);
      net.send('inbox', 5);
      await sim.sleep(1);
      checkEqual('what was seen', seen, [0, 2, 2, 1, 2, 0, 3, 10, 4, 5]);
    },
  ),
  looks(
    'a mailbox that is full refuses, and the trace says why',
    async (sim, make) => {
      const net = make();
      const boxes: Mailbox<unknown>[] = [];
      net.node('inbox', ({ mailbox }) => {
        mailbox({ limit: 1 });
        boxes.push(mailbox());
      });
      for (const n of [1, 2]) net.send('inbox', { type: 'beat', n });
      await sim.sleep(1);
      checkEqual('how many wait', boxes[0]?.size, 1);
      net.node('other', ({ mailbox }) => void mailbox({ limit: 2 }));
      for (const n of [1, 2, 3]) net.send('other', n);
      await sim.sleep(1);
    },
    ({ lines }) =>
      checkEqual(
        'what is refused',
        lines.filter((line) => line.includes('refused')),
        [
          '0 ms: {type: "beat", n: 2} from scenario to inbox is refused: the mailbox of inbox is full with 1 message',
          '1 ms: 3 from scenario to other is refused: the mailbox of other is full with 2 messages',
        ],
      ),
  ),
  looks(
    'a mailbox has room for 1,024 messages unless its limit says otherwise',
    async (sim, make) => {
      const net = make();
      const boxes: Mailbox<unknown>[] = [];
      net.node('inbox', ({ mailbox }) => void boxes.push(mailbox()));
      for (let n = 0; n <= 1_024; n += 1) net.send('inbox', n);
      await sim.sleep(1);
      checkEqual('how many wait', boxes[0]?.size, 1_024);
    },
    ({ lines }) => checkEqual('the refusals', lines.filter((line) => line.includes('refused')).length, 1),
  ),
  holds(
    'a pending receive gets a message before the handler does, and a new handler gets the messages that are waiting',
    async (sim, make) => {
      const net = make();
      const received: unknown[] = [];
      const handled: unknown[] = [];
      net.node('inbox', async ({ mailbox, onMessage, sleep }) => {
        const box = mailbox();
        await sleep(1);
        onMessage((message) => handled.push(message));
        checkEqual('what was there', [handled, box.size], [['early', 'too'], 0]);
        void box.receive().then((message) => received.push(message));
        void box.receive().then((message) => received.push(message));
      });
      net.send('inbox', 'early');
      net.send('inbox', 'too');
      await sim.sleep(2);
      for (const n of [1, 2, 3]) net.send('inbox', n);
      await sim.sleep(1);
      checkEqual('what was received', received, [1, 2]);
      checkEqual('what was handled', handled, ['early', 'too', 3]);
    },
  ),
  holds(
    'a handler takes what a full mailbox would refuse, and a later handler takes over',
    async (sim, make) => {
      const net = make();
      const got: string[] = [];
      net.node('inbox', ({ mailbox, onMessage }) => {
        mailbox({ limit: 1 });
        onMessage((n) => void got.push(`first ${String(n)}`));
        onMessage((n) => void got.push(`second ${String(n)}`));
      });
      for (const n of [1, 2, 3]) net.send('inbox', n);
      await sim.sleep(1);
      checkEqual('what it got', got, ['second 1', 'second 2', 'second 3']);
    },
  ),
  holds(
    'a receive that waits too long times out, one that is cancelled rejects with the reason, and neither takes a message',
    async (sim, make) => {
      const net = make();
      const seen: unknown[] = [];
      net.node('inbox', async ({ mailbox, name }) => {
        const box = mailbox();
        const controller = new AbortController();
        const late = errorOf(box.receive({ timeoutMs: 5 }));
        const cancelled = errorOf(box.receive({ signal: controller.signal }));
        const patient = meanwhile(box.receive({ timeoutMs: 100 }));
        seen.push(await late, sim.now());
        controller.abort('enough');
        seen.push(await cancelled, await errorOf(box.receive({ signal: controller.signal })), name);
        seen.push(await patient, sim.now());
      });
      await sim.sleep(7);
      net.send('inbox', 'it');
      await sim.sleep(1);
      const [late, ...rest] = seen;
      checkEqual('the rest', rest, [5, 'enough', 'enough', 'inbox', 'it', 7]);
      checkEqual('the message', messageOf(late), 'no message has come to inbox within 5 ms');
      checkEqual('the code', (late as { code: string }).code, 'RUNNER_TIMED_OUT');
      checkThat(!isCallLost(late), 'it', 'no lost call', late);
      await sim.sleep(200);
    },
  ),
  holds('a receive that has ended leaves no listener to its signal', async (sim, make) => {
    const net = make();
    const shared = new SharedSignal(sim);
    const { signal } = shared;
    const left: number[] = [];
    net.node('inbox', async ({ mailbox }) => {
      const box = mailbox();
      const got = box.receive({ signal });
      left.push(shared.left);
      await got;
      left.push(shared.left);
      await errorOf(box.receive({ signal, timeoutMs: 5 }));
      left.push(shared.left);
    });
    net.send('inbox', 1);
    await sim.sleep(10);
    checkEqual('the listeners during a receive, after a message, and after a time limit', left, [1, 0, 0]);
  }),
  holds('a receive whose signal has aborted leaves the message to the next one', async (sim, make) => {
    const net = make();
    const got: unknown[] = [];
    net.node('inbox', async ({ mailbox, sleep }) => {
      const box = mailbox();
      await sleep(1);
      got.push(await errorOf(box.receive({ signal: AbortSignal.abort('before') })), box.size);
      got.push(await box.receive());
    });
    net.send('inbox', 1);
    await sim.sleep(2);
    checkEqual('it', got, ['before', 1, 1]);
  }),
  looks(
    'a message to a server that is not a node, or to an unknown name, is refused',
    async (sim, make) => {
      const net = make();
      net.through('server', ECHO);
      net.send('server', 1);
      net.send('nobody', 2);
      await sim.sleep(1);
    },
    ({ lines }) =>
      checkEqual(
        'the refusals',
        lines.filter((line) => line.includes('refused')),
        [
          '0 ms: 1 from scenario to server is refused: server is not a node and takes no messages',
          '0 ms: 2 from scenario to nobody is refused: there is no node nobody',
        ],
      ),
  ),
  looks(
    'a message is shown by its own description, or as short data',
    async (sim, make) => {
      const net = make();
      inbox(sim, net);
      const words = { describe: () => 'the lease of a' };
      const odd: readonly unknown[] = [
        ...[5n, undefined, dateOf(0), dateOf(NaN), new Uint8Array(3), new Map([[1, 2]]), new Set([1, 2])],
        ...['x'.repeat(100), [1, 2, 3, 4, 5, 6, 7, 8], { a: { b: { c: { d: 1 } } } }],
      ];
      for (const message of odd) net.send('inbox', message);
      const stub = net.through('server', ECHO);
      await stub.echo(Object.create(words)).catch(() => undefined);
    },
    ({ lines }) => {
      checkEqual(
        'what was sent',
        lines.filter((line) => line.includes('scenario sends')),
        [
          '5n',
          'undefined',
          '1970-01-01T00:00:00.000Z',
          'Invalid Date',
          '3 bytes',
          'Map(1)',
          'Set(2)',
          `"${'x'.repeat(79)}…`,
          '[1, 2, 3, 4, 5, 6, 2 more]',
          '{a: {b: {c: …}}}',
        ].map((text) => `0 ms: scenario sends ${text} to inbox`),
      );
      checkThat(
        lines.some((line) => line.includes('the lease of a')),
        'the call',
        'its own words',
        lines.at(-1),
      );
    },
  ),
];
