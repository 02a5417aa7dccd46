/** A wrong setting. `message` is one line that names the setting, its value (secrets hidden) and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** How a refused value may be shown: whole, with the credentials of an address hidden, or not at all. */
export type Masking = 'none' | 'credentials' | 'all';

const longestShown = 80;

/** The error for a value that is not allowed at `place`, a variable's name or a path in the YAML file. */
export function refusal(
  place: string,
  value: unknown,
  allowed: string,
  masking: Masking = 'none',
): ConfigError {
  return new ConfigError(oneLine(`${place} is ${shown(value, masking)}: must be ${allowed}`));
}

/** A refused value in a form that is safe to print: short, on one line, without secrets. */
export function shown(value: unknown, masking: Masking): string {
  if (masking === 'all') return '(hidden)';
  if (Array.isArray(value)) return value.every(isScalar) ? quoted(value.join(', '), masking) : 'a list';
  if (typeof value === 'object' && value !== null) return 'a group of keys';
  return typeof value === 'string' ? quoted(value, masking) : String(value);
}

function quoted(text: string, masking: Masking): string {
  const masked = hideKeys(masking === 'credentials' ? hideCredentials(text) : text);
  return JSON.stringify(masked.length > longestShown ? `${masked.slice(0, longestShown)}…` : masked);
}

function hideCredentials(address: string): string {
  const end = address.lastIndexOf('@');
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(address)?.[0] ?? '';
  const rest = end === -1 ? address.slice(scheme.length) : `***@${address.slice(end + 1)}`;
  return scheme + rest.replace(/[?#].*/s, '?***');
}

/** A vendor key pasted into the wrong setting must not reach the terminal or the log either. */
function hideKeys(text: string): string {
  return text.replace(/\b(sk|pk)([-_])[\w-]{6,}/g, '$1$2***');
}

function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

/** `text` without the line breaks and control characters that a value may have brought in. */
export function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
}
