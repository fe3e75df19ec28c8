/**
 * A 4-ary indexed heap of rows ordered by (time, late, id): at one time ordinary events come before late ones, each in the order
 * of making. Sifting moves numbers only. Invariants: slot 0 is a sentinel before everything, `positions[rowAt[slot]] === slot`,
 * and no event precedes its parent.
 */

/** Added to the rank of late events, which puts them behind all ordinary ones of their time. */
const LATE_RANK = 2 ** 52;
const ROOT = 1;

/** The heap of events that are not due yet. */
export class EventHeap {
  private size = 0;
  private readonly positions: number[];
  // By slot. The first two begin with a number that is no small integer, so that the engine stores doubles from the start.
  private readonly timeAt: number[] = [-Infinity];
  private readonly rankAt: number[] = [-Infinity];
  private readonly rowAt: number[] = [-1];

  /** `positions` tells for each row where it stands; the heap keeps it for the rows that it holds. */
  constructor(positions: number[]) {
    this.positions = positions;
  }

  get count(): number {
    return this.size;
  }

  /** Row of the first event; there must be one. */
  get first(): number {
    return this.rowAt[ROOT] as number;
  }

  /** Time of the first event, `Infinity` if there is none. */
  get firstTimeUs(): number {
    return this.size === 0 ? Infinity : (this.timeAt[ROOT] as number);
  }

  get isFirstLate(): boolean {
    return (this.rankAt[ROOT] as number) >= LATE_RANK;
  }

  /** True only if no other event is due together with the first. */
  get isFirstAlone(): boolean {
    const { timeAt, size } = this;
    const timeUs = timeAt[ROOT];
    const end = size < 5 ? size : 5;
    for (let child = 2; child <= end; child++) if (timeAt[child] === timeUs) return false;
    return true;
  }

  timeUsAt(slot: number): number {
    return this.timeAt[slot] as number;
  }

  isLateAt(slot: number): boolean {
    return (this.rankAt[slot] as number) >= LATE_RANK;
  }

  push(row: number, timeUs: number, id: number, late: boolean): void {
    const slot = ++this.size;
    if (slot === this.rowAt.length) {
      this.timeAt.push(timeUs);
      this.rankAt.push(id);
      this.rowAt.push(row);
    }
    this.siftUp(row, timeUs, late ? id + LATE_RANK : id, slot);
  }

  /** Takes out the first event, of which there must be one, and returns its row. */
  shift(): number {
    const row = this.rowAt[ROOT] as number;
    this.removeAt(ROOT);
    return row;
  }

  removeAt(slot: number): void {
    const { timeAt, rankAt } = this;
    const last = this.size;
    this.size = last - 1;
    if (slot === last) return;
    const row = this.rowAt[last] as number;
    const timeUs = timeAt[last] as number;
    const rank = rankAt[last] as number;
    const parent = (slot + 2) >> 2;
    const parentTimeUs = timeAt[parent] as number;
    if (timeUs < parentTimeUs || (timeUs === parentTimeUs && rank < (rankAt[parent] as number))) {
      this.siftUp(row, timeUs, rank, slot);
    } else this.siftDown(row, timeUs, rank, slot);
  }

  /** Rows of all events in the order of firing; a copy, for reports. */
  sorted(): number[] {
    const { timeAt, rankAt } = this;
    const slots = Array.from({ length: this.size }, (_, i) => i + ROOT);
    slots.sort((a, b) => {
      const difference = (timeAt[a] as number) - (timeAt[b] as number);
      return difference === 0 ? (rankAt[a] as number) - (rankAt[b] as number) : difference;
    });
    return slots.map((slot) => this.rowAt[slot] as number);
  }

  private place(row: number, timeUs: number, rank: number, slot: number): void {
    this.timeAt[slot] = timeUs;
    this.rankAt[slot] = rank;
    this.rowAt[slot] = row;
    this.positions[row] = slot;
  }

  private siftUp(row: number, timeUs: number, rank: number, from: number): void {
    const { timeAt, rankAt, rowAt } = this;
    let slot = from;
    for (;;) {
      const parent = (slot + 2) >> 2;
      const parentTimeUs = timeAt[parent] as number;
      if (parentTimeUs < timeUs) break;
      const parentRank = rankAt[parent] as number;
      if (parentTimeUs === timeUs && parentRank < rank) break;
      this.place(rowAt[parent] as number, parentTimeUs, parentRank, slot);
      slot = parent;
    }
    this.place(row, timeUs, rank, slot);
  }

  private siftDown(row: number, timeUs: number, rank: number, from: number): void {
    const { timeAt, rankAt, rowAt, size } = this;
    let slot = from;
    for (let child = slot * 4 - 2; child <= size; child = slot * 4 - 2) {
      const end = child + 3 < size ? child + 3 : size;
      let best = child;
      let bestTimeUs = timeAt[child] as number;
      while (++child <= end) {
        const childTimeUs = timeAt[child] as number;
        if (childTimeUs > bestTimeUs) continue;
        if (childTimeUs === bestTimeUs && (rankAt[child] as number) > (rankAt[best] as number)) continue;
        best = child;
        bestTimeUs = childTimeUs;
      }
      const bestRank = rankAt[best] as number;
      if (timeUs < bestTimeUs || (timeUs === bestTimeUs && rank < bestRank)) break;
      this.place(rowAt[best] as number, bestTimeUs, bestRank, slot);
      slot = best;
    }
    this.place(row, timeUs, rank, slot);
  }
}
