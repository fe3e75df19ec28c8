/**
 * When messages arrive on links, by what the documentation says: latency, width, order, faults that strike, and what parts nodes. Times are whole
 * microseconds. Nothing here is shared with the code under test. Where two things that concern each other fall into one instant, their order is a decision: the model says so.
 */
import { usOf } from './outcome.ts';

/** How a link behaves. */
export interface LinkRules {
  readonly leastMs: number;
  readonly isFifo: boolean;
  readonly bytesPerMs: number;
}

/** A message, or one of its two copies. */
interface Copy {
  readonly id: number;
  /** Its place among the messages of its link, as they were sent. */
  readonly order: number;
  dueUs: number;
  /** How much later than its latency a fault makes it. */
  lateUs: number;
}

/** What became of a copy of a message. */
export interface Landing {
  readonly id: number;
  readonly atUs: number;
  readonly lost: boolean;
}

/** What parts nodes. */
export interface Parting {
  readonly kind: 'partition' | 'cut' | 'hold';
  readonly groups: readonly (readonly string[])[];
  readonly endUs: number;
}

/** How a message travels. */
export interface Travel {
  readonly id: number;
  readonly bytes: number;
  /** Drawn latencies beyond the least: two of a message that is duplicated. */
  readonly drawnMs: readonly number[];
  readonly fault: 'none' | 'lose' | 'duplicate' | 'delay' | 'reorder';
  /** How much later a fault makes it, or for how long at most. */
  readonly faultMs: number;
}

/** Whether it concerns messages of that direction. */
export function parts({ kind, groups }: Parting, from: string, to: string): boolean {
  if (kind !== 'partition') return groups[0]?.includes(from) === true && groups[1]?.includes(to) === true;
  const one = groups.findIndex((group) => group.includes(from));
  const other = groups.findIndex((group) => group.includes(to));
  return one >= 0 && other >= 0 && one !== other;
}

class Link {
  readonly rules: LinkRules;
  readonly from: string;
  readonly to: string;
  flights: Copy[] = [];
  /** Held back by a fault; those that another one can overtake are so long at most. */
  late: Copy[] = [];
  overtakable: Copy[] = [];
  waiting: Copy[] = [];
  freeMs = 0;
  /** How many have been sent that were not lost at once. */
  sent = 0;
  /** Since when the first of its flights is the first. */
  headUs = 0;

  constructor(from: string, to: string, rules: LinkRules) {
    this.from = from;
    this.to = to;
    this.rules = rules;
  }

  /** The next copy to land. */
  get next(): { readonly atUs: number; readonly copy: Copy } | undefined {
    const [head] = this.flights;
    const flying = this.rules.isFifo && head !== undefined ? [head] : this.flights;
    const all = [...flying, ...this.late, ...this.overtakable].map((copy) => ({
      copy,
      atUs: copy === head && this.rules.isFifo ? Math.max(copy.dueUs, this.headUs) : copy.dueUs,
    }));
    return all.reduce<(typeof all)[number] | undefined>(
      (first, one) => (first === undefined || one.atUs < first.atUs ? one : first),
      undefined,
    );
  }

  take(copy: Copy): void {
    for (const list of [this.flights, this.late, this.overtakable]) {
      const at = list.indexOf(copy);
      if (at >= 0) list.splice(at, 1);
    }
  }
}

/** All links of a network. */
export class LinkModel {
  readonly #rulesOf: (from: string, to: string) => LinkRules;
  readonly #links = new Map<string, Link>();
  #partings: Parting[] = [];
  #nowUs = 0;
  /** What has landed, in order. */
  readonly landings: Landing[] = [];
  /** True once the order of two things in one instant matters: then it knows no more. */
  isAmbiguous = false;

  constructor(rulesOf: (from: string, to: string) => LinkRules) {
    this.#rulesOf = rulesOf;
  }

  get partings(): readonly Parting[] {
    return this.#partings;
  }

