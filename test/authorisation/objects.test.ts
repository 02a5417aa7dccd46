import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { password } from '../support/accounts.ts';
import type { CallerName } from '../support/callers.ts';
import { callerNames } from '../support/callers.ts';
import type { Entry, NamedObject, ObjectCase, Sent, Target } from './entry.ts';
import { isKept } from './kept.ts';
import { knock, type Answer } from './knock.ts';
import { matrix } from './matrix.ts';
import { makeWorld, wordsOf, type World } from './world.ts';

/** Those among the callers who are let in, and whether they see what is everybody's. */
const people = { user: false, anotherUser: false, agent: true, administrator: true } as const;
const names = Object.keys(people) as (keyof typeof people)[];

describe('own, others’ and missing objects', () => {
  let world: World;
  let unchanged: string;
  before(async () => {
    world = await makeWorld();
    unchanged = await world.victim.look();
    assert.match(unchanged, /quincunx so far/u);
  });
  after(() => world.close());

  const come = (door: string, entry: Entry, name: CallerName, sent: Sent): Promise<Answer> =>
    knock(world.parley, door, sent, { ...world.callers[entry.issuer ?? 'assistant'][name], ...sent.headers });
  const assertUnchanged = async (who: string) => {
    assert.equal(await world.victim.look(), unchanged, `${who} changed what is another's`);
  };

  for (const [door, entry] of Object.entries(matrix)) {
    if (entry.objects === 'none') continue;
    for (const object of entry.objects) {
      test(titleOf(door, object), async () => {
        switch (object.kind) {
          case 'list':
            return testList(door, entry, object.at);
          case 'everybody’s list':
            return testListOfEverybodys(door, entry, object);
          case 'figures':
            return testFigures(door, entry, object.at);
          case 'own figures':
            return testFigures(door, entry, object.at, false);
          case 'current chat':
            return testCurrentChat(door, entry, object);
          default:
            for (const name of callerNames) await testNamed(door, entry, object, name);
            if (object.repeatable === true) await testKeyOfAnother(door, entry, object);
        }
      });
    }
  }

  async function testNamed(door: string, entry: Entry, object: NamedObject, name: CallerName): Promise<void> {
    const own = await world.own(object.kind, name);
    const others = await world.others(object.kind, object.changes);
    const answer = async (target: Target) => {
      const { status, text } = await come(door, entry, name, object.send(target, own));
      return { status, text, told: withoutNames(text, target) };
    };
    const toOthers = await answer(others);
    assert.equal(toOthers.status, object.others[name], `${name}, another’s: ${toOthers.text}`);
    for (const missing of await world.missing(object.kind)) {
      const toMissing = await answer(missing);
      assert.equal(toMissing.status, object.missing[name], `${name}, a missing one: ${toMissing.text}`);
      if (object.others[name] !== object.missing[name]) continue;
      assert.equal(toOthers.told, toMissing.told, `${name} learns whether it is there`);
      assert.ok(!toOthers.text.includes(world.victim.word), `${name} reads what is another's`);
    }
    await assertUnchanged(name);
    if (isKept(object.kind)) return;
    const count = async () => own.conversationId && (await world.messagesIn(own.conversationId));
    const messages = await count();
    const toOwn = await answer(own);
    assert.equal(toOwn.status, object.own[name], `${name}, one’s own: ${toOwn.text}`);
    if (toOwn.status < 400 || toOwn.status === 101) return;
    assert.ok(!toOwn.text.includes('the own words'), `${name} reads what is refused`);
    assert.equal(await count(), messages, `${name} changed it nevertheless`);
  }

  async function testKeyOfAnother(door: string, entry: Entry, object: NamedObject): Promise<void> {
    const key = { 'idempotency-key': `key-of-the-victim-${door.replaceAll(/\W/gu, '')}` };
    world.secrets.add('an idempotency key', key['idempotency-key']);
    const spare = await world.others(object.kind, true);
    const first = object.send(spare, spare);
    const given = await knock(world.parley, door, { ...first, headers: key }, world.victim.headers);
    assert.equal(given.status, object.own.user, given.text);
    for (const name of names) {
      const own = await world.own(object.kind, name);
      const { status, headers, text } = await come(door, entry, name, {
        ...object.send(own, own),
        headers: key,
      });
      assert.equal(status, object.own[name], `${name} under another’s key: ${text}`);
      assert.equal(headers.get('idempotent-replayed'), null, name);
      assert.ok(!text.includes(world.victim.word), `${name} reads what is another's`);
    }
  }

  async function testList(door: string, entry: Entry, at: string): Promise<void> {
    for (const name of callerNames) {
      await world.own('session', name);
      const { status, text } = await come(door, entry, name, { at });
      assert.equal(status, entry.closed[name], name);
      assert.equal(text.includes(wordsOf(name)), status === 200, `${name} reads what is one’s own`);
      assert.ok(!text.includes(world.victim.word), `${name} reads what is another's`);
      for (const other of names.filter((each) => each !== name)) {
        assert.ok(!text.includes(wordsOf(other)), `${name} reads what is ${other}’s`);
      }
    }
  }

  async function testListOfEverybodys(
    door: string,
    entry: Entry,
    { at, shows }: Extract<ObjectCase, { kind: 'everybody’s list' }>,
  ): Promise<void> {
    const { id } = await world.others('session key', true);
    const shown = { id: String(id), word: world.victim.word, owner: 'victim@example.com' }[shows];
    for (const name of callerNames) {
      const { status, text } = await come(door, entry, name, { at });
      assert.equal(status, entry.closed[name], name);
      assert.equal(text.includes(shown), status === 200, `${name}: ${text}`);
    }
  }

  async function testFigures(door: string, entry: Entry, at: string, forStaff = true): Promise<void> {
    for (const name of callerNames) {
      const first = await come(door, entry, name, { at });
      assert.equal(first.status, entry.closed[name], name);
      await world.victim.exchange();
      const second = await come(door, entry, name, { at });
      const isStaff = name in people && people[name as keyof typeof people];
      assert.equal(
        second.text !== first.text,
        forStaff && isStaff,
        `${name}: ${first.text} → ${second.text}`,
      );
    }
  }

  async function testCurrentChat(
    door: string,
    entry: Entry,
    { at, body, none }: Extract<ObjectCase, { kind: 'current chat' }>,
  ): Promise<void> {
    const sent = { at, ...(body !== undefined && { body }) };
    for (const name of callerNames) {
      await world.forgetChats(name);
      const withNone = await come(door, entry, name, sent);
      assert.equal(withNone.status, none[name], `${name}, who has none: ${withNone.text}`);
      const own = await world.beginChat(name);
      const messages = await world.messagesIn(Number(own.id));
      const withOwn = await come(door, entry, name, sent);
      assert.equal(withOwn.status, entry.closed[name], `${name}: ${withOwn.text}`);
      if (withOwn.status !== 200) {
        assert.equal(await world.messagesIn(Number(own.id)), messages, `${name} changed it nevertheless`);
      }
      for (const { text } of [withNone, withOwn]) {
        assert.ok(!text.includes(world.victim.word), `${name} reads what is another's`);
      }
      await assertUnchanged(name);
    }
  }

  test('nothing that was shown or said is in the log', async () => {
    const { parley, callers, secrets } = world;
    const token = callers.assistant.user['authorization']?.slice('Bearer '.length) ?? '';
    const { id } = await world.own('guest session', 'user');
    const said = (name: string) => `${wordsOf('user')} ${name}`;
    const failing: [string, Sent][] = [
      ['POST', { at: '/api/v1/chat', body: { message: [said('list')] } }],
      ['POST', { at: '/api/v1/chat', body: { message: said('model'), model: said('model') } }],
      ['POST', { at: `/api/v1/chat?token=${token}`, body: { message: '', session_id: said('id') } }],
      ['PATCH', { at: `/api/v1/chat/sessions/${encodeURIComponent(said('id'))}`, body: { title: 1 } }],
      ['GET', { at: `/api/v1/chat/sessions/sess_${token}/messages` }],
      ['GET', { at: `/api/v1/nowhere/${token}?q=${encodeURIComponent(said('query'))}` }],
      ['GET', { at: `/%zz/${token}` }],
      ['GET', { at: `/api/v1/chat/sessions/${id}/messages?limit=${encodeURIComponent(said('limit'))}` }],
      ['POST', { at: `/api/v1/chat/sessions/${id}/rating`, body: { score: said('score') } }],
      ['POST', { at: `/api/v1/chat/sessions/${id}/switch-agent`, body: { agent_type: said('type') } }],
      ['POST', { at: '/api/v1/chat/messages', body: { session_id: id, content: [said('list')] } }],
      ['POST', { at: '/api/v1/chat/messages', body: { session_id: said('session'), content: said('text') } }],
      ['POST', { at: '/api/v1/auth/login', body: { email: said('email'), password } }],
      ['GET', { at: `/api/v1/admin/search?q=${encodeURIComponent(said('search'))}` }],
      ...failingInStudio(token, said, (await world.own('session', 'user')).id),
    ];
    for (const [door, sent] of failing) {
      const { status } = await knock(parley, door, sent, callers.assistant.user);
      assert.ok(status >= 400, `${door} ${sent.at}`);
    }
    const asked = knock(
      parley,
      'POST',
      { at: '/api/v1/chat', body: { message: said('vendor'), model: 'gpt-4o-mini' } },
      callers.assistant.user,
    );
    (await world.vendor.next()).refuse(400, 'Not that.');
    assert.equal((await asked).status, 200, 'another model answers');
    const relayed = knock(
      parley,
      'POST',
      {
        at: '/api/bailian/chat/completions',
        body: { model: 'gpt-4o-mini', messages: [{ role: 'user', content: said('relay') }] },
      },
      callers.studio.user,
    );
    (await world.vendor.next()).refuse(400, `Not “${said('relay')}”.`);
    const refused = await relayed;
    assert.deepEqual([refused.status, refused.text.includes(said('relay'))], [400, true]);
    const broken = await fetch(`${parley.url}/api/v1/chat`, {
      method: 'POST',
      headers: { ...callers.assistant.user, 'content-type': 'application/json' },
      body: `{"message": "${said('broken')}`,
    });
    assert.equal(broken.status, 400);
    secrets.assertNoneIn(parley.log());
  });
});

