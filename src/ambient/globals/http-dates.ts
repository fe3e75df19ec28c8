/**
 * The `Date` that Node adds to the headers of HTTP responses, of servers that listen to nothing too. Node keeps it for a
 * second, by a timer of the machine. Invariant: a response of a simulation has the date of the simulation, and leads to no such
 * timer.
 */
import { hub } from '../hub.ts';
import { standInFor } from './stand-in.ts';

/** The used part of a response. */
interface Response {
  sendDate: boolean;
}

/** Puts the first line and the headers together; `headers` are a list, a list of pairs, or an object. */
type StoreHeader = (this: unknown, firstLine: string, headers?: object | null) => unknown;

/** Loads `node:http`. */
export function installHttpDates(): void {
  const { prototype } = process.getBuiltinModule('node:http').OutgoingMessage;
  const make = (real: StoreHeader): StoreHeader =>
    function (firstLine, headers) {
      const { world } = hub;
      const response = this as Response;
      if (world === undefined || !response.sendDate || hasDate(headers)) {
        return real.call(this, firstLine, headers);
      }
      response.sendDate = false;
      try {
        return real.call(this, `${firstLine}Date: ${new Date(world.dateMs()).toUTCString()}\r\n`, headers);
      } finally {
        response.sendDate = true;
      }
    };
  standInFor<StoreHeader>('http.OutgoingMessage._storeHeader', prototype, '_storeHeader', make, true);
}

function hasDate(headers: object | null | undefined): boolean {
  const names = Array.isArray(headers)
    ? headers.map((one: unknown, at) => (Array.isArray(one) ? (one[0] as unknown) : at % 2 === 0 && one))
    : Object.keys(headers ?? {});
  return names.some((name) => typeof name === 'string' && name.toLowerCase() === 'date');
}
