import Type, { type Static } from 'typebox';
import { OrNull, pagination, success, time } from './envelope.ts';

/** The wire shapes of conversations. */

/** Further than any list goes, and near enough that places in it are whole numbers. */
const lastPage = 1_000_000_000_000;

const pageQuery = (limit: number) => ({
  page: Type.Integer({ minimum: 1, maximum: lastPage, default: 1 }),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: limit }),
});

/** What narrows a list; an empty text is none. */
export const modelFilter = {
  model_name: Type.Optional(Type.String({ maxLength: 200, description: 'Only of this model.' })),
};

/** Lists have 10 entries a page unless the client says otherwise. */
export const listQuery = pageQuery(10);

export const messagesPageSchema = Type.Object(pageQuery(20));
export type Page = Static<typeof messagesPageSchema>;

export const conversationsPageSchema = Type.Object({ ...listQuery, ...modelFilter });
export type ConversationsPage = Static<typeof conversationsPageSchema>;

/** Ids that are numbers may be anybody's or nobody's, which is not for the schema to say. */
export const conversationParamsSchema = Type.Object({ conversation_id: Type.Integer() });
export type ConversationParams = Static<typeof conversationParamsSchema>;

export const messageParamsSchema = Type.Object({ message_id: Type.Integer() });
export type MessageParams = Static<typeof messageParamsSchema>;

const title = Type.Optional(OrNull(Type.String({ description: '1 to 200 characters on one line.' })));

export const newConversationSchema = Type.Object(
  {
    title,
    model_name: Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'The model that answers in it, by id or alias.',
    }),
  },
  { examples: [{ title: '新对话', model_name: 'qwen-vl-max-latest' }] },
);
export type NewConversationBody = Static<typeof newConversationSchema>;

export const conversationChangesSchema = Type.Object(
  { title },
  { examples: [{ title: '更新后的对话标题' }] },
);
export type ConversationChangesBody = Static<typeof conversationChangesSchema>;

const conversation = Type.Object({
  conversation_id: Type.Integer(),
  title: Type.String({
    description: '新对话 (in English: New chat) until a title is given, or the first message names it.',
  }),
  model_name: Type.String(),
  status: Type.Literal(1),
  created_at: time,
  updated_at: time,
  message_count: Type.Integer(),
  agent_type: Type.Optional(
    Type.Literal('human', { description: 'There where a person answers, or is waited for.' }),
  ),
  assignee: Type.Optional(
    OrNull(
      Type.Object(
        { id: Type.Integer(), name: Type.String() },
        { description: 'Who answers; null while nobody has taken it.' },
      ),
    ),
  ),
});

export const conversationSchema = success(conversation);

export const conversationsSchema = success(
  Type.Object({
    conversations: Type.Array(conversation, { description: 'Newest first.' }),
    pagination,
  }),
);
