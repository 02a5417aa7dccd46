/** A room of src/, and what its files may import of the others. Entries ending in `/` are folders, all paths below src/. */
interface Room {
  holds: string[];
  /** What it may import values from, beside its own files; `*` is everything. */
  values: string[];
  /** What it may import only types from. */
  types: string[];
}

/** The table of ARCHITECTURE.md: imports point one way. The first room that holds a file counts. */
const rooms: Room[] = [
  { holds: ['contracts/*/'], values: ['core/', 'http/'], types: [] },
  { holds: ['http/'], values: ['core/'], types: [] },
  { holds: ['core/'], values: [], types: ['storage/'] },
  {
    holds: ['providers/'],
    values: ['core/errors.ts', 'core/completions/messages.ts'],
    types: ['core/'],
  },
  { holds: ['webhooks/'], values: ['core/errors.ts'], types: ['core/'] },
  {
    holds: ['redis/'],
    // Who listens on a node, and when to stop asking, is the same with and without a Redis.
    values: ['core/realtime/bus.ts', 'core/completions/breaker.ts'],
    types: ['core/'],
  },
  { holds: ['storage/'], values: [], types: [] },
  {
    holds: ['config/', 'config.ts'],
    // Their lists of capabilities and currencies, and how budgets are written.
    values: ['core/completions/catalogue.ts', 'core/completions/prices.ts', 'core/money/budget.ts'],
    types: ['core/'],
  },
  {
    holds: ['app.ts', 'app/', 'main.ts', 'start.mjs', 'start-report.ts', 'cli.ts', 'cli/'],
    values: ['*'],
    types: [],
  },
];

/** Packages that stand for a room's business, and the only places that may import them. */
const homes: Record<string, string[]> = {
  'node:sqlite': ['storage/'],
  kysely: ['storage/'],
  pg: ['storage/'],
  ioredis: ['redis/'],
  undici: ['providers/'],
  fastify: ['contracts/', 'http/', 'app.ts'],
  ws: ['contracts/', 'http/'],
  'node:http': ['contracts/', 'http/', 'providers/', 'webhooks/'],
  'node:https': ['webhooks/'],
  'prom-client': ['http/'],
};

const emptyNames = /^(utils?|helpers?|common|shared|lib|managers?|services?)$/;
const sql =
  /['"`]\s*(select\s[^'"`]*\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|(create|alter|drop)\s+(table|index|trigger)\s|pragma\s)/i;
const apiUrl = /['"`]\/api\b/;
const apiUrlHomes = ['contracts/', 'http/unclaimed.ts'];

interface Import {
  from: string;
  /** A path below src/, or a package. */
  target: string;
  typeOnly: boolean;
}

/** What breaks the rules of the rooms, a line each; `sources` are the texts of src/ by their path below it. */
export function findTrespasses(sources: ReadonlyMap<string, string>): string[] {
  const files = [...sources.keys()].filter((path) => !isForTests(path));
  const imports = files.flatMap((path) => importsOf(path, sources.get(path) ?? ''));
  return [
    ...[...sources.keys()].flatMap(nameTrespasses),
    ...imports.flatMap(importTrespasses),
    ...files.flatMap((path) => textTrespasses(path, sources.get(path) ?? '')),
    ...cycles(imports),
  ];
}

function isForTests(path: string): boolean {
  return /\.(test|suite|fixture)\.ts$/.test(path);
}

/**
 * `import type` and `export type` vanish; whatever else names a module loads it, `import { type A }` too. Relies on the
 * formatter: statements begin a line, names are in single quotes.
 */
function importsOf(from: string, source: string): Import[] {
  const pattern =
    /^(?:import|export)\b([^;]*?)\bfrom '([^']+)'|^import()\s*'([^']+)'|\bimport()\(\s*'([^']+)'/gm;
  return [...source.matchAll(pattern)].map((match) => {
    const name = match[2] ?? match[4] ?? match[6] ?? '';
    return { from, target: resolveTarget(from, name), typeOnly: /^\s*type\b/.test(match[1] ?? '') };
  });
}

function resolveTarget(from: string, name: string): string {
  if (!name.startsWith('.')) return name;
  const base = new URL(from, 'file:///outside/src/');
  const { pathname } = new URL(name, base);
  return pathname.startsWith('/outside/src/')
    ? pathname.slice('/outside/src/'.length)
    : `../${pathname.split('/').at(-1)}`;
}

function importTrespasses({ from, target, typeOnly }: Import): string[] {
  const line = `${from} imports ${typeOnly ? 'types of ' : ''}${target}`;
  if (target.startsWith('../')) return [`${line}: it is outside src`];
  if (!/\.(ts|mjs)$/.test(target))
    return isAtHome(from, target) ? [] : [`${line}: only ${homes[target]?.join(', ')} may`];
  if (isForTests(target)) return [`${line}: it is for tests`];
  const room = rooms.find(({ holds }) => isIn(from, holds));
  if (room === undefined) return [`${from} is in no room: add it to the table`];
  const own = room.holds.map((place) => (place.includes('*') ? folderOf(from) : place));
  const allowed = [...own, ...room.values, ...(typeOnly ? room.types : [])];
  return allowed.includes('*') || isIn(target, allowed) ? [] : [line];
}

/** `contracts/gateway/` of `contracts/gateway/routes/chat.ts`. */
function folderOf(path: string): string {
  return `${path.split('/').slice(0, 2).join('/')}/`;
}

function isIn(path: string, places: string[]): boolean {
  return places.some((place) => {
    if (place.includes('*')) return new RegExp(`^${place.replace('*', '[^/]+')}`).test(path);
    return place.endsWith('/') ? path.startsWith(place) : path === place;
  });
}

function isAtHome(from: string, name: string): boolean {
  const places = homes[name];
  return places === undefined || isIn(from, places);
}

function nameTrespasses(path: string): string[] {
  const words = path.replace(/\.\w+$/, '').split(/[/.-]/);
  const empty = words.filter((word) => emptyNames.test(word));
  if (/(^|\/)index\.\w+$/.test(path)) empty.push('index');
  return empty.map((word) => `${path}: the name "${word}" says nothing`);
}

function textTrespasses(path: string, source: string): string[] {
  const text = source.replace(/^\s*(\/\*[\s\S]*?\*\/|\/\/.*$)/gm, '');
  const found: string[] = [];
  if (sql.test(text) && !isIn(path, ['storage/'])) found.push(`${path} has SQL, which only storage knows`);
  if (apiUrl.test(text) && !isIn(path, apiUrlHomes))
    found.push(`${path} has an /api URL, which only contracts know`);
  return found;
}

/** Files that need each other to load. */
function cycles(imports: Import[]): string[] {
  const needs = Map.groupBy(
    imports.filter(({ typeOnly }) => !typeOnly),
    ({ from }) => from,
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: string[]): void => {
    if (trail.includes(path)) {
      found.push(`cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' → ')}`);
      return;
    }
    if (done.has(path)) return;
    done.add(path);
    for (const { target } of needs.get(path) ?? []) visit(target, [...trail, path]);
  };
  for (const path of needs.keys()) visit(path, []);
  return found;
}
