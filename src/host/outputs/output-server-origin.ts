/**
 * Who may ask the output server. Invariants: a request that names another host than the server's own gets nothing, so that no page of a
 * stranger's reaches it by letting a name of theirs lead here; and what belongs to no output is for pages of the server's own origin.
 */
import type { IncomingMessage } from 'node:http';
import { hostname, networkInterfaces } from 'node:os';
import { Refusal } from './output-server-refusal.ts';

/** Addresses that stand for all of the machine's. */
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '[::]']);
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** The names and addresses under which a server is reached. */
export class OwnHosts {
  readonly #names: Set<string>;
  readonly #isOpen: boolean;

  /**
   * @param host where it listens, as it was given.
   * @param address where it listens, as the system says.
   * @param more further names, such as that of a proxy.
   */
  constructor(host: string, address: string, more: readonly string[]) {
    const own = [host, address].map((name) => canonicalHost(bracketed(name)) ?? '');
    this.#isOpen = own.some((name) => WILDCARDS.has(name));
    const given = more.map((name) => canonicalHost(bracketed(name)) ?? '');
    this.#names = new Set([...own, ...given]);
    if (this.#isOpen || own.some((name) => LOOPBACK.has(name))) this.#names.add('localhost');
    if (this.#isOpen) this.#names.add(hostname().toLowerCase());
    this.#names.delete('');
  }

  /** @throws Refusal unless the request is to one of these hosts. */
  check({ headers: { host = '' } }: IncomingMessage): void {
    const name = canonicalHost(host);
    if (name !== undefined && (this.#names.has(name) || (this.#isOpen && isOwnAddress(name)))) return;
    throw new Refusal(421, 'This server is not reached by that name');
  }
}

/**
 * Refuses what a page of another origin asks for. People may follow a link from anywhere: where they come from does not see what they get.
 *
 * @throws Refusal unless the request comes from the server's own pages, from a person or from a program.
 */
export function checkOwnOrigin({ headers }: IncomingMessage): void {
  const { origin, host = '' } = headers;
  const [site, mode, destination] = ['site', 'mode', 'dest'].map((part) => headers[`sec-fetch-${part}`]);
  const isOwn = site === undefined || site === 'same-origin' || site === 'none';
  const isFollowed = mode === 'navigate' && destination === 'document';
  const isOwnPage = origin === undefined || origin.toLowerCase() === `http://${host.toLowerCase()}`;
  if (isOwnPage && (isOwn || isFollowed)) return;
  throw new Refusal(403, 'Only pages of this server may ask for that');
}

/** The one way to write a host, without its port; `undefined` for what is none. */
function canonicalHost(host: string): string | undefined {
  if (host === '' || /[/?#@\\\s]/.test(host)) return undefined;
  try {
    return new URL(`http://${host}`).hostname.replace(/\.$/, '');
  } catch {
    return undefined;
  }
}

/** An address of IPv6 as it stands in a URL, without the interface that it belongs to. */
function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host.replace(/%.*/, '')}]` : host;
}

/** Asked each time, because a machine's addresses change. */
function isOwnAddress(name: string): boolean {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return addresses.some(({ address }) => canonicalHost(bracketed(address)) === name);
}
