import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { eventually } from '../../../../test/support/eventually.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import {
  contentOf,
  makeStudio,
  type MessageBody,
  type MessagesBody,
  type SentBody,
  type Studio,
  type WirePart,
} from '../../../../test/support/studio.ts';
import {
  startScriptedVendor,
  type ScriptedVendor,
  type VendorCall,
} from '../../../../test/support/vendor.ts';

/** One pixel. */
const png =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let parley: Parley;
let vendor: ScriptedVendor;
let mina: Studio;
let other: Studio;

before(async () => {
  vendor = await startScriptedVendor();
  parley = await startParley({ dashScope: vendor.url, env: { PARLEY_FALLBACK: 'off' } });
  mina = await makeStudio(parley, 'mina');
  other = await makeStudio(parley, 'other');
});
after(async () => {
  await parley.close();
  await vendor.close();
});

const pathOf = (conversation: number) => `/conversations/${conversation}/messages`;

const text = (said: string): WirePart => ({ type: 'text', text: said });
const image = (url: string): WirePart => ({ type: 'image_url', image_url: { url } });
const video = (url: string): WirePart => ({ type: 'video_url', video_url: { url } });

/** Lets the vendor answer the next call. */
async function answer(said: string): Promise<VendorCall> {
  const call = await vendor.next();
  if (said !== '') await call.delta(said);
  call.finish();
  return call;
}

/** A message and its reply. */
async function exchange(conversation: number, content: string | WirePart[] = '你好', said = '我是通义千问') {
  const waiting = mina.exchange(conversation, content);
  const call = await answer(said);
  return { call, sent: await waiting };
}

/** The history, once nothing is on its way. */
const settled = (conversation: number, query = '') =>
  eventually(async () => {
    const history = await mina.history(conversation, query);
    return history.pending.length === 0 ? history : undefined;
  });

const said = ({ content }: MessageBody) => content.map((part) => part.text ?? part.type).join('|');

