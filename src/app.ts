import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { close, type Closing } from './app/close.ts';
import { openCore } from './app/open-core.ts';
import { openHousekeeping } from './app/open-housekeeping.ts';
import { openKnowledge, type OpenedKnowledge } from './app/open-knowledge.ts';
import { openNode, type OpenedNode } from './app/open-node.ts';
import { createSlots } from './app/provider-slots.ts';
import { openStoreClock } from './app/store-clock.ts';
import type { Config } from './config.ts';
import { assistantPlugin } from './contracts/assistant/plugin.ts';
import { companionPlugin } from './contracts/companion/plugin.ts';
import { presentUnreadable } from './contracts/gateway/errors.ts';
import type { GatewayOptions } from './contracts/gateway/options.ts';
import { gatewayPlugin, renderGatewayError } from './contracts/gateway/plugin.ts';
import { helpdeskPlugin } from './contracts/helpdesk/plugin.ts';
import type { SocketOptions as HelpdeskSocketOptions } from './contracts/helpdesk/socket-visit.ts';
import { presentWebhookEvent } from './contracts/helpdesk/webhook-payload.ts';
import { openAiPlugin } from './contracts/openai/plugin.ts';
import type { StudioOptions } from './contracts/studio/options.ts';
import { studioPlugin } from './contracts/studio/plugin.ts';
import { createCatalogue } from './core/completions/catalogue.ts';
import { createDiscovery } from './core/completions/discovery.ts';
import type { Core } from './core/core.ts';
import { ensureFirstAdmin, type FirstAdmin } from './core/identity/first-admin.ts';
import { createPasswords } from './core/identity/passwords.ts';
import type { Limit } from './core/limits/limits.ts';
import type { Log } from './core/log.ts';
import type { Runtime } from './core/runtime.ts';
import { accessPolicyOf } from './http/access.ts';
import { createClientAddress } from './http/client-address.ts';
import { createAuthenticator } from './http/credentials.ts';
import { serveConsole } from './http/console.ts';
import { createOriginPolicy } from './http/cross-origin.ts';
import { collectOpenApi, serveDocs } from './http/docs.ts';
import { createMetrics, type Metrics } from './http/metrics.ts';
import { createLeaving, endConnections, type Leaving } from './http/leaving.ts';
import { serveReadiness } from './http/readiness.ts';
import { createRequestId } from './http/request-id.ts';
import { createRunning, type Running } from './http/running.ts';
import { createHttpServer } from './http/server.ts';
import { createSockets } from './http/sockets.ts';
import { answerUnclaimed, answerUnreadableAddresses } from './http/unclaimed.ts';
import { createUserSockets } from './http/user-sockets.ts';
import { isShared, openStorageAt } from './storage/open-storage.ts';
import type { Storage } from './storage/storage.ts';

const minuteMs = 60_000;

export interface AppParts {
  config: Config;
  log: FastifyBaseLogger;
  /** Gets one line a request. */
  access: Log;
  runtime: Runtime;
  version: string;
  /** Called when the process can do its work no longer and should end. */
  onFatal: (error: Error) => void;
}

/** Parley, assembled. */
export interface App {
  core: Core;
  firstAdmin: FirstAdmin;
  /** The model for requests that name none. */
  defaultModel: () => string;
  /** Starts to listen; resolves to the address. */
  listen(): Promise<string>;
  /**
   * Is not ready any more, but goes on for `delayMs` (default 0); then stops accepting, lets running answers finish for `graceMs`, cancels the rest, and
   * puts everything away.
   */
  close(graceMs: number, delayMs?: number): Promise<void>;
}

