import type { FastifyInstance } from 'fastify';
import { idempotencyOf } from '../../../http/idempotency.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentAgent } from '../present-desk.ts';
import {
  agentsSchema,
  capacitySchema,
  oneAgentSchema,
  rowParamsSchema,
  type CapacityBody,
  type RowParams,
} from '../schemas/desk.ts';
import { refusals, repeatableSchema } from '../schemas/envelope.ts';
import { requireStaff } from '../staff.ts';

const path = '/api/v1/admin/agents';
const about = { tags: ['helpdesk'], security: [{ bearer: [] }] };

/** Those who answer customers: who is there, and how much each has. */
export function registerAgentReads(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get(
    path,
    {
      schema: {
        ...about,
        summary: 'Agents and administrators: who is there, and how many open conversations each has',
        response: { 200: agentsSchema, ...refusals },
      },
    },
    async ({ caller }) => {
      const agents = (await core.agents.list(requireStaff(caller))).map(presentAgent);
      return { success: true, data: { agents, total: agents.length, has_more: false } };
    },
  );
}

/** How much is given to an agent at most, as administrators set it. */
export function registerAgentWrites(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.put<{ Params: RowParams; Body: CapacityBody }>(
    `${path}/:id`,
    {
      schema: {
        ...about,
        headers: repeatableSchema,
        summary: 'Set how many open conversations an agent is given at once',
        description: 'With null the setting’s number holds. What agents take by hand is not limited.',
        params: rowParamsSchema,
        body: capacitySchema,
        response: { 200: oneAgentSchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireStaff(request.caller);
      const { id } = request.params;
      const agent = await core.agents.setCapacity(caller, id, request.body.capacity, idempotencyOf(request));
      return { success: true, data: presentAgent(agent) };
    },
  );
}
