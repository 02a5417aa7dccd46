import type { DatabaseSync } from 'node:sqlite';
import { heavyId, ordinaryIds, type Population } from './population.ts';

const dayMs = 86_400_000;

/** The models that the heavy user calls in turn. */
export const callModels = ['gpt-4o-mini', 'qwen-plus', 'qwen-vl-max'] as const;
/** One that only her first calls were made to. */
export const rareModel = 'parley-local';
const rareCalls = 20;
/** Of each call of hers, so many are made by others. */
const othersShare = 0.25;

const contracts = ['assistant', 'companion', 'gateway', 'studio'] as const;

/** Writes calls to models, the heavy user's among those of others, and their sums by day and by owner. */
export function writeCalls(database: DatabaseSync, population: Population, now: number): void {
  const { calls } = population;
  if (calls === undefined) return;
  const insert = database.prepare(
    `INSERT INTO api_calls (at, day, contract, endpoint, owner, user_id, requested_model, model, provider, outcome, status_code,
       prompt_tokens, completion_tokens, cached_prompt_tokens, estimated, cost_nano, currency, duration_ms, attempts, streamed, client_ip,
       request_id)
     VALUES (?1, ?2, ?3, '/api/v1/chat', ?4, ?5, ?6, ?6, 'bench', ?7, ?8, 120, 80, 0, 0, 42000, ?9, 800, 1, 0, '192.0.2.1', ?10)`,
  );
  const others = ordinaryIds(population);
  const spanMs = calls.days * dayMs;
  const write = (number: number, userId: number, model: string): void => {
    const at = Math.floor(now - spanMs + ((number + 0.5) / calls.count) * spanMs);
    const day = new Date(at).toISOString().slice(0, 10);
    const [outcome, status] = number % 20 === 0 ? ['failure', 502] : ['success', 200];
    const currency = model.startsWith('qwen') ? 'CNY' : 'USD';
    const contract = contracts[number % contracts.length]!;
    const who = [`user:${userId}`, userId];
    insert.run(at, day, contract, ...who, model, outcome, status, currency, `req_${userId}_${number}`);
  };
  for (let number = 0; number < calls.count; number++) {
    const model = number < rareCalls ? rareModel : callModels[number % callModels.length]!;
    write(number, heavyId, model);
    const other = Math.floor(number * othersShare);
    if (other < Math.floor((number + 1) * othersShare))
      write(number, others[other % others.length]!, callModels[0]);
  }
  writeSums(database);
}

function writeSums(database: DatabaseSync): void {
  const fromCache = `sum(CASE outcome WHEN 'cache_hit' THEN prompt_tokens + completion_tokens ELSE 0 END)`;
  const sums = `sum(calls), sum(prompt_tokens), sum(completion_tokens), sum(cost_nano), ${fromCache}`;
  database.exec(
    `INSERT INTO usage_daily SELECT day, contract, owner, user_id, 0, model, outcome, currency,
       count(*), sum(prompt_tokens), sum(completion_tokens), sum(cost_nano), sum(duration_ms)
     FROM api_calls GROUP BY 1, 2, 3, 4, 6, 7, 8`,
  );
  for (const [span, begins] of [
    ['day', 'day'],
    ['month', 'substr(day, 1, 7)'],
  ]) {
    for (const model of ['model', "''"]) {
      database.exec(
        `INSERT INTO owner_usage SELECT owner, '${span}', ${model}, ${begins}, currency, ${sums} FROM usage_daily GROUP BY 1, 3, 4, 5`,
      );
    }
  }
}
