import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StorageError } from '../../storage/storage-error.ts';
import { ParleyError } from '../errors.ts';
import { failureOf, type TurnEvent } from './turn.ts';
import { createTurnsBench, mina, otto, question, textOf, type TurnsBench } from './turns.fixture.ts';

const never = new AbortController().signal;
const page = { skip: 0, limit: 100 };

/** Follows a turn, and tells what it has seen. */
function follower({ turns }: Pick<TurnsBench, 'turns'>, turnId: number, start = 0, signal = never) {
  const seen: TurnEvent[] = [];
  const waiting: { length: number; resolve: () => void }[] = [];
  const check = () => {
    for (const { length, resolve } of waiting) if (textOf(seen, start).length >= length) resolve();
  };
  const done = (async () => {
    for await (const group of turns.follow(mina, turnId, start, signal)) {
      assert.ok(group.length > 0, 'no group is empty');
      seen.push(...group);
      check();
    }
  })();
  done.catch(() => {});
  return {
    seen,
    done,
    text: () => textOf(seen, start),
    /** Resolves once so much text has come. */
    has: (length: number) =>
      new Promise<void>((resolve) => {
        waiting.push({ length, resolve });
        check();
      }),
  };
}

async function asked(tested: TurnsBench, text: string, changes: Parameters<typeof question>[1] = {}) {
  const ids = await tested.turns.ask(mina, question(text, changes));
  return { ...ids, speaker: await tested.speakers.next() };
}

const states = async ({ conversations }: TurnsBench, id: number) =>
  (await conversations.messages(mina, id, page)).map(({ role, state, content }) => [role, state, content]);

