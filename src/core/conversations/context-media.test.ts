import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { MediaLimits } from '../completions/catalogue.ts';
import { tokensOfMedium } from '../completions/estimate.ts';
import { encodedBytes, plainText, textOfPart } from '../completions/media.ts';
import { assembleContext, roomForPrompt, type ContextInput, type HistoryMessage } from './context.ts';
import { withMedia, type AnyPart, type ContextMessage, type Seeing } from './context-media.ts';

const seeing = (media: MediaLimits = {}, ...more: Seeing['capabilities']): Seeing => ({
  id: 'sees',
  capabilities: ['chat', 'vision', ...more],
  media: { imageTokens: 100, videoTokens: 300, ...media },
});
const text = (content: string): AnyPart => ({ type: 'text', text: content });
const image = (name: string): AnyPart => ({ type: 'image', url: `https://example.com/${name}.png` });
const video = (name: string): AnyPart => ({ type: 'video', url: `https://example.com/${name}.mp4` });
const stored = (mediaId: number, bytes = 300): AnyPart => ({ type: 'image', mediaId, bytes });

const message = (parts: AnyPart[], tokens = 10): HistoryMessage => ({
  role: 'user',
  state: 'sent',
  content: plainText(parts),
  tokens,
  parts,
});
const input = (changes: Partial<ContextInput>): ContextInput => ({
  systemPrompt: null,
  history: [],
  question: { content: 'And now?', tokens: 6, parts: null },
  contextLength: 10_000,
  maxOutput: 100,
  ...changes,
});
const contentsOf = (changes: Partial<ContextInput>) =>
  assembleContext(input(changes)).messages.map(({ content }) => content);
const urlsOf = (changes: Partial<ContextInput>) =>
  contentsOf(changes)
    .flatMap((content) => (typeof content === 'string' ? [] : content))
    .flatMap((part) => ('url' in part ? part.url : []));

