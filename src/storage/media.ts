import type { Database, Statement } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { Ids } from './ids.ts';
import type { MessagePart, NewPart } from './messages.ts';

/** Images and videos that came within messages. */
export interface Media {
  /** See `Messages.mediaOf`. */
  of(ids: readonly number[]): Promise<Map<number, string>>;
}

/** Media kept in `database`. */
export function createMedia(database: Database, queries: Queries): Media {
  const one = compileQuery(queries.selectFrom('media').select('url').where('id', '=', 0));
  return {
    async of(ids) {
      const reads = Array.from(new Set(ids), async (id) => {
        const [row] = await database.read(withValues(one, [id]));
        return row === undefined ? [] : [[id, row.url] as const];
      });
      return new Map((await Promise.all(reads)).flat());
    },
  };
}

/** A message's parts as its row has them, and the statements that store, after that row, what came within them. */
export interface StoredParts {
  row: string | null;
  media: Statement[];
}

/** Puts `data:` URLs aside, so that lists need not walk through them. */
export function compileParts(
  queries: Queries,
): (messageId: number, parts: readonly NewPart[] | undefined, mediaIds: readonly number[]) => StoredParts {
  const insert = compileStatement(
    queries.insertInto('media').values({ id: 0, message_id: 0, bytes: 0, url: '' }),
  );
  return (messageId, parts = [], mediaIds) => {
    let used = 0;
    if (parts.every(({ type }) => type === 'text') && parts.length < 2) return { row: null, media: [] };
    const media: Statement[] = [];
    const stored = parts.map((part): MessagePart => {
      if (part.type === 'text') return { type: 'text', text: part.text };
      const { type, url } = part;
      if (!isData(url)) return { type, url };
      const mediaId = mediaIds[used++] as number;
      const bytes = bytesOf(url);
      media.push(withValues(insert, [mediaId, messageId, bytes, url]));
      return { type, mediaId, bytes };
    });
    return { row: JSON.stringify(stored), media };
  };
}

/** Ids for the media that came within these parts; asks for none where there are none. */
export function mediaIdsFor(ids: Ids, parts: readonly NewPart[] | undefined): Promise<number[]> | undefined {
  const count = parts?.filter((part) => part.type !== 'text' && isData(part.url)).length ?? 0;
  return count === 0 ? undefined : ids.nextMedia(count);
}

/** The parts of a message from its row. */
export function partsFrom(row: string | null): MessagePart[] | null {
  return row === null ? null : (JSON.parse(row) as MessagePart[]);
}

function isData(url: string): boolean {
  return /^data:/i.test(url);
}

/** Of what a base64 `data:` URL holds. */
function bytesOf(url: string): number {
  const encoded = url.length - (url.indexOf(',') + 1);
  const padding = url.endsWith('==') ? 2 : url.endsWith('=') ? 1 : 0;
  return Math.floor((encoded * 3) / 4) - padding;
}
