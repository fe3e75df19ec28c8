/** A checkout of a simulated filer. Invariant: only its first release does anything; later ones are told on (R171, R205). */
import type { Checkout } from '../model/filer.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';

/** Takes checkouts back. */
export interface ReleaseDesk {
  /** Called once per checkout, with the serial number it was given. */
  takeBack(made: Checkout, serial: number): MaybePromise<void>;
  /** Called for each release after the first. */
  takeBackAgain(made: Checkout): void;
}

/** See {@link ReleaseDesk}. */
export class SimCheckout implements Checkout {
  readonly path: string;
  readonly id: string;
  readonly #desk: ReleaseDesk;
  readonly #made: Checkout;
  readonly #serial: number;
  #released = false;
  #first: MaybePromise<void> = undefined;

  constructor(desk: ReleaseDesk, made: Checkout, serial: number) {
    this.path = made.path;
    this.id = made.id;
    this.#desk = desk;
    this.#made = made;
    this.#serial = serial;
  }

  release(): MaybePromise<void> {
    if (this.#released) {
      this.#desk.takeBackAgain(this.#made);
      return this.#first;
    }
    this.#released = true;
    this.#first = this.#desk.takeBack(this.#made, this.#serial);
    return this.#first;
  }
}
