import type { Client, Connection, Submittable } from 'pg';
import type { SqlRow, SqlValue } from './database.ts';
import { parserOf } from './postgres-connection.ts';

/** A statement as it goes over the wire. */
export interface WireStatement {
  sql: string;
  parameters: readonly SqlValue[];
}

export interface WireResult {
  /** Rows changed, or returned. */
  changes: number;
  /** Undefined where the statement returns none. */
  rows: SqlRow[] | undefined;
}

/** What became of statements that were run in one go. */
export interface WireOutcome {
  /** Of all, or of those before the one that failed; none behind that one was run. */
  results: WireResult[];
  failed: Error | undefined;
}

/** Runs statements on one connection, all of them in one go: a round trip for many. */
export interface Pipeline {
  run(statements: readonly WireStatement[]): Promise<WireOutcome>;
  /** How many statements are prepared. */
  prepared(): number;
  /** Prepared statements are forgotten. */
  forget(): Promise<void>;
}

/** The part of `pg`'s connection that speaks the extended query protocol, https://www.postgresql.org/docs/current/protocol-flow.html */
interface Wire {
  stream: { cork(): void; uncork(): void };
  close(message: { type: 'S'; name: string }): void;
  parse(query: { name: string; text: string; types: never[] }): void;
  bind(config: {
    portal: string;
    statement: string;
    values: unknown[];
    valueMapper: (value: SqlValue) => unknown;
  }): void;
  describe(message: { type: 'P'; name: string }): void;
  execute(config: { portal: string; rows: number }): void;
  sync(): void;
}

interface Field {
  name: string;
  dataTypeID: number;
}

const returnsRows = /^\s*(?:select|with|values)\b|\breturning\b/i;

export function createPipeline(client: Client): Pipeline {
  const names = new Map<string, string>();
  /** Of statements that may be prepared, or not. */
  const unsure = new Map<string, string>();
  let made = 0;

  return {
    async run(statements) {
      const fresh = new Map<string, number>();
      const nameOf = (sql: string, at: number) => {
        const known = names.get(sql);
        if (known !== undefined) return { name: known, isNew: false, isUnsure: false };
        const before = unsure.get(sql);
        const name = before ?? `p${++made}`;
        unsure.delete(sql);
        names.set(sql, name);
        fresh.set(sql, at);
        return { name, isNew: true, isUnsure: before !== undefined };
      };
      const batch = new Batch(statements, nameOf);
      client.query(batch);
      const outcome = await batch.done;
      if (outcome.failed !== undefined) {
        // Of what failed, or came after it, nobody knows whether it was prepared.
        for (const [sql, at] of fresh) {
          if (at < outcome.results.length) continue;
          unsure.set(sql, names.get(sql) as string);
          names.delete(sql);
        }
      }
      return outcome;
    },
    prepared: () => names.size + unsure.size,
    async forget() {
      names.clear();
      unsure.clear();
      await client.query('DEALLOCATE ALL');
    },
  };
}

type NameOf = (sql: string, at: number) => { name: string; isNew: boolean; isUnsure: boolean };

/** Many statements with one `Sync` at their end; the interface by which `pg` lets others extend it. */
class Batch implements Submittable {
  readonly done: Promise<WireOutcome>;
  /** `pg` puts its timeouts around it. */
  callback: (error?: Error | null) => void = () => {};
  readonly #statements: readonly WireStatement[];
  readonly #nameOf: NameOf;
  readonly #settle: PromiseWithResolvers<WireOutcome>;
  readonly #results: WireResult[] = [];
  #fields: readonly Field[] = [];
  #rows: SqlRow[] | undefined;

  constructor(statements: readonly WireStatement[], nameOf: NameOf) {
    this.#statements = statements;
    this.#nameOf = nameOf;
    this.#settle = Promise.withResolvers();
    this.done = this.#settle.promise;
  }

  submit(connection: Connection): void {
    const wire = connection as unknown as Wire;
    wire.stream.cork();
    for (const [at, { sql, parameters }] of this.#statements.entries()) {
      const { name, isNew, isUnsure } = this.#nameOf(sql, at);
      if (isUnsure) wire.close({ type: 'S', name });
      if (isNew) wire.parse({ name, text: sql, types: [] });
      wire.bind({ portal: '', statement: name, values: parameters as SqlValue[], valueMapper: sent });
      if (returnsRows.test(sql)) wire.describe({ type: 'P', name: '' });
      wire.execute({ portal: '', rows: 0 });
    }
    wire.sync();
    wire.stream.uncork();
  }

  handleRowDescription({ fields }: { fields: readonly Field[] }): void {
    this.#fields = fields;
    this.#rows = [];
  }

  handleDataRow({ fields: values }: { fields: (string | null)[] }): void {
    const row: SqlRow = {};
    for (const [at, { name, dataTypeID }] of this.#fields.entries()) {
      const value = values[at] ?? null;
      row[name] = value === null ? null : (parserOf(dataTypeID)(value) as SqlValue);
    }
    this.#rows?.push(row);
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#results.push({ changes: Number(/ (\d+)$/.exec(text)?.[1] ?? 0), rows: this.#rows });
    this.#rows = undefined;
  }

  handleEmptyQuery(): void {
    this.#results.push({ changes: 0, rows: undefined });
  }

  handleReadyForQuery(): void {
    this.callback(null);
    this.#settle.resolve({ results: this.#results, failed: undefined });
  }

  handleError(error: Error): void {
    this.callback(error);
    this.#settle.resolve({ results: this.#results, failed: error });
  }
}

/** PostgreSQL's text has no U+0000. */
export function sent(value: SqlValue): unknown {
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value;
  if (value === null) return null;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return String(value);
}