/** Builds the app from its parts: storage, providers, cache → core → contracts. */
export async function createApp(given: AppParts): Promise<App> {
  const { config, log, onFatal } = given;
  const storage = await openStorageAt({
    url: config.databaseUrl,
    use: 'serve',
    onFatal,
    now: given.runtime.now,
  });
  const runtime = await runtimeBy(storage, given);
  const parts = { ...given, runtime };
  const node = await openNode({ config, runtime, log });
  const metrics = createMetrics();
  const knowledge = await openKnowledge({ config, storage, node, runtime, log });
  const catalogue = createCatalogue(config.shippedModels, config.models);
  const slots = createSlots(config, knowledge.answerer, runtime, node.circuitOf);
  const passwords = createPasswords();
  const built = await openCore({
    config,
    log,
    runtime,
    storage,
    node,
    passwords,
    catalogue,
    slots,
    metrics,
    knowledge,
    presentEvent: presentWebhookEvent,
  });
  const { users } = storage;
  const firstAdmin = await ensureFirstAdmin({ users, passwords, runtime }, config.admin);
  await built.turns.recover();
  const running = createRunning();
  const leaving = createLeaving();
  const { server, sockets } = await createServer({ parts, built, storage, node, metrics, running, leaving });
  const housekeeping = openHousekeeping({ opened: built, config, storage, node, runtime, log });
  const discovery = createDiscovery({ catalogue, slots, bus: node.bus, names: discoverable(config), log });
  const work = { opened: built, discovery, knowledge, housekeeping, log };
  return {
    core: built.core,
    firstAdmin,
    defaultModel: built.defaultModel,
    async listen() {
      await built.storeWatch.start();
      const address = await server.listen({ host: config.host, port: config.port });
      sockets.attach(server.server);
      begin(work);
      return address;
    },
    close: (graceMs, delayMs = 0) =>
      close({ ...work, server, sockets, running, leaving, storage, node, slots }, runtime, {
        graceMs,
        delayMs,
      }),
  };
}

/** With the clock that all nodes of the store go by. */
async function runtimeBy({ now: storeNow }: Storage, { config, runtime }: AppParts): Promise<Runtime> {
  if (!isShared(config.databaseUrl)) return runtime;
  const { now } = await openStoreClock({ storeNow, runtime });
  return { ...runtime, now };
}

/** What goes on beside the requests. */
interface Work extends Pick<Closing, 'discovery' | 'housekeeping' | 'log'> {
  opened: Awaited<ReturnType<typeof openCore>>;
  knowledge: OpenedKnowledge;
}

function begin({ opened, discovery, housekeeping, knowledge, log }: Work): void {
  void discovery.start().then(opened.turns.resume);
  housekeeping.start();
  opened.turns.start();
  opened.maintenanceWatch.start();
  opened.deskWatch.start();
  opened.presence.start();
  opened.dispatcher.start();
  knowledge.start();
  opened.cache.load().catch((err: unknown) => log.error({ err }, 'the response cache could not be loaded'));
}

function discoverable(config: Config): string[] {
  return config.providers.filter(({ discoverModels }) => discoverModels).map(({ name }) => name);
}

interface ServerInputs {
  parts: AppParts;
  built: Pick<Awaited<ReturnType<typeof openCore>>, 'core' | 'defaultModel'>;
  storage: Storage;
  node: OpenedNode;
  metrics: Metrics;
  running: Running;
  leaving: Leaving;
}

async function createServer({ parts, built, storage, node, metrics, running, leaving }: ServerInputs) {
  const { config, log, runtime, version } = parts;
  const { core, defaultModel } = built;
  const { limits } = config;
  const requestId = createRequestId(runtime);
  const clientAddress = createClientAddress(config.trustedProxies);
  const access = accessPolicyOf(config.host, config.openGateway);
  const originAllowed = createOriginPolicy(config.corsOrigins, access.open);
  const renderElsewhere = (thrown: unknown, request: FastifyRequest, reply: FastifyReply) =>
    renderGatewayError(thrown, request, reply, { runtime });
  const server = await createHttpServer({
    log,
    access: parts.access,
    requestId,
    metrics,
    bodyBytes: limits.bodyBytes,
    originAllowed,
    renderError: answerUnreadableAddresses(renderElsewhere),
    presentUnreadable: (status, text) =>
      presentUnreadable(status, text, `req_${runtime.token(12)}`, runtime.now()),
  });
  const sockets = createSockets({
    clientAddress,
    requestId,
    metrics,
    originAllowed,
    maxFrameBytes: Math.max(limits.socketFrameBytes, limits.imageBodyBytes),
    heartbeatMs: 30_000,
  });
  const doors = {
    core,
    defaultModel,
    authenticator: createAuthenticator(core),
    access,
    limits: node.limits,
    running,
    runtime,
    clientAddress,
    sockets,
    userSockets: createUserSockets({ accounts: core.accounts, seats: node.seats, runtime, log }),
    seats: node.seats,
    metrics,
    log,
  };
  await collectOpenApi(server, { version });
  await registerContracts(server, parts, doors);
  await serveDocs(server);
  await serveConsole(server);
  const redis = () => node.bus.check();
  const wanted = node.bus.state() === 'alone' ? undefined : { redis };
  serveReadiness(server, { needed: { storage: storage.check }, wanted, leaving, log });
  endConnections(server, leaving);
  answerUnclaimed(server, renderElsewhere);
  return { server, sockets };
}

