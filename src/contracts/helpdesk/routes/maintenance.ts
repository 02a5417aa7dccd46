import type { FastifyInstance } from 'fastify';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { requireUser } from '../../../http/user-access.ts';
import { refusals, repeatableSchema } from '../schemas/envelope.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentMaintenance } from '../present.ts';
import {
  maintenanceRequestSchema,
  maintenanceSchema,
  type MaintenanceBody,
} from '../schemas/administration.ts';

const path = '/api/v1/admin/maintenance';
const about = { tags: ['helpdesk'], security: [{ bearer: [] }] };
const response = { 200: maintenanceSchema, ...refusals };

/** The maintenance switch, for administrators. */
export function registerMaintenanceRoutes(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get(
    path,
    { schema: { ...about, summary: 'Whether the service is under maintenance', response } },
    () => ({
      success: true,
      data: presentMaintenance(core.maintenance.get()),
    }),
  );

  app.put<{ Body: MaintenanceBody }>(
    path,
    {
      schema: {
        ...about,
        headers: repeatableSchema,
        summary: 'Switch maintenance on or off',
        description:
          'While it is on, nobody but administrators gets an answer from a model: 503 with the message. Logins and health checks go on.',
        body: maintenanceRequestSchema,
        response,
      },
    },
    async (request) => {
      const { enabled, message } = request.body;
      const caller = requireUser(request.caller);
      const state = await core.maintenance.set(enabled, message, caller, idempotencyOf(request));
      return { success: true, data: presentMaintenance(state) };
    },
  );
}
