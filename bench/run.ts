/** `npm run bench`: see README.md beside this file. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { killChildren } from './children.ts';
import { parseOptions, usage, type Options } from './options.ts';
import { removeFolders } from './parley.ts';
import { dropDatabases } from './postgres.ts';
import { pickScenarios, renderReport, resultsDocument, type Finding } from './report.ts';
import type { Scenario } from './scenario.ts';
import { acrossNodes } from './scenarios/across-nodes.ts';
import { chat } from './scenarios/chat.ts';
import { completion } from './scenarios/completion.ts';
import { desk } from './scenarios/desk.ts';
import { exactCache } from './scenarios/exact-cache.ts';
import { fanOutScenario } from './scenarios/fan-out.ts';
import { firstToken } from './scenarios/first-token.ts';
import { idleSockets } from './scenarios/idle-sockets.ts';
import { large } from './scenarios/large.ts';
import { similarCache } from './scenarios/similar-cache.ts';
import { start } from './scenarios/start.ts';
import { stream } from './scenarios/stream.ts';

const scenarios: readonly Scenario[] = [
  completion,
  stream,
  firstToken,
  chat,
  large,
  desk,
  fanOutScenario,
  acrossNodes,
  idleSockets,
  exactCache,
  similarCache,
  start,
];
const folder = new URL('./', import.meta.url);

/** Children are killed and their data deleted however the harness ends. */
function clearOnExit(): void {
  process.on('exit', () => {
    killChildren();
    dropDatabases();
    removeFolders();
  });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
}

function save(findings: readonly Finding[], options: Options): void {
  const takenAt = new Date();
  const text = `${JSON.stringify(resultsDocument(findings, options, takenAt), null, 2)}\n`;
  const results = new URL('results/', folder);
  mkdirSync(results, { recursive: true });
  writeFileSync(new URL(`${takenAt.toISOString().replaceAll(/[:.]/g, '-')}.json`, results), text);
  if (options.baseline) writeFileSync(new URL('baseline.json', folder), text);
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  const chosen = pickScenarios(scenarios, options.only);
  clearOnExit();
  const findings: Finding[] = [];
  for (const { name, title, run } of chosen) {
    process.stderr.write(`\n${title}\n`);
    const report = await run(options, (line) => process.stderr.write(`  ${line}\n`));
    findings.push({ name, title, report });
  }
  process.stdout.write(`\n${renderReport(findings, options)}`);
  save(findings, options);
}

try {
  await main();
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${why}\n\n${usage}`);
  process.exitCode = 1;
}
// Nothing is left to do, but a child that hangs would keep the process alive.
process.exit();
