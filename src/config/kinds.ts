import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Masking } from './config-error.ts';

/** A type of setting: how its values are written, and how they are read from YAML or an environment variable. */
export interface Kind<T> {
  /** The type's name in the reference. */
  type: string;
  /** Completes "must be …". */
  allowed: string;
  masking: Masking;
  /** The value, or undefined where it is not allowed. */
  parse(value: unknown): T | undefined;
  /** `value` as a user would write it in YAML. */
  write(value: T): string;
}

type Parts<T> = Pick<Kind<T>, 'type' | 'allowed' | 'parse'> & Partial<Kind<T>>;

function kind<T>(parts: Parts<T>): Kind<T> {
  return { masking: 'none', write: String, ...parts };
}

/** Text that `accepts` allows, without the blanks around it. */
function textKind(
  type: string,
  allowed: string,
  accepts: (text: string) => boolean,
  masking: Masking = 'none',
): Kind<string> {
  const parse = (value: unknown) => {
    const text = typeof value === 'string' ? value.trim() : '';
    return text !== '' && accepts(text) ? text : undefined;
  };
  return kind({ type, allowed, masking, parse, write: inYaml });
}

/** A colon at the end would make it a key. */
function inYaml(value: string): string {
  return value.endsWith(':') ? JSON.stringify(value) : value;
}

/** Any text up to 10,000 characters. */
export const text = textKind(
  'text',
  'text (in quotes where it looks like a number)',
  (t) => t.length <= 10_000,
);

export const modelId = textKind('model id', 'a model id: 1 to 200 characters without blanks', (t) =>
  /^\S{1,200}$/.test(t),
);

export const host = textKind(
  'host',
  'an IP address or a host name, without a port',
  (t) => isIP(t) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(t),
);

export const email = textKind('e-mail address', 'an e-mail address', (t) =>
  /^[^\s@]{1,64}@[^\s@]{1,190}$/.test(t),
);

export const environmentName = textKind('text', 'letters, digits, ".", "_" or "-", at most 40', (t) =>
  /^[\w.-]{1,40}$/.test(t),
);

/** Upper case only, so that a key pasted here by mistake is never taken for a name and shown. */
export const variableName = textKind(
  'variable name',
  'the name of an environment variable, in upper case',
  (t) => /^[A-Z_][A-Z0-9_]*$/.test(t),
  'all',
);

export const apiKey = textKind(
  'secret',
  'a key of visible ASCII characters',
  (t) => /^[\x21-\x7e]{1,4096}$/.test(t),
  'all',
);

/** Not trimmed: blanks may belong to a password. */
export const password = kind<string>({
  type: 'secret',
  allowed: '8 to 256 characters',
  masking: 'all',
  parse: (value) =>
    typeof value === 'string' && value.length >= 8 && value.length <= 256 ? value : undefined,
});

export const signingSecret = textKind('secret', 'at least 16 characters', (t) => t.length >= 16, 'all');

export const date = textKind('date', 'a date such as 2026-01-31', (t) => {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(t) ? Date.parse(t) : NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(t);
});

export const timeZone = textKind('time zone', 'a time zone such as UTC or Asia/Shanghai', (t) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: t }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
});

const addressAllowed = 'an http:// or https:// address without user name, query or fragment';

/** An http(s) address; slashes at its end are dropped. */
export const httpUrl = kind<string>({
  type: 'address',
  allowed: addressAllowed,
  masking: 'credentials',
  parse(value) {
    const url = parseUrl(value, ['http:', 'https:']);
    if (url === undefined || url.username + url.password + url.search + url.hash !== '') return undefined;
    return url.href.replace(/\/+$/, '');
  },
});

export const redisUrl = kind<string>({
  type: 'address',
  allowed: 'a redis:// or rediss:// address, with a database number or without',
  masking: 'credentials',
  parse(value) {
    const url = parseUrl(value, ['redis:', 'rediss:']);
    return url !== undefined && /^(?:\/\d{0,5})?$/.test(url.pathname) ? url.href : undefined;
  },
});

/** `postgres://…`, or `sqlite:<file>`, with `sqlite:///file` read as an absolute path; `sqlite:` alone means the default place. */
export const databaseUrl = kind<string>({
  type: 'address',
  allowed: 'sqlite:<file>, sqlite::memory: or postgres://user:password@host:port/database',
  masking: 'credentials',
  parse(value) {
    const text = typeof value === 'string' ? value.trim() : '';
    if (/^postgres/i.test(text)) return parseUrl(text, ['postgres:', 'postgresql:'])?.href;
    const file = /^sqlite:(?:\/\/(?=\/))?(.*)$/s.exec(text)?.[1];
    return file === undefined || file.startsWith('//') || file.includes('\0') ? undefined : `sqlite:${file}`;
  },
});

