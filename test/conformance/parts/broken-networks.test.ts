import { afterEach, expect, test, vi } from 'vitest';
import { Fabric } from '../../../src/cluster/fabric.ts';
import { Link } from '../../../src/cluster/link.ts';
import { Outage } from '../../../src/cluster/outage.ts';
import { LimitedWaiter } from '../../../src/kernel/signal-waiters.ts';
import { Machine } from '../../../src/simulation/node-machine.ts';
import { SimulatedClusterNode } from '../../../src/cluster/node.ts';
import { simulatedNetworkCases } from '../../../src/conformance/parts/simulated-network-cases.ts';
import { simulatedNetwork } from './part-subjects.ts';

afterEach(() => void vi.restoreAllMocks());

type Given<Method> = Method extends (...given: infer Arguments) => unknown ? Arguments : never;

/** Replaces a method of all objects of a class by `broken`, which may call the one before it. */
function breakMethod<Part extends object, Name extends keyof Part>(
  prototype: Part,
  name: Name,
  broken: (before: Part[Name], part: Part, ...given: Given<Part[Name]>) => unknown,
): void {
  const before = prototype[name] as (this: Part, ...given: unknown[]) => unknown;
  const methods = prototype as Record<Name, (...given: unknown[]) => unknown>;
  vi.spyOn(methods, name as never).mockImplementation(function (this: Part, ...given: unknown[]) {
    return broken(before.bind(this) as Part[Name], this, ...(given as Given<Part[Name]>));
  } as never);
}

const ONE_END = 'under any faults, each copy of a message is delivered, refused or lost exactly once';

test.each<readonly [what: string, title: string, spoil: () => void]>([
  [
    'whose losses are in no trace',
    ONE_END,
    () =>
      breakMethod(Link.prototype, 'trace', (before, _link, envelope, step, reason) => {
        if (step !== 'lost') before(envelope, step, reason);
      }),
  ],
  [
    'that delivers each reply three times',
    ONE_END,
    () =>
      breakMethod(Fabric.prototype, 'deliver', (before, _fabric, envelope) => {
        for (let times = envelope.kind === 'reply' ? 3 : 1; times > 0; times -= 1) before(envelope);
      }),
  ],
  ['without faults', ONE_END, () => breakMethod(Fabric.prototype, 'strike', () => undefined)],
  [
    'that loses the answers of a process when it dies',
    'a restart loses neither the calls nor the answers',
    () => {
      const dead = new Set<string>();
      breakMethod(SimulatedClusterNode.prototype, 'wentDown', (before, { name, incarnation }, cause) => {
        dead.add(`${name}/${incarnation}`);
        before(cause);
      });
      breakMethod(Fabric.prototype, 'deliver', (before, _fabric, envelope) => {
        if (envelope.kind !== 'reply' || !dead.has(`${envelope.from}/${envelope.incarnation}`)) {
          before(envelope);
        }
      });
    },
  ],
  [
    'that ends one hold per release',
    'a hold of several links is released link by link',
    () =>
      breakMethod(Fabric.prototype, 'end', (before, _fabric, isMeant) => {
        let held = 1;
        before((outage) => isMeant(outage) && (outage.kind !== 'hold' || (held -= 1) === 0));
      }),
  ],
  [
    'that partitions nothing by decision',
    'a partition that is decided loses messages, and ends by itself',
    () =>
      breakMethod(Outage.prototype, 'change', (before, { kind, ms }, link, by) => {
        if (kind === 'hold' || ms === undefined) before(link, by);
      }),
  ],
  [
    'that cuts the wrong direction',
    'a partition that is decided loses messages, and ends by itself: one that',
    () =>
      breakMethod(Outage.prototype, 'concerns', (before, { kind }, from, to) =>
        kind === 'cut' ? before(to, from) : before(from, to),
      ),
  ],
  [
    'that delivers what was sent during a partition and is due after it',
    'messages sent during a partition are lost',
    () => {
      const cuts = new Map<Link, number>();
      breakMethod(Link.prototype, 'cut', (before, link, by) => {
        cuts.set(link, (cuts.get(link) ?? 0) + by);
        before(by);
      });
      const { cut } = Link.prototype;
      breakMethod(Link.prototype, 'send', (before, link, envelope) => {
        const isCut = (cuts.get(link) ?? 0) > 0;
        if (isCut) cut.call(link, -1);
        before(envelope);
        if (isCut) cut.call(link, 1);
      });
    },
  ],
  [
    'whose pauses outlast heal',
    'heal ends the pauses and the slowness that were decided',
    () =>
      breakMethod(Machine.prototype, 'heal', (before, { state }) => {
        if (state !== 'paused') before();
      }),
  ],
  [
    'whose slow nodes outlast heal',
    'heal ends the pauses and the slowness that were decided',
    () =>
      breakMethod(Machine.prototype, 'slowByFault', (before, _machine, factor) => {
        if (factor > 1) before(factor);
      }),
  ],
  [
    'whose fifo links do not heal',
    'heal ends a delay also on a fifo link',
    () =>
      breakMethod(Link.prototype, 'heal', (before, { isFifo }) => {
        if (!isFifo) before();
      }),
  ],
  [
    'whose stop is a crash of each node',
    'stop ends all nodes and the calls of the scenario',
    () =>
      breakMethod(Machine.prototype, 'end', (before, machine, cause) => {
        if (cause === 'stop') machine.traceFault('node', 'crash', '');
        before(cause);
      }),
  ],
  ...['a call that has ended, or whose caller has', 'a receive that has ended'].map(
    (title) =>
      [
        'that goes on to listen',
        title,
        () =>
          breakMethod(LimitedWaiter.prototype, 'leaveLimits', (_before, waiter) => {
            waiter.retime({ cancel: () => undefined });
          }),
      ] as const,
  ),
])('a network %s does not pass: %s', async (_what, title, spoil) => {
  const found = simulatedNetworkCases.filter((each) => each.title.startsWith(title));
  expect(found).not.toEqual([]);
  spoil();
  for (const each of found) await expect(each.prove(simulatedNetwork), each.title).rejects.toThrow();
});
