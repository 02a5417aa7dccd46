/**
 * Writes what the configuration schema says for people: docs/configuration.md and parley.example.yaml.
 * Run after a change to src/config: `npm run configuration`.
 */
import { writeFileSync } from 'node:fs';
import { schema } from '../src/config/schema.ts';
import { yamlKey, type Field, type Node } from '../src/config/tree.ts';
import { environmentFields } from '../src/config/variables.ts';

/** The generated files by their path from the repository's root. */
export function renderFiles(): Record<string, string> {
  return { 'docs/configuration.md': renderReference(), 'parley.example.yaml': renderExample() };
}

const introduction = `# Configuration

<!-- Generated from src/config by \`npm run configuration\`: change it there. -->

Everything has a default: \`npm start\` needs none of this. Settings come from environment variables and from a YAML file
that the variable \`PARLEY_CONFIG\` names; a variable wins over the file. An empty value counts as unset. A wrong value
stops the start with one line that names the setting, the value and what is allowed. Unknown keys in the file are such
errors too; unknown variables that begin with \`PARLEY_\` are reported in the log.

Durations are written with their unit (\`250ms\`, \`30s\`, \`10m\`, \`24h\`, \`7d\`), sizes with theirs (\`512KiB\`, \`64MiB\`) or in
bytes. Relative paths count from the folder the server is started in. A list in a variable is separated by commas.
`;

function renderReference(): string {
  const variables = environmentFields(schema).map((field) =>
    row(code(field.env), field.kind.type, field.shownDefault, field.description),
  );
  const keys = settingsOf(schema, '').map(({ path, field }) =>
    row(code(path), field.kind.type, field.shownDefault, withVariable(field)),
  );
  const collections = collectionsOf(schema, '').map(
    ({ path, description }) => `- ${code(path)}: ${description}`,
  );
  return [
    introduction,
    '## Environment variables\n',
    table('variable', variables),
    '## The YAML file\n',
    '`parley.example.yaml` shows them with their defaults. Keys that you choose are written `<…>`, items of a list `[]`.\n',
    table('key', keys),
    '### Groups with keys or items of your own\n',
    `${collections.join('\n')}\n`,
  ].join('\n');
}

function table(first: string, rows: string[]): string {
  return [row(first, 'type', 'default', 'meaning'), '|---|---|---|---|', ...rows, ''].join('\n');
}

function row(...cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function withVariable(field: Field<unknown>): string {
  return field.env === undefined ? field.description : `${field.description} Variable: ${code(field.env)}.`;
}

interface Setting {
  path: string;
  field: Field<unknown>;
}

/** Every setting of the YAML file, once. */
function settingsOf(node: Node, path: string): Setting[] {
  switch (node.node) {
    case 'field':
      return node.envOnly ? [] : [{ path, field: node }];
    case 'group':
      return Object.entries(node.fields).flatMap(([key, child]) =>
        settingsOf(child, dotted(path, yamlKey(key))),
      );
    case 'map':
      return settingsOf(node.of, dotted(path, `<${node.key}>`));
    case 'list':
      return settingsOf(node.of, `${path}[]`);
  }
}

function collectionsOf(node: Node, path: string): { path: string; description: string }[] {
  if (node.node === 'field') return [];
  if (node.node === 'group') {
    return Object.entries(node.fields).flatMap(([key, child]) =>
      collectionsOf(child, dotted(path, yamlKey(key))),
    );
  }
  const inner = node.node === 'map' ? dotted(path, `<${node.key}>`) : `${path}[]`;
  return [{ path, description: node.description }, ...collectionsOf(node.of, inner)];
}

function dotted(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

const exampleIntroduction = `## Parley's configuration: every key with its default, and examples. Generated from src/config by \`npm run configuration\`.
## Copy it, take away the "# " before what you change (and before the keys above it), and start Parley with
## PARLEY_CONFIG=<your copy>. docs/configuration.md says more.
`;

function renderExample(): string {
  const lines = exampleOf(schema, '')
    .join('\n')
    .replace(/\n{3,}/g, '\n\n');
  return `${exampleIntroduction}\n${lines.trim()}\n`;
}

/** The node's lines: explanations begin with `##`, settings with `# `. */
function exampleOf(node: Node, indent: string): string[] {
  switch (node.node) {
    case 'field':
      return [];
    case 'group':
      return Object.entries(node.fields).flatMap(([key, child]) => exampleOfKey(yamlKey(key), child, indent));
    case 'map':
    case 'list':
      return node.example.map((line) => `# ${indent}${line}`);
  }
}

function exampleOfKey(key: string, node: Node, indent: string): string[] {
  if (node.node === 'field') {
    if (node.envOnly) return [];
    const variable = node.env === undefined ? '' : ` (${node.env})`;
    return [`##${indent} ${plain(node.description)}${variable}`, `# ${indent}${key}:${exampleValue(node)}`];
  }
  const lines = [
    `##${indent} ${plain(node.description)}`,
    `# ${indent}${key}:`,
    ...exampleOf(node, `${indent}  `),
  ];
  return indent === '' ? ['', ...lines, ''] : lines;
}

/** The default, or nothing where there is none: an empty value counts as unset. */
function exampleValue(field: Field<unknown>): string {
  if (field.default === null || field.default === undefined)
    return ` ## default: ${plain(field.shownDefault)}`;
  return ` ${field.written}`;
}

function plain(text: string): string {
  return text.replaceAll('`', '');
}

if (import.meta.main) {
  for (const [path, content] of Object.entries(renderFiles())) {
    writeFileSync(new URL(`../${path}`, import.meta.url), content);
  }
}
