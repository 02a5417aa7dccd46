/** A text as a point on the unit sphere. Only embeddings of one kind, and dense ones of one length, compare. */
export type Embedding =
  | {
      kind: 'sparse';
      /** Hashed features, ascending, without repeats. */
      ids: Uint32Array;
      weights: Float32Array;
    }
  | { kind: 'dense'; vector: Float32Array };

const formatVersion = 1;
const sparseTag = 1;
const denseTag = 2;
const headerBytes = 2;
const sparseFeatureBytes = 6;
const denseValueBytes = 2;

/** The cosine of two unit vectors, at most 1; 0 where their kinds or lengths differ. */
export function cosine(a: Embedding, b: Embedding): number {
  if (a.kind === 'sparse') return b.kind === 'sparse' ? Math.min(1, sparseDot(a, b)) : 0;
  if (b.kind === 'sparse' || a.vector.length !== b.vector.length) return 0;
  let sum = 0;
  for (let i = 0; i < a.vector.length; i++) sum += a.vector[i]! * b.vector[i]!;
  return Math.min(1, sum);
}

type Sparse = Extract<Embedding, { kind: 'sparse' }>;

function sparseDot(a: Sparse, b: Sparse): number {
  let sum = 0;
  for (let i = 0, j = 0; i < a.ids.length && j < b.ids.length;) {
    const left = a.ids[i]!;
    const right = b.ids[j]!;
    if (left === right) sum += a.weights[i++]! * b.weights[j++]!;
    else if (left < right) i++;
    else j++;
  }
  return sum;
}

/**
 * `embedding` for a BLOB column: 6 bytes a sparse feature, 2 bytes a dense value (half floats, which move a cosine by
 * less than 0.001). Little-endian everywhere.
 */
export function encodeEmbedding(embedding: Embedding): Uint8Array {
  if (embedding.kind === 'sparse') return encodeSparse(embedding);
  const { vector } = embedding;
  const { bytes, view } = blankBytes(denseTag, vector.length * denseValueBytes);
  for (let i = 0; i < vector.length; i++)
    view.setFloat16(headerBytes + i * denseValueBytes, vector[i]!, true);
  return bytes;
}

function encodeSparse({ ids, weights }: Sparse): Uint8Array {
  const { bytes, view } = blankBytes(sparseTag, ids.length * sparseFeatureBytes);
  for (let i = 0, at = headerBytes; i < ids.length; i++, at += sparseFeatureBytes) {
    view.setUint32(at, ids[i]!, true);
    view.setFloat16(at + 4, weights[i]!, true);
  }
  return bytes;
}

function blankBytes(tag: number, bodyBytes: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(headerBytes + bodyBytes);
  bytes[0] = formatVersion;
  bytes[1] = tag;
  return { bytes, view: new DataView(bytes.buffer) };
}

/** The embedding that `encodeEmbedding` wrote, of unit length again. Throws `RangeError` for any other bytes. */
export function decodeEmbedding(bytes: Uint8Array): Embedding {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bodyBytes = bytes.length - headerBytes;
  const tag = bytes[0] === formatVersion ? bytes[1] : undefined;
  if (tag === sparseTag && bodyBytes % sparseFeatureBytes === 0) return decodeSparse(view, bodyBytes);
  if (tag !== denseTag || bodyBytes % denseValueBytes !== 0) {
    throw new RangeError('These bytes are not an embedding of a known version.');
  }
  const vector = new Float32Array(bodyBytes / denseValueBytes);
  for (let i = 0; i < vector.length; i++)
    vector[i] = view.getFloat16(headerBytes + i * denseValueBytes, true);
  return { kind: 'dense', vector: toUnitLength(vector) };
}

function decodeSparse(view: DataView, bodyBytes: number): Sparse {
  const count = bodyBytes / sparseFeatureBytes;
  const ids = new Uint32Array(count);
  const weights = new Float32Array(count);
  for (let i = 0, at = headerBytes; i < count; i++, at += sparseFeatureBytes) {
    ids[i] = view.getUint32(at, true);
    weights[i] = view.getFloat16(at + 4, true);
  }
  return { kind: 'sparse', ids, weights: toUnitLength(weights) };
}

/** A sparse embedding as a vector of `dimensions` values (1 and up), of unit length: features are folded by hash, with a sign. */
export function toDense(sparse: Embedding, dimensions: number): Float32Array {
  if (sparse.kind === 'dense') throw new TypeError('Only sparse embeddings can be folded.');
  const vector = new Float32Array(dimensions);
  for (let i = 0; i < sparse.ids.length; i++) {
    const hash = mix(sparse.ids[i]!);
    const slot = (hash >>> 1) % dimensions;
    vector[slot] = vector[slot]! + (hash & 1 ? sparse.weights[i]! : -sparse.weights[i]!);
  }
  return toUnitLength(vector);
}

/** Scales `values` in place to length 1 and returns them; all zeros stay so. */
export function toUnitLength(values: Float32Array): Float32Array {
  let squares = 0;
  for (const value of values) squares += value * value;
  if (squares === 0) return values;
  const scale = 1 / Math.sqrt(squares);
  for (let i = 0; i < values.length; i++) values[i] = values[i]! * scale;
  return values;
}

/** Spreads an id over all 32 bits (the finaliser of MurmurHash3). */
function mix(id: number): number {
  let hash = Math.imul(id ^ (id >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
