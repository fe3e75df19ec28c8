// Scenario files of the tests of `explore`, as a user would write them.

/** One scenario for each thing that can come of an exploration. */
export const SCENARIOS = `
const define = (name, run) => ({ name, description: 'of a test', run });
export const held = define('held', (sim) => {
  sim.sometimes('a six', sim.choose('die', 6) === 5);
  sim.sometimes('a seven', false);
});
export const odd = define('odd', (sim) => {
  sim.sometimes('a\\nline', sim.choose('die', 2) === 1);
  sim.sometimes('\\u202ebackwards\\u001b[31m', false);
});
export const coin = define('coin', (sim) => {
  console.log('a line of the scenario');
  sim.check(sim.choose('first toss', 2) + sim.choose('second toss', 2) < 2, 'two heads');
});
export const two = define('two', (sim) => {
  const answer = sim.choose('which', 3);
  sim.check(answer !== 1, 'one bug');
  sim.check(answer !== 2, 'another bug');
});
export const hang = define('hang', (sim) => { if (sim.choose('die', 3) === 2) for (;;); });
export const secretive = define('secretive', async (sim) => {
  let first = '';
  let left = 2;
  sim.state(() => left);
  for (const name of ['a', 'b']) sim.world.clock.post('come', () => { first ||= name; left -= 1; });
  await sim.sleep(1);
  left = first;
});
export const endless = { ...define('endless', async (sim) => { for (;;) await sim.sleep(1); }), options: { maxEvents: 1e12 } };
export const rambling = define('rambling', async (sim) => { for (;;) await sim.sleep(1 + sim.choose('length', 9)); });
// What is produced after the look and before the wait wakes nobody.
export const lostWakeUp = { ...define('lost-wake-up', async (sim) => {
  const beat = () => sim.world.clock.timer('heartbeat', 1000, beat);
  beat();
  let isThere = false;
  let wake = () => {};
  sim.world.clock.timer('produce', 5, () => { isThere = true; wake(); });
  await sim.sleep(5, 'look');
  if (isThere) return;
  await sim.sleep(0, 'begin to wait');
  await new Promise((go) => { wake = go; });
}), options: { leftovers: 'ignore' } };
export const late = define('late', async (sim) => {
  const numbers = [];
  for (let i = 0; i < 12; i += 1) numbers.push(sim.choose('number ' + i, 1000));
  await sim.sleep(5);
  sim.check(numbers.every((number) => number < 900), 'too large');
});
export const forgetful = define('forgetful', (sim) => void sim.world.clock.timer('left', 5, () => {}));
export const wordy = define('wordy', (sim) => sim.check(sim.choose('word '.repeat(5000), 2) === 0, 'the other'));
export const waits = define('waits', () => new Promise((go) => setTimeout(go, 5)));
export const timed = define('timed', () => void Date.now());
let times = 0;
export const leaky = define('leaky', (sim) => sim.note('time ' + (times += 1)));
export const chancy = define('chancy', (sim) => sim.note('drawn ' + Math.random()));
`;
