import type { TestContext } from 'node:test';
import type { NewConversation } from '../../storage/conversations.ts';
import type { Storage } from '../../storage/storage.ts';
import type { OwnerChange } from '../../storage/ownership.ts';
import { changeOf } from '../../storage/sample-handoff.fixture.ts';
import { createAuditLog } from '../audit.ts';
import { createBench, type Bench, type BenchOptions } from '../completions/bench.fixture.ts';
import { createIdempotency, type Idempotency } from '../idempotency.ts';
import type { StaffCaller } from '../identity/caller.ts';
import type { Ground } from '../knowledge/grounding.ts';
import { createDesk } from './create-desk.ts';
import type { Desk } from './desk.ts';
import { createKeptSettings, type KeptSettings } from './kept-settings.ts';

/** A desk over a store of its own, with two agents and an administrator. */
export interface DeskBench {
  bench: Bench;
  storage: Storage;
  desk: Desk;
  settings: KeptSettings;
  idempotency: ReturnType<typeof createIdempotency>;
  auditLog: ReturnType<typeof createAuditLog>;
  dayOf: (at: number) => string;
  /** Conversations whose watchers were woken. */
  woken: number[];
  ann: StaffCaller;
  bob: StaffCaller;
  boss: StaffCaller;
  /** A conversation of a guest. */
  begin(changes?: Partial<NewConversation>): Promise<number>;
  /** Who is in charge of it from now on; by default it waits for a person. */
  change(id: number, changes?: Partial<OwnerChange>): Promise<void>;
  /** What the guest says while a person is in charge, or waited for. */
  says(id: number, content: string): Promise<number>;
}

export const key = (name: string): Idempotency => ({ key: name, fingerprint: name });

export async function createDeskBench(
  test: TestContext,
  options: BenchOptions & { ground?: Ground } = {},
): Promise<DeskBench> {
  const bench = await createBench(test, options);
  const { storage, runtime, catalogue, completions } = bench;
  const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
  const settings = createKeptSettings({ settings: storage.settings, catalogue, idempotency, runtime });
  const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);
  const woken: number[] = [];
  const desk = createDesk({
    lists: storage.deskLists,
    details: storage.deskDetails,
    customers: storage.customers,
    conversations: storage.conversations,
    messages: storage.messages,
    ownership: storage.ownership,
    users: storage.users,
    completions,
    settings,
    ground: options.ground ?? (() => null),
    idempotency,
    runtime,
    dayOf,
    wake: (id) => void woken.push(id),
    textOf: storage.turns.textOf,
  });
  const { begin, change, says } = createActs(storage, runtime, dayOf);
  return {
    bench,
    storage,
    desk,
    settings,
    idempotency,
    auditLog: createAuditLog({ rows: storage.auditLog, runtime }),
    dayOf,
    woken,
    ann: await staffCaller(storage, 'ann', 'agent'),
    bob: await staffCaller(storage, 'bob', 'agent'),
    boss: await staffCaller(storage, 'boss', 'admin'),
    begin,
    change,
    says,
  };
}

async function staffCaller(
  storage: Storage,
  username: string,
  role: 'agent' | 'admin',
): Promise<StaffCaller> {
  const userId = await storage.users.create({
    username,
    email: `${username}@example.com`,
    fullName: `${username} of the desk`,
    passwordHash: '',
    role,
    status: 'active',
    createdAt: 1,
    updatedAt: 1,
  });
  return { kind: 'user', ip: '192.0.2.9', userId, loginId: userId, contract: 'helpdesk', role };
}

function createActs(storage: Storage, { now }: { now: () => number }, dayOf: (at: number) => string) {
  const { conversations, ownership, posts, messages } = storage;
  return {
    async begin(changes: Partial<NewConversation> = {}) {
      const id = await conversations.nextId();
      await conversations.begin({
        id,
        key: `key-${id}`,
        userId: null,
        customer: { guestId: `guest_${id}` },
        channel: 'helpdesk',
        title: '',
        model: null,
        metadata: null,
        at: now(),
        day: dayOf(now()),
        countedModel: '',
        ...changes,
      });
      return id;
    },
    async change(id: number, changes: Partial<OwnerChange> = {}) {
      const conversation = await conversations.find(id);
      if (conversation === undefined) throw new Error('there is no such conversation');
      const at = now();
      const done = await ownership.change(changeOf(conversation, { at, day: dayOf(at), ...changes }));
      if (!done) throw new Error('the change was refused');
    },
    async says(id: number, content: string) {
      const messageId = await messages.nextId();
      await posts.post({
        id: messageId,
        conversationId: id,
        userId: null,
        channel: 'helpdesk',
        agentId: null,
        content,
        tokens: 5,
        at: now(),
        day: dayOf(now()),
        countedModel: '',
      });
      return messageId;
    },
  };
}
