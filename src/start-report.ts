import type { App } from './app.ts';
import type { OfferedModel } from './core/core.ts';

/** What the terminal shows once the server listens. */
export function startReport(parts: {
  app: Pick<App, 'core' | 'firstAdmin' | 'defaultModel'>;
  address: string;
  version: string;
  dataDir: string;
}): string {
  const { app, address, version, dataDir } = parts;
  const lines = [
    `Parley ${version} listens on ${address}`,
    '',
    `  Chat (console)  ${address}/`,
    `  API docs        ${address}/docs and ${address}/redoc`,
    `  OpenAPI         ${address}/openapi.json`,
    `  Metrics         ${address}/metrics`,
    `  Data folder     ${dataDir}`,
    '',
    `Models (default: ${app.defaultModel()})`,
    ...modelLines(app.core.models.list()),
    '',
    ...adminLines(app.firstAdmin),
    '',
  ];
  return `${lines.join('\n')}\n`;
}

/** A line a provider: whether it can answer, and what it has. */
function modelLines(models: OfferedModel[]): string[] {
  const byProvider = Map.groupBy(models, ({ provider }) => provider);
  return [...byProvider].map(([provider, group]) => {
    const available = group.some((model) => model.available);
    const state = available ? 'available' : 'not configured';
    return `  ${provider.padEnd(12)} ${state.padEnd(15)} ${group.map(({ id }) => id).join(', ')}`;
  });
}

function adminLines({ email, generatedPassword }: App['firstAdmin']): string[] {
  if (generatedPassword === null) return [`Administrator: ${email}`];
  return [
    `Administrator: ${email}`,
    `  password: ${generatedPassword}`,
    '  This password is shown this once only. Keep it.',
  ];
}
