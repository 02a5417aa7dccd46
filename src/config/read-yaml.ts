import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { ConfigError, oneLine } from './config-error.ts';

/**
 * The content of a YAML file as plain values. Throws `ConfigError` where it cannot be read or is not YAML; the message starts
 * with `place` and repeats nothing of the content, which may hold secrets.
 */
export function readYaml(path: string, place: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(readText(path, place), {
    prettyErrors: false,
    logLevel: 'silent',
    lineCounter: lines,
  });
  const error = document.errors[0];
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new ConfigError(
      oneLine(`${place}: line ${line}, column ${col} is not valid YAML: ${gist(error.message)}`),
    );
  }
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch {
    throw new ConfigError(oneLine(`${place}: its YAML aliases cannot be resolved`));
  }
}

/** The message up to where the parser begins to quote the file. */
function gist(message: string): string {
  return message.split(/[:"]/, 1)[0]?.trim() ?? '';
}

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read by this user',
  EISDIR: 'it is a folder, not a file',
};

function readText(path: string, place: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? '';
    throw new ConfigError(oneLine(`${place}: ${reasons[code] ?? 'it cannot be read as UTF-8 text'}`));
  }
}
