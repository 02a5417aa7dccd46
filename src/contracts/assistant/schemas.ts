import Type, { type Static, type TSchema } from 'typebox';

/** The wire shapes of assistant.md. */

export const loginRequestSchema = Type.Object(
  {
    username: Type.String({
      minLength: 1,
      maxLength: 320,
      pattern: '\\S',
      description: 'User name or e-mail address, in any case.',
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

export const registerRequestSchema = Type.Object(
  {
    username: Type.String({ minLength: 3, maxLength: 64, pattern: '\\S' }),
    email: Type.String({ minLength: 1, maxLength: 254, pattern: '\\S' }),
    password: Type.String({ minLength: 8, maxLength: 256 }),
  },
  { examples: [{ username: 'mina', email: 'mina@example.com', password: 'correct horse battery' }] },
);
export type RegisterRequest = Static<typeof registerRequestSchema>;

export const accountSchema = Type.Object({
  id: Type.Integer(),
  username: Type.String(),
  email: Type.String(),
  role: Type.Enum(['user', 'agent', 'admin']),
  status: Type.Enum(['active', 'disabled']),
});

/** What every write takes. */
export const repeatableSchema = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      description:
        'A name for this write, of 1 to 255 visible ASCII characters: sent again under it within a day, it is not done again.',
    }),
  ),
});

export const errorSchema = Type.Object({
  error: Type.Object({
    code: Type.String({ description: 'A business error code, such as `AUTH001`.' }),
    message: Type.String(),
    details: Type.String({ description: 'The field at fault; empty where there is none.' }),
  }),
});

const text = (more: object = {}) => Type.String({ minLength: 1, pattern: '\\S', ...more });

/** A field that may be left out, or be null, which is the same: many clients send all fields that they know. */
const nullable = <T>(schema: TSchema & { type: string }) =>
  Type.Optional(Type.Unsafe<T | null>({ ...schema, type: [schema.type, 'null'] }));

/** What a question may hold beside its text and its session. */
const asking = {
  system_prompt: nullable<string>(
    Type.String({ description: 'Kept with the session: later messages need not repeat it.' }),
  ),
  model: nullable<string>(
    text({ maxLength: 200, description: 'The configured default where it is left out.' }),
  ),
  temperature: nullable<number>(Type.Number({ minimum: 0, maximum: 2 })),
  max_tokens: nullable<number>(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
};

export const chatRequestSchema = Type.Object(
  {
    message: text(),
    session_id: nullable<number>(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'A new session where it is left out.',
      }),
    ),
    ...asking,
    stream: Type.Optional(
      Type.Boolean({
        description:
          'The answer as Server-Sent Events, as `/api/v1/chat/sessions/{session_id}/stream` has them.',
      }),
    ),
  },
  { examples: [{ message: 'What is Parley?' }, { message: 'And who is it for?', session_id: 42 }] },
);
export type ChatRequest = Static<typeof chatRequestSchema>;

/** A question to a session; no message where the client only wants to hear an answer that is on its way. */
const streamRequest = Type.Object(
  { message: Type.Optional(text()), ...asking },
  { examples: [{ message: 'What is Parley?' }] },
);
export type StreamRequest = Static<typeof streamRequest>;
/** The body may be missing. */
export const streamRequestSchema = Type.Unsafe<StreamRequest | null>({
  ...streamRequest,
  type: ['object', 'null'],
});

const time = (description: string) => Type.String({ description: `${description}, ISO 8601 in UTC.` });

const messageStatuses = [
  'sent',
  'queued',
  'streaming',
  'completed',
  'failed',
  'cancelled',
  'interrupted',
] as const;