  /** Lets all happen that is due before then. */
  advance(nowMs: number): void {
    const untilUs = usOf(nowMs);
    for (;;) {
      const next = this.#next(untilUs);
      if (next === undefined) break;
      this.#nowUs = next.atUs;
      next.act();
    }
    this.#nowUs = untilUs;
    if (this.#next(untilUs + 1) !== undefined) this.isAmbiguous = true;
  }

  send(from: string, to: string, travel: Travel): void {
    const link = this.#link(from, to);
    if (this.isCut(from, to) || travel.fault === 'lose') {
      this.#landed(travel.id, true);
      return;
    }
    const { fault, faultMs, id } = travel;
    const order = (link.sent += 1);
    if (fault === 'reorder') {
      const leastUs = usOf(this.#latencyMs(link, travel.bytes, 0));
      const lateUs = Math.max(usOf(faultMs) - leastUs, 0);
      link.overtakable.push({ id, order, dueUs: this.#nowUs + leastUs + lateUs, lateUs });
      return;
    }
    for (const drawnMs of travel.drawnMs) {
      const latencyMs = this.#latencyMs(link, travel.bytes, drawnMs);
      const lateUs = fault === 'delay' ? usOf(faultMs) : 0;
      const copy = { id, order, dueUs: this.#nowUs + usOf(latencyMs) + lateUs, lateUs };
      if (fault === 'delay' && !link.rules.isFifo) link.late.push(copy);
      else this.#depart(link, copy);
    }
  }

  isCut(from: string, to: string): boolean {
    return this.#isParted(from, to, ['partition', 'cut']);
  }

  isHeld(from: string, to: string): boolean {
    return this.#isParted(from, to, ['hold']);
  }

  begin(parting: Parting): void {
    this.#partings.push(parting);
  }

  /** Ends those of which that is true. */
  end(isMeant: (parting: Parting) => boolean): void {
    const before = [...this.#links.values()].filter((link) => this.isHeld(link.from, link.to));
    this.#partings = this.#partings.filter((parting) => !isMeant(parting));
    for (const link of before) {
      if (this.isHeld(link.from, link.to)) continue;
      const waiting = link.waiting.splice(0);
      if (waiting.length === 0) continue;
      for (const copy of waiting) copy.dueUs = this.#nowUs;
      if (link.rules.isFifo) {
        link.flights.unshift(...waiting);
        link.headUs = this.#nowUs;
      } else link.flights.push(...waiting);
    }
  }

  heal(): void {
    this.end(() => true);
    for (const link of this.#links.values()) {
      if (link.rules.isFifo) link.headUs = this.#nowUs;
      else link.flights.push(...link.late.splice(0), ...link.overtakable.splice(0));
      for (const copy of link.flights) {
        // Nothing arrives before its latency has passed.
        copy.dueUs = Math.max(copy.dueUs - copy.lateUs, link.rules.isFifo ? 0 : this.#nowUs);
        copy.lateUs = 0;
      }
    }
  }

  /** How many are still on their way. */
  get onTheirWay(): number {
    let count = 0;
    for (const { flights, late, overtakable, waiting } of this.#links.values()) {
      count += flights.length + late.length + overtakable.length + waiting.length;
    }
    return count;
  }

  #next(untilUs: number): { readonly atUs: number; readonly act: () => void } | undefined {
    let best: { atUs: number; act: () => void } | undefined;
    const consider = (atUs: number, act: () => void): void => {
      if (atUs < untilUs && (best === undefined || atUs < best.atUs)) best = { atUs, act };
    };
    const ends = this.#partings.map(({ endUs }) => endUs);
    for (const parting of this.#partings) {
      consider(parting.endUs, () => this.end((one) => one === parting));
    }
    for (const link of this.#links.values()) {
      const { next } = link;
      if (next === undefined) continue;
      if (ends.includes(next.atUs)) this.isAmbiguous = true;
      consider(next.atUs, () => this.#land(link, next.copy));
    }
    return best;
  }

  #land(link: Link, copy: Copy): void {
    link.take(copy);
    link.headUs = this.#nowUs;
    if (this.isCut(link.from, link.to)) this.#landed(copy.id, true);
    else if (this.isHeld(link.from, link.to)) link.waiting.push(copy);
    else {
      this.#landed(copy.id, false);
      const overtaken = link.overtakable.filter(({ order }) => order < copy.order);
      link.overtakable = link.overtakable.filter((held) => !overtaken.includes(held));
      this.#bring(link, overtaken);
    }
  }

  #bring(link: Link, copies: readonly Copy[]): void {
    for (const copy of copies) {
      copy.dueUs = this.#nowUs;
      this.#depart(link, copy);
    }
  }

  #depart(link: Link, copy: Copy): void {
    if (link.flights.length === 0) link.headUs = this.#nowUs;
    link.flights.push(copy);
  }

  #latencyMs(link: Link, bytes: number, drawnMs: number): number {
    const { leastMs, bytesPerMs } = link.rules;
    if (bytesPerMs === Infinity) return leastMs + drawnMs;
    const now = this.#nowUs / 1_000;
    link.freeMs = Math.max(link.freeMs, now) + bytes / bytesPerMs;
    return leastMs + drawnMs + link.freeMs - now;
  }

  #isParted(from: string, to: string, kinds: readonly string[]): boolean {
    return this.#partings.some((parting) => kinds.includes(parting.kind) && parts(parting, from, to));
  }

  #landed(id: number, lost: boolean): void {
    this.landings.push({ id, atUs: this.#nowUs, lost });
  }

  #link(from: string, to: string): Link {
    const name = `${from} to ${to}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      link = new Link(from, to, this.#rulesOf(from, to));
      this.#links.set(name, link);
    }
    return link;
  }
}
