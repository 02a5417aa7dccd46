import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, tokenOf } from './support/accounts.ts';
import { personWith, type MessageBody as AssistantMessage, type SessionBody } from './support/assistant.ts';
import type { CompanionMessage } from './support/companion.ts';
import { startHelpdesk, type Helpdesk } from './support/desk.ts';
import { read, send } from './support/gateway.ts';
import { beginSession, sendMessage, type MessageBody as HelpdeskMessage } from './support/helpdesk.ts';
import {
  askStudio,
  makeStudio,
  type ConversationBody,
  type MessageBody,
  type Studio,
} from './support/studio.ts';
import { startScriptedVendor, type ScriptedVendor } from './support/vendor.ts';

/** Contracts/README, "One core, five views": what is said through one contract, as the others show it. */

/** One pixel. */
const png =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const clip = 'https://example.com/cat.mp4';
const content = [
  { type: 'text', text: 'What is it?' },
  { type: 'image_url', image_url: { url: png } },
  { type: 'video_url', video_url: { url: clip } },
];
const plain = `What is it?\n[image]\n[video: ${clip}]`;
const model = 'qwen-vl-max-latest';

/** A message as every contract has it in its own words. */
interface Seen {
  id: number;
  role: string;
  text: string;
}

let desk: Helpdesk;
let vendor: ScriptedVendor;
let mina: Studio;
let tokens: Record<'assistant' | 'companion' | 'helpdesk', string>;

before(async () => {
  vendor = await startScriptedVendor();
  const env = { PARLEY_FALLBACK: 'off', PARLEY_DEFAULT_MODEL: model };
  desk = await startHelpdesk({ dashScope: vendor.url, env });
  mina = await makeStudio(desk.parley, 'mina');
  tokens = {
    assistant: await tokenOf(desk.parley, 'mina', 'assistant'),
    companion: await tokenOf(desk.parley, 'mina', 'companion'),
    helpdesk: await tokenOf(desk.parley, 'mina', 'helpdesk'),
  };
});
after(async () => {
  await desk.parley.close();
  await vendor.close();
});

/** What `asking` resolves to, the model having said `text`. */
async function answered<T>(asking: Promise<T>, text: string): Promise<T> {
  const call = await vendor.next();
  await call.delta(text);
  call.finish();
  return asking;
}

const at = <T>(path: string, token = tokens.assistant) =>
  read<T>(send(`${desk.parley.url}/api/v1${path}`, 'GET', undefined, bearer(token)));

/** How the helpdesk spells a conversation. */
async function keyOf(id: number): Promise<string> {
  return (await desk.boss.ask('GET', `/conversations/${id}`)).session_id;
}

/** A conversation's messages through each contract, oldest first. */
const views: Record<string, (id: number) => Promise<Seen[]>> = {
  async assistant(id) {
    const { body } = await at<AssistantMessage[]>(`/chat/sessions/${id}/messages`);
    return body.map((each) => ({ id: each.id, role: each.role, text: each.content }));
  },
  async companion(id) {
    const { body } = await at<{ messages: CompanionMessage[] }>(
      '/chat/history?pageSize=100',
      tokens.companion,
    );
    const own = body.messages.filter(({ sessionId }) => sessionId === String(id));
    return own.map((each) => ({ id: Number(each.id), role: each.role, text: each.content }));
  },
  async helpdesk(id) {
    const key = await keyOf(id);
    const { body } = await at<{ data: { messages: HelpdeskMessage[] } }>(
      `/chat/sessions/${key}/messages`,
      tokens.helpdesk,
    );
    return body.data.messages.map((each) => {
      assert.equal(each.session_id, key);
      return { id: Number(/^msg_(\d+)$/u.exec(each.id)?.[1]), role: roleOf(each), text: each.content };
    });
  },
  async staff(id) {
    const { messages } = await desk.ann.ask<{ messages: HelpdeskMessage[] }>(
      'GET',
      `/conversations/${id}/messages`,
    );
    return messages.map((each) => ({
      id: Number(each.id.replace('msg_', '')),
      role: roleOf(each),
      text: each.content,
    }));
  },
  async studio(id) {
    const { messages } = await mina.history(id);
    return messages.map((each) => {
      assert.equal(each.conversation_id, id);
      return { id: each.message_id, role: each.role, text: textOf(each) };
    });
  },
};

const roleOf = ({ sender_type }: HelpdeskMessage) => (sender_type === 'user' ? 'user' : 'assistant');