const messageFields = {
  id: Type.Integer(),
  role: Type.Enum(['user', 'assistant']),
  content: Type.String({ description: 'Of an answer on its way: what it has said so far.' }),
  created_at: time('When it was sent; of an answer, when it ended'),
  tokens: Type.Integer({ description: 'Of this message alone.' }),
  status: Type.Enum([...messageStatuses], {
    description:
      'Of a question `sent` or `failed`; of an answer `queued`, `streaming`, `completed`, `failed`, `cancelled` or `interrupted`.',
  }),
  sender_type: Type.Optional(
    Type.Literal('human', { description: 'There where a person wrote the answer.' }),
  ),
  model: Type.Optional(Type.String({ description: 'The model that gave the answer.' })),
  parts: Type.Optional(
    Type.Array(
      Type.Object({
        type: Type.Enum(['text', 'image', 'video']),
        text: Type.Optional(Type.String()),
        url: Type.Optional(
          Type.String({ description: 'Of an image or video that is somewhere on the web.' }),
        ),
        bytes: Type.Optional(
          Type.Integer({ description: 'Of one that came with the message: how large it is.' }),
        ),
      }),
      { description: 'Of a message of more than text, which `content` only names.' },
    ),
  ),
};

export const messageSchema = Type.Object(messageFields);

export const chatResponseSchema = Type.Object({
  session_id: Type.Integer(),
  message: messageSchema,
  total_tokens: Type.Integer({
    description: 'Of the exchange: everything that the model read, and the answer.',
  }),
});

export const sessionSchema = Type.Object({
  id: Type.Integer(),
  title: Type.String(),
  status: Type.Enum(['active', 'pending', 'resolved', 'closed'], {
    description:
      '`pending`: waits for a person. `resolved` and `closed`: over, until the next message opens it again.',
  }),
  agent_type: Type.Enum(['ai', 'human'], {
    description: '`human` where a person is in charge, or is waited for.',
  }),
  message_count: Type.Integer(),
  last_message_time: time('When the last message was sent or ended'),
  created_at: time('When it began'),
  updated_at: time('When it last changed'),
});

/** Digits; what is beyond every id is nobody's. */
export const sessionParamsSchema = Type.Object({ session_id: Type.String({ description: 'A number.' }) });
export type SessionParams = Static<typeof sessionParamsSchema>;

const pageSchema = (limit: number) =>
  Type.Object({
    skip: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: limit }),
  });
export const sessionsPageSchema = pageSchema(20);
export const messagesPageSchema = pageSchema(50);
export type Page = Static<typeof sessionsPageSchema>;

export const renameRequestSchema = Type.Object({ title: text() }, { examples: [{ title: 'Holidays' }] });
export type RenameRequest = Static<typeof renameRequestSchema>;

export const removedSchema = Type.Object({ id: Type.Integer(), status: Type.Literal('deleted') });

export const stoppedSchema = Type.Object({
  session_id: Type.Integer(),
  stopped: Type.Integer({ description: 'How many answers were on their way.' }),
  messages: Type.Array(messageSchema, { description: 'What they had said.' }),
});

export const ratingRequestSchema = Type.Object(
  { score: Type.Integer({ minimum: 1, maximum: 5 }), comment: Type.Optional(Type.String()) },
  { examples: [{ score: 5, comment: 'To the point.' }] },
);
export type RatingRequest = Static<typeof ratingRequestSchema>;

export const ratingSchema = Type.Object({
  session_id: Type.Integer(),
  score: Type.Integer(),
  comment: Type.String({ description: 'Empty where there is none.' }),
  created_at: time('When it was given'),
});

const day = Type.String({ description: '`YYYY-MM-DD`.', examples: ['2026-01-31'] });

export const daysQuerySchema = Type.Object({
  start_date: Type.Optional(day),
  end_date: Type.Optional(day),
});
export type DaysQuery = Static<typeof daysQuerySchema>;

const averageMs = Type.Number({
  description: 'Milliseconds from a question to the end of its answer; 0 where nothing was answered.',
});

export const daySchema = Type.Object({
  date: day,
  chat_count: Type.Integer(),
  message_count: Type.Integer(),
  avg_response_time: averageMs,
  token_usage: Type.Integer(),
  error_count: Type.Integer(),
});

export const totalSchema = Type.Object({
  total_chats: Type.Integer(),
  total_messages: Type.Integer(),
  avg_response_time: averageMs,
  total_tokens: Type.Integer(),
  total_errors: Type.Integer(),
});

/** A socket's `message` frame. */
export const messageFrameSchema = Type.Object({
  type: Type.Literal('message'),
  id: Type.Optional(Type.Union([Type.String(), Type.Integer(), Type.Null()])),
  data: Type.Object({ content: text(), ...asking }),
});
export type MessageFrame = Static<typeof messageFrameSchema>;
