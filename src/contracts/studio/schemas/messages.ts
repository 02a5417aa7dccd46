import Type, { type Static } from 'typebox';
import { OrNull, pagination, success, time } from './envelope.ts';

/** The wire shapes of messages. */

/** A field that many clients send as null where they have nothing to say in it. */
const optional = <T extends Parameters<typeof OrNull>[0]>(schema: T) => Type.Optional(OrNull(schema));

const url = Type.Object({
  url: Type.String({ description: 'An `https:` or `data:` URL; Parley never fetches it.' }),
});

const newPart = Type.Object({
  type: Type.Enum(['text', 'image_url', 'video_url']),
  text: optional(Type.String({ description: 'Of `text`.' })),
  image_url: optional(url),
  video_url: optional(url),
});

export const newMessageSchema = Type.Object(
  { content: Type.Array(newPart, { minItems: 1, maxItems: 1000 }) },
  {
    examples: [
      { content: [{ type: 'text', text: '你好，请介绍一下你自己' }] },
      {
        content: [
          { type: 'text', text: '图中是什么？' },
          { type: 'image_url', image_url: { url: 'https://example.com/cat.png' } },
        ],
      },
    ],
  },
);
export type NewMessageBody = Static<typeof newMessageSchema>;

/** The body may be missing, where a client only wants to hear a reply that is on its way. */
export const streamedMessageSchema = Type.Unsafe<NewMessageBody | null>({
  ...newMessageSchema,
  type: ['object', 'null'],
});

export const sendQuerySchema = Type.Object({
  wait: Type.Boolean({ default: false, description: 'Answer when the reply is there, with it.' }),
});
export type SendQuery = Static<typeof sendQuerySchema>;

const messageFields = {
  message_id: Type.Integer(),
  conversation_id: Type.Integer(),
  user_id: Type.Integer({ description: 'Who sent it; 0 of what the assistant says.' }),
  role: Type.Enum(['user', 'assistant']),
  content_type: Type.Enum(['text', 'image_url', 'video_url', 'mixed'], {
    description: 'That of all parts; `mixed` where they differ.',
  }),
  content: Type.Array(
    Type.Object({
      type: Type.Enum(['text', 'image_url', 'video_url']),
      text: Type.Optional(Type.String()),
      image_url: Type.Optional(Type.Object({ url: Type.String() })),
      video_url: Type.Optional(Type.Object({ url: Type.String() })),
    }),
  ),
  status: Type.Enum([1, 0], { description: '0 of a reply that failed, or broke off; `error` says why.' }),
  created_at: time,
  sender_type: Type.Optional(Type.Literal('human', { description: 'There where a person wrote the reply.' })),
  model_name: Type.Optional(Type.String({ description: 'The model that gave the reply.' })),
  tokens: Type.Integer({ description: 'Of this message alone.' }),
  state: Type.Enum(['sent', 'queued', 'running', 'completed', 'failed', 'cancelled', 'interrupted'], {
    description:
      'Of a message of the user’s `sent`, or `failed` where nothing replied; of a reply how it ended: `cancelled` where it was stopped.',
  }),
  error: Type.Optional(Type.Object({ code: Type.Integer(), message: Type.String() })),
};

const message = Type.Object(messageFields);

export const sentMessageSchema = success(
  Type.Object({
    ...messageFields,
    reply: Type.Optional(
      Type.Union([message, Type.Null()], {
        description: 'With `?wait=true`; null while a person is in charge of the conversation.',
      }),
    ),
  }),
);

export const messagesSchema = success(
  Type.Object({
    messages: Type.Array(message, { description: 'Oldest first; replies once they are whole.' }),
    pagination,
    pending: Type.Array(Type.Integer(), { description: 'The ids of replies that are being made.' }),
  }),
);

export const stoppedSchema = success(
  Type.Object({
    conversation_id: Type.Integer(),
    stopped: Type.Integer({ description: 'How many replies were on their way.' }),
    messages: Type.Array(message, { description: 'What they had said.' }),
  }),
);