function parseUrl(value: unknown, protocols: string[]): URL | undefined {
  const text = typeof value === 'string' ? value.trim() : '';
  if (!/^[a-z]+:\/\/[^/]/i.test(text) || /\s/.test(text)) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && protocols.includes(url.protocol) ? url : undefined;
}

/** An IP address or a range in CIDR notation. */
export const addressRange = textKind('address range', 'IP addresses or ranges such as 10.0.0.0/8', (t) => {
  if (!t.includes('/')) return ipaddr.IPv4.isValidFourPartDecimal(t) || (isIP(t) === 6 && !t.includes('%'));
  return t.includes(':') ? ipaddr.IPv6.isValidCIDR(t) : ipaddr.IPv4.isValidCIDRFourPartDecimal(t);
});

export const flag = kind<boolean>({
  type: 'on/off',
  allowed: 'on or off (true or false)',
  parse(value) {
    if (typeof value === 'boolean') return value;
    const word = typeof value === 'string' ? value.trim().toLowerCase() : '';
    if (word === 'on' || word === 'true') return true;
    return word === 'off' || word === 'false' ? false : undefined;
  },
  write: (value) => (value ? 'on' : 'off'),
});

export function choice<const T extends string>(values: readonly T[]): Kind<T> {
  return kind<T>({
    type: values.join(' | '),
    allowed: values.length === 1 ? `${values[0]} here` : `one of ${values.join(', ')}`,
    parse: (value) => values.find((known) => typeof value === 'string' && known === value.trim()),
  });
}

/** A whole number within the bounds, both included. */
export function wholeNumber(min: number, max: number): Kind<number> {
  return kind({
    type: 'whole number',
    allowed: `a whole number from ${min} to ${max}`,
    parse(value) {
      const number = numberOf(value);
      return Number.isInteger(number) && number >= min && number <= max ? number : undefined;
    },
  });
}

/** A number within the bounds, both included. */
export function decimal(min: number, max: number): Kind<number> {
  return kind({
    type: 'number',
    allowed: `a number from ${min} to ${max}`,
    parse(value) {
      const number = numberOf(value);
      return number >= min && number <= max ? number : undefined;
    },
  });
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value.trim()) : NaN;
}

const durationUnits = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;
const sizeUnits = [
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
  ['GB', 1e9],
  ['MB', 1e6],
  ['KB', 1e3],
  ['B', 1],
] as const;
type Units = readonly (readonly [string, number])[];

/** A duration in milliseconds, written with its unit; bounds in milliseconds, both included. */
export function duration(minMs: number, maxMs: number): Kind<number> {
  return measure('duration', durationUnits, minMs, maxMs, 'such as 250ms, 30s, 10m, 24h or 7d', false);
}

/** A size in bytes, written with a unit or as bytes; bounds in bytes, both included. */
export function size(minBytes: number, maxBytes: number): Kind<number> {
  return measure('size', sizeUnits, minBytes, maxBytes, 'such as 512KiB, 64MiB or 1GiB', true);
}

function measure(
  type: string,
  units: Units,
  min: number,
  max: number,
  such: string,
  bare: boolean,
): Kind<number> {
  return kind({
    type,
    allowed: `a ${type} ${such}, from ${writeMeasure(min, units)} to ${writeMeasure(max, units)}`,
    parse(value) {
      const amount = parseMeasure(value, units, bare);
      return amount >= min && amount <= max ? amount : undefined;
    },
    write: (value) => writeMeasure(value, units),
  });
}

function parseMeasure(value: unknown, units: Units, bare: boolean): number {
  if (bare && !Number.isNaN(numberOf(value))) return Math.round(numberOf(value));
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(value.trim()) : null;
  const unit = units.find(([name]) => name.toLowerCase() === match?.[2]?.toLowerCase());
  return match && unit ? Math.round(Number(match[1]) * unit[1]) : NaN;
}

function writeMeasure(value: number, units: Units): string {
  const unit = units.find(([, factor]) => value >= factor && value % factor === 0) ?? units.at(-1);
  return unit === undefined ? String(value) : `${value / unit[1]}${unit[0]}`;
}

/** A list of `item`s: in YAML a list, in a variable separated by commas. */
export function listOf<T>(item: Kind<T>): Kind<T[]> {
  return kind<T[]>({
    type: `list of ${item.type}`,
    allowed: `a list; each item ${item.allowed}`,
    masking: item.masking,
    parse(value) {
      const parts: unknown =
        typeof value === 'string' ? value.split(',').filter((part) => part.trim()) : value;
      if (!Array.isArray(parts)) return undefined;
      const items = parts.map((part: unknown) => item.parse(part)).filter((one) => one !== undefined);
      return items.length === parts.length ? items : undefined;
    },
    write: (values) => `[${values.map((value) => item.write(value)).join(', ')}]`,
  });
}
