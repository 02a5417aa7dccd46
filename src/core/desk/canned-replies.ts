import type {
  CannedReplies as CannedReplyRows,
  CannedReply,
  CannedReplyFields,
} from '../../storage/canned-replies.ts';
import type { Page } from '../../storage/conversations.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import { auditEntry } from '../audit.ts';
import { invalidField, ParleyError } from '../errors.ts';
import type { Idempotency, IdempotentWrites } from '../idempotency.ts';
import { ownerOf, type StaffCaller } from '../identity/caller.ts';
import type { Runtime } from '../runtime.ts';
import { storageFailureOf } from '../storage-failure.ts';

export type { CannedReply, CannedReplyFields } from '../../storage/canned-replies.ts';

/** Replies that agents have ready. Their text is plain: nothing in it is filled in. */
export interface CannedReplies {
  /** By shortcut. With `search`: those in whose shortcut, title or content every word of it occurs, in any case. */
  list(
    caller: StaffCaller,
    search: string | undefined,
    page: Page,
  ): Promise<{ replies: CannedReply[]; total: number }>;
  /**
   * Throws `invalid_request` with the field at fault: `shortcut` 1 to 50 characters without white space, `title` 1 to 200, `content` 1 to 16,000;
   * `already_taken` for a shortcut that differs from another at most in case; `quota_exceeded` beyond 1,000 replies.
   */
  create(caller: StaffCaller, fields: CannedReplyFields, idempotency?: Idempotency): Promise<CannedReply>;
  /** What is left out stays. Throws as `create`, and `not_found`. */
  update(
    caller: StaffCaller,
    id: number,
    change: { [Name in keyof CannedReplyFields]?: string | undefined },
    idempotency?: Idempotency,
  ): Promise<CannedReply>;
  /** Throws `not_found`. */
  remove(caller: StaffCaller, id: number, idempotency?: Idempotency): Promise<void>;
}

export interface CannedRepliesParts {
  rows: CannedReplyRows;
  idempotency: Pick<IdempotentWrites, 'once'>;
  runtime: Pick<Runtime, 'now'>;
}

/** So that all of them can be searched at once. */
const mostReplies = 1_000;

export function createCannedReplies({ rows, idempotency, runtime }: CannedRepliesParts): CannedReplies {
  const found = async (id: number) => {
    const reply = await rows.find(id);
    if (reply === undefined) throw noSuchReply();
    return reply;
  };
  const audited = (caller: StaffCaller, at: number, verb: string, id: number, shortcut: string) =>
    auditEntry(caller, at, `canned_reply.${verb}`, { type: 'canned_reply', id }, { shortcut });

  return {
    async list(_caller, search, { skip, limit }) {
      const words = comparable(search ?? '').split(/\s+/u);
      const matching = (await rows.list()).filter(({ shortcut, title, content }) => {
        const text = comparable(`${shortcut}\n${title}\n${content}`);
        return words.every((word) => text.includes(word));
      });
      return { replies: matching.slice(skip, skip + limit), total: matching.length };
    },
    async create(caller, fields, key) {
      const checked = fieldsFrom(fields);
      // The claim shares this object: the id is filled in where nothing stands in the way.
      const made = { id: 0 };
      const write = async (claim: Claim | undefined) => {
        await refuseOverQuota(rows);
        made.id = await rows.nextId();
        const at = runtime.now();
        const audit = audited(caller, at, 'create', made.id, checked.shortcut);
        await named(rows.create({ ...made, ...checked, createdBy: caller.userId, at }, claim, audit));
        return found(made.id);
      };
      return idempotency.once(ownerOf(caller), key, made, write, (earlier) =>
        found((earlier as typeof made).id),
      );
    },
    async update(caller, id, change, key) {
      const write = async (claim: Claim | undefined) => {
        const { shortcut, title, content } = await found(id);
        const given = Object.entries(change).filter(([, value]) => value !== undefined);
        const fields = fieldsFrom({ shortcut, title, content, ...Object.fromEntries(given) });
        const at = runtime.now();
        const audit = audited(caller, at, 'update', id, fields.shortcut);
        // One that was removed meanwhile is not found below.
        await named(rows.update(id, fields, at, claim, audit));
        return found(id);
      };
      return idempotency.once(ownerOf(caller), key, { id }, write, () => found(id));
    },
    async remove(caller, id, key) {
      const write = async (claim: Claim | undefined) => {
        const { shortcut } = await found(id);
        const at = runtime.now();
        const removed = await rows.remove(id, at, claim, audited(caller, at, 'delete', id, shortcut));
        if (!removed) throw noSuchReply();
      };
      return idempotency.once(ownerOf(caller), key, { id }, write, () => Promise.resolve());
    },
  };
}

function noSuchReply(): ParleyError {
  return new ParleyError('not_found', 'There is no such canned reply.');
}

async function refuseOverQuota(rows: Pick<CannedReplyRows, 'count'>): Promise<void> {
  if ((await rows.count()) < mostReplies) return;
  const text = `There are ${mostReplies} canned replies, which is all that there may be. Delete some to make new ones.`;
  throw new ParleyError('quota_exceeded', text);
}

function fieldsFrom({ shortcut, title, content }: CannedReplyFields): CannedReplyFields {
  return {
    shortcut: textFrom('shortcut', shortcut, /^[^\s\p{Cc}]{1,50}$/u, 50),
    title: textFrom('title', title, /^\P{Cc}{1,200}$/u, 200),
    content: textFrom('content', content, /^[^]{1,16000}$/u, 16_000),
  };
}

function textFrom(field: string, value: string, allowed: RegExp, max: number): string {
  const text = value.trim().toWellFormed();
  if (allowed.test(text)) return text;
  // Code points, as the patterns count.
  const { length } = Array.from(text);
  const isOfWrongLength = length < 1 || length > max;
  throw invalidField(field, isOfWrongLength ? { kind: 'length', min: 1, max } : { kind: 'invalid' });
}

/** What the store says of a taken shortcut, in core's words. */
async function named<T>(written: Promise<T>): Promise<T> {
  try {
    return await written;
  } catch (thrown) {
    if (storageFailureOf(thrown)?.constraint !== 'canned_replies.shortcut_key') throw thrown;
    throw new ParleyError('already_taken', 'shortcut: another canned reply has this shortcut', {
      field: 'shortcut',
      issue: { kind: 'shortcut_taken' },
      cause: thrown,
    });
  }
}

function comparable(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim();
}