/** What contracts are given; each takes what it needs of it. */
type Doors = Omit<GatewayOptions, keyof ReturnType<typeof gatewaySettings>> &
  Pick<StudioOptions, 'defaultModel'> &
  Pick<HelpdeskSocketOptions, 'seats'>;

async function registerContracts(server: FastifyInstance, parts: AppParts, doors: Doors): Promise<void> {
  const { config } = parts;
  const { limits } = config;
  const sockets = (most: number) => (config.rateLimits ? most : Number.POSITIVE_INFINITY);
  await server.register(gatewayPlugin, { ...doors, ...gatewaySettings(parts) });
  await server.register(openAiPlugin, {
    ...doors,
    cache: config.cache.enabled && config.cache.openai,
    imageBodyBytes: limits.imageBodyBytes,
  });
  await server.register(assistantPlugin, {
    ...doors,
    authLimit: aMinute('assistant-auth', limits.assistant.authPerMinute),
    chatLimit: { ...aMinute('assistant-chat', limits.assistant.chatPerMinute), per: 'user' },
    socketsPerUser: sockets(limits.assistant.socketsPerUser),
    socketFrameBytes: limits.socketFrameBytes,
  });
  await server.register(companionPlugin, {
    ...doors,
    loginLimit: aMinute('companion-login', limits.companion.loginsPerMinute),
    chatLimit: { ...aMinute('companion-chat', limits.companion.chatPerMinute), per: 'user' },
    socketsPerUser: sockets(limits.companion.socketsPerUser),
    socketFrameBytes: limits.socketFrameBytes,
  });
  await server.register(helpdeskPlugin, {
    ...doors,
    loginLimit: aMinute('helpdesk-login', limits.helpdesk.loginsPerMinute),
    messageLimit: { ...aMinute('helpdesk-messages', limits.helpdesk.messagesPerMinute), per: 'user' },
    visitLimit: { ...aMinute('helpdesk-visits', limits.helpdesk.visitsPerMinute), per: 'user' },
    socketsPerAddress: sockets(limits.helpdesk.socketsPerAddress),
    socketFrameBytes: limits.socketFrameBytes,
    adminLimit: { ...aMinute('admin', limits.helpdesk.adminCallsPerMinute), per: 'user' },
  });
  await server.register(studioPlugin, {
    ...doors,
    ...studioSettings(parts),
  });
}

function studioSettings({ config: { limits } }: AppParts) {
  const { authPerMinute, messagesPerMinute, proxyCallsPerMinute } = limits.studio;
  return {
    authLimit: aMinute('studio-auth', authPerMinute),
    messageLimit: { ...aMinute('studio-messages', messagesPerMinute), per: 'user' },
    proxyLimit: { ...aMinute('studio-proxy', proxyCallsPerMinute), per: 'caller' },
    imageBodyBytes: limits.imageBodyBytes,
  } as const;
}

function aMinute(name: string, points: number): Limit {
  return { name, points, burst: 0, windowMs: minuteMs };
}

function gatewaySettings({ config, version }: AppParts) {
  const { gateway, socketFrameBytes, answersPerSocket } = config.limits;
  const names = new Set(['openai', 'anthropic', 'dashscope', ...config.providers.map(({ name }) => name)]);
  const configured = new Set(config.providers.map(({ name }) => name));
  return {
    version,
    environment: config.environment,
    providersConfigured: Object.fromEntries([...names].map((name) => [name, configured.has(name)])),
    cacheEnabled: config.cache.enabled,
    requestLimit: {
      name: 'gateway',
      points: gateway.requestsPerMinute,
      burst: gateway.burst,
      windowMs: minuteMs,
    },
    socketLimit: aMinute('gateway-sockets', gateway.socketsPerMinute),
    socketFrameBytes,
    answersPerSocket,
  };
}
