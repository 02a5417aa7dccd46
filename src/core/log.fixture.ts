import type { Log } from './log.ts';

/** A log that remembers its lines. */
export interface RecordedLog extends Log {
  readonly lines: { level: keyof Log; facts: Record<string, unknown>; text: string }[];
}

export function createRecordedLog(): RecordedLog {
  const lines: RecordedLog['lines'] = [];
  const at = (level: keyof Log) => (facts: object, text: string) =>
    void lines.push({ level, facts: { ...facts }, text });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
