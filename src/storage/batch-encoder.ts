import type { SqlValue, Statement } from './database.ts';
import type { BatchMessage } from './writer-protocol.ts';
import { layoutStride } from './writer-protocol.ts';

/** Turns units into messages for the writer, sending every SQL text only once. */
export interface BatchEncoder {
  encode(units: readonly (readonly Statement[])[]): BatchMessage;
}

/** `maxSqls` bounds how many SQL texts both sides remember (and the writer keeps prepared). */
export function createBatchEncoder(maxSqls = 512): BatchEncoder {
  const ids = new Map<string, number>();

  function register(sql: string, newSqls: string[]): number {
    const known = ids.get(sql);
    if (known !== undefined) return known;
    const id = ids.size;
    ids.set(sql, id);
    newSqls.push(sql);
    return id;
  }

  return {
    encode(units) {
      const resetSqls = ids.size >= maxSqls;
      if (resetSqls) ids.clear();
      const newSqls: string[] = [];
      const parameters: SqlValue[] = [];
      let statements = 0;
      for (const unit of units) statements += unit.length;
      const layout = new Int32Array(units.length + statements * layoutStride);
      let at = 0;
      for (const unit of units) {
        layout[at++] = unit.length;
        for (const statement of unit) {
          layout[at++] = register(statement.sql, newSqls);
          layout[at++] = statement.parameters.length;
          layout[at++] = statement.expect ?? -1;
          for (const value of statement.parameters) parameters.push(sendable(value));
        }
      }
      return { kind: 'batch', resetSqls, newSqls, units: units.length, statements, layout, parameters };
    },
  };
}

/** Cloning a view copies the whole buffer behind it, so a small view of a large buffer is cut out first. */
function sendable(value: SqlValue): SqlValue {
  if (!(value instanceof Uint8Array)) return value;
  if (value.byteLength === value.buffer.byteLength && value.constructor === Uint8Array) return value;
  return new Uint8Array(value);
}