describe('a question', () => {
  it('is stored before the model is asked, and its answer when it ends', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, questionId, turnId, repeated, speaker } = await asked(tested, 'What is a turn?');
    assert.equal(repeated, false);
    assert.deepEqual(speaker.request.messages, [{ role: 'user', content: 'What is a turn?' }]);
    assert.deepEqual(await states(tested, conversationId), [
      ['user', 'sent', 'What is a turn?'],
      ['assistant', 'running', ''],
    ]);
    speaker.say('An answer ', 'on its way.');
    speaker.finish();
    const answer = await tested.turns.result(mina, turnId, never);
    assert.equal(failureOf(answer), undefined);
    assert.deepEqual(
      [answer.id, answer.questionId, answer.state, answer.content, answer.model, answer.finishReason],
      [turnId, questionId, 'completed', 'An answer on its way.', 'fast', 'stop'],
    );
    assert.deepEqual([answer.tokens, answer.exchangeTokens, answer.estimated], [3, 15, false]);
    const conversation = await tested.conversations.get(mina, conversationId);
    assert.deepEqual(
      [conversation.title, conversation.messageCount, conversation.channel, conversation.userId],
      ['What is a turn?', 2, 'assistant', 7],
    );
  });

  it('is asked with what was said before, and with the system prompt that the conversation has by then', async (t) => {
    const tested = await createTurnsBench(t);
    const first = await asked(tested, 'One', { systemPrompt: 'Be brief.' });
    first.speaker.say('1');
    first.speaker.finish();
    await tested.turns.result(mina, first.turnId, never);
    const place = { kind: 'existing', id: first.conversationId } as const;
    const second = await asked(tested, 'Two', { place, temperature: 0.5, maxTokens: 9 });
    assert.deepEqual(second.speaker.request, {
      model: 'fast',
      temperature: 0.5,
      maxTokens: 9,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'One' },
        { role: 'assistant', content: '1' },
        { role: 'user', content: 'Two' },
      ],
    });
  });

  it('in somebody else’s or no conversation is refused, with nothing stored and no model asked', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId } = await asked(tested, 'Mine');
    for (const id of [conversationId, 999]) {
      const place = { kind: 'existing', id } as const;
      await assert.rejects(tested.turns.ask(otto, question('Yours?', { place })), { code: 'not_found' });
    }
    assert.equal(tested.speakers.count(), 1);
    assert.equal((await tested.conversations.messages(mina, conversationId, page)).length, 2);
    await tested.turns.stopAll(conversationId);
  });

  it('that no model could read, or for a model that is not there, is refused before it is stored', async (t) => {
    const tested = await createTurnsBench(
      t,
      {},
      { models: [{ id: 'fast', provider: 'acme', contextLength: 100 }] },
    );
    const long = question('word '.repeat(200));
    await assert.rejects(tested.turns.ask(mina, long), { code: 'invalid_request', field: 'message' });
    await assert.rejects(tested.turns.ask(mina, question('Hi', { model: 'none' })), {
      code: 'model_not_found',
    });
    assert.deepEqual(await tested.conversations.list(mina, page), []);
  });

  it('beyond the quota of conversations is refused, in an existing one not', async (t) => {
    const tested = await createTurnsBench(t, { conversationsPerUser: 1 });
    const { conversationId } = await asked(tested, 'One');
    await assert.rejects(tested.turns.ask(mina, question('Two')), { code: 'quota_exceeded' });
    await tested.turns.ask(mina, question('Two', { place: { kind: 'existing', id: conversationId } }));
    await tested.turns.ask(otto, question('Mine'));
    for (const id of [conversationId, conversationId + 2]) await tested.turns.stopAll(id);
  });

  it('is refused under load, with a time to come back, and taken again afterwards', async (t) => {
    const tested = await createTurnsBench(t, { atOnce: 1 });
    const first = await asked(tested, 'One');
    await assert.rejects(tested.turns.ask(otto, question('Two')), {
      code: 'overloaded',
      retryAfterMs: 1_000,
    });
    first.speaker.finish();
    await tested.turns.idle();
    await tested.turns.ask(otto, question('Two'));
    tested.turns.drain();
    await assert.rejects(tested.turns.ask(mina, question('Three')), {
      code: 'overloaded',
      retryAfterMs: 2_000,
    });
    tested.turns.interruptAll();
    await tested.turns.idle();
  });

  it('goes into the current conversation until that is idle for too long; two at once begin one', async (t) => {
    const tested = await createTurnsBench(t);
    const place = { kind: 'current' } as const;
    const both = await Promise.all([
      tested.turns.ask(mina, question('One', { place })),
      tested.turns.ask(mina, question('Two', { place })),
    ]);
    assert.equal(both[0]?.conversationId, both[1]?.conversationId);
    for (let call = 0; call < 2; call++) (await tested.speakers.next()).finish();
    await tested.turns.idle();
    const { runtime } = tested.bench;
    runtime.time += 60_000;
    const third = await asked(tested, 'Three', { place });
    assert.equal(third.conversationId, both[0]?.conversationId);
    third.speaker.finish();
    await tested.turns.idle();
    runtime.time += 60_001;
    const fourth = await asked(tested, 'Four', { place });
    assert.notEqual(fourth.conversationId, third.conversationId);
    const other = await asked(tested, 'Elsewhere', { place, contract: 'companion' });
    assert.notEqual(other.conversationId, fourth.conversationId, 'each contract has its own current one');
    tested.turns.interruptAll();
    await tested.turns.idle();
  });
});

describe('the turns of one conversation', () => {
  it('run one after the other, each with the answers before it', async (t) => {
    const tested = await createTurnsBench(t);
    const first = await asked(tested, 'One');
    const place = { kind: 'existing', id: first.conversationId } as const;
    const second = await tested.turns.ask(mina, question('Two', { place }));
    assert.deepEqual(await tested.turns.activeIn(first.conversationId), [first.turnId, second.turnId]);
    assert.equal((await states(tested, first.conversationId))[3]?.[1], 'queued');
    assert.equal(tested.speakers.count(), 1);
    first.speaker.say('1');
    first.speaker.finish();
    const speaker = await tested.speakers.next();
    assert.deepEqual(
      speaker.request.messages.map(({ content }) => content),
      ['One', '1', 'Two'],
    );
    assert.equal((await states(tested, first.conversationId))[3]?.[1], 'running');
    speaker.finish();
    await tested.turns.idle();
  });

  it('wait in a line that is not endless', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId } = await asked(tested, 'One');
    const place = { kind: 'existing', id: conversationId } as const;
    for (let n = 0; n < 20; n++) await tested.turns.ask(mina, question('Next', { place }));
    await assert.rejects(tested.turns.ask(mina, question('Last', { place })), { code: 'overloaded' });
    await tested.turns.stop(mina, conversationId);
    assert.equal(tested.speakers.count(), 1, 'what was stopped in the line asked no model');
    assert.equal((await tested.bench.calls()).length, 1);
  });
});

