import type { FilledParley } from './filled-parley.ts';
import { callModels, rareModel } from './fill/calls.ts';
import { heavyId } from './fill/population.ts';
import type { Kind } from './large-requests.ts';

const address = '/api/history/api-calls';

function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
}

/** The heavy user's calls, the first page of every filter and pages far away, and how much she has talked; the same in every run. */
export function callRequests(filled: FilledParley): Kind[] {
  const headers = filled.headersOf(heavyId);
  const read = (name: string, path: string): Kind => {
    return { name, writes: false, requests: { path, headers, bodies: [] } };
  };
  const [count] = filled.select<{ calls: number }>(
    `SELECT sum(calls) AS calls FROM owner_usage WHERE owner = 'user:${heavyId}' AND span = 'month' AND model = ''`,
  );
  const pages = Math.ceil(count!.calls / 10);
  const model = `model_name=${callModels[1]}`;
  const fortnight = `start_date=${daysAgo(17)}&end_date=${daysAgo(3)}`;
  const statistics = '/api/history/conversations/statistics';
  return [
    read('calls, first page', address),
    read('calls of a model', `${address}?${model}`),
    read('calls of a model last called long ago', `${address}?model_name=${rareModel}`),
    read('calls of a fortnight', `${address}?${fortnight}`),
    read('calls of a model in a fortnight', `${address}?${fortnight}&${model}`),
    read('calls up to a day', `${address}?end_date=${daysAgo(3)}`),
    read('calls of a model from a day on', `${address}?start_date=${daysAgo(17)}&${model}`),
    read('calls, middle', `${address}?page=${Math.floor(pages / 2)}`),
    read('calls, last page', `${address}?page=${pages}`),
    read('calls past the end', `${address}?page=${pages + 1}`),
    read('talk by model and day', statistics),
    read('talk by model and day, of a fortnight', `${statistics}?${fortnight}`),
    read('talk by day, of a model in a fortnight', `${statistics}?${fortnight}&${model}`),
  ];
}
