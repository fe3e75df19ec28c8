/**
 * How both ends of a gRPC connection find out that the other one is gone although nothing has closed the connection, as
 * when a proxy or a machine dies. Invariant: the answer to a ping is waited for at most as long as the next one.
 */
import { TIMER_MS_MAX } from '../../kernel/int32.ts';
import * as is from '../../kernel/shape.ts';
import type { ChannelOptions } from '@grpc/grpc-js';

/** The shape of an interval between pings. */
export const KEEPALIVE: is.Shape = is.integer(1, TIMER_MS_MAX);
const ANSWER_MS_MAX = 20_000;

/** The options of gRPC for a ping every `keepaliveMs`. */
export function keepaliveOptions(keepaliveMs: number): ChannelOptions {
  return {
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': Math.min(keepaliveMs, ANSWER_MS_MAX),
  };
}