describe('images and videos in the context of a question', () => {
  it('are shown to a model that sees them, and cost what they do', () => {
    const question = { content: '', tokens: 8, parts: [text('Which?'), image('b')] };
    const history = [message([stored(7), text('Look')])];
    const given = input({ history, question, model: seeing() });
    const { messages, promptTokens, needs } = assembleContext(given);
    assert.deepEqual(
      messages.map(({ content }) => content),
      [
        [stored(7), text('Look')],
        [text('Which?'), image('b')],
      ],
    );
    assert.equal(promptTokens, 10 + 4 + 100 + 8 + 4 + 100);
    assert.deepEqual(needs, [{ capability: 'vision', field: 'content.1' }]);
  });

  it('are named in words to a model that does not, and need nothing', () => {
    const history = [message([text('Look'), image('a'), stored(7)]), message([video('v')])];
    const blind = { id: 'blind', capabilities: ['chat' as const], media: {} };
    for (const model of [blind, undefined]) {
      const { messages, promptTokens, needs } = assembleContext(input({ history, model }));
      assert.deepEqual(
        messages.map(({ content }) => content),
        [
          '[video: https://example.com/v.mp4]',
          'Look\n[image: https://example.com/a.png]\n[image]',
          'And now?',
        ],
      );
      assert.deepEqual([promptTokens, needs], [2 * 14 + 10, []]);
    }
    assert.deepEqual(contentsOf({ history: [message([video('v'), image('a')])], model: seeing() }), [
      [text('[video: https://example.com/v.mp4]'), image('a')],
      'And now?',
    ]);
  });

  it('are the newest, as many as the model takes; the question’s own come first', () => {
    const history = [message([image('c'), image('d')]), message([image('a'), image('b')])];
    const names = (urls: string[]) => urls.map((url) => url.slice(-5, -4)).join('');
    assert.equal(names(urlsOf({ history, model: seeing({ maxImages: 3 }) })), 'bcd');
    const question = { content: '', tokens: 5, parts: [image('e'), image('f')] };
    assert.equal(names(urlsOf({ history, question, model: seeing({ maxImages: 3 }) })), 'def');
  });

  it('are the newest whose bytes fit, and one that is too large for the model stands in nobody’s way', () => {
    const history = [message([stored(3, 3000)]), message([stored(2, 90)]), message([stored(1, 30)])];
    const idsOf = (media: MediaLimits) =>
      contentsOf({ history, model: seeing(media) })
        .flatMap((content) => (typeof content === 'string' ? [] : content))
        .flatMap((part) => ('mediaId' in part ? part.mediaId : []));
    assert.deepEqual(idsOf({ maxImageBytes: 3999 }), [1, 2]);
    assert.deepEqual(idsOf({ maxImageBytes: 4000 }), [1, 2, 3]);
    assert.deepEqual(idsOf({ maxImageBytes: 3999, maxBytes: 119 }), []);
    assert.deepEqual(idsOf({ maxImageBytes: 3999, maxBytes: 159 }), [2]);
    assert.deepEqual(idsOf({ maxImageBytes: 3999, maxBytes: 160 }), [1, 2]);
  });

  it('leave room for words that are newer, come before words that are older, and are words where they do not fit', () => {
    const history = [message([text('new')]), message([image('b')]), message([image('a')])];
    const within = (room: number) =>
      contentsOf({ history, model: seeing(), contextLength: room + 1, maxTokens: 1 }).slice(0, -1);
    const all = 10 + 3 * 14 + 100;
    assert.deepEqual(within(all), ['[image: https://example.com/a.png]', [image('b')], 'new']);
    assert.deepEqual(within(all - 1), [[image('b')], 'new']);
    assert.deepEqual(within(all - 14), [[image('b')], 'new']);
    assert.deepEqual(within(all - 15), [
      '[image: https://example.com/a.png]',
      '[image: https://example.com/b.png]',
      'new',
    ]);
  });

  it('are refused in a question that the model cannot take, naming model and part', () => {
    const png = `data:image/png;base64,${'A'.repeat(400)}`;
    const refused = (parts: AnyPart[], model: Seeing | undefined) => {
      const question = { content: plainText(parts), tokens: 5, parts };
      const given = input({ question, model });
      const lenient = assembleContext({ ...given, lenient: true });
      assert.equal(lenient.messages.length, 1);
      try {
        assembleContext(given);
      } catch (thrown) {
        const { code, field, issue } = thrown as { code: string; field: string; issue: { kind: string } };
        return [code, field, issue.kind];
      }
      return [];
    };
    const bad = (at: number, kind: string) => ['invalid_request', `content.${at}`, kind];
    const [one, two] = [image('a'), [image('a'), image('b')]];
    assert.deepEqual(refused([one, video('v')], seeing()), bad(1, 'no_capability'));
    assert.deepEqual(
      refused([one], { id: 'blind', capabilities: ['chat'], media: {} }),
      bad(0, 'no_capability'),
    );
    assert.deepEqual(refused(two, seeing({ maxImages: 1 })), bad(1, 'media_count'));
    assert.deepEqual(
      refused([text('a'), { type: 'image', url: png }], seeing({ maxImageBytes: 399 })),
      bad(1, 'media_bytes'),
    );
    assert.deepEqual(
      refused([{ type: 'image', url: png }], seeing({ maxBytes: 399 })),
      bad(0, 'media_bytes'),
    );
    assert.deepEqual(
      refused([{ type: 'image', url: png }], seeing({ imageTypes: ['jpeg'] })),
      bad(0, 'media_type'),
    );
    assert.deepEqual(
      refused([{ type: 'image', url: png }], seeing({ imageTypes: ['jpeg', 'png'], maxBytes: 400 })),
      [],
    );
    assert.deepEqual(refused([video('v'), one], seeing({ maxVideos: 1 }, 'video')), []);
    assert.deepEqual(refused([one], seeing({ imageTokens: 20_000 })), [
      'invalid_request',
      'message',
      'tokens',
    ]);
  });

  it('fit whatever there is: the newest are kept, and everything else is there in words', () => {
    fc.assert(fc.property(anyInput, checkContext), { numRuns: 1000 });
  });
});

const anyPart: fc.Arbitrary<AnyPart> = fc.oneof(
  fc.constantFrom('a', 'b', 'c').map(text),
  fc.constantFrom('a', 'b', 'c').map(image),
  fc.constantFrom('a', 'b').map(video),
  fc.record({ type: fc.constantFrom('image', 'video'), mediaId: fc.nat(50), bytes: fc.nat(2000) }),
);
const upTo = (max: number) => fc.option(fc.integer({ min: 1, max }), { nil: undefined });
const anyInput = fc.record({
  history: fc.array(
    fc
      .tuple(fc.array(anyPart, { minLength: 1, maxLength: 4 }), fc.nat(60), fc.boolean())
      .map(([parts, tokens, isAnswer]): HistoryMessage =>
        isAnswer
          ? { role: 'assistant', state: 'completed', content: 'Well.', tokens, parts: null }
          : message(parts, tokens),
      ),
    { maxLength: 15 },
  ),
  question: fc.array(anyPart, { maxLength: 2 }),
  contextLength: fc.integer({ min: 500, max: 3000 }),
  capabilities: fc.subarray(['vision', 'video'] as const),
  media: fc.record({
    maxImages: upTo(6),
    maxVideos: upTo(3),
    maxImageBytes: upTo(3000),
    maxVideoBytes: upTo(3000),
    maxBytes: upTo(8000),
    imageTokens: fc.constantFrom(1, 50, 300),
    videoTokens: fc.constantFrom(1, 100, 600),
  }),
});
type Given = typeof anyInput extends fc.Arbitrary<infer T> ? T : never;

