import { LRUCache } from 'lru-cache';
import type { BudgetRows } from '../../storage/budgets.ts';
import { ParleyError } from '../errors.ts';
import { ownerOf, type Caller, type OwnerKey } from '../identity/caller.ts';
import { inEnglish, type Issue } from '../issue.ts';
import { everywhere, type Everywhere } from '../realtime/everywhere.ts';
import type { Runtime } from '../runtime.ts';
import { endOfMonth, type DayOf } from '../statistics/calendar.ts';
import { amountOf, plus, shareOf, type Limit } from './amount.ts';
import { sizeOf, type Budget } from './budget.ts';
import type { CallEstimate } from './call-estimate.ts';
import type { Ledger, Reservation, Standing } from './ledger.ts';

/** How somebody stands this month. Figures are in the budget's unit: tokens (also where there is no budget), or billionths of its currency. */
export interface BudgetView {
  /** `YYYY-MM`. */
  month: string;
  /** Null where nothing limits. */
  budget: Budget | null;
  spent: number;
  /** Set aside for calls on their way. */
  reserved: number;
  /** 0 and up; null without a budget. */
  remaining: number | null;
  /** When the next month begins, milliseconds since the epoch. */
  resetsAt: number;
}

/** What users and API keys may spend on calls to models in a month. Guests and anonymous callers have no budgets. */
export interface Budgets {
  /**
   * Sets aside what a call may cost; null where nothing limits the caller. Throws `budget_exceeded` where that is more than is left, or the
   * budget is in money and what the model costs is not known.
   */
  reserve(caller: Caller, estimate: () => CallEstimate): Promise<Reservation | null> | null;
  /** Throws as `reserve` does, and sets nothing aside. */
  check(caller: Caller, estimate: () => CallEstimate): Promise<void> | null;
  view(caller: Caller): Promise<BudgetView>;
  /** To be called when budgets have been changed, so that they hold on all nodes at once: else they do within a second. */
  forget(): void;
}

export interface BudgetsParts {
  rows: BudgetRows;
  ledger: Ledger;
  /** Of those who have none of their own; null for none. */
  defaults: { perUser: Budget | null; perKey: Budget | null };
  /** What a dollar is worth. */
  cnyPerUsd: number;
  dayOf: DayOf;
  /** Left out where no other node is to be told. */
  bus?: Everywhere | undefined;
  runtime: Pick<Runtime, 'now' | 'elapsed'>;
}

/** How long a budget is believed without asking the store: another process, the command line say, may have changed it. */
const beliefMs = 1_000;
/** Where calls on their way stand in the way, they will soon have given back what they do not need. */
const onTheirWayMs = 1_000;

export function createBudgets(parts: BudgetsParts): Budgets {
  const { ledger, cnyPerUsd, dayOf, runtime } = parts;
  const beliefs = createBeliefs(parts);

  const limitOf = async (caller: Caller): Promise<Limit | null> => {
    const budget = await beliefs.budgetOf(caller);
    return budget && { budget, cnyPerUsd };
  };
  const refuse = (limit: Limit, standing: Standing, share: number): never => {
    const resetsAt = endOfMonth(standing.month, dayOf);
    throw overBudget(limit, standing, share, { resetsAt, now: runtime.now() });
  };

  return {
    reserve: (caller, estimate) =>
      beliefs.areNone(caller)
        ? null
        : limitOf(caller).then(async (limit) => {
            if (limit === null) return null;
            const amount = amountFor(limit, estimate());
            const made = await ledger.reserve(ownerOf(caller), limit, amount);
            if ('reservation' in made) return made.reservation;
            return refuse(limit, made.standing, shareOf(amount, limit));
          }),
    check: (caller, estimate) =>
      beliefs.areNone(caller)
        ? null
        : limitOf(caller).then(async (limit) => {
            if (limit === null) return;
            const share = shareOf(amountFor(limit, estimate()), limit);
            const standing = await ledger.standing(ownerOf(caller));
            const { spent, reserved } = standing;
            const taken = shareOf(plus(spent, reserved), limit);
            if (share > 0 && taken + share > sizeOf(limit.budget)) refuse(limit, standing, share);
          }),
    async view(caller) {
      const limit = await limitOf(caller);
      const { month, spent, reserved } = await ledger.standing(ownerOf(caller));
      const resetsAt = endOfMonth(month, dayOf);
      if (limit === null) {
        const figures = { spent: spent.tokens, reserved: reserved.tokens, remaining: null };
        return { month, budget: null, ...figures, resetsAt };
      }
      const taken = shareOf(plus(spent, reserved), limit);
      return {
        month,
        budget: limit.budget,
        spent: shareOf(spent, limit),
        reserved: shareOf(reserved, limit),
        remaining: Math.max(0, sizeOf(limit.budget) - taken),
        resetsAt,
      };
    },
    forget: beliefs.forget,
  };
}

