import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Message, Part } from './messages.ts';
import { needsOf, needsOfParts, noNeeds } from './needs.ts';
import { visibleTo } from './visible.ts';

const text: Part = { type: 'text', text: 'What is this?' };
const image: Part = { type: 'image', url: 'https://example.com/a.png' };
const data: Part = { type: 'image', url: 'data:image/png;base64,iVBORw0KGgo=' };
const video: Part = { type: 'video', url: 'https://example.com/a.mp4' };
const audio: Part = { type: 'other', value: { type: 'input_audio' } };
const said = (content: Message['content']): Message => ({ role: 'user', content });

describe('what a request needs', () => {
  it('is nothing for text, however it comes', () => {
    const messages = [said('Hello'), said(null), said([text, audio])];
    assert.equal(needsOf(messages), noNeeds);
    assert.equal(needsOf([]), noNeeds);
    assert.equal(needsOfParts(undefined), noNeeds);
    assert.equal(needsOfParts(null), noNeeds);
  });

  it('names the first part that wants each capability', () => {
    const messages = [said('Hello'), said([text, image, image]), said([image, video]), said([video])];
    assert.deepEqual(needsOf(messages), [
      { capability: 'vision', field: 'messages.1.content.1' },
      { capability: 'video', field: 'messages.2.content.1' },
    ]);
    assert.deepEqual(needsOfParts([text, video]), [{ capability: 'video', field: 'content.1' }]);
  });
});

describe('what a model is shown', () => {
  it('is the list itself where it can see all of it', () => {
    const messages = [said('Hello'), said([text, image, audio])];
    assert.equal(visibleTo({ capabilities: ['chat', 'vision'] }, messages), messages);
    assert.equal(visibleTo({ capabilities: ['chat'] }, messages.slice(0, 1)).length, 1);
  });

  it('is text in the place of what it cannot see, and everything else as it is', () => {
    const extra = { name: 'Ann' };
    const messages = [{ ...said([text, image, data, audio]), extra }, said([video]), said(null)];
    assert.deepEqual(visibleTo({ capabilities: ['chat', 'video'] }, messages), [
      {
        ...said([
          text,
          { type: 'text', text: '[image: https://example.com/a.png]' },
          { type: 'text', text: '[image]' },
          audio,
        ]),
        extra,
      },
      said([video]),
      said(null),
    ]);
    const [, hidden] = visibleTo({ capabilities: ['chat', 'vision'] }, messages);
    assert.deepEqual(hidden, said([{ type: 'text', text: '[video: https://example.com/a.mp4]' }]));
  });
});
