/**
 * `Date`, and the APIs that format or return the current date: they read the clock of the simulation, and leave
 * everything else to the originals.
 */
import { hub, type AmbientWorld } from '../hub.ts';
import { replaceProperty, standInFor, type AnyFunction } from './stand-in.ts';

/** Puts `Date`, and `Intl` formatting of now, under the control of a running simulation. */
export function installDates(): void {
  const RealDate = Date;
  // Replaced on the original class as well, which code may have kept.
  standInFor(
    'Date.now of Node',
    RealDate,
    'now',
    (real: () => number) => () => hub.world?.dateMs() ?? real(),
  );
  standInFor('Date', globalThis, 'Date', (): AnyFunction => {
    function StandIn(...args: unknown[]): unknown {
      const { world } = hub;
      const made = new.target as unknown;
      if (made === undefined) {
        return world === undefined ? RealDate() : new RealDate(world.dateMs()).toString();
      }
      const given = args.length === 0 && world !== undefined ? [world.dateMs()] : args;
      if (made === StandIn) return new RealDate(...(given as []));
      return Reflect.construct(RealDate, given, new.target);
    }
    // Defined before the other properties are copied, because it cannot be redefined afterwards.
    Object.defineProperty(StandIn, 'prototype', { value: RealDate.prototype, writable: false });
    return StandIn;
  });
  // Copied with the other properties: here it is only watched.
  replaceProperty('Date.now', Date, 'now', (copied) => copied);
  replaceProperty('Date.prototype.constructor', RealDate.prototype, 'constructor', (before) => ({
    ...before,
    value: Date,
  }));
  installFiles();
  installIntl();
  installTemporal();
}

type FileClass = typeof File;

/** A `File` that is not given a date has that of its making. */
function installFiles(): void {
  const made = new WeakMap<FileClass, FileClass>();
  const standIn = (Real: FileClass): FileClass => {
    const own = made.get(Real) ?? new Proxy(Real, { construct: constructFile as never });
    made.set(Real, own);
    return own;
  };
  const owners = { File: globalThis, 'File of node:buffer': process.getBuiltinModule('node:buffer') };
  for (const [name, owner] of Object.entries(owners)) {
    const make = (before: PropertyDescriptor): PropertyDescriptor => {
      const { enumerable = true } = before;
      const fixed = (Real: FileClass): PropertyDescriptor => ({
        value: standIn(Real),
        writable: true,
        configurable: true,
        enumerable,
      });
      const get = before.get?.bind(owner) as (() => FileClass) | undefined;
      if (get === undefined) return fixed(before.value as FileClass);
      // Node loads the class when the property is read, and then puts it there.
      const load = (): FileClass => {
        const now = fixed(get());
        Object.defineProperty(owner, 'File', now);
        return now.value as FileClass;
      };
      return { ...before, get: load };
    };
    replaceProperty(name, owner, 'File', make, true);
  }
}

function constructFile(Real: FileClass, args: unknown[], made: AnyFunction): object {
  const { world } = hub;
  const [, , options = {}] = args;
  const isDated =
    typeof options !== 'object' ||
    (options as { readonly lastModified?: unknown } | null)?.lastModified !== undefined ||
    args.length < 2;
  if (world === undefined || isDated) return Reflect.construct(Real, args, made) as object;
  const dated = Object.create(options, {
    lastModified: { value: world.dateMs(), enumerable: true },
  }) as object;
  return Reflect.construct(Real, [...args.slice(0, 2), dated], made) as object;
}

type Format = (this: unknown, date?: unknown) => unknown;

function installIntl(): void {
  const { prototype } = Intl.DateTimeFormat;
  const formats = new WeakMap<Format, Format>();
  const format = (real: Format): Format =>
    function (date) {
      const { world } = hub;
      return real.call(this, date === undefined && world !== undefined ? world.dateMs() : date);
    };
  standInFor('Intl.DateTimeFormat.formatToParts', prototype, 'formatToParts', format);
  // `format` is a getter that always returns the same bound function.
  replaceProperty('Intl.DateTimeFormat.format', prototype, 'format', (before) => {
    const { get } = before as unknown as { readonly get: (this: unknown) => Format };
    return {
      ...before,
      get(this: unknown) {
        const bound = get.call(this);
        let own = formats.get(bound);
        if (own === undefined) {
          own = format(bound);
          formats.set(bound, own);
        }
        return own;
      },
    };
  });
}

interface Zoned {
  toPlainDateTime(): unknown;
  toPlainDate(): unknown;
  toPlainTime(): unknown;
}

/** The used subset of `Temporal`, which TypeScript does not know yet. */
interface TemporalGlobal {
  readonly Now: object & { timeZoneId(): string };
  readonly Instant: {
    fromEpochMilliseconds(ms: number): { toZonedDateTimeISO(zone: unknown): Zoned };
  };
}

function installTemporal(): void {
  const { Temporal } = globalThis as unknown as { readonly Temporal?: TemporalGlobal };
  if (Temporal === undefined) return;
  const { Now, Instant } = Temporal;
  const zoned = (world: AmbientWorld, zone: unknown): Zoned =>
    Instant.fromEpochMilliseconds(world.dateMs()).toZonedDateTimeISO(zone ?? Now.timeZoneId());
  const gives: Readonly<Record<string, (world: AmbientWorld, zone: unknown) => unknown>> = {
    instant: (world) => Instant.fromEpochMilliseconds(world.dateMs()),
    zonedDateTimeISO: zoned,
    plainDateTimeISO: (world, zone) => zoned(world, zone).toPlainDateTime(),
    plainDateISO: (world, zone) => zoned(world, zone).toPlainDate(),
    plainTimeISO: (world, zone) => zoned(world, zone).toPlainTime(),
  };
  for (const [key, give] of Object.entries(gives)) {
    standInFor(`Temporal.Now.${key}`, Now, key, (real: (this: unknown, zone?: unknown) => unknown) => {
      return function (zone) {
        const { world } = hub;
        return world === undefined ? real.call(this, zone) : give(world, zone);
      };
    });
  }
}
