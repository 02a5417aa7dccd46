/** A format of images or videos. */
export interface MediaType {
  name: string;
  /** Whether a file of this format may begin so. */
  begins(bytes: Buffer): boolean;
}

const ascii = (bytes: Buffer, from: number, to: number) => bytes.toString('latin1', from, to);
const hex = (bytes: Buffer, to: number) => bytes.toString('hex', 0, to);
const matroska = (bytes: Buffer) => hex(bytes, 4) === '1a45dfa3';
/** MP4 begins with its brand; QuickTime may begin with any of its boxes. */
const boxes = new Set(['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip', 'pnot']);

const types: Record<'image' | 'video', readonly MediaType[]> = {
  image: [
    { name: 'image/png', begins: (bytes) => hex(bytes, 8) === '89504e470d0a1a0a' },
    { name: 'image/jpeg', begins: (bytes) => hex(bytes, 3) === 'ffd8ff' },
    {
      name: 'image/webp',
      begins: (bytes) => ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP',
    },
    { name: 'image/gif', begins: (bytes) => /^GIF8[79]a$/.test(ascii(bytes, 0, 6)) },
    { name: 'image/bmp', begins: (bytes) => ascii(bytes, 0, 2) === 'BM' },
  ],
  video: [
    { name: 'video/mp4', begins: (bytes) => ascii(bytes, 4, 8) === 'ftyp' },
    { name: 'video/webm', begins: matroska },
    { name: 'video/quicktime', begins: (bytes) => boxes.has(ascii(bytes, 4, 8)) },
    {
      name: 'video/x-msvideo',
      begins: (bytes) => ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'AVI ',
    },
    // A pack or a sequence header.
    { name: 'video/mpeg', begins: (bytes) => /^000001b[a3]$/.test(hex(bytes, 4)) },
    { name: 'video/x-matroska', begins: matroska },
  ],
};

/** The names of the formats that messages may have in `data:` URLs. */
export function typesOf(type: 'image' | 'video'): string[] {
  return types[type].map(({ name }) => name);
}

/** The format of this name, in lower case; undefined for one that messages may not have. */
export function mediaTypeOf(name: string, type: 'image' | 'video'): MediaType | undefined {
  return types[type].find((known) => known.name === name);
}
