import { asParleyError, ParleyError } from '../errors.ts';
import type { Caller } from '../identity/caller.ts';
import type { Budgets } from '../money/budgets.ts';
import { estimateCall } from '../money/call-estimate.ts';
import type { Runtime } from '../runtime.ts';
import { toDense } from './cache/embedding.ts';
import { embedLexically } from './cache/lexical-embedding.ts';
import type { Catalogue, Model } from './catalogue.ts';
import { abortError } from './completions.ts';
import { estimateTokens } from './estimate.ts';
import type { CallEnd, CallOrigin, Meter } from './meter.ts';
import type { EmbeddingAnswer, EmbeddingRequest } from './provider.ts';
import type { ProviderSlot, Router } from './router.ts';

export interface EmbeddingInput {
  contract: string;
  endpoint: string;
  requestId: string;
  model: string;
  /** Texts, or texts as the vendor's own token numbers. */
  inputs: string[] | number[][];
  /** 8 to 4096 where given. */
  dimensions?: number | undefined;
}

export interface Embedded {
  vectors: Float32Array[];
  /** The model that really answered. */
  model: string;
  promptTokens: number;
}

export interface EmbeddingsParts {
  catalogue: Catalogue;
  router: Router;
  slots: ReadonlyMap<string, ProviderSlot>;
  meter: Meter;
  budgets: Pick<Budgets, 'reserve'>;
  runtime: Runtime;
  fallbackEnabled: boolean;
}

/** The model that answers where no vendor is configured: the lexical embedding folded to a dense vector. */
export const localEmbeddingModel = 'parley-local-embedding';
const localDimensions = 512;

/**
 * Turns texts into vectors. An unconfigured model is answered by the local one (unless fallbacks are off); a
 * configured one that fails is an error, because vectors of two models must never mix in one index.
 */
export async function embed(
  parts: EmbeddingsParts,
  caller: Caller,
  input: EmbeddingInput,
  signal: AbortSignal,
): Promise<Embedded> {
  const model = chooseModel(parts, input.model);
  const began = parts.runtime.elapsed();
  const reserving = parts.budgets.reserve(caller, () =>
    estimateCall(model, estimateInputTokens(input.inputs), 0, parts.runtime.now()),
  );
  const reservation = reserving && (await reserving);
  const origin = { ...input, caller, requestedModel: input.model, streamed: false, reservation };
  let attempts = 0;
  try {
    const answer = await callModel(parts, model, input, signal, () => attempts++);
    const usage = { promptTokens: answer.promptTokens, completionTokens: 0, estimated: attempts === 0 };
    await settle(parts, origin, { model, began, attempts, usage, outcome: 'success', errorCode: null });
    return { ...answer, model: model.id };
  } catch (thrown) {
    const failure = asParleyError(thrown);
    if (failure.code === 'storage_failed' || failure.code === 'storage_unavailable') throw failure;
    const error = signal.aborted ? abortError(signal) : failure;
    const outcome = signal.aborted ? 'cancelled' : 'failure';
    const promptTokens = signal.aborted && attempts > 0 ? estimateInputTokens(input.inputs) : 0;
    const usage = { promptTokens, completionTokens: 0, estimated: true };
    await settle(parts, origin, { model, began, attempts, usage, outcome, errorCode: error.code });
    throw error;
  }
}

function chooseModel({ catalogue, slots, fallbackEnabled }: EmbeddingsParts, modelId: string): Model {
  const asked = catalogue.get(modelId);
  if (asked === undefined || !asked.capabilities.includes('embedding')) {
    const text = `There is no embedding model named "${modelId.slice(0, 100)}" on this server.`;
    throw new ParleyError('model_not_found', text, { field: 'model' });
  }
  const local = catalogue.get(localEmbeddingModel);
  if (slots.get(asked.provider)?.provider.embed !== undefined || asked === local) return asked;
  if (fallbackEnabled && local !== undefined) return local;
  const text = `The provider "${asked.provider}" of model "${asked.id}" is not configured on this server.`;
  throw new ParleyError('provider_failed', text);
}

async function callModel(
  { router, slots }: EmbeddingsParts,
  model: Model,
  input: EmbeddingInput,
  signal: AbortSignal,
  onAttempt: () => void,
): Promise<EmbeddingAnswer> {
  const slot = slots.get(model.provider);
  if (slot?.provider.embed === undefined) return embedLocally(input);
  const request: EmbeddingRequest = { model: model.id, inputs: input.inputs };
  if (input.dimensions !== undefined) request.dimensions = input.dimensions;
  const { result } = await router.run([{ model, slot }], signal, async ({ slot: { provider } }) => {
    onAttempt();
    if (provider.embed === undefined)
      throw new ParleyError('provider_failed', 'This provider has no embeddings.');
    return provider.embed(request, signal);
  });
  return result;
}

function embedLocally({ inputs, dimensions }: EmbeddingInput): EmbeddingAnswer {
  const texts = inputs.map((input) => {
    if (typeof input === 'string') return input;
    const text = `${localEmbeddingModel} takes texts; it has no tokens whose numbers could be sent.`;
    throw new ParleyError('invalid_request', text, { field: 'input' });
  });
  return {
    vectors: texts.map((text) => toDense(embedLexically(text), dimensions ?? localDimensions)),
    promptTokens: estimateInputTokens(texts),
  };
}

function estimateInputTokens(inputs: EmbeddingInput['inputs']): number {
  return inputs.reduce<number>(
    (sum, input) => sum + (typeof input === 'string' ? estimateTokens(input) : input.length),
    0,
  );
}

type Ending = Omit<CallEnd, 'durationMs' | 'firstTokenMs'> & { began: number };

async function settle(
  { meter, runtime }: EmbeddingsParts,
  origin: CallOrigin,
  { began, ...end }: Ending,
): Promise<void> {
  await meter.settle(origin, { ...end, durationMs: runtime.elapsed() - began, firstTokenMs: null });
}
