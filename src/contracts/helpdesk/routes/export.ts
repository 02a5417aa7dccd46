import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { HelpdeskOptions } from '../options.ts';
import {
  conversationParamsSchema,
  exportedSchema,
  exportQuerySchema,
  type ConversationParams,
  type ExportQuery,
} from '../schemas/conversations.ts';
import { refusals } from '../schemas/envelope.ts';
import { conversationIdOf, requireStaff } from '../staff.ts';
import { exportedCsv, exportedJson } from '../exported.ts';

const formats = {
  json: { type: 'application/json; charset=utf-8', write: exportedJson },
  csv: { type: 'text/csv; charset=utf-8', write: exportedCsv },
};

/** A conversation as a file. */
export function registerExport(app: FastifyInstance, { core, running, runtime }: HelpdeskOptions): void {
  app.get<{ Params: ConversationParams; Querystring: ExportQuery }>(
    '/api/v1/admin/conversations/:id/export',
    {
      schema: {
        tags: ['helpdesk'],
        security: [{ bearer: [] }],
        summary: 'A conversation as a file',
        description:
          'JSON has everything: the conversation, its customer, messages, notes, and the changes of status that are still known. CSV has the messages, then the notes; a text that a spreadsheet would run as a formula has an apostrophe before it.',
        params: conversationParamsSchema,
        querystring: exportQuerySchema,
        response: { 200: exportedSchema, ...refusals },
      },
    },
    async (request, reply) => {
      const signal = running.forResponse(reply.raw);
      const caller = requireStaff(request.caller);
      const id = await conversationIdOf(core, caller, request.params.id);
      const { format } = request.query;
      const exported = await core.exports.open(caller, id, format);
      const { type, write } = formats[format];
      reply
        .type(type)
        .header('content-disposition', `attachment; filename="conversation-${id}.${format}"`)
        .header('cache-control', 'no-store');
      const pages = write(exported, new Date(runtime.now()).toISOString());
      return reply.send(Readable.from(untilAborted(pages, signal)));
    },
  );
}

async function* untilAborted(pages: AsyncGenerator<string>, signal: AbortSignal): AsyncGenerator<string> {
  for await (const page of pages) {
    signal.throwIfAborted();
    yield page;
  }
}