describe('a repeat under the same key', () => {
  const idempotency = { key: 'k1', fingerprint: 'f1' };

  it('attaches to the running turn, and later finds its answer', async (t) => {
    const tested = await createTurnsBench(t);
    const ask = () => tested.turns.ask(mina, question('Once', { idempotency }));
    const answers = await Promise.all([ask(), ask(), ask()]);
    assert.equal(new Set(answers.map((answer) => answer.turnId)).size, 1);
    assert.equal(answers.filter(({ repeated }) => repeated).length, 2);
    const [{ turnId }] = answers;
    const results = answers.map(() => tested.turns.result(mina, turnId, never));
    const speaker = await tested.speakers.next();
    speaker.say('Once.');
    speaker.finish();
    for (const answer of await Promise.all(results)) assert.equal(answer.content, 'Once.');
    assert.equal((await ask()).turnId, turnId);
    assert.equal((await tested.turns.result(mina, turnId, never)).content, 'Once.');
    assert.equal(tested.speakers.count(), 1);
    assert.equal((await tested.bench.calls()).length, 1);
    assert.equal((await tested.conversations.list(mina, page)).length, 1);
    const another = await tested.turns.ask(mina, question('Another'));
    await ask();
    const last = await tested.turns.ask(mina, question('The last'));
    assert.equal(last.conversationId, another.conversationId + 1, 'a repeat uses up no ids');
    for (const { conversationId } of [another, last]) await tested.turns.stopAll(conversationId);
  });

  it('of another question is refused; of another user it is another key', async (t) => {
    const tested = await createTurnsBench(t);
    const first = await asked(tested, 'Once', { idempotency });
    const other = { key: 'k1', fingerprint: 'f2' };
    await assert.rejects(tested.turns.ask(mina, question('Twice', { idempotency: other })), {
      code: 'invalid_request',
      field: 'Idempotency-Key',
    });
    const { turnId } = await tested.turns.ask(otto, question('Once', { idempotency }));
    assert.notEqual(turnId, first.turnId);
    tested.turns.interruptAll();
    await tested.turns.idle();
  });

  it('is recognised by another process, too', async (t) => {
    const tested = await createTurnsBench(t);
    const { turnId, speaker } = await asked(tested, 'Once', { idempotency });
    speaker.finish();
    await tested.turns.result(mina, turnId, never);
    const another = tested.another();
    assert.deepEqual(
      [(await another.ask(mina, question('Once', { idempotency }))).turnId, tested.speakers.count()],
      [turnId, 1],
    );
    assert.equal((await another.result(mina, turnId, never)).state, 'completed');
  });
});

