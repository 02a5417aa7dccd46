import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { ModelEntry } from '../completions/catalogue.ts';
import { plainText } from '../completions/media.ts';
import type { ContentPart } from '../completions/messages.ts';
import type { Question } from './turn.ts';
import { createTurnsBench, mina, question, type TurnsBench } from './turns.fixture.ts';

const never = new AbortController().signal;
const png = 'data:image/png;base64,iVBORw0KGgo=';
const cat = 'https://example.com/cat.png';
const text = (content: string): ContentPart => ({ type: 'text', text: content });
const image = (url: string): ContentPart => ({ type: 'image', url });
const video: ContentPart = { type: 'video', url: 'https://example.com/cat.mp4' };

const models: ModelEntry[] = [
  { id: 'sees', provider: 'acme', capabilities: ['chat', 'vision'], media: { maxImages: 2 } },
  { id: 'blind', provider: 'acme' },
];

async function createTested(t: TestContext) {
  const tested = await createTurnsBench(t, {}, { models });
  let conversationId = 0;
  let reads: number[][] = [];
  const { mediaOf } = tested.storage.messages;
  tested.storage.messages.mediaOf = (ids) => {
    reads.push([...ids]);
    return mediaOf(ids);
  };
  return {
    ...tested,
    /** Asks in one conversation; resolves to what the model is shown. */
    async ask(parts: ContentPart[], model = 'sees', changes: Partial<Question> = {}) {
      const place = conversationId === 0 ? ({ kind: 'new' } as const) : existing(conversationId);
      reads = [];
      const asked = await tested.turns.ask(
        mina,
        question(plainText(parts), { place, parts, model, ...changes }),
      );
      conversationId = asked.conversationId;
      const speaker = await tested.speakers.next();
      const shown = structuredClone(speaker.request.messages.map(({ content }) => content));
      speaker.say('Well.');
      speaker.finish();
      await tested.turns.result(mina, asked.turnId, never);
      return shown;
    },
    reads: () => reads,
    count: async () =>
      (await tested.conversations.messages(mina, conversationId, { skip: 0, limit: 50 })).length,
  };
}

const existing = (id: number) => ({ kind: 'existing', id }) as const;

describe('a question with images', () => {
  it('is shown to the model as it was asked, and later ones with it', async (t) => {
    const { ask, reads } = await createTested(t);
    const parts = [text('What is this?'), image(png)];
    assert.deepEqual(await ask(parts), [parts]);
    assert.deepEqual(await ask([text('And this?'), image(cat)]), [
      parts,
      'Well.',
      [text('And this?'), image(cat)],
    ]);
    assert.equal(reads().length, 1);
  });

  it('reads no image that the model is not shown, and names it', async (t) => {
    const { ask, reads } = await createTested(t);
    await ask([image(png), text('First')]);
    await ask([image(png), text('Second')]);
    const third = [image(cat), text('Third')];
    const shown = await ask(third);
    assert.deepEqual(shown, ['[image]\nFirst', 'Well.', [image(png), text('Second')], 'Well.', third]);
    assert.deepEqual(reads().flat().length, 1);

    const words = await ask([text('And now?')], 'blind');
    assert.deepEqual(words, [
      '[image]\nFirst',
      'Well.',
      '[image]\nSecond',
      'Well.',
      `[image: ${cat}]\nThird`,
      'Well.',
      'And now?',
    ]);
    assert.deepEqual(reads(), []);
  });

  it('is not kept in memory once the model has begun to answer', async (t) => {
    const { turns, speakers } = await createTested(t);
    const parts = [text('What is this?'), image(png), image(cat)];
    const { turnId } = await turns.ask(mina, question(plainText(parts), { parts, model: 'sees' }));
    assert.ok(turnId !== null);
    const speaker = await speakers.next();
    const { messages } = speaker.request;
    assert.deepEqual(messages, [{ role: 'user', content: parts }]);
    speaker.say('Well');
    for await (const group of turns.follow(mina, turnId, 0, never)) {
      if (group.some(({ type }) => type === 'delta')) break;
    }
    const held = [text('What is this?'), image('data:,'), image(cat)];
    assert.deepEqual(messages, [{ role: 'user', content: held }]);
    turns.interruptAll();
    const { exchangeTokens } = await turns.result(mina, turnId, never);
    assert.ok((exchangeTokens ?? 0) > 2_000, 'what images cost is still estimated');
  });

  it('is refused before anything is stored where the model cannot take it', async (t) => {
    const { ask, turns, count } = await createTested(t);
    await ask([text('Hello')]);
    const refuse = async (parts: ContentPart[], model: string, field: string, kind: string) => {
      await assert.rejects(
        ask(parts, model),
        (thrown: { code: string; field: string; issue: { kind: string } }) => {
          assert.deepEqual([thrown.code, thrown.field, thrown.issue.kind], ['invalid_request', field, kind]);
          return true;
        },
      );
      await assert.rejects(turns.ask(mina, question('a', { parts, model })), { field });
    };
    await refuse([text('a'), image(cat)], 'blind', 'content.1', 'no_capability');
    await refuse([image(cat), video], 'sees', 'content.1', 'no_capability');
    await refuse([image(cat), image(cat), text('a'), image(png)], 'sees', 'content.3', 'media_count');
    assert.equal(await count(), 2);
  });
});

describe('an image that was removed while its answer waited', () => {
  it('is named', async (t) => {
    const tested: TurnsBench = await createTurnsBench(t, {}, { models });
    tested.storage.messages.mediaOf = () => Promise.resolve(new Map());
    const parts = [text('What is this?'), image(png)];
    await tested.turns.ask(mina, question(plainText(parts), { parts, model: 'sees' }));
    const speaker = await tested.speakers.next();
    assert.deepEqual(speaker.request.messages, [
      { role: 'user', content: [text('What is this?'), text('[image]')] },
    ]);
    speaker.finish();
  });
});
