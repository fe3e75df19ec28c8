// The generic scenario of links finds what a broken network does wrong. Each breaks one promise of docs/links.md.
import { expect, test } from 'vitest';
import { createNetwork, type NetworkOptions } from '../../src/cluster/network.ts';
import { linksWorkload } from '../../sims/generic/links.ts';
import { failureOf } from './first-failure.ts';

const FOUND_WITHIN = 2_000;

type Make = typeof createNetwork;

/** A network with other options than it was made with. */
function otherwise(change: (options: NetworkOptions) => NetworkOptions): Make {
  return (sim, options = {}) => {
    createNetwork(sim, options);
    return createNetwork(sim, { ...options, ...change(options) });
  };
}

/** A network that does another thing where it is asked for one of its verbs. */
function withVerb(
  verb: 'partition' | 'cut' | 'hold' | 'release' | 'repair' | 'send',
  act: (net: ReturnType<Make>, ...args: never[]) => void,
): Make {
  return (sim, options) => {
    const net = createNetwork(sim, options);
    const own: (...args: never[]) => void = net[verb].bind(net);
    // The one of a prototype below is the network's own.
    return Object.assign(net, {
      [verb]: (...args: never[]) => {
        if (verb === 'send') act(net, ...args);
        else {
          own(...args);
          act(net, ...args);
        }
      },
    });
  };
}

const broken: readonly (readonly [string, Make, RegExp])[] = [
  ['keeps no order', otherwise(() => ({ fifo: false })), /reorder strikes, and may not/],
  ['keeps the order unasked', otherwise(() => ({ fifo: true })), /and should/],
  ['is too fast', otherwise(() => ({ latencyMs: 0 })), /latenc|arrive/],
  ['has any width', otherwise(() => ({ bytesPerMs: Infinity })), /arrive|refused|lost/],
  ['never strikes', otherwise(() => ({ faults: {} })), /not asked what strikes/],
  [
    'strikes without an end',
    otherwise(({ faults = {} }) => ({ faults: { ...faults, strikesMax: Infinity } })),
    /asked what strikes/,
  ],
  ['delays for too long', otherwise(({ faults = {} }) => ({ faults: { ...faults, delayMs: 80 } })), /lasts/],
  [
    'forgets how links differ',
    (sim, { links: _, ...options } = {}) => createNetwork(sim, options),
    /answers, and the chances need/,
  ],
  [
    'asks twice how a link differs',
    otherwise(({ links }) => ({ links: (from, to) => links?.(from, to) ?? links?.(from, to) })),
    /asked twice/,
  ],
  ['ends a cut at once', withVerb('cut', (net) => net.repair()), /is asked what strikes/],
  [
    'ends a partition at once',
    withVerb('partition', (net) => net.repair()),
    /its steps are sent, not sent,lost/,
  ],
  ['releases all links', withVerb('release', (net) => net.repair()), /and the trace says so of/],
  ['loses what the scenario sends', withVerb('send', () => undefined), /first event/],
];

test.for(broken)('generic-links finds a network that %s', async ([, make, message]) => {
  expect(await failureOf(linksWorkload(make), FOUND_WITHIN, message)).toMatch(message);
});
