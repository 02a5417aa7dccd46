import { cpus, totalmem } from 'node:os';
import type { Options } from './options.ts';
import type { FigureTable, Scenario, ScenarioReport } from './scenario.ts';

/** A scenario with what it found. */
export interface Finding {
  name: string;
  title: string;
  report: ScenarioReport;
}

/** What the figures depend on. */
export function describeMachine() {
  const all = cpus();
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: all[0]?.model ?? 'unknown',
    cores: all.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
  };
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
}

function table({ columns, rows }: FigureTable): string {
  const line = (cells: readonly string[]): string =>
    `| ${columns.map((_, index) => cell(cells[index] ?? '')).join(' | ')} |`;
  return [line(columns), `|${columns.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

function goalTable(findings: readonly Finding[]): string {
  const rows = findings.flatMap(({ title, report }) =>
    report.goals.map(({ goal, measured, verdict }) => [title, goal, measured, verdict]),
  );
  return table({ columns: ['what', 'goal', 'measured', 'verdict'], rows });
}

/** The run as Markdown: goals first, then each scenario's raw figures. */
export function renderReport(findings: readonly Finding[], options: Options): string {
  const machine = describeMachine();
  const length = `${options.rounds} rounds of ${options.roundMs / 1000} s`;
  const head = `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, Node ${machine.node}; ${length}; median (least–most)`;
  const sections = findings.map(({ title, report }) => `### ${title}\n\n${table(report.figures)}`);
  return `${['## Bench', head, goalTable(findings), ...sections].join('\n\n')}\n`;
}

/** The run as data. */
export function resultsDocument(findings: readonly Finding[], options: Options, takenAt: Date) {
  const scenarios = findings.map(
    ({ name, report }) => [name, { goals: report.goals, raw: report.raw }] as const,
  );
  return {
    takenAt: takenAt.toISOString(),
    machine: describeMachine(),
    options,
    scenarios: Object.fromEntries(scenarios),
  };
}

/** Picks the scenarios that were asked for; throws when a name is unknown. */
export function pickScenarios(all: readonly Scenario[], only: readonly string[]): readonly Scenario[] {
  const unknown = only.find((name) => !all.some((scenario) => scenario.name === name));
  if (unknown)
    throw new Error(`no scenario ${unknown}; there are: ${all.map(({ name }) => name).join(', ')}`);
  return only.length === 0 ? all : all.filter(({ name }) => only.includes(name));
}
