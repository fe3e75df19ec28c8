/** Formats and parses quantities for people. */

const UNITS: readonly (readonly [number, string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
  [1, 'ms'],
];

/** Formats a duration in the largest unit of which it has one, once rounded: `92.3 d`, `1.5 s`, `12 ms`. */
export function formatSpan(ms: number): string {
  const [unitMs, unit] = UNITS.find(([size], at) => roundedMs(ms, UNITS[at + 1]?.[0]) >= size) ?? [1, 'ms'];
  return `${digitsOf(ms / unitMs)} ${unit}`;
}

function roundedMs(ms: number, unitMs = 1): number {
  return Number(digitsOf(ms / unitMs)) * unitMs;
}

function digitsOf(value: number): string {
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}

const SIZES: readonly (readonly [number, string])[] = [
  [1_024 ** 3, 'GiB'],
  [1_024 ** 2, 'MiB'],
  [1_024, 'KiB'],
];

/** From this many of a unit on, the next one is shown: with one digit after the point, there would be 1024.0. */
const UNITS_MAX = 1_023.95;

/** Formats a number of bytes in its largest fitting unit: `2.5 GiB`, `1.0 KiB`, `12 B`. */
export function formatSize(bytes: number): string {
  const [size, unit] = SIZES.find(([each]) => bytes >= (each / 1_024) * UNITS_MAX) ?? [1, 'B'];
  return `${size === 1 ? bytes : (bytes / size).toFixed(1)} ${unit}`;
}

/** Parses a duration such as `5s`, `1.5m`, `200ms`, `2h` or a plain number of seconds. */
export function parseSpanMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|min|h|d)?$/.exec(text.trim());
  if (match === null) return undefined;
  const sizes: Readonly<Record<string, number>> = {
    ms: 1,
    s: 1_000,
    m: 60_000,
    min: 60_000,
    h: 3_600_000,
    d: 86_400_000,
  };
  const ms = Number(match[1]) * (sizes[match[2] ?? 's'] ?? 1_000);
  return Number.isFinite(ms) ? ms : undefined;
}
