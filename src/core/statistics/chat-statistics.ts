import type { ChatTotals, ChatTotalsFilter, ChatTotalsReader } from '../../storage/chat-totals.ts';
import { ParleyError } from '../errors.ts';
import type { UserCaller } from '../identity/caller.ts';
import type { Runtime } from '../runtime.ts';
import type { DayOf } from './calendar.ts';
import { dayAt, startOfDay } from './days.ts';

/** Sums over conversations. */
export interface ChatFigures extends ChatTotals {
  /** Of completed answers, in whole milliseconds; 0 where there are none. */
  avgResponseMs: number;
}

export interface DayFigures extends ChatFigures {
  /** `YYYY-MM-DD`. */
  day: string;
}

/** Figures about conversations: a user's own; for agents and administrators the whole service's. */
export interface ChatStatistics {
  /**
   * A row for every day of the range, both ends included; by default the last 30 days. Throws `invalid_request` for what is no
   * day, for an end before the start, and for more than 366 days.
   */
  daily(caller: UserCaller, from?: string, to?: string): Promise<DayFigures[]>;
  total(caller: UserCaller): Promise<ChatFigures>;
  today(caller: UserCaller): Promise<ChatFigures>;
}

export interface ChatStatisticsParts {
  totals: ChatTotalsReader;
  dayOf: DayOf;
  runtime: Pick<Runtime, 'now'>;
}

const dayMs = 24 * 60 * 60 * 1000;
const commonDays = 30;
/** Before it, a year has more than four digits. */
const firstDay = Date.parse('0000-01-01T00:00:00Z');
const mostDays = 366;

export function createChatStatistics({ totals, dayOf, runtime }: ChatStatisticsParts): ChatStatistics {
  const figures = async (filter: ChatTotalsFilter) => figuresOf(await totals.total(filter));
  return {
    async daily(caller, from, to) {
      const days = daysOf(dayOf(runtime.now()), from, to);
      const [fromDay = '', toDay = fromDay] = [days[0], days.at(-1)];
      const rows = await totals.daily({ ...scopeOf(caller), fromDay, toDay });
      const byDay = new Map(rows.map((row) => [row.day, row]));
      return days.map((day) => ({ ...figuresOf(byDay.get(day) ?? nothing), day }));
    },
    total: (caller) => figures(scopeOf(caller)),
    today(caller) {
      const day = dayOf(runtime.now());
      return figures({ ...scopeOf(caller), fromDay: day, toDay: day });
    },
  };
}

const nothing: ChatTotals = {
  chats: 0,
  messages: 0,
  answers: 0,
  responseMs: 0,
  tokens: 0,
  errors: 0,
  ratings: 0,
  satisfied: 0,
};

function scopeOf({ role, userId }: UserCaller): ChatTotalsFilter {
  return { userId: role === 'user' ? userId : null };
}

function figuresOf(sums: ChatTotals): ChatFigures {
  const { answers, responseMs } = sums;
  return { ...sums, avgResponseMs: answers === 0 ? 0 : Math.round(responseMs / answers) };
}

/** Every day of a range. Days are counted in UTC, where each has 24 hours; which day it is today says the server's zone. */
function daysOf(today: string, from: string | undefined, to: string | undefined): string[] {
  const end = startOfDay(to ?? today, 'end_date');
  const start =
    from === undefined ? Math.max(end - (commonDays - 1) * dayMs, firstDay) : startOfDay(from, 'start_date');
  if (start > end) throw refusal('start_date', `must not be after the end, ${dayAt(end)}`);
  const count = (end - start) / dayMs + 1;
  if (count > mostDays)
    throw refusal('start_date', `must be at most ${mostDays} days before the end, both included`);
  return Array.from({ length: count }, (_, at) => dayAt(start + at * dayMs));
}

function refusal(field: string, issue: string): ParleyError {
  return new ParleyError('invalid_request', `${field}: ${issue}`, { field });
}