describe('studio: a message that is sent', () => {
  test('is answered at once, as the document shows it; the reply comes into the history', async () => {
    const conversation = await mina.begin();
    const { status, body } = await mina.call<MessageBody>('POST', pathOf(conversation), {
      content: contentOf('你好，请介绍一下你自己'),
    });
    assert.deepEqual([status, body.code, body.message], [200, 200, '发送成功']);
    const { created_at, tokens, message_id, ...rest } = body.data;
    assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/u);
    assert.ok(Number.isSafeInteger(message_id) && tokens > 0);
    assert.deepEqual(rest, {
      conversation_id: conversation,
      user_id: mina.id,
      role: 'user',
      content_type: 'text',
      content: [{ type: 'text', text: '你好，请介绍一下你自己' }],
      status: 1,
      state: 'sent',
    });
    const call = await vendor.next();
    const during = await mina.history(conversation);
    assert.deepEqual(during.messages, [body.data], 'half an answer is not shown');
    assert.equal(during.pagination.total, 1);
    assert.equal(during.pending.length, 1);
    await call.delta('我是通义千问');
    call.finish();
    const { messages, pagination, pending } = await settled(conversation);
    const [asked, reply] = messages;
    assert.deepEqual(asked, body.data);
    assert.deepEqual(
      { ...reply, created_at: '', tokens: 0 },
      {
        message_id: during.pending[0],
        conversation_id: conversation,
        user_id: 0,
        role: 'assistant',
        content_type: 'text',
        content: [{ type: 'text', text: '我是通义千问' }],
        status: 1,
        created_at: '',
        tokens: 0,
        state: 'completed',
        model_name: 'qwen-vl-max-latest',
      },
    );
    assert.deepEqual(pagination, { current_page: 1, per_page: 20, total: 2, total_pages: 1 });
    assert.deepEqual(pending, []);
  });

  test('is answered with its reply under ?wait=true', async () => {
    const conversation = await mina.begin();
    const { sent } = await exchange(conversation);
    const { messages } = await mina.history(conversation);
    const { reply, ...question } = sent;
    assert.deepEqual([question, reply], messages);
    const without = await mina.call<SentBody>('POST', `${pathOf(conversation)}?wait=false`, {
      content: contentOf('再见'),
    });
    assert.equal('reply' in without.body.data, false);
    await answer('再见');
    await settled(conversation);
  });

  const kinds: [string, WirePart[], string, unknown][] = [
    ['texts', [text('One'), text('Two')], 'text', 'One\nTwo'],
    ['an image', [image('https://example.com/a.png')], 'image_url', [image('https://example.com/a.png')]],
    ['an image of its own', [image(png)], 'image_url', [image(png)]],
    ['a video', [video('https://example.com/a.mp4')], 'video_url', [video('https://example.com/a.mp4')]],
    [
      'all of them',
      [text('What?'), image(png), video('https://example.com/b.mp4'), image('https://example.com/c.png')],
      'mixed',
      [text('What?'), image(png), video('https://example.com/b.mp4'), image('https://example.com/c.png')],
    ],
  ];
  for (const [what, content, type, seen] of kinds) {
    test(`of ${what} reaches the model as it was sent, and is shown so`, async () => {
      const conversation = await mina.begin();
      const { call, sent } = await exchange(conversation, content);
      const [asked] = (call.body as { messages: { role: string; content: unknown }[] }).messages.slice(-1);
      assert.deepEqual(asked, { role: 'user', content: seen });
      assert.equal(sent.content_type, type);
      assert.deepEqual(sent.content, content);
      const [kept] = (await mina.history(conversation)).messages;
      assert.deepEqual(kept?.content, content);
      assert.equal(kept?.content_type, type);
    });
  }

  test('of many parts keeps their order', async () => {
    const conversation = await mina.begin();
    const content = Array.from({ length: 60 }, (_, at) =>
      at % 3 === 0 ? image(`https://example.com/${at}.png`) : text(`Part ${at}`),
    );
    const { sent } = await exchange(conversation, content);
    assert.deepEqual(sent.content, content);
    assert.deepEqual((await mina.history(conversation)).messages[0]?.content, content);
  });

  test('names a conversation that has no title yet, by its words', async () => {
    const conversation = await mina.begin();
    await exchange(conversation, [image(png)]);
    const titleOf = async () =>
      (await mina.call<{ title: string }>('GET', `/conversations/${conversation}`)).body.data.title;
    assert.equal(await titleOf(), '新对话');
    await exchange(conversation, [image(png), text('What is this?')]);
    assert.equal(await titleOf(), 'What is this?');
  });

  test('whose parts may have fields of the other kinds, empty', async () => {
    const conversation = await mina.begin();
    const content = [
      { ...text('Hi'), image_url: null, video_url: null },
      { ...image(png), text: '', video_url: null },
    ] as unknown as WirePart[];
    const { sent } = await exchange(conversation, content);
    assert.deepEqual(sent.content, [text('Hi'), image(png)]);
  });
});

