/**
 * A small integer for each event of one execution, by its id. Invariant: ids are dense and small, so a look-up costs
 * one array access; numbers of an earlier execution lie behind `used`, so that clearing costs nothing.
 */

const FIRST_LENGTH = 1024;

/** Numbers by event id; 0 if not set. */
export class EventNumbers {
  private values = new Int32Array(FIRST_LENGTH);
  private used = 0;

  get(id: number): number {
    return id < this.used ? (this.values[id] as number) : 0;
  }

  set(id: number, value: number): void {
    if (id >= this.values.length) this.grow(id);
    if (id >= this.used) {
      if (id > this.used) this.values.fill(0, this.used, id);
      this.used = id + 1;
    }
    this.values[id] = value;
  }

  clear(): void {
    this.used = 0;
  }

  private grow(id: number): void {
    const longer = new Int32Array(2 * id);
    longer.set(this.values);
    this.values = longer;
  }
}