describe('following', () => {
  it('tells everybody the same text, whenever they come, and nobody before it is logged', async (t) => {
    const tested = await createTurnsBench(t);
    const logged: string[] = [];
    const { append } = tested.storage.turns;
    const turns = tested.another({
      rows: {
        ...tested.storage.turns,
        async append(id, start, delta) {
          const stored = await append(id, start, delta);
          logged.push(delta);
          return stored;
        },
      },
    });
    const { turnId } = await turns.ask(mina, question('Tell me'));
    const speaker = await tested.speakers.next();
    const first = follower({ turns }, turnId);
    speaker.say('One ', 'two ');
    await first.has(8);
    assert.equal(logged.join(''), 'One two ');
    assert.equal(await tested.storage.turns.textOf(turnId), 'One two ');
    const late = follower({ turns }, turnId);
    const resumed = follower({ turns }, turnId, 4);
    await Promise.all([late.has(8), resumed.has(4)]);
    assert.deepEqual([late.text(), resumed.text()], ['One two ', 'two ']);
    speaker.say('three');
    speaker.finish();
    await Promise.all([first.done, late.done, resumed.done]);
    const afterwards = follower({ turns }, turnId, 9);
    await afterwards.done;
    assert.deepEqual(
      [first, late, resumed, afterwards].map((one) => one.text()),
      ['One two three', 'One two three', 'two three', 'hree'],
    );
    for (const { seen } of [first, late, resumed, afterwards]) {
      assert.deepEqual(seen.map(({ type }) => type === 'end').lastIndexOf(true), seen.length - 1);
    }
    assert.equal(await tested.storage.turns.textOf(turnId), '', 'the log is gone with the turn');
  });

  it('keeps characters whole that the vendor cut in two', async (t) => {
    const tested = await createTurnsBench(t);
    const { turnId, speaker } = await asked(tested, 'Smile');
    const watching = follower(tested, turnId);
    const [high = '', low = ''] = '😀'.split('');
    speaker.say(`a${high}`);
    await watching.has(1);
    assert.equal(watching.text(), 'a');
    speaker.say(low);
    await watching.has(3);
    assert.equal(await tested.storage.turns.textOf(turnId), 'a😀');
    speaker.say(high);
    speaker.finish();
    await watching.done;
    assert.equal(watching.text(), 'a😀\ufffd');
  });

  it('is for the owner, and not beyond what was said', async (t) => {
    const tested = await createTurnsBench(t);
    const { turnId, speaker } = await asked(tested, 'Mine');
    const first = (caller: typeof mina, start: number, id = turnId) =>
      tested.turns.follow(caller, id, start, never).next();
    await assert.rejects(first(otto, 0), { code: 'not_found' });
    await assert.rejects(first(mina, 0, 999), { code: 'not_found' });
    await assert.rejects(first(mina, 1), { code: 'invalid_request' });
    await assert.rejects(tested.turns.result(otto, turnId, never), { code: 'not_found' });
    speaker.say('abc');
    speaker.finish();
    await tested.turns.idle();
    await assert.rejects(first(otto, 0), { code: 'not_found' });
    await assert.rejects(first(mina, 4), { code: 'invalid_request' });
    assert.equal((await first(mina, 3)).value?.length, 1, 'only the end is left');
  });

  it('ends with its follower; the turn goes on', async (t) => {
    const tested = await createTurnsBench(t);
    const { turnId, speaker } = await asked(tested, 'Go on');
    const leaving = new AbortController();
    const watching = follower(tested, turnId, 0, leaving.signal);
    const waiting = tested.turns.result(mina, turnId, leaving.signal);
    speaker.say('One');
    await watching.has(3);
    leaving.abort();
    await assert.rejects(watching.done, { name: 'AbortError' });
    await assert.rejects(waiting, { code: 'cancelled' });
    speaker.say(' two');
    speaker.finish();
    assert.equal((await tested.turns.result(mina, turnId, never)).content, 'One two');
  });
});