describe('studio: a message that is refused', () => {
  let conversation: number;
  before(async () => {
    conversation = await mina.begin();
  });

  const large = `data:image/png;base64,${Buffer.concat([
    Buffer.from('iVBORw0KGgo=', 'base64'),
    Buffer.alloc(10 * 1024 * 1024),
  ]).toString('base64')}`;
  const refused: [string, unknown, string][] = [
    ['no body', undefined, 'body'],
    ['a list', [], 'body'],
    ['no content', {}, 'content'],
    ['a text for content', { content: 'Hello' }, 'content'],
    ['content of nothing', { content: [] }, 'content'],
    ['null', { content: null }, 'content'],
    ['more parts than a message may have', { content: Array(1001).fill(text('Hi')) }, 'content'],
    ['more words than a message may have', { content: [text('x'.repeat(1_000_001))] }, 'content'],
    ['a part that is a text', { content: ['Hello'] }, 'content.0'],
    ['a part without a type', { content: [{ text: 'Hello' }] }, 'content.0.type'],
    ['a part of an unknown type', { content: [text('Hi'), { type: 'audio' }] }, 'content.1.type'],
    ['a text without text', { content: [{ type: 'text' }] }, 'content.0.text'],
    ['a text of null', { content: [{ type: 'text', text: null }] }, 'content.0.text'],
    ['a text that is a number', { content: [{ type: 'text', text: 1 }] }, 'content.0.text'],
    ['a text of nothing', { content: [text(' \n')] }, 'content.0.text'],
    ['an image without one', { content: [text('Hi'), { type: 'image_url' }] }, 'content.1.image_url'],
    [
      'an image without a url',
      { content: [{ type: 'image_url', image_url: {} }] },
      'content.0.image_url.url',
    ],
    [
      'an image that is a text',
      { content: [{ type: 'image_url', image_url: 'https://example.com/a.png' }] },
      'content.0.image_url',
    ],
    ['an image over http', { content: [image('http://example.com/a.png')] }, 'content.0.image_url.url'],
    ['an image that is no url', { content: [image('a.png')] }, 'content.0.image_url.url'],
    ['an image in a file', { content: [image('file:///etc/passwd')] }, 'content.0.image_url.url'],
    [
      'an image behind a password',
      { content: [image('https://a:b@example.com/a.png')] },
      'content.0.image_url.url',
    ],
    [
      'an image that is a page',
      { content: [image('data:text/html;base64,AAAA')] },
      'content.0.image_url.url',
    ],
    [
      'an image whose bytes are none',
      { content: [image('data:image/png;base64,AAAA')] },
      'content.0.image_url.url',
    ],
    [
      'an image that is not base64',
      { content: [image('data:image/png;base64,%%')] },
      'content.0.image_url.url',
    ],
    ['an image of more than 10 MiB', { content: [image(large)] }, 'content.0.image_url.url'],
    ['a video without one', { content: [{ type: 'video_url' }] }, 'content.0.video_url'],
    ['a video over http', { content: [video('http://example.com/a.mp4')] }, 'content.0.video_url.url'],
    ['a video that is an image', { content: [video(png)] }, 'content.0.video_url.url'],
  ];
  for (const [what, body, field] of refused) {
    test(`${what}: 400 names the field, in either language`, async () => {
      const count = vendor.count();
      for (const language of ['zh', 'en']) {
        const { status, body: refusal } = await mina.call('POST', pathOf(conversation), body, {
          'accept-language': language,
        });
        assert.deepEqual([status, refusal.code, refusal.data], [400, 400, null]);
        if (body !== undefined) assert.ok(refusal.message.includes(field), refusal.message);
        assert.equal(/\p{Script=Han}/u.test(refusal.message), language === 'zh', refusal.message);
      }
      assert.equal(vendor.count(), count);
    });
  }

  test('an image for a model that sees none: 400 says which model and which part', async () => {
    const blind = await mina.begin('qwen-plus');
    for (const [part, field] of [
      [image(png), 'content.1'],
      [video('https://example.com/a.mp4'), 'content.1'],
    ] as const) {
      const { status, body } = await mina.call('POST', pathOf(blind), { content: [text('What?'), part] });
      assert.equal(status, 400);
      assert.ok(body.message.includes('qwen-plus') && body.message.includes(field), body.message);
    }
    assert.equal((await mina.history(blind)).pagination.total, 0);
  });

  test('no token 401, another’s conversation 403, one that is not there or was deleted 404', async () => {
    const mine = { content: contentOf('Hi') };
    const deleted = await mina.begin();
    await mina.call('DELETE', `/conversations/${deleted}`);
    const refuse = async (who: Studio, at: number | string, headers = {}) => {
      const { status, body } = await who.call('POST', `/conversations/${at}/messages`, mine, headers);
      assert.deepEqual([body.code, body.data], [status, null]);
      return status;
    };
    assert.equal(await refuse(mina, conversation, { authorization: '' }), 401);
    assert.equal(await refuse(mina, conversation, { authorization: 'Bearer nonsense' }), 401);
    assert.equal(await refuse(other, conversation), 403);
    assert.equal(await refuse(mina, 999_999), 404);
    assert.equal(await refuse(mina, deleted), 404);
    assert.equal(await refuse(mina, 'abc'), 400);
    assert.equal(await refuse(mina, 0), 404);
    assert.equal(await refuse(mina, -1), 404);
    assert.equal(await refuse(mina, '99999999999999999999'), 404);
    assert.equal(await refuse(mina, '1.5'), 400);
  });

  test('a guest’s conversation is 403: it is there, and not yours', async () => {
    const begun = await fetch(`${parley.url}/api/v1/chat/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user_id: 'guest' }),
    });
    const { session_id: key } = ((await begun.json()) as { data: { session_id: string } }).data;
    const { conversation: guests } = await parley.app.core.conversations.messagesByKey(
      { kind: 'anonymous', ip: '' },
      key.replace('sess_', ''),
      { skip: 0, limit: 1 },
    );
    for (const [method, body] of [['POST', { content: contentOf('Hi') }], ['GET']] as const) {
      assert.equal((await mina.call(method, pathOf(guests.id), body)).status, 403);
    }
  });

  test('in maintenance 503, and where something is wrong on our side 500, which is logged', async (t) => {
    const { maintenance, turns } = parley.app.core;
    t.after(() => maintenance.set(false));
    await maintenance.set(true);
    const send = () => mina.call('POST', pathOf(conversation), { content: contentOf('Hi') });
    const closed = await send();
    assert.deepEqual([closed.status, closed.body.code, closed.body.data], [503, 503, null]);
    await maintenance.set(false);
    t.mock.method(turns, 'ask', () => Promise.reject(new RangeError('a fault of ours')));
    const { status, body } = await send();
    assert.deepEqual([status, body], [500, { code: 500, message: '服务器内部错误', data: null }]);
    assert.match(parley.log(), /a fault of ours/u);
  });

  test('beyond the allowance 429, while stopping, reading and deleting go on', async (t) => {
    const limited = await startParley({
      env: { PARLEY_RATE_LIMITS: 'on' },
      yaml: { limits: { studio: { messages_per_minute: 2 } } },
    });
    t.after(() => limited.close());
    const nora = await makeStudio(limited, 'nora');
    const own = await nora.begin('parley-local');
    await nora.exchange(own, 'One');
    const { message_id } = await nora.exchange(own, 'Two');
    for (const path of [pathOf(own), `${pathOf(own)}/stream`]) {
      const { status, body, headers } = await nora.call('POST', path, { content: contentOf('Three') });
      assert.deepEqual([status, body.code, body.data], [429, 429, null]);
      assert.ok(Number(headers.get('retry-after')) > 0);
    }
    assert.equal((await nora.history(own)).pagination.total, 4);
    assert.equal((await nora.call('POST', `/conversations/${own}/stop`)).status, 200);
    assert.equal((await nora.call('DELETE', `/messages/${message_id}`)).status, 200);
  });

  test('a message longer than the model takes: 400 with the field as clients spell it', async () => {
    const conversation = await mina.begin('qwen-max');
    const body = { content: [text('word '.repeat(60_000))] };
    for (const path of [pathOf(conversation), `${pathOf(conversation)}/stream`]) {
      const { status, body: refused } = await mina.call('POST', path, body);
      assert.deepEqual([status, refused.message.split(' ')[0]], [400, 'content'], path);
      const english = await mina.call('POST', path, body, { 'accept-language': 'en' });
      assert.match(english.body.message, /^content: /);
    }
    assert.equal((await mina.history(conversation)).pagination.total, 0);
  });

  test('a body beyond the limit: 413', async () => {
    const { status, body } = await mina.call('POST', pathOf(conversation), {
      content: [text('x'.repeat(parley.config.limits.imageBodyBytes))],
    });
    assert.deepEqual([status, body.code, body.data], [413, 413, null]);
  });
});

describe('studio: a reply that fails', () => {
  test('is in the history with status 0 and the reason, and so it is under ?wait=true', async () => {
    const conversation = await mina.begin();
    const waiting = mina.exchange(conversation, 'Why?', { 'accept-language': 'en' });
    for (let attempt = 0; attempt < 2; attempt++) (await vendor.next()).refuse(500, 'no');
    const { status, reply } = await waiting;
    assert.equal(status, 1);
    assert.ok(reply);
    assert.deepEqual([reply.status, reply.state, reply.error?.code], [0, 'failed', 503]);
    assert.match(reply.error?.message ?? '', /[a-z]/u);
    const { messages } = await mina.history(conversation);
    assert.deepEqual(
      messages.map(({ role, status: shown }) => [role, shown]),
      [
        ['user', 1],
        ['assistant', 0],
      ],
    );
    assert.match(messages[1]?.error?.message ?? '', /\p{Script=Han}/u);
  });

  test('keeps what it had said', async () => {
    const conversation = await mina.begin();
    const waiting = mina.exchange(conversation, 'Why?');
    const call = await vendor.next();
    await call.delta('Because');
    call.destroy();
    const { reply } = await waiting;
    assert.deepEqual([reply?.status, reply?.state, reply?.content], [0, 'failed', [text('Because')]]);
  });

  test('that says nothing has failed', async () => {
    const conversation = await mina.begin();
    const { sent } = await exchange(conversation, 'Why?', '');
    assert.deepEqual([sent.reply?.status, sent.reply?.error?.code], [0, 503]);
  });
});

describe('studio: stopping', () => {
  test('keeps what was said, with status 1; who waits gets it', async () => {
    const conversation = await mina.begin();
    const waiting = mina.exchange(conversation, 'Long?');
    const call = await vendor.next();
    await call.delta('Half');
    const [id] = (await mina.history(conversation)).pending;
    await eventually(async () => {
      const shown = await parley.app.core.conversations.message(callerOf(mina), conversation, id ?? 0);
      return shown.content === 'Half' ? true : undefined;
    });
    const { status, body } = await mina.call<{
      conversation_id: number;
      stopped: number;
      messages: MessageBody[];
    }>('POST', `/conversations/${conversation}/stop`);
    assert.equal(status, 200);
    const { conversation_id, stopped, messages } = body.data;
    assert.deepEqual([conversation_id, stopped], [conversation, 1]);
    await call.closed;
    const { reply } = await waiting;
    assert.deepEqual(messages, [reply]);
    assert.deepEqual([reply?.status, reply?.state, reply?.content], [1, 'cancelled', [text('Half')]]);
    assert.deepEqual((await mina.history(conversation)).messages[1], reply);
  });

  test('before a word was said leaves a reply of status 0', async () => {
    const conversation = await mina.begin();
    await mina.send(conversation, 'Long?');
    const call = await vendor.next();
    const { body } = await mina.call<{ messages: MessageBody[] }>(
      'POST',
      `/conversations/${conversation}/stop`,
    );
    await call.closed;
    const [reply] = body.data.messages;
    assert.deepEqual([reply?.status, reply?.state, reply?.error?.code], [0, 'cancelled', 499]);
  });

  test('where nothing is on its way stops nothing; another’s is 403, none is 404', async () => {
    const conversation = await mina.begin();
    const path = `/conversations/${conversation}/stop`;
    const { body } = await mina.call<{ stopped: number }>('POST', path);
    assert.equal(body.data.stopped, 0);
    assert.equal((await other.call('POST', path)).status, 403);
    assert.equal((await mina.call('POST', '/conversations/999999/stop')).status, 404);
  });

  test('sent again under its key stops nothing newer', async () => {
    const conversation = await mina.begin();
    const key = { 'idempotency-key': `stop-${conversation}` };
    const path = `/conversations/${conversation}/stop`;
    await mina.send(conversation, 'One?');
    const first = await vendor.next();
    await mina.call('POST', path, undefined, key);
    await first.closed;
    const waiting = mina.exchange(conversation, 'Two?');
    const second = await vendor.next();
    const { body } = await mina.call<{ stopped: number }>('POST', path, undefined, key);
    assert.equal(body.data.stopped, 1);
    await second.delta('Two.');
    second.finish();
    assert.equal((await waiting).reply?.state, 'completed');
  });
});

describe('studio: a message sent again', () => {
  test('under its key is one question with one reply, also two at once, and whether or not it waits', async () => {
    const conversation = await mina.begin();
    const count = vendor.count();
    const key = { 'idempotency-key': `twice-${conversation}` };
    const content = [text('Once?'), image(png)];
    const path = pathOf(conversation);
    const both = await Promise.all([
      mina.call<SentBody>('POST', path, { content }, key),
      mina.call<SentBody>('POST', path, { content }, key),
    ]);
    assert.deepEqual(both[0].body, both[1].body);
    const repeats = both.filter(({ headers }) => headers.get('idempotent-replayed') === 'true');
    assert.equal(repeats.length, 1);
    const waiting = mina.call<SentBody>('POST', `${path}?wait=true`, { content }, key);
    await answer('Once.');
    const { body } = await waiting;
    assert.equal(body.data.message_id, both[0].body.data.message_id);
    assert.deepEqual(body.data.reply?.content, [text('Once.')]);
    const again = await mina.call<SentBody>('POST', path, { content }, key);
    assert.deepEqual(again.body, both[0].body);
    assert.equal((await mina.history(conversation)).pagination.total, 2);
    assert.equal(vendor.count(), count + 1);
  });

  test('that was deleted meanwhile, or whose reply was, is 404 in the words of a message', async () => {
    const conversation = await mina.begin();
    const key = { 'idempotency-key': `gone-${conversation}` };
    const waiting = mina.exchange(conversation, 'Gone?', key);
    await answer('Gone.');
    const { message_id, reply } = await waiting;
    const count = vendor.count();
    const again = (query: string) =>
      mina.call<SentBody | null>(
        'POST',
        `${pathOf(conversation)}${query}`,
        { content: contentOf('Gone?') },
        key,
      );
    const gone = { code: 404, message: '消息不存在', data: null };
    await mina.call('DELETE', `/messages/${reply?.message_id}`);
    assert.deepEqual((await again('?wait=true')).body, gone);
    assert.equal((await again('')).body.data?.message_id, message_id);
    await mina.call('DELETE', `/messages/${message_id}`);
    for (const query of ['', '?wait=true']) assert.deepEqual((await again(query)).body, gone);
    assert.deepEqual((await mina.history(conversation)).messages, []);
    assert.equal(vendor.count(), count);
  });

  test('under the key of another is 400; another user’s key is one’s own', async () => {
    const [mine, theirs] = [await mina.begin(), await other.begin()];
    const key = { 'idempotency-key': 'shared' };
    await mina.send(mine, 'Mine', key);
    await answer('Yours');
    for (const [at, body] of [
      [mine, 'Something else'],
      [await mina.begin(), 'Mine'],
    ] as const) {
      const refused = await mina.call('POST', pathOf(at), { content: contentOf(body) }, key);
      assert.equal(refused.status, 400);
      assert.match(refused.body.message, /Idempotency-Key/u);
    }
    const sent = await other.send(theirs, 'Mine', key);
    assert.equal(sent.user_id, other.id);
    await answer('Yours');
  });
});

describe('studio: the history', () => {
  test('comes in exact pages, oldest first', async () => {
    const conversation = await mina.begin();
    for (let at = 1; at <= 4; at++) await exchange(conversation, `Q${at}`, `A${at}`);
    const all = ['Q1', 'A1', 'Q2', 'A2', 'Q3', 'A3', 'Q4', 'A4'];
    for (const limit of [1, 3, 8, 100]) {
      const seen: string[] = [];
      for (let page = 1; page <= Math.ceil(8 / limit); page++) {
        const { messages, pagination } = await mina.history(conversation, `?page=${page}&limit=${limit}`);
        seen.push(...messages.map(said));
        assert.deepEqual(pagination, {
          current_page: page,
          per_page: limit,
          total: 8,
          total_pages: Math.ceil(8 / limit),
        });
      }
      assert.deepEqual(seen, all);
    }
    const past = await mina.history(conversation, '?page=3&limit=5');
    assert.deepEqual(past, {
      messages: [],
      pagination: { current_page: 3, per_page: 5, total: 8, total_pages: 2 },
      pending: [],
    });
  });

  test('has images that together are more than is read at once', async () => {
    const conversation = await mina.begin();
    const contents = [1, 2, 3].map((byte) => {
      const bytes = Buffer.alloc(6 * 1024 * 1024, byte);
      Buffer.from('iVBORw0KGgo=', 'base64').copy(bytes);
      return [text(`Image ${byte}`), image(`data:image/png;base64,${bytes.toString('base64')}`)];
    });
    for (const content of contents) await exchange(conversation, content);
    const { headers, body } = await mina.call<MessagesBody>('GET', pathOf(conversation));
    assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
    assert.deepEqual([body.code, body.message], [200, '获取成功']);
    const { messages, pagination, pending } = body.data;
    const asked = messages.filter(({ role }) => role === 'user').map(({ content }) => content);
    // A difference would be shown in tens of megabytes.
    assert.ok(isDeepStrictEqual(asked, contents));
    assert.deepEqual([messages.length, pagination.total, pending], [6, 6, []]);
    const few = await mina.history(conversation, '?limit=2&page=2');
    assert.ok(isDeepStrictEqual(few.messages, messages.slice(2, 4)));
  });

  test('of a conversation in which nothing was said is empty', async () => {
    const { messages, pagination } = await mina.history(await mina.begin());
    assert.deepEqual(
      [messages, pagination],
      [[], { current_page: 1, per_page: 20, total: 0, total_pages: 0 }],
    );
  });

  test('refuses pages that cannot be: 400 names the field', async () => {
    const conversation = await mina.begin();
    for (const [query, field] of [
      ['page=0', 'page'],
      ['page=-1', 'page'],
      ['page=1.5', 'page'],
      ['page=x', 'page'],
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['limit=x', 'limit'],
    ] as const) {
      const { status, body } = await mina.call('GET', `${pathOf(conversation)}?${query}`);
      assert.deepEqual([status, body.code, body.data], [400, 400, null], query);
      assert.ok(body.message.includes(field), body.message);
    }
  });

  test('is its owner’s: 401, 403, 404', async () => {
    const conversation = await mina.begin();
    const nobody = { authorization: '' };
    assert.equal((await mina.call('GET', pathOf(conversation), undefined, nobody)).status, 401);
    assert.equal((await other.call('GET', pathOf(conversation))).status, 403);
    assert.equal((await mina.call('GET', pathOf(999_999))).status, 404);
    const agent = await makeStudio(parley, `agent-${conversation}`, 'admin');
    assert.equal((await agent.call('GET', pathOf(conversation))).status, 403);
  });
});

describe('studio: deleting a message', () => {
  const remove = (who: Studio, id: number, headers = {}) =>
    who.call('DELETE', `/messages/${id}`, undefined, headers);

  test('takes it out of the history, whose pages stay exact, and out of what the model is told', async () => {
    const conversation = await mina.begin();
    for (let at = 1; at <= 3; at++) await exchange(conversation, [text(`Q${at}`), image(png)], `A${at}`);
    const { messages } = await mina.history(conversation);
    const { status, body } = await remove(mina, messages[2]?.message_id ?? 0);
    assert.deepEqual([status, body], [200, { code: 200, message: '删除成功', data: null }]);
    await remove(mina, messages[1]?.message_id ?? 0);
    const left = messages.filter((_, at) => at !== 1 && at !== 2);
    for (const limit of [1, 2, 3, 20]) {
      const seen: MessageBody[] = [];
      for (let page = 1; page <= Math.ceil(4 / limit); page++) {
        const { messages: shown, pagination } = await mina.history(
          conversation,
          `?page=${page}&limit=${limit}`,
        );
        assert.equal(pagination.total, 4);
        seen.push(...shown);
      }
      assert.deepEqual(seen, left);
    }
    const { call } = await exchange(conversation, 'Q4', 'A4');
    const told = JSON.stringify(call.body['messages']);
    assert.ok(!told.includes('Q2') && !told.includes('A1'), told);
    assert.ok(told.includes('Q1') && told.includes('A2') && told.includes('A3'), told);
  });

  test('another’s is 403, one that is not there, or was deleted, 404', async () => {
    const conversation = await mina.begin();
    const { sent } = await exchange(conversation);
    for (const id of [sent.message_id, sent.reply?.message_id ?? 0]) {
      assert.equal((await remove(other, id)).status, 403);
      assert.equal((await remove(mina, id, { authorization: '' })).status, 401);
      assert.equal((await remove(mina, id)).status, 200);
      assert.equal((await remove(mina, id)).status, 404);
      assert.equal((await remove(other, id)).status, 404);
    }
    assert.equal((await remove(mina, 999_999)).status, 404);
    const { status, body } = await mina.call('DELETE', '/messages/abc');
    assert.deepEqual([status, body.code], [400, 400]);
    assert.equal((await mina.history(conversation)).pagination.total, 0);
  });

  test('under one key deletes once, and is answered alike', async () => {
    const conversation = await mina.begin();
    const { sent } = await exchange(conversation);
    const key = { 'idempotency-key': `remove-${sent.message_id}` };
    const first = await remove(mina, sent.message_id, key);
    const again = await remove(mina, sent.message_id, key);
    assert.deepEqual([again.status, again.body], [200, first.body]);
  });

  test('that is being answered stops the reply', async () => {
    const conversation = await mina.begin();
    const { message_id } = await mina.send(conversation, 'Long?');
    const call = await vendor.next();
    await remove(mina, message_id);
    await call.closed;
    const { messages, pending } = await mina.history(conversation);
    assert.deepEqual(pending, []);
    assert.ok(messages.every((message) => message.message_id !== message_id));
  });

  test('that is a reply on its way stops it, and who waits is told', async () => {
    const conversation = await mina.begin();
    const waiting = mina.call<SentBody>('POST', `${pathOf(conversation)}?wait=true`, {
      content: contentOf('Long?'),
    });
    const call = await vendor.next();
    const [id] = (await mina.history(conversation)).pending;
    assert.equal((await remove(mina, id ?? 0)).status, 200);
    await call.closed;
    const { status, body } = await waiting;
    assert.deepEqual([status, body.data.reply?.state], [200, 'cancelled']);
    const { messages } = await mina.history(conversation);
    assert.deepEqual(messages.map(said), ['Long?']);
  });
});

function callerOf({ id }: Studio) {
  return { kind: 'user', ip: '', userId: id, loginId: 0, contract: '', role: 'user' } as const;
}
