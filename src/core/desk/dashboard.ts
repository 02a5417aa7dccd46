import type { DeskLists } from '../../storage/desk-lists.ts';
import type { DayOf } from '../statistics/calendar.ts';
import type { Dashboard } from './desk.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** The figures of the day and week that `now` belongs to. */
export async function readDashboard(
  lists: Pick<DeskLists, 'totals'>,
  dayOf: DayOf,
  now: number,
): Promise<Dashboard> {
  const day = dayOf(now);
  const [today, week] = await Promise.all([lists.totals(day, day), lists.totals(mondayOf(day), day)]);
  return {
    today: {
      conversations: today.begun,
      active: today.begun - today.over,
      aiHandled: today.begun - today.human,
      humanHandled: today.human,
      averageResponseSeconds: meanOf(today.replyMs, today.replies) / 1000,
    },
    thisWeek: {
      conversations: week.begun,
      satisfaction: meanOf(week.scores, week.ratings),
      resolutionRate: meanOf(week.over, week.begun),
    },
  };
}

/** Days are counted in UTC, where each has 24 hours; which day it is says the server's zone. */
function mondayOf(day: string): string {
  const start = Date.parse(`${day}T00:00:00Z`);
  const sinceMonday = (new Date(start).getUTCDay() + 6) % 7;
  return new Date(start - sinceMonday * dayMs).toISOString().slice(0, 10);
}

function meanOf(sum: number, count: number): number {
  return count === 0 ? 0 : sum / count;
}
