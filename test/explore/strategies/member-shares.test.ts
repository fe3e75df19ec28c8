import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemberShares } from '../../../src/explore/strategies/member-shares.ts';

const FLOOR = 1 / 32;

describe('shares of members', () => {
  test('are in proportion to the priors before anything is learned, above the floor', () => {
    const shares = new MemberShares(2).shares([1, 3]);
    expect(shares[0]).toBeCloseTo(FLOOR + (1 - 2 * FLOOR) / 4);
    expect(shares[1]).toBeCloseTo(FLOOR + ((1 - 2 * FLOOR) * 3) / 4);
  });

  test('add up to 1, keep the floor, and are 0 for those that may not run, whatever was learned', () => {
    const turns = fc.array(
      fc.record({ member: fc.nat(4), worth: fc.double({ min: 0, max: 1, noNaN: true }) }),
      {
        maxLength: 400,
      },
    );
    fc.assert(
      fc.property(turns, fc.integer({ min: 1, max: 31 }), (list, running) => {
        const learned = new MemberShares(5);
        for (const { member, worth } of list) learned.learn(member, worth);
        const shares = learned.shares(
          [4, 3, 2, 1, 1].map((prior, member) => ((running & (1 << member)) === 0 ? 0 : prior)),
        );
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
        for (const [member, share] of shares.entries()) {
          if ((running & (1 << member)) === 0) expect(share).toBe(0);
          else expect(share).toBeGreaterThanOrEqual(FLOOR);
        }
      }),
    );
  });

  test('go to the member that brings more, by a bounded factor, and come back when it no longer does', () => {
    const learned = new MemberShares(4);
    const priors = [1, 1, 1, 1];
    const round = (worthOf: (member: number) => number): void => {
      for (let member = 0; member < 4; member += 1) learned.learn(member, worthOf(member));
    };
    for (let i = 0; i < 200; i += 1) round((member) => (member === 2 ? 1 : 0));
    const most = learned.shares(priors)[2] ?? 0;
    // Four times as much for it, a quarter of as much for each of the others.
    expect(most).toBeGreaterThan(0.6);
    expect(most).toBeLessThan(FLOOR + (1 - 4 * FLOOR) * (4 / (4 + 3 / 4)) + 0.001);
    for (let i = 0; i < 600; i += 1) round((member) => (member === 1 ? 1 : 0));
    const [, then = 0, before = 1] = learned.shares(priors);
    expect(then).toBeGreaterThan(0.6);
    expect(before).toBeLessThan(0.15);
  });

  test('stay as they are while all bring the same', () => {
    const learned = new MemberShares(3);
    const before = [...learned.shares([4, 2, 1])];
    for (let i = 0; i < 300; i += 1) learned.learn(i % 3, 0.5);
    learned.shares([4, 2, 1]).forEach((share, member) => expect(share).toBeCloseTo(before[member] ?? 0, 2));
  });
});
