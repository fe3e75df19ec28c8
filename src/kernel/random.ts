/** The contract of a seeded random stream that can be forked by name without disturbing the parent. */

/** A reproducible stream. Two streams with the same seed and fork path give the same numbers on every machine. */
export interface RandomStream {
  /** A uniform integer in [0, 2³²). */
  uint32(): number;
  /** A uniform float in [0, 1) with 32 bits. */
  float(): number;
  /** A uniform integer in [0, n), n an integer in [1, 2³²]. */
  int(n: number): number;
  /** An independent stream that depends on this stream's seed and `name` only, not on numbers drawn before. */
  fork(name: string): RandomStream;
}
