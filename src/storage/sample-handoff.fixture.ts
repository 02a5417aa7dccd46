import assert from 'node:assert/strict';
import type { Conversation, NewConversation } from './conversations.ts';
import type { OwnerChange } from './ownership.ts';
import type { NewPost } from './posts.ts';
import { newUser } from './sample-rows.fixture.ts';
import type { Storage } from './storage.ts';

/** A conversation of guest `g-1` without a message, unless `changes` say otherwise. */
export async function newConversation(
  { conversations }: Storage,
  changes: Partial<NewConversation> = {},
): Promise<NewConversation> {
  const id = await conversations.nextId();
  return {
    id,
    key: `key-${id}`,
    userId: null,
    customer: { guestId: 'g-1' },
    channel: 'helpdesk',
    title: '',
    model: null,
    metadata: null,
    at: 1000,
    day: '2026-09-21',
    countedModel: 'gpt-4o',
    ...changes,
  };
}

/** The customer's next message in the conversation, unless `changes` say that it is an agent's. */
export async function newPost(
  { messages }: Storage,
  { id, userId, channel }: Pick<Conversation, 'id' | 'userId' | 'channel'>,
  changes: Partial<NewPost> = {},
): Promise<NewPost> {
  return {
    id: await messages.nextId(),
    conversationId: id,
    userId,
    channel,
    agentId: null,
    content: 'Is anybody there?',
    tokens: 4,
    at: 4000,
    day: '2026-09-21',
    countedModel: 'gpt-4o',
    ...changes,
  };
}

/** A change of who is in charge: into the queue, unless `changes` say otherwise. */
export function changeOf({ id, ownerFence }: Conversation, changes: Partial<OwnerChange> = {}): OwnerChange {
  return {
    conversationId: id,
    fence: ownerFence,
    status: 'pending',
    agentType: 'human',
    assigneeId: null,
    formerAssigneeId: null,
    cause: 'switched',
    actorId: null,
    reason: null,
    at: 3000,
    day: '2026-09-21',
    ends: [],
    ...changes,
  };
}

/** Makes agents with the ids from 1 to `most` in a new store. */
export async function hire({ users }: Storage, most: number): Promise<void> {
  for (let id = 1; id <= most; id++) {
    const username = `agent-${id}`;
    const user = newUser({ username, email: `${username}@example.com`, role: 'agent' });
    assert.equal(await users.create(user), id);
  }
}

/** What makes `changeOf` give the conversation to an agent. */
export function to(assigneeId: number): Partial<OwnerChange> {
  return { status: 'open', assigneeId, cause: 'assigned', actorId: assigneeId };
}

export async function find({ conversations }: Storage, id: number): Promise<Conversation> {
  return (await conversations.find(id)) ?? assert.fail(`There is no conversation ${id}.`);
}

/** A conversation as it is after it began and these changes, one after the other. */
export async function inCharge(
  storage: Storage,
  steps: readonly Partial<OwnerChange>[],
  changes: Partial<NewConversation> = {},
): Promise<Conversation> {
  const begun = await newConversation(storage, changes);
  await storage.conversations.begin(begun);
  for (const step of steps) {
    assert.equal(await storage.ownership.change(changeOf(await find(storage, begun.id), step)), true);
  }
  return find(storage, begun.id);
}
