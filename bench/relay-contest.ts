import type { Party } from './children.ts';
import { holdContest, type Contender, type Standing } from './contest.ts';
import type { LoadPlan } from './load-plan.ts';
import type { Options } from './options.ts';
import { onPostgres } from './outcome.ts';
import { contender, withStage, type Stage, type Store } from './stage.ts';
import { verifyStream, verifyWhole } from './verify.ts';
import { openAiRequestBody, streamedFrames, streamedTokens } from './wire.ts';

/** What is relayed: whole or streamed answers, over how many connections, at which pace. */
export interface RelayKind {
  stream: boolean;
  connections: number;
  /** See `LoadPlan`. */
  rampMs?: number;
  /** Environment of the mock provider. */
  mockEnv?: Record<string, string>;
}

const path = '/v1/chat/completions';

/** One request checked word for word, then the plan that repeats it. */
async function checkedPlan(kind: RelayKind, party: Party, headers: Record<string, string>) {
  const body = openAiRequestBody(kind.stream);
  const target = { origin: party.origin, path, headers, body };
  await (kind.stream ? verifyStream(target) : verifyWhole(target));
  const plan: Omit<LoadPlan, 'durationMs'> = {
    origin: party.origin,
    path,
    headers,
    bodies: [body],
    connections: kind.connections,
    rampMs: kind.rampMs ?? 0,
    minBytes: 500,
    // Parley or Portkey may leave the role's frame or the finish's usage out; no token may be missing.
    minFrames: kind.stream ? streamedFrames - 2 : 0,
    ...(kind.stream ? { firstText: streamedTokens[0]! } : {}),
  };
  return { party, plan };
}

/** A Parley's OpenAI door. */
export function relayingParley(stage: Stage, kind: RelayKind, mock: Party, on: Store): Promise<Contender> {
  return contender(on === 'postgres' ? onPostgres : 'Parley', async () => {
    const { party, key } = await stage.startParley(mock, {}, on);
    return checkedPlan(kind, party, { authorization: `Bearer ${key}` });
  });
}

/** Pass-through, Portkey and Parley's OpenAI door before the same provider. */
export function relayContenders(stage: Stage, kind: RelayKind, mock: Party): Promise<Contender[]> {
  const authorization = 'Bearer sk-bench';
  const portkeyHeaders = {
    authorization,
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${mock.origin}/v1`,
  };
  return Promise.all([
    contender('pass-through', async () =>
      checkedPlan(kind, await stage.startPassThrough(mock), { authorization }),
    ),
    contender('Portkey', async () => checkedPlan(kind, await stage.startPortkey(), portkeyHeaders)),
    relayingParley(stage, kind, mock, 'sqlite'),
  ]);
}

/** Pass-through, Portkey and Parley, over either store, relaying the mock provider's answers through OpenAI's door. */
export function holdRelayContest(
  kind: RelayKind,
  options: Options,
  log: (line: string) => void,
): Promise<Standing[]> {
  return withStage(async (stage) => {
    const mock = await stage.startMock(kind.mockEnv);
    const contenders = await relayContenders(stage, kind, mock);
    contenders.push(await relayingParley(stage, kind, mock, 'postgres'));
    return holdContest(contenders, { load: stage.load, mock, options, log });
  });
}
