/**
 * Which rules of a set judge which event, found once. Invariant: all judges of a hook have one shape, and their order is the order of
 * the set; they are called for every event of every simulation.
 */
import type { RunRule } from './run-rules.ts';

type HookName = Exclude<keyof RunRule, 'rule' | 'ignoresUndisturbed'>;

/** One rule's judge of one kind of event. */
export interface Judge<Name extends HookName> {
  readonly rule: string;
  readonly judge: NonNullable<RunRule[Name]>;
}

/** The judges by hook. */
export class RuleHooks {
  readonly beforeStatus: readonly Judge<'beforeStatus'>[];
  readonly afterStatus: readonly Judge<'afterStatus'>[];
  readonly onStart: readonly Judge<'onStart'>[];
  readonly onAcquired: readonly Judge<'onAcquired'>[];
  readonly onFreed: readonly Judge<'onFreed'>[];
  readonly onUpdate: readonly Judge<'onUpdate'>[];
  readonly onMetric: readonly Judge<'onMetric'>[];
  readonly onEnd: readonly Judge<'onEnd'>[];
  /** Whether all rules have nothing to say of what an undisturbed run takes and gives back. */
  readonly ignoreUndisturbed: boolean;

  constructor(rules: readonly RunRule[]) {
    const having = <Name extends HookName>(name: Name): Judge<Name>[] =>
      rules.flatMap((rule) => {
        const judge = rule[name];
        return judge === undefined ? [] : [{ rule: rule.rule, judge }];
      });
    this.beforeStatus = having('beforeStatus');
    this.afterStatus = having('afterStatus');
    this.onStart = having('onStart');
    this.onAcquired = having('onAcquired');
    this.onFreed = having('onFreed');
    this.onUpdate = having('onUpdate');
    this.onMetric = having('onMetric');
    this.onEnd = having('onEnd');
    this.ignoreUndisturbed = rules.every(
      ({ onAcquired, onFreed, ignoresUndisturbed }) =>
        (onAcquired === undefined && onFreed === undefined) || ignoresUndisturbed === true,
    );
  }
}
