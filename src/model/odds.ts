/**
 * The odds with which an exploration draws: how often faults strike by default, and how strategies divide their
 * executions. They are in one file so that they can be weighed against each other. Not here: how often a strategy
 * changes its mind, which is kept with the strategy, and draws whose odds follow from their subject, such as one of
 * four nodes. Invariant: a change alters what a seed means, so each one needs a look at the hashes of shipped scenarios
 * and at CHANGELOG.
 */

/** Defaults for faults. An odd of N means once in N opportunities. Users see each in the option named here. */
export const FAULT_ODDS = {
  /**
   * `sim.strikes(where, kind)`: more frequent than faults that may strike anywhere, because a scenario places it where
   * it hurts.
   */
  strikesOneIn: 8,
  /** `sim.atSomeEvent`: the latest event that may be chosen, counted from the call. */
  someEventWithin: 64,
  /** `chosenOutput` and `chosenFiler`: one output in N fails, or one answer of a filer. */
  partOneIn: 8,
  /** `chosenSkew`: number of skews ahead, and as many behind, besides none. */
  skewSteps: 4,
  /** `NodeFaults`: strikes at one in N events of a process or call. */
  nodeOneIn: 16,
  /**
   * After one in N crashes that strike as a call arrives, the node is back by then. With and without, other bugs are
   * found.
   */
  nodeBackOneIn: 2,
  /** Maximum number of strikes against one node: with more, a run hardly finishes. */
  nodeStrikesMax: 4,
  /** `LinkFaults` that strike a single message. */
  linkOneIn: 16,
  /** `partition` and `hold`, each of which affects many messages. */
  linkOutageOneIn: 64,
  /** Maximum number of strikes on all links of a network together. */
  linkStrikesMax: 64,
  /** `MemoryDiskOptions.faults`: strikes at one in N operations. */
  diskOneIn: 16,
  /** Maximum number of strikes against one disk. */
  diskStrikesMax: 4,
  /** `TimeFaults` of ambient time: strikes at one in N timers. */
  timeOneIn: 16,
  /** `withRemoteFaults`: the share of calls that each kind strikes; there are a dozen kinds. */
  remoteRate: 0.03,
} as const;

/** Odds in the workloads that explore a runner or a stub. */
export const WORKLOAD_ODDS = {
  /**
   * `exploreStub`: a kind of fault that is enabled in an execution strikes one in N messages or events; high, because a
   * workload has few of them.
   */
  stubOneIn: 8,
  /** `partition` and `hold` in `exploreStub`. */
  stubOutageOneIn: 16,
  /** One execution in N runs without a trace, because recording must not change anything. */
  untracedOneIn: 12,
} as const;

/** How strategies divide executions and answers. */
export const STRATEGY_ODDS = {
  /**
   * Portfolio: relative weight of each member before anything is learned. The second number applies if only the order
   * of events is left open, so that there are no values to spread over executions.
   */
  members: {
    stratified: [5, 0.5],
    random: [3, 3],
    shallowPct: [3, 5.5],
    deepPct: [2, 4],
    pos: [4, 4],
    walk: [1, 1],
    swarm: [0.5, 0.5],
    mutation: [1, 1],
  },
  /** Portfolio: one execution in N goes to the sweep, while it has any left. */
  sweepOneIn: 32,
  /** PCT, POS and walk: one execution in N takes its values from a swarm configuration. */
  swarmOneIn: 16,
  /**
   * Of the other executions, one in N has more faults than the scenario says: with many of them a program gets nowhere.
   */
  moreFaultsOneIn: 3,
  /** There, each kind of fault has its rate multiplied by one of these, drawn at random. */
  intensities: [1, 2, 2, 4],
  /** In one execution in N all delays are drawn one by one. */
  uniformDelaysOneIn: 2,
  /** In the rest, one of these is drawn for each site: its delays are none, drawn one by one, or the longest. */
  delayHabits: ['none', 'drawn', 'drawn', 'longest'],
  /**
   * A fault strikes on at most one in N of a question's answers: if it had a larger share, answers below the highest
   * might stand for faults of their own.
   */
  answersPerStrike: 8,
  /**
   * Swarm: how many sites out of four are active for a kind that is on, drawn with equal odds: FoundationDB's quarter
   * twice, and all four for scenarios with few sites.
   */
  activeOfFour: [1, 1, 2, 4],
  /** Swarm: an active site of a rare kind strikes once in N. */
  rareOneIn: 32,
  /** Swarm: an active site of a usual kind strikes once in N. */
  usualOneIn: 8,
  /** Swarm: an active site of a wild kind strikes once in N. */
  wildOneIn: 2,
  /** PCT: depths, all equally likely. A bug found at one depth is found at the next as well, though less often. */
  pctDepths: [1, 2, 3, 4, 6, 9, 13],
  /** Mutation: one execution in N starts afresh instead of mutating a kept one. */
  freshOneIn: 16,
} as const;
