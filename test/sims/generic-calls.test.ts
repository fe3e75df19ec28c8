// The generic scenario of calls and mailboxes finds what a broken network does wrong. Each breaks one promise of docs/links.md.
import { expect, test } from 'vitest';
import { createNetwork, type Network } from '../../src/cluster/network.ts';
import type { NodeContext, NodeProgram } from '../../src/model/node-context.ts';
import { callsWorkload } from '../../sims/generic/calls.ts';
import { failureOf } from './first-failure.ts';

const FOUND_WITHIN = 3_000;

type Make = typeof createNetwork;
type Methods = Record<string, (...args: unknown[]) => unknown>;

/** A network whose programs are given something else. */
function withNodes(change: (node: NodeContext) => Partial<NodeContext>): Make {
  return (sim, options) => {
    const net = createNetwork(sim, options);
    const own = net.node.bind(net);
    const changed = (context: NodeContext): NodeContext => {
      const parts: Partial<Record<string | symbol, unknown>> = { ...change(context) };
      return new Proxy(context, { get: (of, name): unknown => parts[name] ?? Reflect.get(of, name, of) });
    };
    const node: Network['node'] = (name, program, more) =>
      own(name, ((context) => program(changed(context))) as NodeProgram<never>, more);
    return Object.assign(net, { node });
  };
}

/** A network whose objects answer otherwise. */
function withObjects(change: (method: string, args: unknown[], answer: () => unknown) => unknown): Make {
  return (sim, options) => {
    const net = createNetwork(sim, options);
    const own = net.node.bind(net);
    const changed = (object: Methods): Methods =>
      Object.fromEntries(
        Object.entries(object).map(([name, method]) => [
          name,
          (...args: unknown[]) => change(name, args, () => method(...args)),
        ]),
      );
    const node: Network['node'] = (name, program, more) =>
      own(
        name,
        (async (context: NodeContext) => {
          const object = (await program(context)) as Methods | undefined;
          return object === undefined ? object : changed(object);
        }) as unknown as NodeProgram<never>,
        more,
      );
    return Object.assign(net, { node });
  };
}

const broken: readonly (readonly [string, Make, RegExp])[] = [
  ['is too slow', (sim, options = {}) => createNetwork(sim, { ...options, latencyMs: 4 }), /wait/],
  ['never gives up', (sim, options = {}) => createNetwork(sim, { ...options, callTimeoutMs: 50 }), /wait/],
  [
    'loses what values are',
    withObjects((method, _, answer) => (method === 'echo' ? plain(answer()) : answer())),
    /come back/,
  ],
  [
    'loses what errors say',
    withObjects((_, __, answer) => {
      try {
        return answer();
      } catch {
        throw new Error('failed');
      }
    }),
    /the error is/,
  ],
  ['has mailboxes without a bound', withNodes((node) => ({ mailbox: () => node.mailbox() })), /wait|refused/],
  [
    'names no sender',
    withNodes((node) => ({
      onMessage: (handler) => node.onMessage((message: never) => handler(message, 'nobody')),
    })),
    /message of|handler/,
  ],
  [
    'lets readers wait longer',
    withNodes((node) => ({
      mailbox: (options) => {
        const box = node.mailbox<never>(options);
        return Object.assign(Object.create(box) as typeof box, {
          receive: ({ timeoutMs, ...rest }: { timeoutMs?: number } = {}) =>
            box.receive(timeoutMs === undefined ? rest : { ...rest, timeoutMs: timeoutMs + 1 }),
        });
      },
    })),
    /wait|mailbox/,
  ],
];

function plain(value: unknown): unknown {
  if (value instanceof Promise) return value.then(plain);
  try {
    return JSON.parse(JSON.stringify(value)) as unknown;
  } catch {
    return undefined;
  }
}

test.for(broken)('generic-calls finds a network that %s', async ([, make, message]) => {
  expect(await failureOf(callsWorkload(make), FOUND_WITHIN, message)).toMatch(message);
});
