/**
 * The odds by which an exploration draws: how often faults strike where nobody says how often, and how strategies divide their executions. They
 * stand together so that they can be weighed against each other. Not here: when a strategy changes its mind, which stands with the strategy,
 * and draws whose odds follow from what they are about, such as one of four nodes. Invariant: a change changes what a seed means, so the
 * hashes of shipped scenarios and CHANGELOG are looked at for each.
 */

/** Defaults of faults: at one moment in so many, unless the author of a scenario says otherwise. Users see them in the options that are named. */
export const FAULT_ODDS = {
  /** `sim.strikes(where, kind)`: a fault that a scenario places where it hurts, so it comes more often than those that may come anywhere. */
  strikesOneIn: 8,
  /** `sim.atSomeEvent`: after how many events at most. */
  someEventWithin: 64,
  /** `chosenOutput` and `chosenFiler`: one output, or one answer of a filer, in so many fails. */
  partOneIn: 8,
  /** `chosenSkew`: so many sizes ahead, and as many behind, beside a clock that is right. */
  skewSteps: 4,
  /** `NodeFaults`: at one event of a process or call in so many. */
  nodeOneIn: 16,
  /** So many against one node: with more, a run hardly comes to its end. */
  nodeStrikesMax: 4,
  /** `LinkFaults` that strike one message. */
  linkOneIn: 16,
  /** `partition` and `hold`, each of which covers many messages. */
  linkOutageOneIn: 64,
  /** So many on all links of a network together. */
  linkStrikesMax: 64,
  /** `MemoryDiskOptions.faults`: at one operation in so many. */
  diskOneIn: 16,
  /** So many on one disk. */
  diskStrikesMax: 4,
  /** `TimeFaults` of ambient time: at one timer in so many. */
  timeOneIn: 16,
  /** `withRemoteFaults`: the share of calls that each kind strikes; there are a dozen kinds. */
  remoteRate: 0.03,
} as const;

/** What the workloads that explore a runner or a stub draw for themselves. */
export const WORKLOAD_ODDS = {
  /** `exploreStub`: a kind of fault that an execution has strikes one message or event in so many, for a workload has few of them. */
  stubOneIn: 8,
  /** `partition` and `hold` there. */
  stubOutageOneIn: 16,
  /** One execution in so many has no trace: what is recorded must change nothing. */
  untracedOneIn: 12,
} as const;

/** How strategies divide executions and answers. */
export const STRATEGY_ODDS = {
  /**
   * The portfolio: how often a member has its turn before anything is learned, in relation to the others; the second where the order of
   * events is all that is left open, so that there are no values to spread over executions.
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
  /** The portfolio: one execution in so many is the sweep's, if it has any left. */
  sweepOneIn: 16,
  /** Values of PCT, POS and walk: one execution in so many has those of a swarm configuration. */
  swarmOneIn: 6,
  /** In one of the others in so many, faults are as often as the scenario has them. */
  asGivenOneIn: 4,
  /** In the rest, one of these is drawn for each kind of fault: so many times as often as the scenario has it. */
  intensities: [1, 2, 2, 4],
  /** A fault strikes at most once in so many answers: with fewer, those between the plain one and the highest may be faults of their own. */
  answersPerStrike: 8,
  /** Swarm: out of four sites of a kind that is on so many are active, each as often: FoundationDB's quarter twice, and all of them for scenarios that have few. */
  activeOfFour: [1, 1, 2, 4],
  /** Swarm: an active site of a kind that is rare strikes once in so many. */
  rareOneIn: 32,
  /** The same of one that is as usual. */
  usualOneIn: 8,
  /** The same of one that is wild. */
  wildOneIn: 2,
  /** PCT: depths, each as likely; what is found at one is found at the next as well, if not as often. */
  pctDepths: [1, 2, 3, 4, 6, 9, 13],
  /** Mutation: one execution in so many is new from its beginning. */
  freshOneIn: 16,
} as const;