/** Requests to studio's addresses that are refused, with what nobody but the asker may read. */
function failingInStudio(
  token: string,
  said: (name: string) => string,
  conversation: number | string,
): [string, Sent][] {
  const messages = `/api/conversations/${conversation}/messages`;
  const link = (url: string) => ({ type: 'image_url', image_url: { url } });
  const address = encodeURIComponent(said('address'));
  return [
    ['POST', { at: '/api/auth/register', body: { username: said('name'), email: said('email'), password } }],
    ['POST', { at: '/api/auth/login', body: { username: said('name'), password } }],
    ['POST', { at: '/api/auth/login', body: { username: 'user', password: said('password') } }],
    ['POST', { at: '/api/auth/refresh', body: { refresh_token: said('refresh token') } }],
    ['POST', { at: '/api/auth/refresh', body: { refresh_token: token } }],
    ['POST', { at: '/api/conversations', body: { model_name: said('model') } }],
    ['PUT', { at: `/api/conversations/${conversation}`, body: { title: said('title').repeat(20) } }],
    ['GET', { at: `/api/conversations/${address}` }],
    ['POST', { at: messages, body: { content: said('text') } }],
    ['POST', { at: messages, body: { content: [link(`http://example.com/${address}`)] } }],
    ['POST', { at: messages, body: { content: [link(`data:image/png;base64,${said('image')}`)] } }],
    [
      'POST',
      { at: `${messages}?wait=${address}`, body: { content: [{ type: 'text', text: said('text') }] } },
    ],
    ['POST', { at: `${messages}/stream?last_event_id=${address}` }],
    ['DELETE', { at: `/api/messages/${address}` }],
    [
      'POST',
      {
        at: '/api/bailian/chat/completions',
        body: { model: said('model'), messages: [{ role: 'user', content: said('text') }], n: said('count') },
      },
    ],
    ['GET', { at: `/api/history/api-calls?start_date=${address}` }],
    ['GET', { at: `/api/nowhere/${token}?q=${address}` }],
    ['GET', { at: `/api/%zz/${token}` }],
  ];
}

function titleOf(door: string, object: ObjectCase): string {
  return `${door}: the ${object.kind}${'where' in object ? ` ${object.where}` : ''}`;
}

/** What is left of an answer without what the asker said, and without times and numbers of requests. */
function withoutNames(text: string, { id, turnId }: Target): string {
  return text
    .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/gu, '<time>')
    .replaceAll(/req_[\w-]+/gu, '<request>')
    .replaceAll(/"tokens":\d+/gu, '"tokens":<count>')
    .replaceAll(new RegExp(String.raw`(?<!\w)(?:${id}|${turnId})(?!\w)`, 'gu'), '<name>');
}
