import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkContent, encodedBytes, mostMediaBytes, plainText } from './media.ts';
import type { ContentPart } from './messages.ts';

const image = (url: string): ContentPart => ({ type: 'image', url });
const video = (url: string): ContentPart => ({ type: 'video', url });
const text = (content: string): ContentPart => ({ type: 'text', text: content });
const dataUrl = (type: string, bytes: Buffer | string) =>
  `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;
const fromHex = (digits: string) => Buffer.from(digits, 'hex');
const png = fromHex('89504e470d0a1a0a0000000d49484452');

const beginnings: Record<string, Buffer> = {
  'image/png': png,
  'image/jpeg': fromHex('ffd8ffe000104a464946'),
  'image/webp': Buffer.from('RIFF\x10\0\0\0WEBPVP8 '),
  'image/gif': Buffer.from('GIF89a\x01\0\x01\0'),
  'image/bmp': Buffer.from('BM\x10\0\0\0'),
  'video/mp4': Buffer.from('\0\0\0\x18ftypisom'),
  'video/webm': fromHex('1a45dfa39f4286810142f7'),
  'video/quicktime': Buffer.from('\0\0\0\x14ftypqt  '),
  'video/x-msvideo': Buffer.from('RIFF\x10\0\0\0AVI LIST'),
  'video/mpeg': fromHex('000001ba44000400'),
  'video/x-matroska': fromHex('1a45dfa3a3428681'),
};
const partOf = (type: string, url: string) => (type.startsWith('image/') ? image(url) : video(url));
const fieldOf = (type: string) => `content.0.${type.slice(0, 5)}_url.url`;

describe('content', () => {
  it('may be texts, addresses and data of every known type, in any order', () => {
    checkContent([text('Look:'), image('https://example.com/a.png?x=1#y'), text('?')]);
    checkContent([video('HTTPS://example.com/a.mp4')]);
    for (const [type, bytes] of Object.entries(beginnings)) {
      checkContent([partOf(type, dataUrl(type, bytes))]);
      checkContent([partOf(type, `DATA:${type.toUpperCase()};a=b;BASE64,${bytes.toString('base64')}`)]);
    }
  });

  it('has a part, and no blank text', () => {
    assert.throws(() => checkContent([]), { field: 'content', issue: { kind: 'count', min: 1 } });
    assert.throws(() => checkContent([text('a'), text(' \n')]), {
      code: 'invalid_request',
      field: 'content.1.text',
      issue: { kind: 'empty' },
    });
    assert.throws(() => checkContent([], 'messages.2.content'), { field: 'messages.2.content' });
  });

  for (const [what, url, kind] of [
    ['plain http', 'http://example.com/a.png', 'media_url'],
    ['a file', 'file:///etc/passwd', 'media_url'],
    ['an object of a browser', 'blob:https://example.com/1', 'media_url'],
    ['no address', 'a.png', 'media_url'],
    ['nothing', '', 'media_url'],
    ['no host', 'https://', 'url'],
    ['a mended host', 'https:example.com/a.png', 'url'],
    ['white space', 'https://example.com/a b.png', 'url'],
    ['a line break', 'https://example.com/a\nb.png', 'url'],
    ['a control character', 'https://example.com/a\u0000b.png', 'url'],
    ['backslashes', 'https://example.com\\a.png', 'url'],
    ['credentials', 'https://me:secret@example.com/a.png', 'credentials'],
    ['a user name', 'https://me@example.com/a.png', 'credentials'],
    ['a long address', `https://example.com/${'a'.repeat(8200)}`, 'length'],
    ['data without base64', 'data:image/png,abc', 'base64'],
    ['data without a type', 'data:;base64,AAAA', 'base64'],
    ['data without data', 'data:image/png;base64', 'base64'],
    ['empty data', 'data:image/png;base64,', 'base64'],
    ['broken base64', `${dataUrl('image/png', png).slice(0, -5)}*aaaa`, 'base64'],
    ['base64 of URLs', `data:image/png;base64,iVBORw0KGgo-${'A'.repeat(8)}`, 'base64'],
    ['padding in the middle', `data:image/png;base64,iVBORw0KGg==AAAA`, 'base64'],
    ['missing padding', dataUrl('image/png', png.subarray(0, 13)).replace(/=+$/, ''), 'base64'],
    ['line breaks in base64', `data:image/png;base64,iVBORw0KGgoA\nAAA`, 'base64'],
    ['a type that is not taken', dataUrl('image/svg+xml', '<svg/>'), 'media_type'],
    ['a video as an image', dataUrl('video/mp4', '\0\0\0\x18ftypisom'), 'media_type'],
    ['text as an image', dataUrl('image/png', 'Hello, this is text.'), 'media_content'],
    ['another format', dataUrl('image/jpeg', png), 'media_content'],
    ['fewer bytes than the format begins with', dataUrl('image/png', png.subarray(0, 4)), 'media_content'],
  ] as const) {
    it(`has no image that is ${what}`, () => {
      assert.throws(
        () => checkContent([text('a'), image(url)]),
        (thrown: { code: string; field: string; issue: { kind: string }; message: string }) => {
          assert.deepEqual(
            [thrown.code, thrown.field, thrown.issue.kind],
            ['invalid_request', 'content.1.image_url.url', kind],
          );
          // What was sent is not sent back: it may be long, or secret.
          return url.length < 10 || !thrown.message.includes(url);
        },
      );
    });
  }

  it('has no video of another format than it says', () => {
    for (const [type, bytes] of Object.entries(beginnings)) {
      if (type === 'video/webm' || type === 'video/quicktime' || type === 'video/x-matroska') continue;
      const wrong = type === 'image/png' ? (beginnings['image/gif'] ?? bytes) : png;
      assert.throws(() => checkContent([partOf(type, dataUrl(type, wrong))]), {
        field: fieldOf(type),
        issue: { kind: 'media_content', type },
      });
    }
  });

  it('has media of at most 10 MiB, decoded', () => {
    const most = Buffer.concat([png, Buffer.alloc(mostMediaBytes - png.length)]);
    checkContent([image(dataUrl('image/png', most))]);
    for (const more of [1, 2, 3, 1000]) {
      const url = dataUrl('image/png', Buffer.concat([most, Buffer.alloc(more)]));
      assert.throws(() => checkContent([image(url)]), {
        field: 'content.0.image_url.url',
        issue: { kind: 'media_size', max: mostMediaBytes },
        message: 'content.0.image_url.url: must be at most 10 MiB',
      });
    }
  });

  it('takes base64 whatever bytes there are, and nothing with a foreign character in it', () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((rest) => Buffer.concat([png, rest]));
    const foreign = fc.constantFrom('-', '_', ' ', '\n', '=', '*', 'é', '\0');
    fc.assert(
      fc.property(bytes, foreign, fc.nat(), (content, character, at) => {
        const url = dataUrl('image/png', content);
        checkContent([image(url)]);
        assert.equal(encodedBytes(content.length), url.split(',')[1]?.length);
        const place = 'data:image/png;base64,'.length + (at % (encodedBytes(content.length) - 4));
        const broken = url.slice(0, place) + character + url.slice(place + 1);
        assert.throws(() => checkContent([image(broken)]), { issue: { kind: 'base64' } });
      }),
    );
  });
});

describe('plain text', () => {
  it('names what is no text', () => {
    const parts = [
      text('Which\nis it?'),
      image('https://example.com/a.png'),
      image(dataUrl('image/png', png)),
      video('https://example.com/a.mp4'),
      { type: 'video' as const, mediaId: 7, bytes: 12 },
    ];
    assert.equal(
      plainText(parts),
      'Which\nis it?\n[image: https://example.com/a.png]\n[image]\n[video: https://example.com/a.mp4]\n[video]',
    );
    assert.equal(plainText([text('only')]), 'only');
  });
});
