import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** SHA-256 in hexadecimal. */
export const digestLength = 64;
/** What stands in the place of the digest while it is not known. */
export const noDigest = '0'.repeat(digestLength);

/** A multiple of every page size, so that nothing that lies within a page is divided. */
const pieceBytes = 2 ** 20;

/** The digest of a file that holds its own digest. */
export interface OwnDigest {
  digest: string;
  bytes: number;
  /** Where it stands, or is to stand. */
  places: number[];
}

/**
 * Reads the whole file; the digest is that of the file with `noDigest` in every place after `mark`, a text that occurs nowhere else. So
 * every byte counts but those of the digest itself.
 */
export function digestOf(path: string, mark: string): OwnDigest {
  const hash = createHash('sha256');
  const piece = Buffer.alloc(pieceBytes);
  const places: number[] = [];
  const file = openSync(path, 'r');
  let bytes = 0;
  try {
    for (let read = fill(file, piece, bytes); read > 0; read = fill(file, piece, bytes)) {
      const part = piece.subarray(0, read);
      for (let at = part.indexOf(mark); at !== -1; at = part.indexOf(mark, at + 1)) {
        places.push(bytes + at + mark.length);
        part.fill('0', at + mark.length, at + mark.length + digestLength);
      }
      hash.update(part);
      bytes += read;
    }
  } finally {
    closeSync(file);
  }
  return { digest: hash.digest('hex'), bytes, places };
}

/** A file may be read in less than is asked for. */
function fill(file: number, piece: Buffer, position: number): number {
  let filled = 0;
  while (filled < piece.length) {
    const read = readSync(file, piece, filled, piece.length - filled, position + filled);
    if (read === 0) break;
    filled += read;
  }
  return filled;
}

/** Writes the digest to its places, past SQLite: the file must not be open elsewhere. */
export function putDigest(path: string, { digest, places }: OwnDigest): void {
  const file = openSync(path, 'r+');
  try {
    for (const place of places) writeSync(file, digest, place, 'latin1');
  } finally {
    closeSync(file);
  }
}
