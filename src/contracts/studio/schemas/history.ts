import Type, { type Static } from 'typebox';
import { listQuery, modelFilter } from './conversations.ts';
import { OrNull, pagination, success, time } from './envelope.ts';

/** The wire shapes of what is told about calls and conversations. */

const day = (description: string) =>
  Type.Optional(Type.String({ description: `${description}, \`YYYY-MM-DD\` in the server's time zone.` }));

const days = {
  start_date: day('The first day'),
  end_date: day('The last day, with it'),
};

export const callsQuerySchema = Type.Object({ ...listQuery, ...modelFilter, ...days });
export type CallsQuery = Static<typeof callsQuerySchema>;

export const statisticsQuerySchema = Type.Object({ ...days, ...modelFilter });
export type StatisticsQuery = Static<typeof statisticsQuerySchema>;

const cost = Type.Number({ description: 'In units of `currency`, by the price of the day of the call.' });

const call = Type.Object({
  id: Type.Integer(),
  user_id: OrNull(Type.Integer({ description: 'Null of calls made with an API key.' })),
  conversation_id: OrNull(Type.Integer()),
  message_id: OrNull(Type.Integer({ description: 'The reply that the call made.' })),
  model_name: Type.String({ description: 'The model that answered.' }),
  api_endpoint: Type.String({ description: 'The address that was called, of whatever contract.' }),
  status_code: Type.Integer({ description: 'In the terms of HTTP; 499 where the client left.' }),
  request_tokens: Type.Integer(),
  response_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
  call_duration: Type.Integer({ description: 'Milliseconds.' }),
  client_ip: Type.String(),
  created_at: time,
  requested_model: Type.String(),
  provider: Type.String(),
  cached_request_tokens: Type.Integer({
    description: 'The part of the request that the provider had cached.',
  }),
  estimated: Type.Boolean({ description: 'Whether the tokens are our estimate: the provider did not say.' }),
  cost,
  currency: Type.String(),
  outcome: Type.Enum(['success', 'failure', 'cancelled', 'cache_hit']),
  error_code: OrNull(Type.String()),
  contract: Type.String(),
  streamed: Type.Boolean(),
  first_token_duration: OrNull(Type.Integer({ description: 'Milliseconds until the first word.' })),
  attempts: Type.Integer(),
  request_id: Type.String(),
});

export const callsSchema = success(
  Type.Object({
    api_calls: Type.Array(call, { description: 'Newest first.' }),
    pagination,
    summary: Type.Object(
      {
        request_tokens: Type.Integer(),
        response_tokens: Type.Integer(),
        total_tokens: Type.Integer(),
        costs: Type.Array(Type.Object({ currency: Type.String(), cost: Type.Number() })),
      },
      {
        description:
          'Of all calls that match, on whatever page they are, also of those that are kept no longer.',
      },
    ),
  }),
);

const figures = {
  conversation_count: Type.Integer(),
  message_count: Type.Integer(),
  token_count: Type.Integer(),
};

export const statisticsSchema = success(
  Type.Object({
    total_conversations: Type.Integer(),
    total_messages: Type.Integer(),
    total_tokens: Type.Integer(),
    model_statistics: Type.Array(Type.Object({ model_name: Type.String(), ...figures })),
    daily_statistics: Type.Array(Type.Object({ date: Type.String({ format: 'date' }), ...figures }), {
      description: 'The days on which something happened, in their order.',
    }),
  }),
);
