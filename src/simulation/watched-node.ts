/** A node that tells in which state it is, if its world wants to know. Invariant: otherwise it is left as it is. */
import type { Service } from '../model/service.ts';
import { watchedCalls, type ServiceWatch } from '../model/service-watch.ts';

interface WatchableNode extends Service {
  readonly name: string;
  readonly state: 'up' | 'paused' | 'down';
  readonly incarnation: number;
  crash(): void;
  restart(): void;
  pause(): void;
  resume(): void;
}

const VERBS = ['crash', 'restart', 'pause', 'resume', 'release'] as const;

/** The node itself; if its world watches services, with its calls and each change of its state told. */
export function watchedNode<N extends WatchableNode>(
  world: { readonly watchServices?: ServiceWatch | undefined },
  node: N,
): N {
  const { watchServices: watch } = world;
  if (watch === undefined) return node;
  const { name } = node;
  const tell = (): void =>
    watch.node(name, node.state === 'up' ? `up (${name}/${node.incarnation})` : node.state);
  for (const verb of VERBS) {
    const act = node[verb].bind(node);
    const value = (): unknown => {
      const result = act();
      tell();
      return result;
    };
    // On the node itself: its own faults go through it too.
    Object.defineProperty(node, verb, { value, configurable: true });
  }
  tell();
  return watchedCalls(world, name, node);
}
