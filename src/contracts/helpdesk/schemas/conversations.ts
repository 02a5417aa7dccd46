import Type, { type Static } from 'typebox';
import { OrNull, pageQuery, success, time } from './envelope.ts';
import { messageSchema } from './sessions.ts';

/** The wire shapes of conversations as staff see them. */

const status = Type.Enum(['open', 'pending', 'resolved', 'closed']);
const agentType = Type.Enum(['ai', 'human']);
const priority = Type.Enum(['low', 'medium', 'high', 'urgent']);
const personId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
const person = Type.Object({ id: Type.Integer(), name: Type.String() });
const tags = Type.Array(Type.String({ minLength: 1, maxLength: 50 }), {
  maxItems: 20,
  uniqueItems: true,
});

export const conversationParamsSchema = Type.Object({
  id: Type.String({ description: 'The conversation’s number, or its `sess_…`.' }),
});
export type ConversationParams = Static<typeof conversationParamsSchema>;

export const messageParamsSchema = Type.Object({
  id: conversationParamsSchema.properties.id,
  message_id: Type.String({ description: '`msg_` and a number, or the number.' }),
});
export type MessageParams = Static<typeof messageParamsSchema>;

export const conversationsQuerySchema = Type.Object({
  ...pageQuery,
  status: Type.Optional(status),
  agent_type: Type.Optional(agentType),
  assignee_id: Type.Optional(personId),
  priority: Type.Optional(priority),
  customer_id: Type.Optional(personId),
});
export type ConversationsQuery = Static<typeof conversationsQuerySchema>;

const conversation = {
  id: Type.Integer(),
  session_id: Type.String({ description: '`sess_…`' }),
  user_id: Type.String({ description: 'An account’s id, or what the page calls its visitor.' }),
  channel: Type.String({ description: 'The contract in which it began.' }),
  status,
  agent_type: agentType,
  assignee: OrNull(person),
  priority,
  tags: Type.Array(Type.String()),
  last_message: OrNull(messageSchema),
  message_count: Type.Integer(),
  rating: OrNull(Type.Integer()),
  created_at: time,
  updated_at: time,
};
export const conversationSchema = Type.Object(conversation);
export const oneConversationSchema = success(conversationSchema);
export const shownConversationSchema = success(
  Type.Object({ ...conversation, metadata: OrNull(Type.Record(Type.String(), Type.Unknown())) }),
);
export const conversationsSchema = success(
  Type.Object({
    conversations: Type.Array(conversationSchema, { description: 'The last changed first.' }),
    total: Type.Integer(),
    has_more: Type.Boolean(),
  }),
);

export const conversationChangesSchema = Type.Object(
  {
    status: Type.Optional(status),
    priority: Type.Optional(priority),
    assignee_id: Type.Optional(OrNull(personId)),
    tags: Type.Optional(tags),
  },
  { minProperties: 1, examples: [{ status: 'resolved', priority: 'high', assignee_id: 1 }] },
);
export type ConversationChangesBody = Static<typeof conversationChangesSchema>;

export const assignSchema = Type.Object(
  { assignee_id: Type.Optional(OrNull(personId)) },
  { type: ['object', 'null'], examples: [{}] },
);
export type AssignBody = Static<typeof assignSchema> | null | undefined;

export const tagsSchema = Type.Object({ tags }, { examples: [{ tags: ['refund', 'vip'] }] });
export type TagsBody = Static<typeof tagsSchema>;
export const keptTagsSchema = success(Type.Object({ tags: Type.Array(Type.String()) }));

const note = Type.Object({ id: Type.Integer(), author: person, content: Type.String(), created_at: time });
export const newNoteSchema = Type.Object(
  { content: Type.String({ minLength: 1, maxLength: 10_000, pattern: '\\S' }) },
  { examples: [{ content: '客户希望下周退款' }] },
);
export type NewNoteBody = Static<typeof newNoteSchema>;
export const oneNoteSchema = success(note);
export const pageQuerySchema = Type.Object(pageQuery);
export type PageQuery = Static<typeof pageQuerySchema>;
export const notesSchema = success(
  Type.Object({
    notes: Type.Array(note, { description: 'Oldest first.' }),
    total: Type.Integer(),
    has_more: Type.Boolean(),
  }),
);

export const suggestionSchema = success(
  Type.Object({
    content: Type.String(),
    model: Type.String({ description: 'The model that really answered.' }),
    citations: messageSchema.properties.citations,
  }),
);

export const exportQuerySchema = Type.Object({
  format: Type.Enum(['json', 'csv'], { default: 'json' }),
});
/** A file, which is no envelope. */
export const exportedSchema = {
  description: 'The file.',
  content: {
    'application/json': { schema: Type.Object({}) },
    'text/csv': { schema: Type.String() },
  },
};
export type ExportQuery = Static<typeof exportQuerySchema>;

export const searchQuerySchema = Type.Object({
  ...pageQuery,
  q: Type.String({
    minLength: 1,
    maxLength: 200,
    pattern: '\\S',
    description:
      'Every word and every "quoted phrase" must occur in the message, whatever its case; `word*` may go on.',
  }),
});
export type SearchQuery = Static<typeof searchQuerySchema>;
export const searchSchema = success(
  Type.Object({
    results: Type.Array(
      Type.Object({
        conversation: conversationSchema,
        message: messageSchema,
        snippet: Type.Object({
          text: Type.String({ description: 'Plain text around what was found.' }),
          matches: Type.Array(Type.Object({ start: Type.Integer(), length: Type.Integer() }), {
            description: 'What was found, in UTF-16 code units.',
          }),
        }),
      }),
      { description: 'The newest messages first.' },
    ),
    total: Type.Integer({ description: 'Counted up to 10,000; what lies beyond is not found.' }),
    has_more: Type.Boolean(),
    complete: Type.Boolean({
      description: 'False as long as messages from before an upgrade are still being taken into the index.',
    }),
  }),
);
