import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import type { HelpdeskOptions } from '../options.ts';
import { presentConversation } from '../present-conversation.ts';
import { presentCustomer } from '../present-desk.ts';
import { conversationSchema } from '../schemas/conversations.ts';
import {
  customersSchema,
  oneCustomerSchema,
  rowParamsSchema,
  searchedPageSchema,
  type RowParams,
  type SearchedPage,
} from '../schemas/desk.ts';
import { refusals, success } from '../schemas/envelope.ts';
import { requireStaff } from '../staff.ts';

const path = '/api/v1/admin/customers';
const about = { tags: ['helpdesk'], security: [{ bearer: [] }] };

const shownConversations = 100;
const customerWithConversationsSchema = success(
  Type.Object({
    ...oneCustomerSchema.properties.data.properties,
    conversations: Type.Array(conversationSchema, {
      description: `The ${shownConversations} that were changed last; all of them are in the list of conversations with customer_id.`,
    }),
    has_more: Type.Boolean(),
  }),
);

/** helpdesk.md, "获取客户列表". */
export function registerCustomerRoutes(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get<{ Querystring: SearchedPage }>(
    path,
    {
      schema: {
        ...about,
        summary: 'Who has begun a conversation, in any contract',
        description: 'With `search`: those in whose name, address or guest id every word of it occurs.',
        querystring: searchedPageSchema,
        response: { 200: customersSchema, ...refusals },
      },
    },
    async ({ query: { search, limit, offset }, caller }) => {
      const page = { skip: offset, limit };
      const { customers, total } = await core.desk.customers(requireStaff(caller), search, page);
      const has_more = offset + customers.length < total;
      return { success: true, data: { customers: customers.map(presentCustomer), total, has_more } };
    },
  );

  app.get<{ Params: RowParams }>(
    `${path}/:id`,
    {
      schema: {
        ...about,
        summary: 'A customer, with the newest conversations',
        params: rowParamsSchema,
        response: { 200: customerWithConversationsSchema, ...refusals },
      },
    },
    async ({ params: { id: customerId }, caller }) => {
      const staff = requireStaff(caller);
      const customer = await core.desk.customer(staff, customerId);
      const page = { skip: 0, limit: shownConversations };
      const { conversations, total } = await core.desk.list(staff, { customerId }, page);
      const shown = conversations.map(presentConversation);
      const has_more = shown.length < total;
      return { success: true, data: { ...presentCustomer(customer), conversations: shown, has_more } };
    },
  );
}
