/**
 * Calendar time as pure arithmetic: the core has no `Date`, and the same instant must print the same in every time zone
 * (R209).
 */

const DAY_MS = 86_400_000;

/** The last formatted day, cached because the next one is usually the same. */
let lastDays = NaN;
let lastDate = '';

/**
 * The instant as `2000-01-01T00:00:00.000Z`, for years 0 to 9999.
 *
 * The conversion of days to year, month and day is Howard Hinnant's `civil_from_days`, which counts years from March.
 */
export function formatUtc(epochMs: number): string {
  const wholeMs = Math.floor(epochMs);
  const days = Math.floor(wholeMs / DAY_MS);
  const rest = wholeMs - days * DAY_MS;
  if (days !== lastDays) {
    lastDays = days;
    lastDate = dateText(days);
  }
  const hour = Math.floor(rest / 3_600_000);
  const minute = Math.floor(rest / 60_000) % 60;
  const second = Math.floor(rest / 1_000) % 60;
  return `${lastDate}T${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}.${pad(rest % 1_000, 3)}Z`;
}

function dateText(days: number): string {
  const { year, month, day } = civilDate(days);
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

function civilDate(daysSinceEpoch: number): { year: number; month: number; day: number } {
  const shifted = daysSinceEpoch + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leapDays =
    Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
