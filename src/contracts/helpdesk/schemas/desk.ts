import Type, { type Static } from 'typebox';
import { OrNull, pageQuery, success, time } from './envelope.ts';

/** The wire shapes of what staff see beside conversations. */

const rowId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
export const rowParamsSchema = Type.Object({ id: rowId });
export type RowParams = Static<typeof rowParamsSchema>;
export const removedRowSchema = success(Type.Object({ id: Type.Integer() }));

const search = Type.Optional(Type.String({ maxLength: 200 }));
export const searchedPageSchema = Type.Object({ ...pageQuery, search });
export type SearchedPage = Static<typeof searchedPageSchema>;

const customer = Type.Object({
  id: Type.Integer(),
  user_id: Type.String({ description: 'An account’s id, or what the page calls its visitor.' }),
  type: Type.Enum(['user', 'guest']),
  name: Type.String(),
  email: OrNull(Type.String()),
  conversation_count: Type.Integer(),
  first_seen_at: time,
  last_seen_at: time,
});
export const oneCustomerSchema = success(customer);
export const customersSchema = success(
  Type.Object({
    customers: Type.Array(customer, { description: 'Who was seen last first.' }),
    total: Type.Integer(),
    has_more: Type.Boolean(),
  }),
);

export const dashboardSchema = success(
  Type.Object(
    {
      today: Type.Object({
        total_conversations: Type.Integer(),
        active_conversations: Type.Integer({ description: 'Of those, neither resolved nor closed.' }),
        ai_handled: Type.Integer({ description: 'Of those, by the AI alone.' }),
        human_handled: Type.Integer(),
        avg_response_time: Type.Number({ description: 'Seconds.' }),
      }),
      this_week: Type.Object({
        total_conversations: Type.Integer(),
        customer_satisfaction: Type.Number({ description: 'Mean rating, 1 to 5; 0 with none.' }),
        resolution_rate: Type.Number({ description: 'Resolved or closed, of those begun: 0 to 1.' }),
      }),
    },
    { description: 'Days are the server’s; the week begins on Monday.' },
  ),
);

const reply = {
  shortcut: Type.String({ minLength: 1, maxLength: 50, pattern: '\\S' }),
  title: Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' }),
  content: Type.String({ minLength: 1, maxLength: 16_000, pattern: '\\S' }),
};
export const newReplySchema = Type.Object(reply, {
  examples: [{ shortcut: 'hi', title: '问候', content: '您好！请问有什么可以帮您？' }],
});
export type NewReplyBody = Static<typeof newReplySchema>;
export const replyChangesSchema = Type.Object(
  {
    shortcut: Type.Optional(reply.shortcut),
    title: Type.Optional(reply.title),
    content: Type.Optional(reply.content),
  },
  { minProperties: 1, examples: [{ content: '您好！' }] },
);
export type ReplyChangesBody = Static<typeof replyChangesSchema>;
const keptReply = Type.Object({
  id: Type.Integer(),
  shortcut: Type.String(),
  title: Type.String(),
  content: Type.String(),
  created_by: Type.Integer(),
  created_at: time,
  updated_at: time,
});
export const oneReplySchema = success(keptReply);
export const repliesSchema = success(
  Type.Object({
    canned_replies: Type.Array(keptReply, { description: 'By shortcut.' }),
    total: Type.Integer(),
    has_more: Type.Boolean(),
  }),
);

const settings = {
  assignment: Type.Enum(['manual', 'round_robin'], {
    description: '`round_robin` gives what waits to those online with room, in turn.',
  }),
  capacity: Type.Integer({
    minimum: 1,
    maximum: 1000,
    description: 'Conversations of one agent at once, where the agent has no capacity of one’s own.',
  }),
  burst_ms: Type.Integer({
    minimum: 0,
    maximum: 10_000,
    description: 'How long a guest’s burst of messages may pause before the AI answers all of it.',
  }),
  system_prompt: OrNull(Type.String({ maxLength: 16_000, description: 'Null for Parley’s own words.' })),
  model: OrNull(
    Type.String({ minLength: 1, maxLength: 200, description: 'Null for the configured default.' }),
  ),
};
const handoff = {
  on_request: Type.Boolean({ description: 'When the guest asks for a person.' }),
  on_unknown: Type.Boolean({ description: 'When the AI does not know the answer.' }),
  on_failure: Type.Boolean({ description: 'When no provider answers.' }),
};
export const settingsSchema = success(Type.Object({ ...settings, handoff: Type.Object(handoff) }));
export const settingsChangesSchema = Type.Object(
  {
    assignment: Type.Optional(settings.assignment),
    capacity: Type.Optional(settings.capacity),
    burst_ms: Type.Optional(settings.burst_ms),
    system_prompt: Type.Optional(settings.system_prompt),
    model: Type.Optional(settings.model),
    handoff: Type.Optional(
      Type.Object({
        on_request: Type.Optional(handoff.on_request),
        on_unknown: Type.Optional(handoff.on_unknown),
        on_failure: Type.Optional(handoff.on_failure),
      }),
    ),
  },
  { minProperties: 1, examples: [{ assignment: 'round_robin', capacity: 5 }] },
);
export type SettingsChangesBody = Static<typeof settingsChangesSchema>;

const agent = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  email: Type.String(),
  role: Type.Enum(['agent', 'admin']),
  availability: Type.Enum(['online', 'away', 'offline']),
  capacity: Type.Integer(),
  own_capacity: OrNull(Type.Integer({ description: 'Null where the setting’s holds.' })),
  open_conversations: Type.Integer(),
});
export const oneAgentSchema = success(agent);
export const agentsSchema = success(
  Type.Object({ agents: Type.Array(agent), total: Type.Integer(), has_more: Type.Boolean() }),
);
export const capacitySchema = Type.Object(
  { capacity: OrNull(Type.Integer({ minimum: 0, maximum: 1000 })) },
  { examples: [{ capacity: 5 }] },
);
export type CapacityBody = Static<typeof capacitySchema>;