const isMedium = (part: AnyPart): part is Exclude<AnyPart, { type: 'text' }> => part.type !== 'text';
const partsOf = ({ content }: ContextMessage): AnyPart[] => (typeof content === 'string' ? [] : content);

function checkContext({ history, question, contextLength, capabilities, media }: Given): void {
  const model: Seeing = { id: 'any', capabilities: ['chat', ...capabilities], media };
  const parts = question.length === 0 ? null : question;
  const asked = { content: parts === null ? 'And now?' : plainText(parts), tokens: 6, parts };
  const given = input({ history, question: asked, contextLength, maxOutput: null, model, lenient: true });
  const { messages, promptTokens, needs } = assembleContext(given);
  const seen = messages.flatMap(partsOf).filter(isMedium);
  const count = (type: string) => seen.filter((part) => part.type === type).length;
  const bytesOf = (part: AnyPart) => ('bytes' in part ? encodedBytes(part.bytes) : 0);

  // It fits.
  assert.ok(promptTokens <= roomForPrompt(given));
  assert.ok(
    count('image') <= (media.maxImages ?? Infinity) && count('video') <= (media.maxVideos ?? Infinity),
  );
  assert.ok(seen.reduce((sum, part) => sum + bytesOf(part), 0) <= (media.maxBytes ?? Infinity));
  for (const part of seen) {
    assert.ok(capabilities.includes(part.type === 'image' ? 'vision' : 'video'));
    const max = part.type === 'image' ? media.maxImageBytes : media.maxVideoBytes;
    assert.ok(bytesOf(part) <= (max ?? Infinity));
  }
  const kept = history.slice(0, messages.length - 1);
  const tokens = kept.reduce((sum, one) => sum + one.tokens + 4, 10);
  assert.equal(
    promptTokens,
    seen.reduce((sum, { type }) => sum + tokensOfMedium(type, media), tokens),
  );
  assert.equal(
    needs.length,
    new Set(
      partsOf(messages.at(-1)!)
        .filter(isMedium)
        .map(({ type }) => type),
    ).size,
  );

  // Every message is there in words, with its media or their names.
  const whole = [...kept.toReversed(), asked];
  assert.deepEqual(
    messages.map(({ content }) => (typeof content === 'string' ? content : plainText(content))),
    whole.map(({ content }) => content),
  );

  // The newest are kept: among what the model can take at all, none is left out that is newer than one that is shown.
  for (const type of ['image', 'video'] as const) {
    const max = (type === 'image' ? media.maxImageBytes : media.maxVideoBytes) ?? Infinity;
    const all = messages.flatMap((shown, index) => {
      const shownParts = partsOf(shown);
      return (whole[index]?.parts ?? []).map((part, at) => ({ part, isShown: shownParts[at] === part }));
    });
    const able = all.filter(({ part }) => part.type === type && bytesOf(part) <= max);
    const first = able.findIndex(({ isShown }) => isShown);
    if (first !== -1) assert.ok(able.slice(first).every(({ isShown }) => isShown));
  }
}

describe('the media of a context', () => {
  const png = 'data:image/png;base64,iVBORw0KGgo=';
  const reading = (urls: [number, string][]) => {
    const asked: number[][] = [];
    return {
      asked,
      mediaOf: (ids: readonly number[]) => {
        asked.push([...ids]);
        return Promise.resolve(new Map(urls));
      },
    };
  };

  it('are read where the model sees them, and nothing is read where it sees none', async () => {
    const messages: ContextMessage[] = [
      { role: 'user', content: [stored(7), text('Look'), image('a')] },
      { role: 'assistant', content: 'Well.' },
    ];
    const store = reading([[7, png]]);
    assert.deepEqual(await withMedia(messages, seeing(), store), [
      { role: 'user', content: [{ type: 'image', url: png }, text('Look'), image('a')] },
      { role: 'assistant', content: 'Well.' },
    ]);
    assert.deepEqual(await withMedia(messages.slice(1), seeing(), store), messages.slice(1));
    assert.deepEqual(store.asked, [[7]]);
  });

  it('become words where they were removed, or are of a type that the model does not take', async () => {
    const messages: ContextMessage[] = [{ role: 'user', content: [stored(7), stored(8)] }];
    const store = reading([[8, png]]);
    const words = { type: 'text', text: textOfPart(stored(7)) };
    const shown = { type: 'image', url: png };
    assert.deepEqual((await withMedia(messages, seeing(), store))[0]?.content, [words, shown]);
    const model = seeing({ imageTypes: ['jpeg'] });
    assert.deepEqual((await withMedia(messages, model, store))[0]?.content, [words, words]);
  });
});