describe('stopping', () => {
  it('ends the vendor’s work, keeps the partial text and says that the usage is estimated', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId, speaker } = await asked(tested, 'Tell me everything');
    const watching = follower(tested, turnId);
    speaker.say('To begin with');
    await watching.has(13);
    await assert.rejects(tested.turns.stop(otto, conversationId), { code: 'not_found' });
    const [answer] = await tested.turns.stop(mina, conversationId);
    assert.equal(speaker.signal.aborted, true);
    assert.deepEqual(
      [answer?.id, answer?.state, answer?.content, answer?.estimated],
      [turnId, 'cancelled', 'To begin with', true],
    );
    assert.equal(answer && failureOf(answer), undefined);
    await watching.done;
    assert.equal(watching.seen.at(-1)?.type, 'end');
    const [call] = await tested.bench.calls();
    assert.deepEqual(
      [call?.outcome, call?.estimated, call?.messageId, call?.conversationId, call?.owner],
      ['cancelled', true, turnId, conversationId, 'user:7'],
    );
    assert.deepEqual(await tested.turns.stop(mina, conversationId), [], 'nothing is left to stop');
  });

  it('in the middle of a character keeps the whole ones', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId, speaker } = await asked(tested, 'Smile');
    const watching = follower(tested, turnId);
    speaker.say('Gladly \ud83d\ude00', ' and \ud83d');
    await watching.has(14);
    const [answer] = await tested.turns.stop(mina, conversationId);
    assert.equal(answer?.content, 'Gladly \ud83d\ude00 and ');
    await watching.done;
    assert.equal(textOf(watching.seen), answer.content);
  });

  it('before anything was said leaves a failed question, which no later context holds', async (t) => {
    const tested = await createTurnsBench(t);
    const first = await asked(tested, 'Never mind');
    const [answer] = await tested.turns.stop(mina, first.conversationId);
    assert.equal(answer && failureOf(answer)?.code, 'cancelled');
    assert.deepEqual(await states(tested, first.conversationId), [
      ['user', 'failed', 'Never mind'],
      ['assistant', 'cancelled', ''],
    ]);
    const second = await asked(tested, 'Again', { place: { kind: 'existing', id: first.conversationId } });
    assert.deepEqual(
      second.speaker.request.messages.map(({ content }) => content),
      ['Again'],
    );
    second.speaker.finish();
    await tested.turns.idle();
  });

  it('does not wait for a question that could not be stored, and speaks of none that is not', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, speaker } = await asked(tested, 'The first');
    speaker.finish();
    await tested.turns.idle();
    const begun = Promise.withResolvers<void>();
    const stored = Promise.withResolvers<'running'>();
    const begin = () => {
      begun.resolve();
      return stored.promise;
    };
    const unlucky = tested.another({ rows: { ...tested.storage.turns, begin } });
    const place = { kind: 'existing', id: conversationId } as const;
    const asking = unlucky.ask(mina, question('The second', { place }));
    await begun.promise;
    assert.deepEqual(await unlucky.activeIn(conversationId), []);
    const stopping = unlucky.stopAll(conversationId);
    stored.reject(new Error('the disk is full'));
    await assert.rejects(asking, /the disk is full/u);
    assert.deepEqual(await stopping, []);
  });

  it('comes with the removal of a conversation', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId, speaker } = await asked(tested, 'Soon gone');
    await tested.conversations.remove(mina, conversationId);
    assert.equal(speaker.signal.aborted, true);
    await assert.rejects(tested.turns.result(mina, turnId, never), { code: 'not_found' });
    assert.equal((await tested.bench.calls()).length, 1, 'the call stays in the books');
  });
});

describe('a conversation that goes while its answer ends', () => {
  it('takes the answer with it, not the record of the call, and is no fault to be logged', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversations, turns: rows } = tested.storage;
    const turns = tested.another({
      rows: {
        ...rows,
        async end(what) {
          await conversations.remove({ id: what.conversationId, userId: mina.userId, at: what.at });
          return rows.end(what);
        },
      },
    });
    const { turnId } = await turns.ask(mina, question('Soon gone'));
    const speaker = await tested.speakers.next();
    speaker.say('Said and');
    speaker.finish();
    await assert.rejects(turns.result(mina, turnId, never), { code: 'not_found' });
    const calls = await tested.bench.calls();
    assert.deepEqual(
      calls.map(({ outcome, messageId, completionTokens }) => [outcome, messageId, completionTokens]),
      [['success', turnId, 3]],
    );
    const [call] = calls;
    const [sums] = await tested.storage.chatTotals.talkByModel({ userId: mina.userId });
    assert.equal(sums?.tokens, (call?.promptTokens ?? 0) + 3, 'its tokens are in the figures');
    assert.deepEqual(
      tested.bench.log.lines.filter(({ level }) => level === 'error'),
      [],
    );
  });
});

describe('a failing provider', () => {
  const broken = new ParleyError('provider_failed', 'It broke.');

  it('makes a failed answer, which says why', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId, speaker } = await asked(tested, 'Try');
    speaker.fail(broken);
    const answer = await tested.turns.result(mina, turnId, never);
    const failure = failureOf(answer);
    assert.deepEqual(
      [answer.state, failure?.code, failure?.message],
      ['failed', 'provider_failed', 'It broke.'],
    );
    assert.deepEqual((await states(tested, conversationId))[0], ['user', 'failed', 'Try']);
    const [call] = await tested.bench.calls();
    assert.deepEqual([call?.outcome, call?.messageId], ['failure', turnId]);
  });

  it('in the middle keeps what it had said', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId, speaker } = await asked(tested, 'Try');
    speaker.say('Half');
    speaker.fail(broken);
    assert.equal(failureOf(await tested.turns.result(mina, turnId, never))?.code, 'provider_failed');
    assert.deepEqual(await states(tested, conversationId), [
      ['user', 'sent', 'Try'],
      ['assistant', 'failed', 'Half'],
    ]);
  });
});

