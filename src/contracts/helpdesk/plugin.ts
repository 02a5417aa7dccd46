import type { FastifyError, FastifyInstance } from 'fastify';
import { ParleyError } from '../../core/errors.ts';
import { isStaff } from '../../core/identity/caller.ts';
import { credentialsOf } from '../../http/credentials.ts';
import { answerError } from '../../http/error-answer.ts';
import { takeAllowance } from '../../http/rate-limit.ts';
import { admitUsers, requireUser } from '../../http/user-access.ts';
import { errorShapeFor, sessionErrorShapeFor } from './errors.ts';
import type { HelpdeskOptions } from './options.ts';
import { registerApiKeyRoutes } from './routes/api-keys.ts';
import { registerAuditLogRoutes } from './routes/audit-log.ts';
import { registerLogin, registerOwnLogin } from './routes/auth.ts';
import { registerKnowledgeReads, registerKnowledgeWrites } from './routes/knowledge.ts';
import { registerMaintenanceRoutes } from './routes/maintenance.ts';
import { registerMessageReads, registerMessageWrites } from './routes/messages.ts';
import { registerRating, registerSessionRoutes, registerSwitch } from './routes/sessions.ts';
import { registerAgentReads, registerAgentWrites } from './routes/agents.ts';
import { registerCannedReplyReads, registerCannedReplyWrites } from './routes/canned-replies.ts';
import { registerConversationRoutes } from './routes/conversations.ts';
import { registerCustomerRoutes } from './routes/customers.ts';
import { registerDashboard } from './routes/dashboard.ts';
import { registerExport } from './routes/export.ts';
import { registerNoteRoutes } from './routes/notes.ts';
import { registerSearch } from './routes/search.ts';
import { registerSettingsRoutes } from './routes/settings.ts';
import { registerSuggestions } from './routes/suggestions.ts';
import { registerUserRoutes } from './routes/users.ts';
import { registerSocket } from './socket.ts';
import type { SocketOptions } from './socket-visit.ts';
import { registerWebhookRoutes } from './routes/webhooks.ts';

/** The helpdesk contract (helpdesk.md): guests talk to an AI, a person takes over. */
export async function helpdeskPlugin(app: FastifyInstance, options: SocketOptions): Promise<void> {
  app.setErrorHandler<FastifyError>((thrown, request, reply) =>
    answerError(thrown, request, reply, errorShapeFor(request)),
  );
  registerLogin(app, options);
  registerSocket(options);
  await app.register(visitors, options);
  await app.register(async (people) => {
    people.addHook('onRequest', admitUsers(options));
    registerOwnLogin(people, options);
    await people.register(staff, options);
  });
}

/** Who needs no login. */
async function visitors(app: FastifyInstance, options: HelpdeskOptions): Promise<void> {
  const { authenticator, clientAddress } = options;
  app.setErrorHandler<FastifyError>((thrown, request, reply) =>
    answerError(thrown, request, reply, sessionErrorShapeFor(request)),
  );
  app.addHook('onRequest', async (request) => {
    const ip = clientAddress(request.raw);
    request.caller = await authenticator.identify(credentialsOf(request.headers), ip);
  });
  registerSessionRoutes(app, options);
  registerSwitch(app, options);
  registerRating(app, options);
  registerMessageReads(app, options);
  registerMessageWrites(app, options);
}

/** What agents and administrators may see and do. */
async function staff(app: FastifyInstance, options: HelpdeskOptions): Promise<void> {
  const { limits, adminLimit, runtime } = options;
  app.addHook('onRequest', async (request, reply) => {
    const caller = requireUser(request.caller);
    await takeAllowance(limits, caller, adminLimit, reply, runtime.now());
    if (!isStaff(caller)) throw new ParleyError('forbidden', 'Only agents and administrators may do this.');
  });
  registerConversationRoutes(app, options);
  registerNoteRoutes(app, options);
  registerSuggestions(app, options);
  registerExport(app, options);
  registerCustomerRoutes(app, options);
  registerDashboard(app, options);
  registerSearch(app, options);
  registerCannedReplyReads(app, options);
  registerAgentReads(app, options);
  registerKnowledgeReads(app, options);
  await app.register(administrators, options);
}

/** What only administrators may. */
async function administrators(app: FastifyInstance, options: HelpdeskOptions): Promise<void> {
  app.addHook('onRequest', async ({ caller }) => {
    if (requireUser(caller).role !== 'admin') {
      throw new ParleyError('forbidden', 'Only administrators may do this.');
    }
  });
  registerUserRoutes(app, options);
  registerApiKeyRoutes(app, options);
  registerMaintenanceRoutes(app, options);
  registerAuditLogRoutes(app, options);
  registerWebhookRoutes(app, options);
  registerKnowledgeWrites(app, options);
  registerCannedReplyWrites(app, options);
  registerAgentWrites(app, options);
  registerSettingsRoutes(app, options);
}
