/** The comments at the head of a Standard Workload Format log: labels with values, which may span several lines. */

/** The labels that the format defines; anything else before a colon is text. */
const LABELS = [
  'Version',
  'Computer',
  'Installation',
  'Acknowledge',
  'Information',
  'Conversion',
  'MaxJobs',
  'MaxRecords',
  'Preemption',
  'UnixStartTime',
  'TimeZone',
  'TimeZoneString',
  'StartTime',
  'EndTime',
  'MaxNodes',
  'MaxProcs',
  'MaxRuntime',
  'MaxMemory',
  'AllowOveruse',
  'MaxQueues',
  'Queues',
  'Queue',
  'MaxPartitions',
  'Partitions',
  'Partition',
  'Note',
] as const;

/** A label of the format. */
export type SwfLabel = (typeof LABELS)[number];

const LABEL_OF: ReadonlyMap<string, SwfLabel> = new Map(LABELS.map((label) => [label.toLowerCase(), label]));
// Blanks at the end are trimmed: a pattern for them would try each run of blanks from each of its places.
const LABELLED = /^\s*;\s*([A-Za-z]+)\s*:([^]*)$/;
const CONTINUED = /^\s*;\s{2,}(\S[^]*)$/;

/** The labels and values of a log's header. */
export interface SwfHeader {
  /** All values of a label in order; a value that spans several lines contains newlines. */
  values(label: SwfLabel): readonly string[];
  /**
   * The first value of a label as a number, without a remark in parentheses, as in `128 (64 and 64)`; `undefined` if
   * there is none, or it is not a number.
   */
  number(label: SwfLabel): number | undefined;
}

/** Collects the comments of a log. */
export class SwfHeaderLines implements SwfHeader {
  readonly #values = new Map<SwfLabel, string[]>();
  #latest: string[] | undefined;

  /** Adds one comment line. */
  add(line: string): void {
    const [, name = '', value = ''] = LABELLED.exec(line) ?? [];
    const label = LABEL_OF.get(name.toLowerCase());
    if (label !== undefined) {
      this.#latest = this.#values.get(label) ?? [];
      this.#latest.push(value.trim());
      this.#values.set(label, this.#latest);
      return;
    }
    const [, more] = CONTINUED.exec(line) ?? [];
    const last = this.#latest?.pop();
    if (last === undefined) return;
    if (more === undefined) this.#latest?.push(last);
    else this.#latest?.push(`${last}\n${more.trim()}`);
    if (more === undefined) this.#latest = undefined;
  }

  values(label: SwfLabel): readonly string[] {
    return this.#values.get(label) ?? [];
  }

  number(label: SwfLabel): number | undefined {
    const [value = ''] = this.values(label);
    const [plain = ''] = value.split('(', 1);
    const text = plain.trim();
    return text !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined;
  }
}
