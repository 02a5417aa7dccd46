import type { FastifyInstance } from 'fastify';
import { invalidField } from '../../../core/errors.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentAuditEntry } from '../present-administration.ts';
import { auditLogSchema, auditQuerySchema, type AuditQuery } from '../schemas/audit-log.ts';
import { refusals } from '../schemas/envelope.ts';

/** What agents and administrators have done, for administrators. */
export function registerAuditLogRoutes(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get<{ Querystring: AuditQuery }>(
    '/api/v1/admin/audit-log',
    {
      schema: {
        tags: ['helpdesk'],
        security: [{ bearer: [] }],
        summary: 'The administrative acts, newest first',
        querystring: auditQuerySchema,
        response: { 200: auditLogSchema, ...refusals },
      },
    },
    async ({ query }) => {
      const { limit, offset, actor_id, action, target_type, target_id } = query;
      const [from, to] = [timeOf(query.from), timeOf(query.to)];
      if (from !== undefined && to !== undefined && from > to) {
        throw invalidField('from', { kind: 'invalid' });
      }
      if (target_id !== undefined && target_type === undefined) {
        throw invalidField('target_type', { kind: 'required' });
      }
      const filter = { actorId: actor_id, action, targetType: target_type, targetId: target_id, from, to };
      const { entries, total, more } = await core.auditLog.list(filter, { skip: offset, limit });
      return { success: true, data: { entries: entries.map(presentAuditEntry), total, has_more: more } };
    },
  );
}

function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}
