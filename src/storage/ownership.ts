import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { isActiveAgent } from './agents.ts';
import { compileAudit } from './audit-log.ts';
import type { NewAuditEntry } from './audit-log.ts';
import { compileConversationCounts } from './conversation-counts.ts';
import { conversationColumns, presentConversation } from './conversation-rows.ts';
import type { AgentType, Conversation, ConversationStatus, Priority } from './conversations.ts';
import type { Database, Statement } from './database.ts';
import { compileDeskMarks } from './desk-sums.ts';
import { aNumber, compileQuery, compileStatement, greater, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import { compileStatusEvent } from './status-event.ts';
import { accepted } from './storage-error.ts';
import { compileEnd } from './turn-end.ts';
import type { TurnEnd } from './turns.ts';

/** Who is to be in charge from now on. */
export interface OwnerChange {
  conversationId: number;
  /** The conversation's fence, as it was when the change was decided. */
  fence: number;
  status: ConversationStatus;
  agentType: AgentType;
  assigneeId: number | null;
  /** See `StatusChange`. */
  formerAssigneeId: number | null;
  cause: string;
  actorId: number | null;
  reason: string | null;
  at: number;
  day: string;
  /**
   * The AI's answers that were on their way: they end in the same unit, before the event of the change. Their questions stay `sent`, also where
   * nothing was said: a person will answer them.
   */
  ends: readonly TurnEnd[];
  /** Whether the change is refused where the conversation has turns beside those of `ends`; else they are silenced. */
  alone?: boolean | undefined;
  /** Open conversations that the assignee may have, this one among them; left out, as many as there are. */
  capacity?: number | undefined;
}

/** New labels; undefined leaves what there is. */
export interface Labelling {
  conversationId: number;
  priority?: Priority | undefined;
  tags?: readonly string[] | undefined;
  actorId: number;
  at: number;
}

/** Who is in charge of conversations, and how staff have labelled them. */
export interface Ownership {
  /**
   * One unit: the answers in `ends`, the owner with the fence raised, the fence of every turn that is still active in the conversation (so that
   * none of them can write any more), the counts of conversations, the day's sums of the helpdesk, an event `status`, the claim and
   * the audit entry. False, and nothing stored, where the fence was another, an end's turn had ended, another turn was active
   * that must not be, or an open conversation would be with somebody who is no active agent, or who has no room for it.
   *
   * A wait begins where the conversation enters the queue, or where a person takes it from an answer that had said nothing: then with its
   * question. It goes on from hand to hand, and ends where the AI is in charge again or the conversation is over.
   */
  change(change: OwnerChange, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
  /** One unit: priority and tags, the counts, an event `status` with the cause `priority`, one with `tags`, whichever are given. False where there is no such conversation. */
  label(labelling: Labelling, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
  /** Those that wait for a person, longest first. */
  waiting(limit: number): Promise<Conversation[]>;
  /** How many open conversations each of these agents has. */
  openCountsOf(agentIds: readonly number[]): Promise<Map<number, number>>;
  /** An agent's open conversations. */
  openOf(agentId: number, limit: number): Promise<Conversation[]>;
  /** Those who have open conversations, but are no active agents: whatever they were when they got them. */
  strandedWith(): Promise<number[]>;
}

/** Ownership kept in `database`. */
export function createOwnership(database: Database, queries: Queries): Ownership {
  const changing = compileChange(queries);
  const labelling = compileLabelling(queries);
  const { waiting, openCounts, openOf, stranded } = compileSelects(queries);
  return {
    change: (change, claim, audit) => accepted(database.write(changing(change, claim, audit))),
    label: (labels, claim, audit) => accepted(database.write(labelling(labels, claim, audit))),
    waiting: async (limit) => (await database.read(withValues(waiting, [limit]))).map(presentConversation),
    async openCountsOf(agentIds) {
      const counts = new Map(agentIds.map((id) => [id, 0]));
      for (const { assigneeId, conversations } of await database.read(openCounts)) {
        const count = counts.get(assigneeId);
        if (count !== undefined) counts.set(assigneeId, count + conversations);
      }
      return counts;
    },
    openOf: async (agentId, limit) =>
      (await database.read(withValues(openOf, [agentId, limit]))).map(presentConversation),
    async strandedWith() {
      return [...new Set((await database.read(stranded)).map(({ assigneeId }) => assigneeId))];
    },
  };
}

type Unit<Input> = (input: Input, claim?: Claim, audit?: NewAuditEntry) => Statement[];

function compileChange(queries: Queries): Unit<OwnerChange> {
  const claiming = compileClaim(queries);
  const auditing = compileAudit(queries);
  const ending = compileEnd(queries);
  const counts = compileConversationCounts(queries);
  const marks = compileDeskMarks(queries);
  const event = compileStatusEvent(queries);
  const { silence, none, own, ownWithRoom } = compileOwner(queries);
  return (change, claim, audit) => {
    const { conversationId: id, fence, status, agentType, assigneeId, at, capacity } = change;
    const taken = assigneeId === null ? 0 : 1;
    const answering = status === 'open' ? assigneeId : null;
    return [
      ...claiming(claim, at),
      ...change.ends.flatMap((end) => ending({ ...end, questionStays: true })),
      withValues(change.alone === true ? none : silence, [id]),
      counts.uncount(id),
      marks.uncountOver(id),
      ...(taken ? [marks.countHuman(id)] : []),
      withValues(capacity === undefined ? own : ownWithRoom, [
        status,
        agentType,
        assigneeId,
        taken,
        ...waitAfter(change),
        at,
        id,
        fence,
        answering,
        answering,
        ...(capacity === undefined ? [] : [assigneeId, capacity]),
      ]),
      marks.countOver(id),
      counts.count(id),
      event({ ...change, conversationId: id }),
      ...auditing(audit),
    ];
  };
}

/** Whether the customer waits for a person, and since when if not since before. */
function waitAfter({ status, agentType, at, ends }: OwnerChange): [waits: number, since: number | null] {
  if (agentType === 'ai' || status === 'resolved' || status === 'closed') return [0, null];
  const unanswered = ends.filter(({ content }) => content === '');
  const asked = unanswered.map((end) => Math.round(end.at - end.responseMs));
  if (asked.length > 0) return [1, Math.min(...asked, at)];
  return [1, status === 'pending' ? at : null];
}

function compileOwner(queries: Queries) {
  const silence = queries
    .updateTable('turns')
    .set((eb) => ({ fence: eb('fence', '+', eb.lit(1)) }))
    .where('conversation_id', '=', 0);
  const own = queries
    .updateTable('conversations')
    .set((eb) => ({
      status: '',
      agent_type: '',
      assignee_id: 0,
      owner_fence: eb('owner_fence', '+', eb.lit(1)),
      human: greater(queries, sql.ref('human'), sql`${0}`),
      waiting_since: sql<number | null>`case when ${0} = 1 then coalesce(waiting_since, ${0}) end`,
      updated_at: 0,
    }))
    .where('id', '=', 0)
    .where('owner_fence', '=', 0)
    .where(sql<boolean>`(${aNumber(queries)} is null or ${isAnswering(queries, sql`${0}`)})`);
  const open = openConversations(queries)
    .select(({ fn, ref, lit }) => fn.coalesce(fn.sum(ref('conversations')), lit(0)).as('count'))
    .where('assignee_id', '=', 0);
  const ownWithRoom = own.where(sql<boolean>`${open} < ${0}`);
  return {
    silence: compileStatement(silence),
    none: compileStatement(silence, 0),
    own: compileStatement(own, 1),
    ownWithRoom: compileStatement(ownWithRoom, 1),
  };
}

/** Of a change that leaves who is in charge as it was. */
const unowned = { formerAssigneeId: null, reason: null };

function compileLabelling(queries: Queries): Unit<Labelling> {
  const claiming = compileClaim(queries);
  const auditing = compileAudit(queries);
  const counts = compileConversationCounts(queries);
  const event = compileStatusEvent(queries);
  const label = compileStatement(
    queries
      .updateTable('conversations')
      .set(({ fn, ref, val }) => ({
        priority: fn.coalesce(val(''), ref('priority')),
        tags: fn.coalesce(val(''), ref('tags')),
        updated_at: 0,
      }))
      .where('id', '=', 0),
    1,
  );
  return ({ conversationId: id, priority, tags, actorId, at }, claim, audit) => {
    const causes = [...(priority === undefined ? [] : ['priority']), ...(tags === undefined ? [] : ['tags'])];
    const labels = [priority ?? null, tags === undefined ? null : JSON.stringify(tags)];
    return [
      ...claiming(claim, at),
      counts.uncount(id),
      withValues(label, [...labels, at, id]),
      counts.count(id),
      ...causes.map((cause) => event({ ...unowned, conversationId: id, at, cause, actorId })),
      ...auditing(audit),
    ];
  };
}

function compileSelects(queries: Queries) {
  const select = queries.selectFrom('conversations').select(conversationColumns);
  return {
    waiting: compileQuery(
      select.where('status', '=', sql.lit('pending')).orderBy('waiting_since').orderBy('id').limit(0),
    ),
    // As many rows as there are agents, times the priorities.
    openCounts: compileQuery(
      openConversations(queries).select(['assignee_id as assigneeId', 'conversations']),
    ),
    stranded: compileQuery(compileStranded(queries)),
    openOf: compileQuery(
      select.where('assignee_id', '=', 0).where('status', '=', sql.lit('open')).orderBy('id').limit(0),
    ),
  };
}

/** As many rows are looked at as there are agents, times the priorities. */
function compileStranded(queries: Queries) {
  return openConversations(queries)
    .select('assignee_id as assigneeId')
    .where('conversations', '>', sql.lit(0))
    .where('assignee_id', '<>', sql.lit(0))
    .where(sql<boolean>`not ${isAnswering(queries, sql.ref('assignee_id'))}`);
}

/** The counts of those that persons have. */
function openConversations(queries: Queries) {
  return queries
    .selectFrom('conversation_counts')
    .where('status', '=', sql.lit('open'))
    .where('agent_type', '=', sql.lit('human'));
}

/** Whether somebody may be in charge of conversations, as `agents.ts` has it. */
function isAnswering(queries: Queries, userId: RawBuilder<unknown>) {
  const agent = queries
    .selectFrom('users')
    .select('users.id')
    .where(isActiveAgent)
    .where('users.id', '=', userId as never);
  return sql<boolean>`exists ${agent}`;
}
