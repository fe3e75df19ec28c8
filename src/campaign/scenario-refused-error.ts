/** The scenario to explore does not load; the message is for people. */
export class ScenarioRefusedError extends Error {
  override readonly name = 'ScenarioRefusedError';
}