/** What this process believes of budgets without asking the store each time. */
function createBeliefs({ rows, defaults, bus, runtime }: BudgetsParts) {
  const own = new LRUCache<OwnerKey, { budget: Budget | null }>({
    max: 10_000,
    ttl: beliefMs,
    ttlResolution: 0,
    perf: { now: runtime.elapsed },
  });
  let any = { exist: true, until: Number.NEGATIVE_INFINITY };
  let changes = 0;

  const exist = async (): Promise<boolean> => {
    const now = runtime.elapsed();
    if (now < any.until) return any.exist;
    const before = changes;
    const found = { exist: await rows.exist(), until: now + beliefMs };
    if (before === changes) any = found;
    return found.exist;
  };
  const ownOf = async (owner: OwnerKey): Promise<Budget | null> => {
    const believed = own.get(owner);
    if (believed !== undefined) return believed.budget;
    const before = changes;
    const budget = (await rows.of(owner)) as Budget | null;
    if (before === changes) own.set(owner, { budget });
    return budget;
  };
  const defaultOf = ({ kind }: Caller): Budget | null => {
    if (kind === 'user') return defaults.perUser;
    return kind === 'key' ? defaults.perKey : null;
  };

  return {
    /** Whether it is known, without asking, that nothing limits the caller. */
    areNone(caller: Caller): boolean {
      if (caller.kind !== 'user' && caller.kind !== 'key') return true;
      return !any.exist && defaultOf(caller) === null && runtime.elapsed() < any.until;
    },
    async budgetOf(caller: Caller): Promise<Budget | null> {
      if (caller.kind !== 'user' && caller.kind !== 'key') return null;
      return ((await exist()) ? await ownOf(ownerOf(caller)) : null) ?? defaultOf(caller);
    },
    forget: everywhere(bus, 'budgets', () => {
      changes++;
      own.clear();
      any = { exist: true, until: Number.NEGATIVE_INFINITY };
    }),
  };
}

function amountFor({ budget }: Limit, { tokens, cost, model }: CallEstimate) {
  if (cost !== null || 'tokens' in budget) return amountOf(tokens, cost);
  const issue: Issue = { kind: 'no_price', model };
  throw new ParleyError('budget_exceeded', inEnglish(issue), { issue });
}

function overBudget(
  limit: Limit,
  { month, spent, reserved }: Standing,
  share: number,
  { resetsAt, now }: { resetsAt: number; now: number },
): ParleyError {
  const { budget } = limit;
  const [gone, held] = [shareOf(spent, limit), shareOf(reserved, limit)];
  const issue: Issue = { kind: 'over_budget', budget, spent: gone, reserved: held, share, resetsAt };
  const isHeld = held > 0 && gone + share <= sizeOf(budget);
  return new ParleyError('budget_exceeded', inEnglish(issue), {
    issue,
    facts: { month, resets_at: new Date(resetsAt).toISOString() },
    retryable: isHeld,
    retryAfterMs: isHeld ? onTheirWayMs : Math.max(onTheirWayMs, resetsAt - now),
  });
}
