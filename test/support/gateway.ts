/** Bodies of the gateway contract as tests read them. */
export interface ChatBody {
  response: string;
  model: string;
  request_id: string;
  timestamp: string;
  cached: boolean;
  cache_key: string;
  similarity_score: number | null;
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

export interface ErrorBody {
  error: string;
  code: string;
  status_code: number;
  request_id: string;
  timestamp: string;
  details: { field?: string } | null;
}

/** An answer with its body read. */
export interface Answered<T> {
  status: number;
  headers: Headers;
  body: T;
}

/** Sends a request; a body that is not text or bytes goes as JSON. */
export function send(
  url: string,
  method: string,
  body?: unknown,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  return fetch(url, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: raw ? (body as string) : JSON.stringify(body) }),
    ...(signal !== undefined && { signal }),
  });
}

export async function read<T>(pending: Promise<Response>): Promise<Answered<T>> {
  const response = await pending;
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

/** `POST /api/v1/chat/completion`. */
export function complete<T = ChatBody>(
  url: string,
  body: unknown,
  headers?: Record<string, string>,
): Promise<Answered<T>> {
  return read<T>(send(`${url}/api/v1/chat/completion`, 'POST', body, headers));
}

/** `POST /api/v1/chat/stream`. */
export function stream(
  url: string,
  body: unknown,
  headers?: Record<string, string>,
  signal?: AbortSignal,
): Promise<Response> {
  return send(`${url}/api/v1/chat/stream`, 'POST', body, headers, signal);
}