describe('the end of the process', () => {
  it('interrupts what runs, and keeps what it had said', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, speaker } = await asked(tested, 'Tell me');
    speaker.say('I was ');
    tested.turns.drain();
    tested.turns.interruptAll();
    await tested.turns.idle();
    assert.equal((await states(tested, conversationId))[1]?.[1], 'interrupted');
    assert.equal(speaker.signal.aborted, true);
  });

  it('without a word: the next one closes its turns, with the text that had been seen, and puts the calls into the books', async (t) => {
    const tested = await createTurnsBench(t);
    const { conversationId, turnId, speaker } = await asked(tested, 'Tell me');
    const place = { kind: 'existing', id: conversationId } as const;
    const waiting = await tested.turns.ask(mina, question('And then?', { place }));
    const watching = follower(tested, turnId);
    speaker.say('Once upon ');
    await watching.has(10);

    const next = tested.another();
    await next.recover();
    assert.deepEqual(await states(tested, conversationId), [
      ['user', 'sent', 'Tell me'],
      ['assistant', 'interrupted', 'Once upon '],
      ['user', 'failed', 'And then?'],
      ['assistant', 'interrupted', ''],
    ]);
    assert.equal(failureOf(await next.result(mina, waiting.turnId, never))?.code, 'interrupted');
    assert.equal(failureOf(await next.result(mina, turnId, never)), undefined, 'half an answer is one');
    const calls = await tested.bench.calls();
    assert.deepEqual(
      calls.map((call) => [call.outcome, call.errorCode, call.estimated, call.messageId, call.model]),
      [['failure', 'interrupted', true, turnId, 'fast']],
      'what waited had called nobody',
    );
    assert.ok((calls[0]?.promptTokens ?? 0) > 0);

    // The old process was only slow: what it says now changes nothing.
    speaker.say('a time');
    await tested.turns.idle();
    await watching.done;
    assert.equal(watching.text(), 'Once upon ');
    assert.equal(speaker.signal.aborted, true, 'it gives up as soon as it knows');
    assert.equal(tested.speakers.count(), 1, 'and asks nobody for what had waited');
    assert.equal((await states(tested, conversationId))[1]?.[2], 'Once upon ');
    assert.equal((await tested.bench.calls()).length, 1);
    await next.recover();
    assert.equal((await tested.bench.calls()).length, 1, 'there is nothing left to recover');
  });
});

describe('a call that a crash cut off', () => {
  it('is put down to its own model, also where nobody has told of that model yet', async (t) => {
    const tested = await createTurnsBench(t);
    tested.bench.catalogue.discover('acme', ['found']);
    const turns = tested.another();
    const systemPrompt = 'Be brief. '.repeat(20);
    await turns.ask(mina, question('Tell me', { model: 'found', systemPrompt }));
    await tested.speakers.next();
    tested.bench.catalogue.discover('acme', []);
    const unknown = { ...tested.bench.completions, defaultModel: () => 'found' };
    await tested.another({ completions: unknown }).recover();
    const [call] = await tested.bench.calls();
    assert.deepEqual([call?.model, call?.provider, call?.costNano], ['found', 'acme', 0]);
  });

  it('counts the system prompt among what was asked', async (t) => {
    const tested = await createTurnsBench(t);
    const systemPrompt = 'Be brief. '.repeat(20);
    const { conversationId, speaker } = await asked(tested, 'One', { systemPrompt });
    speaker.finish();
    await tested.turns.idle();
    await tested.turns.ask(mina, question('Two', { place: { kind: 'existing', id: conversationId } }));
    await tested.speakers.next();
    await tested.another().recover();
    const call = (await tested.bench.calls()).find(({ errorCode }) => errorCode === 'interrupted');
    assert.ok((call?.promptTokens ?? 0) > 40, String(call?.promptTokens));
  });
});

