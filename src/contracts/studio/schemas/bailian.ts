import Type, { type Static } from 'typebox';
import { chatFields, Nullable } from '../../../http/openai-request.ts';
import { success } from './envelope.ts';

/** studio.md, "调用AI模型", as far as Parley reads it. Whatever else a request holds goes to the provider untouched. */
export const relayedRequestSchema = Type.Object(
  {
    ...chatFields,
    n: Nullable(Type.Integer({ minimum: 1 })),
    conversation_id: Nullable(
      Type.Integer({
        description: 'A conversation of yours that the call is for, as the call history shows it.',
      }),
    ),
  },
  {
    examples: [
      {
        model: 'qwen-vl-max-latest',
        messages: [{ role: 'user', content: [{ type: 'text', text: '你好，请介绍一下你自己' }] }],
        temperature: 1,
        max_tokens: 1024,
      },
    ],
  },
);
export type RelayedRequest = Static<typeof relayedRequestSchema>;

/** The vendor's answer; what a schema does not name would be left out of it. */
export const relayedAnswerSchema = success(
  Type.Unknown({
    description: "A `chat.completion` of OpenAI's, each message's `content` as a list of parts.",
  }),
);