function textOf({ content: parts }: MessageBody): string {
  const texts = parts.map((part) => {
    const url = part.image_url?.url ?? part.video_url?.url ?? '';
    const what = part.type.replace('_url', '');
    if (part.type === 'text') return part.text ?? '';
    return url.startsWith('data:') ? `[${what}]` : `[${what}: ${url}]`;
  });
  return texts.join('\n');
}

/** What every contract shows of it, which must be the same. */
async function seenByAll(id: number): Promise<Seen[]> {
  const shown = await views['studio']?.(id);
  for (const [contract, view] of Object.entries(views)) assert.deepEqual(await view(id), shown, contract);
  return shown ?? [];
}

const gist = (seen: Seen[]) => seen.map(({ role, text }) => `${role}: ${text}`);

/** A new conversation of studio's with one exchange. */
async function exchanged(said: string | typeof content, text: string): Promise<number> {
  const id = await mina.begin(model);
  await answered(mina.exchange(id, said), text);
  return id;
}

describe('a conversation of studio’s, through every contract', () => {
  test('has one id, spelled as each contract does, one title, one count', async () => {
    const id = await exchanged('Hello there', 'Hello.');
    assert.deepEqual(gist(await seenByAll(id)), ['user: Hello there', 'assistant: Hello.']);
    const { body: session } = await at<SessionBody>(`/chat/sessions/${id}`);
    assert.deepEqual([session.id, session.title, session.message_count], [id, 'Hello there', 2]);
    const conversation = await desk.boss.ask('GET', `/conversations/${id}`);
    assert.match(conversation.session_id, /^sess_[\w-]{22,}$/u);
    assert.deepEqual([conversation.id, conversation.channel, conversation.message_count], [id, 'studio', 2]);
    const { body } = await mina.call<ConversationBody>('GET', `/conversations/${id}`);
    assert.deepEqual(
      [body.data.conversation_id, body.data.title, body.data.model_name],
      [id, 'Hello there', model],
    );
    const { conversations } = await desk.boss.ask<{ conversations: { id: number }[] }>(
      'GET',
      '/conversations',
    );
    assert.ok(
      conversations.some((each) => each.id === id),
      'it is among all of them',
    );
  });

  test('shows images and videos as each contract can, and no other than studio carries one', async () => {
    const id = await exchanged(content, 'A cat.');
    assert.deepEqual(gist(await seenByAll(id)), [`user: ${plain}`, 'assistant: A cat.']);
    const { messages } = await mina.history(id);
    assert.deepEqual(messages[0]?.content, content);
    const key = await keyOf(id);
    const base64 = png.split(',')[1] ?? '';
    const bytes = Buffer.from(base64, 'base64').length;
    const parts = [
      { type: 'text', text: 'What is it?' },
      { type: 'image', bytes },
      { type: 'video', url: clip },
    ];
    const session = await at<{ parts: object }[]>(`/chat/sessions/${id}/messages`);
    assert.deepEqual(session.body[0]?.parts, parts);
    const helpdesk = await at<{ data: { messages: { parts: object }[] } }>(
      `/chat/sessions/${key}/messages`,
      tokens.helpdesk,
    );
    assert.deepEqual(helpdesk.body.data.messages[0]?.parts, parts);
    const history = await at<object>('/chat/history?pageSize=100', tokens.companion);
    for (const { body } of [session, helpdesk, history]) {
      const shown = JSON.stringify(body);
      assert.ok(shown.includes('[image]') && !shown.includes(base64));
    }
    const { body } = await mina.call('GET', '/history/api-calls');
    assert.ok(!JSON.stringify(body).includes(base64));
  });

  test('goes on through any of them: one order, one context, and the model that it was begun with', async () => {
    const id = await exchanged(content, 'A cat.');
    const key = await keyOf(id);
    const person = personWith(desk.parley, mina.headers['authorization']?.slice('Bearer '.length) ?? '');
    await answered(person.call('POST', '/chat', { message: 'Which colour?', session_id: id }), 'Black.');
    const asking = sendMessage(desk.parley, key, 'How old?', bearer(tokens.helpdesk));
    const call = await vendor.next();
    const { model: asked, messages } = call.body as { model: string; messages: { content: unknown }[] };
    assert.equal(asked, model);
    const told = JSON.stringify(messages);
    for (const text of [png, clip, 'A cat.', 'Which colour?', 'Black.', 'How old?']) {
      assert.ok(told.includes(text), text.slice(0, 20));
    }
    await call.delta('Two years.');
    call.finish();
    assert.equal((await asking).status, 201);
    await answered(mina.exchange(id, 'Thank you'), 'You are welcome.');
    assert.deepEqual(gist(await seenByAll(id)), [
      `user: ${plain}`,
      'assistant: A cat.',
      'user: Which colour?',
      'assistant: Black.',
      'user: How old?',
      'assistant: Two years.',
      'user: Thank you',
      'assistant: You are welcome.',
    ]);
  });

  test('loses a message in all of them, and what is shown of it with it', async () => {
    const id = await exchanged('Forget this', 'Forgotten.');
    await answered(mina.exchange(id, 'Keep this'), 'Kept.');
    const [first, second] = await seenByAll(id);
    for (const { id: message } of [first, second] as Seen[]) {
      assert.equal((await mina.call('DELETE', `/messages/${message}`)).status, 200);
    }
    assert.deepEqual(gist(await seenByAll(id)), ['user: Keep this', 'assistant: Kept.']);
    const { body: session } = await at<SessionBody>(`/chat/sessions/${id}`);
    const conversation = await desk.boss.ask('GET', `/conversations/${id}`);
    assert.deepEqual([session.message_count, conversation.message_count], [2, 2]);
    assert.equal(conversation.last_message?.content, 'Kept.');
    const found = async (term: string) =>
      JSON.stringify(await desk.boss.ask<object>('GET', `/search?q=${term}`)).includes(
        conversation.session_id,
      );
    assert.deepEqual(
      [await found('Keep'), await found('Forget'), await found('Forgotten')],
      [true, false, false],
    );
  });

  test('has the same pages in all of them where messages are gone, from either end', async () => {
    const id = await exchanged('0', 'a');
    for (const text of ['1', '2', '3', '4']) await answered(mina.exchange(id, text), `${text}a`);
    const all = await seenByAll(id);
    for (const at of [0, 3, 4, 9]) await mina.call('DELETE', `/messages/${all[at]?.id}`);
    const left = (await seenByAll(id)).map((seen) => seen.id);
    assert.deepEqual(
      left,
      all.filter((_, at) => ![0, 3, 4, 9].includes(at)).map((seen) => seen.id),
    );
    const key = await keyOf(id);
    const pages: Record<string, (skip: number, limit: number) => Promise<(number | string)[]>> = {
      async assistant(skip, limit) {
        const path = `/chat/sessions/${id}/messages?skip=${skip}&limit=${limit}`;
        return (await at<AssistantMessage[]>(path)).body.map((each) => each.id);
      },
      async helpdesk(skip, limit) {
        const path = `/chat/sessions/${key}/messages?offset=${skip}&limit=${limit}`;
        const { body } = await at<{
          data: { messages: HelpdeskMessage[]; total: number; has_more: boolean };
        }>(path, tokens.helpdesk);
        assert.deepEqual([body.data.total, body.data.has_more], [left.length, skip + limit < left.length]);
        return body.data.messages.map((each) => Number(each.id.replace('msg_', '')));
      },
      async studio(skip, limit) {
        const { messages, pagination } = await mina.history(id, `?page=${skip / limit + 1}&limit=${limit}`);
        assert.equal(pagination.total, left.length);
        return messages.map((each) => each.message_id);
      },
    };
    for (const limit of [1, 2, 3, 4, 6, 7]) {
      for (let skip = 0; skip <= left.length; skip += limit) {
        for (const [contract, page] of Object.entries(pages)) {
          assert.deepEqual(
            await page(skip, limit),
            left.slice(skip, skip + limit),
            `${contract} ${skip} ${limit}`,
          );
        }
      }
    }
    for (const order of ['asc', 'desc']) {
      const seen: number[] = [];
      let total = 1;
      for (let page = 1; (page - 1) * 3 < total; page++) {
        const path = `/chat/history?page=${page}&pageSize=3&order=${order}`;
        const { body } = await at<{ messages: CompanionMessage[]; pagination: { total: number } }>(
          path,
          tokens.companion,
        );
        total = body.pagination.total;
        seen.push(
          ...body.messages.filter((each) => each.sessionId === String(id)).map((each) => Number(each.id)),
        );
      }
      assert.deepEqual(seen, order === 'asc' ? left : left.toReversed(), `companion, ${order}`);
    }
  });

  test('is its owner’s in studio and assistant, also where an agent has taken it and answers', async () => {
    const id = await exchanged('Help me', 'I cannot.');
    const { session_id } = await desk.ann.ask('POST', `/conversations/${id}/assign`);
    await sendMessage(desk.parley, session_id, 'I am Ann.', desk.ann.headers);
    const messages = await seenByAll(id);
    const own = messages.at(-1)?.id;
    for (const { headers } of [desk.ann, desk.boss]) {
      for (const [method, path, body] of [
        ['GET', `/conversations/${id}`],
        ['PUT', `/conversations/${id}`, { title: 'Mine' }],
        ['DELETE', `/conversations/${id}`],
        ['GET', `/conversations/${id}/messages`],
        ['POST', `/conversations/${id}/messages`, { content }],
        ['POST', `/conversations/${id}/stop`],
        ['DELETE', `/messages/${own}`],
      ] as const) {
        const { status, body: refusal } = await askStudio(desk.parley, method, path, body, headers);
        assert.deepEqual([status, refusal.code, refusal.data], [403, 403, null], `${method} ${path}`);
      }
      const token = headers['authorization']?.slice('Bearer '.length);
      assert.equal((await at(`/chat/sessions/${id}`, token)).status, 404);
    }
    assert.deepEqual(await seenByAll(id), messages);
    assert.equal((await mina.call('DELETE', `/messages/${own}`)).status, 200, 'the owner may remove it');
    assert.deepEqual(await seenByAll(id), messages.slice(0, -1));
  });

  test('gets its title in all of them, and is gone in all of them', async () => {
    const id = await exchanged('Hello there', 'Hello.');
    const key = await keyOf(id);
    await mina.call('PUT', `/conversations/${id}`, { title: 'The cat' });
    assert.equal((await at<SessionBody>(`/chat/sessions/${id}`)).body.title, 'The cat');
    const patched = send(
      `${desk.parley.url}/api/v1/chat/sessions/${id}`,
      'PATCH',
      { title: 'The dog' },
      bearer(tokens.assistant),
    );
    assert.equal((await patched).status, 200);
    const { body } = await mina.call<ConversationBody>('GET', `/conversations/${id}`);
    assert.equal(body.data.title, 'The dog');
    assert.equal((await mina.call('DELETE', `/conversations/${id}`)).status, 200);
    const statuses = [
      (await at(`/chat/sessions/${id}`)).status,
      (await at(`/chat/sessions/${key}`, tokens.helpdesk)).status,
      (await desk.boss.refused('GET', `/conversations/${id}`)).status,
      (await mina.call('GET', `/conversations/${id}`)).status,
    ];
    assert.deepEqual(statuses, [404, 404, 404, 404]);
    assert.deepEqual(await views['companion']?.(id), []);
  });
});