describe('a store that refuses', () => {
  const unavailable = () => Promise.reject(new StorageError('unavailable', 'The disk is full'));

  it('the log ends the answer as failed', async (t) => {
    const tested = await createTurnsBench(t);
    const turns = tested.another({ rows: { ...tested.storage.turns, append: unavailable } });
    const { turnId } = await turns.ask(mina, question('Tell me'));
    const watching = follower({ turns }, turnId);
    const speaker = await tested.speakers.next();
    speaker.say('Text that nobody may see');
    await watching.done;
    const answer = await turns.result(mina, turnId, never);
    assert.equal(failureOf(answer)?.code, 'storage_failed');
    assert.equal(speaker.signal.aborted, true);
  });

  it('what was said before fails the answer for good: nobody is told to send the same once more', async (t) => {
    const tested = await createTurnsBench(t);
    const turns = tested.another({ messages: { ...tested.storage.messages, contextBefore: unavailable } });
    const { turnId } = await turns.ask(mina, question('Tell me'));
    const failure = failureOf(await turns.result(mina, turnId, never));
    assert.equal(failure?.code, 'storage_failed');
    assert.match(failure.message, /the database was away\. Ask again\.$/);
  });

  it('the end lets nobody believe in the answer, and stores it later', async (t) => {
    const tested = await createTurnsBench(t);
    let refuse = true;
    const { end } = tested.storage.turns;
    const turns = tested.another({
      rows: { ...tested.storage.turns, end: (what) => (refuse ? unavailable() : end(what)) },
    });
    const { conversationId, turnId } = await turns.ask(mina, question('Tell me'));
    const watching = follower({ turns }, turnId);
    const speaker = await tested.speakers.next();
    speaker.say('The end');
    speaker.finish();
    await assert.rejects(watching.done, { code: 'storage_unavailable', retryable: true });
    await assert.rejects(turns.result(mina, turnId, never), { code: 'storage_unavailable' });
    assert.ok(tested.bench.runtime.slept.length >= 3, 'it was tried again');
    refuse = false;
    await turns.tend();
    assert.deepEqual((await states(tested, conversationId))[1], ['assistant', 'completed', 'The end']);
    assert.equal((await tested.bench.calls()).length, 1);
  });

  it('the end of one answer keeps no other from being stored later, nor its call from the books', async (t) => {
    const tested = await createTurnsBench(t);
    const { end } = tested.storage.turns;
    const refused = new Set<number>();
    const turns = tested.another({
      rows: {
        ...tested.storage.turns,
        end: (what) => (refused.has(what.id) ? unavailable() : end(what)),
      },
    });
    const asked = [
      await turns.ask(mina, question('Refused for ever')),
      await turns.ask(mina, question('Removed meanwhile')),
    ] as const;
    for (const { turnId } of asked) {
      refused.add(turnId);
      const speaker = await tested.speakers.next();
      speaker.say('The end');
      speaker.finish();
    }
    for (const { turnId } of asked) {
      await assert.rejects(turns.result(mina, turnId, never), { code: 'storage_unavailable' });
    }
    const { conversationId: id, turnId } = asked[1];
    refused.delete(turnId);
    await tested.storage.conversations.remove({ id, userId: mina.userId, at: 0 });
    await Promise.all([turns.tend(), turns.tend()]);
    await turns.tend();
    assert.deepEqual(
      (await tested.bench.calls()).map(({ messageId }) => messageId),
      [turnId],
    );
  });

  it('the beginning of a turn that had to wait fails it, and lets the next one run', async (t) => {
    const tested = await createTurnsBench(t);
    const { start } = tested.storage.turns;
    let starts = 0;
    const turns = tested.another({
      rows: {
        ...tested.storage.turns,
        start: (...what) => (++starts === 1 ? unavailable() : start(...what)),
      },
    });
    const first = await turns.ask(mina, question('One'));
    const place = { kind: 'existing', id: first.conversationId } as const;
    const [second, third] = [
      await turns.ask(mina, question('Two', { place })),
      await turns.ask(mina, question('Three', { place })),
    ];
    (await tested.speakers.next()).finish();
    const failed = await turns.result(mina, second.turnId, never);
    assert.equal(failureOf(failed)?.code, 'storage_failed');
    (await tested.speakers.next()).finish();
    assert.equal((await turns.result(mina, third.turnId, never)).state, 'completed');
  });

  it('the question accepts nothing, and calls nobody', async (t) => {
    const tested = await createTurnsBench(t);
    const turns = tested.another({ rows: { ...tested.storage.turns, begin: unavailable } });
    await assert.rejects(turns.ask(mina, question('Tell me')), { name: 'StorageError' });
    await turns.idle();
    assert.equal(tested.speakers.count(), 0);
  });
});
