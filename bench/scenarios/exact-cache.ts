/**
 * Exact cache hits through the gateway's door.
 *
 * 32 keep-alive connections repeat one `POST /api/v1/chat/completion`. Parley answers from its cache (checked:
 * the second answer says `cached: true`) with key, limits and metering on. Beside it a Fastify server that
 * parses the same request and answers with a ready body of the same length.
 */
import type { Party } from '../children.ts';
import { holdContest } from '../contest.ts';
import { contestTable, judgePostgres, judgeRatio, onPostgres } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';
import { contender, withStage, type Store } from '../stage.ts';
import { postOnce } from '../verify.ts';
import { gatewayRequestBody, prompt, wholeAnswer } from '../wire.ts';

const path = '/api/v1/chat/completion';
const body = gatewayRequestBody(prompt);
/** Until Parley has shown its own: about what the document's fields come to. */
const likelyBytes = 620;

/** Asks twice and returns the second answer's length in bytes; throws unless it came from the cache. */
async function cachedBytes(target: { origin: string; headers: Record<string, string> }): Promise<number> {
  let text = '';
  for (let ask = 0; ask < 2; ask++) {
    const answer = await postOnce({ ...target, path, body });
    if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.text.slice(0, 300)}`);
    text = answer.text;
  }
  const { response, cached } = JSON.parse(text) as { response?: string; cached?: boolean };
  if (response !== wholeAnswer || cached !== true) throw new Error(`no cache hit: ${text.slice(0, 300)}`);
  return Buffer.byteLength(text);
}

function plan(party: Party, headers: Record<string, string>, minBytes: number) {
  return { origin: party.origin, path, headers, bodies: [body], connections: 32, minBytes, minFrames: 0 };
}

export const exactCache: Scenario = {
  name: 'exact-cache',
  title: 'Exact cache hit: key, limits, metering on',
  run: (options, log) =>
    withStage(async (stage) => {
      const mock = await stage.startMock();
      let bytes = likelyBytes;
      const parleyOn = (name: string, on: Store) =>
        contender(name, async () => {
          const { party, key } = await stage.startParley(mock, {}, on);
          const headers = { authorization: `Bearer ${key}` };
          bytes = await cachedBytes({ origin: party.origin, headers });
          return { party, plan: plan(party, headers, bytes - 20) };
        });
      const parleys = [await parleyOn('Parley', 'sqlite'), await parleyOn(onPostgres, 'postgres')];
      const hello = await contender('Fastify hello', async () => {
        const party = await stage.startHello(bytes);
        return { party, plan: plan(party, {}, bytes) };
      });
      const standings = await holdContest([hello, ...parleys], { load: stage.load, mock, options, log });
      return {
        goals: [
          judgeRatio(standings, { party: 'Parley', against: 'Fastify hello' }, 'perSecond', 0.6),
          judgePostgres(standings),
        ],
        figures: contestTable(standings, false),
        raw: { bytes, standings },
      };
    }),
};
