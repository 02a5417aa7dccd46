import Type, { type Static } from 'typebox';

/** The wire shapes of companion.md. */

export const loginRequestSchema = Type.Object(
  {
    username: Type.String({
      minLength: 1,
      maxLength: 320,
      pattern: '\\S',
      description: 'User name or e-mail address, in any case, of an account made through any contract.',
    }),
    password: Type.String({ minLength: 1, maxLength: 1024 }),
  },
  { examples: [{ username: 'mina', password: 'correct horse battery' }] },
);
export type LoginRequest = Static<typeof loginRequestSchema>;

export const tokenSchema = Type.Object({
  access_token: Type.String({ description: 'A JWT, to be sent as `Authorization: Bearer <token>`.' }),
  token_type: Type.Literal('bearer'),
});

export const loggedOutSchema = Type.Object({ message: Type.String() });

export const errorSchema = Type.Object({ detail: Type.String() });

/** Where the address is assistant's, too. */
export const sharedErrorSchema = Type.Object({
  detail: Type.String(),
  error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String(), details: Type.String() })),
});

const content = Type.String({ minLength: 1, pattern: '\\S' });

export const chatRequestSchema = Type.Object(
  { message: content },
  { examples: [{ message: 'What is Parley?' }] },
);
export type ChatRequest = Static<typeof chatRequestSchema>;

const time = (description: string) => Type.String({ description: `${description}, ISO 8601 in UTC.` });

const messageSchema = Type.Object({
  id: Type.String(),
  sessionId: Type.String({ description: 'The chat it belongs to.' }),
  role: Type.Enum(['user', 'assistant']),
  content: Type.String({ description: 'Of an answer on its way: what it has said so far.' }),
  timestamp: time('When it was sent; of an answer, when it ended'),
  status: Type.Enum(['sent', 'delivered', 'read']),
  state: Type.Enum(['sent', 'queued', 'running', 'completed', 'failed', 'cancelled', 'interrupted'], {
    description:
      'How far it is: a question is `sent` or `failed`; an answer `queued`, `running`, then `completed`, `failed`, `cancelled` or `interrupted`.',
  }),
  sender_type: Type.Optional(
    Type.Literal('human', { description: 'There where a person wrote the answer.' }),
  ),
});

export const chatResponseSchema = Type.Object({
  response: Type.String(),
  messages: Type.Array(messageSchema, {
    description: 'The newest 100 of the chat, oldest first, without answers that say nothing.',
  }),
});

export const historyQuerySchema = Type.Object({
  page: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, default: 1 }),
  pageSize: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  order: Type.Enum(['asc', 'desc'], { default: 'asc', description: 'Oldest or newest first.' }),
});
export type HistoryQuery = Static<typeof historyQuerySchema>;

export const historySchema = Type.Object({
  messages: Type.Array(messageSchema),
  pagination: Type.Object({ total: Type.Integer(), page: Type.Integer(), pageSize: Type.Integer() }),
});

export const ratingRequestSchema = Type.Object(
  {
    score: Type.Integer({ minimum: 1, maximum: 5 }),
    comment: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  },
  { examples: [{ score: 5, comment: 'To the point.' }] },
);
export type RatingRequest = Static<typeof ratingRequestSchema>;

export const ratingSchema = Type.Object({
  sessionId: Type.String({ description: 'The chat that was rated.' }),
  score: Type.Integer(),
  comment: Type.Union([Type.String(), Type.Null()]),
  timestamp: time('When it was given'),
});

export const stoppedSchema = Type.Object({
  stopped: Type.Integer({ description: 'How many answers were on their way.' }),
  messages: Type.Array(messageSchema, { description: 'What they had said.' }),
});

export const chatStatisticsSchema = Type.Object({
  todayChats: Type.Integer({ description: 'Chats begun today, in the server’s time zone.' }),
  totalChats: Type.Integer(),
  avgResponseTime: Type.Integer({ description: 'Milliseconds from a question to the end of its answer.' }),
  satisfactionRate: Type.Number({
    description: 'Percent of the ratings that are 4 or 5, to one decimal; 0 with none.',
  }),
});

export const messageStatisticsSchema = Type.Object({
  todayMessages: Type.Integer({ description: 'Messages sent today, in the server’s time zone.' }),
  totalMessages: Type.Integer(),
  avgMessagesPerChat: Type.Number({ description: 'To two decimals; 0 with no chats.' }),
});

/** A socket's `message` frame. */
export const messageFrameSchema = Type.Object({
  type: Type.Literal('message'),
  id: Type.Optional(Type.Union([Type.String(), Type.Integer(), Type.Null()])),
  content,
});
export type MessageFrame = Static<typeof messageFrameSchema>;
