import type { FastifyInstance } from 'fastify';
import type { HelpdeskOptions } from '../options.ts';
import { presentDashboard } from '../present-desk.ts';
import { dashboardSchema } from '../schemas/desk.ts';
import { refusals } from '../schemas/envelope.ts';
import { requireStaff } from '../staff.ts';

/** helpdesk.md, "获取统计数据". */
export function registerDashboard(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get(
    '/api/v1/admin/analytics/dashboard',
    {
      schema: {
        tags: ['helpdesk'],
        security: [{ bearer: [] }],
        summary: 'The figures of today and of this week, over all contracts',
        response: { 200: dashboardSchema, ...refusals },
      },
    },
    async ({ caller }) => ({
      success: true,
      data: presentDashboard(await core.desk.dashboard(requireStaff(caller))),
    }),
  );
}
