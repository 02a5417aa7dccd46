import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { NewPart } from './messages.ts';
import { hire, inCharge, newPost, to } from './sample-handoff.fixture.ts';
import { endOf, newClaim, newTurn } from './sample-turns.fixture.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';

const pixel = 'data:image/png;base64,iVBORw0KGgo=';
const clip = `DATA:video/mp4;base64,${Buffer.alloc(300, 7).toString('base64')}`;
const picture = 'https://example.com/a.png';

/** What a question is that shows two images and a video, and what is kept of it in its row: the media have ids from `first` on. */
const sent: NewPart[] = [
  { type: 'text', text: 'What is this?' },
  { type: 'image', url: picture },
  { type: 'image', url: pixel },
  { type: 'video', url: clip },
];
const kept = (first: number) => [
  { type: 'text', text: 'What is this?' },
  { type: 'image', url: picture },
  { type: 'image', mediaId: first, bytes: 8 },
  { type: 'video', mediaId: first + 1, bytes: 300 },
];

const page = { skip: 0, limit: 10 };

/** What every kind of storage must do with messages of more than text; `prepare` as in `storageSuite`. */
export function partsSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function openOne(test: TestContext): Promise<Storage> {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    return storage;
  }

  describe(`${kind}: messages of several parts`, () => {
    partsTests(openOne);
    idTests(prepare);
  });
}

type OpenOne = (test: TestContext) => Promise<Storage>;

function partsTests(openOne: OpenOne): void {
  it('keep their parts in the row, and what came within them beside it', async (test) => {
    const storage = await openOne(test);
    const { messages } = storage;
    const turn = await newTurn(storage, { parts: sent });
    await storage.turns.begin(turn);
    const [question, answer] = await messages.listOf(turn.conversation.id, page);
    assert.deepEqual([question?.content, question?.parts], ['What is it?', kept(1)]);
    assert.equal(answer?.parts, null);
    assert.deepEqual((await messages.find(turn.questionId))?.parts, kept(1));
    const [, asked] = await messages.contextBefore(turn.conversation.id, 99, 2);
    assert.deepEqual(asked?.parts, kept(1));
    assert.deepEqual(
      await messages.mediaOf([2, 1, 2, 99]),
      new Map([
        [2, clip],
        [1, pixel],
      ]),
    );
    assert.deepEqual(await messages.mediaOf([]), new Map());
  });

  it('are none where there is one text; two texts are two', async (test) => {
    const storage = await openOne(test);
    const partsOf = async (parts: NewPart[] | undefined) => {
      const turn = await newTurn(storage, { parts });
      await storage.turns.begin(turn);
      return (await storage.messages.find(turn.questionId))?.parts;
    };
    const text: NewPart = { type: 'text', text: 'What is it?' };
    assert.equal(await partsOf(undefined), null);
    assert.equal(await partsOf([]), null);
    assert.equal(await partsOf([text]), null);
    assert.deepEqual(await partsOf([text, text]), [text, text]);
    assert.deepEqual(await partsOf([{ type: 'image', url: picture }]), [{ type: 'image', url: picture }]);
  });

  it('can be said to a person, and by one', async (test) => {
    const storage = await openOne(test);
    await hire(storage, 3);
    const conversation = await inCharge(storage, [to(3)]);
    for (const [agentId, first] of [
      [null, 1],
      [3, 3],
    ] as const) {
      const post = await newPost(storage, conversation, { agentId, parts: sent });
      assert.equal(await storage.posts.post(post), true);
      assert.deepEqual((await storage.messages.find(post.id))?.parts, kept(first));
      assert.equal((await storage.messages.mediaOf([first])).get(first), pixel);
    }
  });

  it('are stored whole or not at all', async (test) => {
    const storage = await openOne(test);
    await storage.turns.begin(await newTurn(storage, { parts: sent }), newClaim());
    const before = await storage.feed.head();
    await assert.rejects(storage.turns.begin(await newTurn(storage, { parts: sent }), newClaim()));
    const conversation = await inCharge(storage, []);
    assert.equal(await storage.posts.post(await newPost(storage, conversation, { parts: sent })), false);
    assert.equal(await storage.feed.head(), before + 1);
    assert.deepEqual([...(await storage.messages.mediaOf([1, 2, 3, 4, 5, 6])).keys()], [1, 2]);
  });

  it('take their media with them, alone and with their conversation', async (test) => {
    const storage = await openOne(test);
    const { messages, turns, conversations } = storage;
    const first = await newTurn(storage, { parts: sent });
    const conversation = { kind: 'existing', id: first.conversation.id } as const;
    await turns.begin(first);
    await turns.end(endOf(first));
    await turns.begin(await newTurn(storage, { conversation, parts: sent }));
    await turns.begin(await newTurn(storage, { parts: sent }));
    const media = async () => [...(await messages.mediaOf([1, 2, 3, 4, 5, 6])).keys()];
    assert.deepEqual(await media(), [1, 2, 3, 4, 5, 6]);
    const removal = { id: first.questionId, conversationId: conversation.id, userId: 7, at: 3000 };
    assert.equal(await messages.remove(removal), true);
    assert.deepEqual(await media(), [3, 4, 5, 6]);
    assert.equal(await conversations.remove({ id: conversation.id, userId: 7, at: 3000 }), true);
    assert.deepEqual(await media(), [5, 6]);
  });
}

function idTests(prepare: (test: TestContext) => StorageUnderTest): void {
  it('never get the id of a medium that was there before, also across restarts', async (test) => {
    const under = prepare(test);
    const first = await under.open();
    const turn = await newTurn(first, { parts: sent });
    await first.turns.begin(turn);
    await first.conversations.remove({ id: turn.conversation.id, userId: 7, at: 3000 });
    await first.close();
    const again = await under.open();
    test.after(() => again.close());
    const next = await newTurn(again, { parts: sent });
    await again.turns.begin(next);
    assert.deepEqual((await again.messages.find(next.questionId))?.parts, kept(3));
  });
}
