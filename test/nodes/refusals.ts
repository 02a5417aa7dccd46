import { beginCall } from '../kill/stateless-clients.ts';
import type { Person, World } from '../kill/world.ts';
import { send } from '../support/gateway.ts';
import type { Life } from '../support/mortal-server.ts';

/** What a door says when the database is away. */
export interface Refusal {
  door: string;
  said: string;
  tookMs: number;
  /** Whether it is 503, and the error as this contract has it. */
  isRight: boolean;
}

interface Door {
  method: string;
  path: string;
  /** To those that want one. */
  body?(question: string): object;
  token?: (person: Person) => string;
  isItsOwn(body: Body): boolean;
}

/** All that there is in any contract's errors. */
interface Body {
  error?: string | { code?: string | null; message?: string; type?: string };
  detail?: string;
  success?: boolean;
  code?: string | number;
  status_code?: number;
  message?: string;
  data?: unknown;
}

const errorIn = ({ error }: Body) => (typeof error === 'object' ? error : {});

const doors: Record<string, Door> = {
  assistant: {
    method: 'GET',
    path: '/api/v1/chat/sessions',
    token: ({ token }) => token,
    isItsOwn: (body) => errorIn(body).code === 'SYS003',
  },
  companion: {
    method: 'GET',
    path: '/api/v1/chat/history',
    token: ({ companionToken }) => companionToken,
    isItsOwn: ({ detail = '' }) => detail !== '',
  },
  helpdesk: {
    method: 'POST',
    path: '/api/v1/chat/sessions',
    body: () => ({}),
    isItsOwn: (body) => body.success === false && errorIn(body).code === 'DATABASE_ERROR',
  },
  studio: {
    method: 'GET',
    path: '/api/conversations',
    token: ({ token }) => token,
    isItsOwn: ({ code, data, message = '' }) => code === 503 && data === null && message !== '',
  },
  gateway: {
    method: 'POST',
    path: '/api/v1/chat/completion',
    body: (message) => ({ message }),
    isItsOwn: ({ code, status_code: status }) => code === 'INTERNAL_ERROR' && status === 503,
  },
  openai: {
    method: 'POST',
    path: '/v1/chat/completions',
    body: (content) => ({ model: 'gpt-3.5-turbo', messages: [{ role: 'user', content }] }),
    isItsOwn: (body) => errorIn(body).type === 'server_error',
  },
};

/** Asks every contract something that needs the database. */
export function refusals(world: World, { url }: Pick<Life, 'url'>, person: Person): Promise<Refusal[]> {
  return Promise.all(
    Object.entries(doors).map(async ([door, { method, path, body, token, isItsOwn }]) => {
      const began = performance.now();
      const { id, text: question } = beginCall(world, door, 'quickly');
      const headers = { 'x-request-id': id, ...(token && { authorization: `Bearer ${token(person)}` }) };
      const patience = AbortSignal.timeout(15_000);
      const response = await send(`${url}${path}`, method, body?.(question), headers, patience);
      const text = await response.text();
      const tookMs = performance.now() - began;
      const isRight = response.status === 503 && isItsOwn(JSON.parse(text) as Body);
      return { door, said: `${response.status} ${text}`, tookMs, isRight };
    }),
  );
}
