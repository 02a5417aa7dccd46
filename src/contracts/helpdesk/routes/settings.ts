import type { FastifyInstance } from 'fastify';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { requireUser } from '../../../http/user-access.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentSettings } from '../present-desk.ts';
import { settingsChangesSchema, settingsSchema, type SettingsChangesBody } from '../schemas/desk.ts';
import { refusals, repeatableSchema } from '../schemas/envelope.ts';

const path = '/api/v1/admin/settings';
const about = { tags: ['helpdesk'], security: [{ bearer: [] }] };
const response = { 200: settingsSchema, ...refusals };

/** What administrators set for the helpdesk while it runs. */
export function registerSettingsRoutes(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get(path, { schema: { ...about, summary: 'The settings of the helpdesk', response } }, () => ({
    success: true,
    data: presentSettings(core.deskSettings.get()),
  }));

  app.put<{ Body: SettingsChangesBody }>(
    path,
    {
      schema: {
        ...about,
        headers: repeatableSchema,
        summary: 'Change settings of the helpdesk; what is left out stays',
        description: 'All processes over one store follow within a second.',
        body: settingsChangesSchema,
        response,
      },
    },
    async (request) => {
      const { burst_ms: burstMs, system_prompt: systemPrompt, handoff, ...rest } = request.body;
      const change = {
        ...rest,
        burstMs,
        systemPrompt,
        handoff: handoff && {
          onRequest: handoff.on_request,
          onUnknown: handoff.on_unknown,
          onFailure: handoff.on_failure,
        },
      };
      const caller = requireUser(request.caller);
      const settings = await core.deskSettings.set(caller, change, idempotencyOf(request));
      return { success: true, data: presentSettings(settings) };
    },
  );
}
