import Type, { type Static } from 'typebox';
import { OrNull, success, time } from './envelope.ts';

/** The wire shapes of sessions and their messages. */

const agentType = Type.Enum(['ai', 'human']);
const person = Type.Object({ id: Type.Integer(), name: Type.String() });
const sessionId = Type.String({ description: '`sess_…`' });

export const sessionParamsSchema = Type.Object({
  session_id: Type.String({ description: '`sess_…`; digits are a session of the assistant contract.' }),
});
export type SessionParams = Static<typeof sessionParamsSchema>;

export const newSessionSchema = Type.Object(
  {
    user_id: Type.Optional(
      OrNull(
        Type.String({
          minLength: 1,
          maxLength: 200,
          description: 'What the page calls its visitor; with an access token, its account counts instead.',
        }),
      ),
    ),
    metadata: Type.Optional(
      OrNull(
        Type.Record(Type.String(), Type.Unknown(), {
          description: 'What staff should know of the visitor; at most 8 KiB as JSON.',
        }),
      ),
    ),
  },
  {
    type: ['object', 'null'],
    examples: [
      {
        user_id: 'guest_123',
        metadata: { source: 'web', user_agent: 'Mozilla/5.0...', ip: '192.168.1.1' },
      },
    ],
  },
);
export type NewSessionBody = Static<typeof newSessionSchema> | null;

export const sessionSchema = success(
  Type.Object({
    session_id: sessionId,
    user_id: Type.String({ description: 'An account’s id, or what the page calls its visitor.' }),
    agent_type: agentType,
    status: Type.Enum(['active', 'pending', 'resolved', 'closed'], {
      description: '`pending` waits for a person.',
    }),
    assignee: OrNull(person),
    message_count: Type.Integer(),
    rating: OrNull(Type.Integer()),
    metadata: OrNull(Type.Record(Type.String(), Type.Unknown())),
    created_at: time,
    updated_at: time,
  }),
);

export const switchSchema = Type.Object(
  {
    agent_type: agentType,
    reason: Type.Optional(OrNull(Type.String({ maxLength: 500 }))),
  },
  { examples: [{ agent_type: 'human', reason: 'customer_request' }] },
);
export type SwitchBody = Static<typeof switchSchema>;

export const ratingSchema = Type.Object(
  {
    score: Type.Integer({ minimum: 1, maximum: 5 }),
    comment: Type.Optional(OrNull(Type.String({ maxLength: 2000 }))),
  },
  { examples: [{ score: 5, comment: '很有帮助' }] },
);
export type RatingBody = Static<typeof ratingSchema>;

export const ratedSchema = success(
  Type.Object({
    session_id: sessionId,
    score: Type.Integer(),
    comment: OrNull(Type.String()),
    created_at: time,
  }),
);

export const messagesQuerySchema = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 50 }),
  offset: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }),
});
export type MessagesQuery = Static<typeof messagesQuerySchema>;

const message = {
  id: Type.String({ description: '`msg_` and a number.' }),
  session_id: sessionId,
  sender_type: Type.Enum(['user', 'ai', 'human']),
  sender: OrNull(person),
  content: Type.String({ description: 'Of an answer on its way: what it has said so far.' }),
  parts: Type.Optional(
    Type.Array(
      Type.Object({
        type: Type.Enum(['text', 'image', 'video']),
        text: Type.Optional(Type.String()),
        url: Type.Optional(
          Type.String({
            description: 'Of an image or video that is somewhere on the web, or is shown whole.',
          }),
        ),
        bytes: Type.Optional(
          Type.Integer({ description: 'Of one that came with the message: how large it is.' }),
        ),
      }),
      { description: 'Of a message of more than text, which `content` only names.' },
    ),
  ),
  message_type: Type.Literal('text'),
  citations: Type.Array(
    Type.Object({
      number: Type.Integer(),
      article_id: OrNull(Type.Integer()),
      title: Type.String(),
      section: OrNull(Type.String()),
    }),
    { description: 'What in the knowledge base an answer rests on.' },
  ),
  created_at: time,
  status: Type.String({
    description:
      'Of a question `sent` or `failed`; of an answer `queued`, `running`, `completed`, `failed`, `cancelled` or `interrupted`.',
  }),
};
export const messageSchema = Type.Object(message);
export const oneMessageSchema = success(messageSchema);

export const messagesSchema = success(
  Type.Object({
    messages: Type.Array(messageSchema, { description: 'Oldest first.' }),
    total: Type.Integer(),
    has_more: Type.Boolean(),
  }),
);

/** Characters of a message, at most. */
export const mostContent = 16_000;

export const newMessageSchema = Type.Object(
  {
    session_id: sessionId,
    content: Type.String({ minLength: 1, maxLength: mostContent, pattern: '\\S' }),
    message_type: Type.Optional(Type.Literal('text')),
  },
  { examples: [{ session_id: 'sess_abc123', content: '你好，我需要帮助', message_type: 'text' }] },
);
export type NewMessageBody = Static<typeof newMessageSchema>;

export const sentMessageSchema = success(
  Type.Object({
    ...message,
    reply: OrNull(messageSchema),
  }),
);

export const stoppedSchema = success(
  Type.Object({ session_id: sessionId, stopped: Type.Integer(), messages: Type.Array(messageSchema) }),
);
