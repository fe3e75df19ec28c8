/** A number as fast-check takes it for a length, or for `fc.nat`. */
import { INT32_MAX } from '../kernel/int32.ts';
import * as is from '../kernel/shape.ts';

/** An integer that fast-check accepts. */
export const NAT: is.Shape = is.integer(0, INT32_MAX);
