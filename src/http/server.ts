import fastifyCompress from '@fastify/compress';
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { IncomingMessage } from 'node:http';
import { allowOrigins, type OriginPolicy } from './cross-origin.ts';
import { acceptJson } from './json-body.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from './metrics.ts';
import { lateSerializers } from './serialization.ts';
import { issuerConstraint } from './token-issuer.ts';
import { answerUnreadable } from './unreadable.ts';
import { createValidatorCompiler } from './validation.ts';
import './caller-decoration.ts';

export interface ServerParts {
  log: FastifyBaseLogger;
  /** Gets one line a request. */
  access: Log;
  requestId: (request: IncomingMessage) => string;
  metrics: Metrics;
  bodyBytes: number;
  originAllowed: OriginPolicy;
  /** Answers what no contract's own error handler does: addresses that nobody owns, and unreadable requests. */
  renderError: (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply;
  /** The body of the answer to what is not an HTTP request. */
  presentUnreadable: (status: number, text: string) => object;
}

/** The HTTP server that contracts are registered in: what every request has in common. */
export async function createHttpServer(parts: ServerParts): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: parts.log,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (log) => log,
    requestIdHeader: false,
    genReqId: parts.requestId,
    bodyLimit: parts.bodyBytes,
    frameworkErrors: (error, request, reply) => void parts.renderError(error, request, reply),
    clientErrorHandler: answerUnreadable(parts.presentUnreadable),
    routerOptions: { maxParamLength: 500 },
    schemaController: { compilersFactory: { buildSerializer: lateSerializers() } },
  });
  app.addConstraintStrategy(issuerConstraint);
  acceptJson(app);
  app.setValidatorCompiler(createValidatorCompiler());
  app.setErrorHandler((error, request, reply) => parts.renderError(error, request, reply));
  app.decorateRequest('caller', undefined as never);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    reply.header('x-process-time', (reply.elapsedTime / 1000).toFixed(3));
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    observe(parts, request, reply);
    done();
  });
  await allowOrigins(app, parts.originAllowed);
  await app.register(fastifyCompress, { encodings: ['gzip', 'identity'], threshold: 1024 });
  return app;
}

/** One line and one count a request, by the route's template: raw paths hold ids that are secrets, and have no bound. */
function observe({ metrics, access }: ServerParts, request: FastifyRequest, reply: FastifyReply): void {
  const endpoint = request.routeOptions.url ?? 'unknown';
  const { method } = request;
  const { statusCode, elapsedTime } = reply;
  metrics.requestDone(method, endpoint, statusCode, elapsedTime);
  access.info(
    { reqId: request.id, method, endpoint, status: statusCode, ms: Math.round(elapsedTime * 10) / 10 },
    'request',
  );
}