describe('in studio there are also conversations', () => {
  const begins: Record<string, () => Promise<number>> = {
    async assistant() {
      const person = personWith(desk.parley, tokens.assistant);
      return (await answered(person.call('POST', '/chat', { message: 'Hello?' }), 'Hello.')).body.session_id;
    },
    async companion() {
      const asking = read<{ messages: CompanionMessage[] }>(
        send(`${desk.parley.url}/api/v1/chat`, 'POST', { message: 'Hello?' }, bearer(tokens.companion)),
      );
      return Number((await answered(asking, 'Hello.')).body.messages.at(-1)?.sessionId);
    },
    async helpdesk() {
      const { session_id } = await beginSession(desk.parley, {}, bearer(tokens.helpdesk));
      await answered(sendMessage(desk.parley, session_id, 'Hello?', bearer(tokens.helpdesk)), 'Hello.');
      return (await desk.boss.ask('GET', `/conversations/${session_id}`)).id;
    },
  };

  for (const [contract, begin] of Object.entries(begins)) {
    test(`of ${contract}, which go on there`, async () => {
      const id = await begin();
      const { body } = await mina.call<{ conversations: ConversationBody[] }>(
        'GET',
        '/conversations?limit=1',
      );
      const [newest] = body.data.conversations;
      assert.deepEqual([newest?.conversation_id, newest?.title, newest?.model_name], [id, 'Hello?', model]);
      await answered(mina.exchange(id, content), 'A cat.');
      assert.deepEqual(gist(await seenByAll(id)), [
        'user: Hello?',
        'assistant: Hello.',
        `user: ${plain}`,
        'assistant: A cat.',
      ]);
      assert.equal((await desk.boss.ask('GET', `/conversations/${id}`)).channel, contract);
    });
  }

  test('but none of a guest’s, which is another’s by its number', async () => {
    const { session_id } = await beginSession(desk.parley);
    await answered(sendMessage(desk.parley, session_id, 'Hello?'), 'Hello.');
    const { id } = await desk.boss.ask('GET', `/conversations/${session_id}`);
    const { body } = await mina.call<{ conversations: ConversationBody[] }>(
      'GET',
      '/conversations?limit=100',
    );
    assert.ok(body.data.conversations.every((each) => each.conversation_id !== id));
    for (const path of [`/conversations/${id}`, `/conversations/${id}/messages`]) {
      assert.equal((await mina.call('GET', path)).status, 403);
      assert.equal((await mina.call('GET', path.replace(String(id), session_id))).status, 400);
    }
  });
});
