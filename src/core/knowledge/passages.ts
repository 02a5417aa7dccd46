/** A piece of a document that can stand alone as an answer. */
export interface Passage {
  /** Unique among all passages: the file's name, `#`, and the passage's number in it. */
  id: string;
  /** The document's title, where it has one of its own, and the headings above the text, outermost first, joined with ` › `; the file's name where there are none. */
  title: string;
  /** Markdown, never empty. */
  text: string;
  /** The file's name. */
  source: string;
}

/** One run of lines that is not cut: a heading, a paragraph, list or table, or a fenced code block. */
type Block = { kind: 'heading'; level: number; text: string } | { kind: 'text' | 'code'; text: string };

const maxChars = 1_200;
const maxTitleChars = 200;
/** Above this, a code block is cut like text: nobody is helped by a quotation of many pages. */
const maxCodeChars = 6_000;

/**
 * Cuts a Markdown document at its headings, and long sections between paragraphs into passages of about 1,200
 * characters. Code blocks stay whole (up to 6,000 characters), front matter is left out. `ownTitle` is the document's, where it has one
 * beside its text.
 */
export function splitMarkdown(file: string, text: string, ownTitle?: string): Passage[] {
  const passages: Passage[] = [];
  const path: { level: number; text: string }[] = [];
  let section: string[] = [];
  const flush = () => {
    const headings = path.map((heading) => heading.text);
    if (ownTitle !== undefined && headings[0] !== ownTitle) headings.unshift(ownTitle);
    const title = headings.join(' › ') || file.replace(/\.md$/i, '');
    for (const piece of packed(section)) {
      passages.push({ id: `${file}#${passages.length + 1}`, title, text: piece, source: file });
    }
    section = [];
  };
  for (const block of blocksOf(text)) {
    if (block.kind === 'heading') {
      flush();
      while ((path.at(-1)?.level ?? 0) >= block.level) path.pop();
      path.push(block);
    } else {
      section.push(
        ...(block.kind === 'code' && block.text.length <= maxCodeChars ? [block.text] : cut(block.text)),
      );
    }
  }
  flush();
  return passages;
}

/** Empty where a Markdown document has none. */
export function firstHeading(text: string): string {
  return blocksOf(text).find(({ kind }) => kind === 'heading')?.text ?? '';
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let lines: string[] = [];
  let fence: string | undefined;
  const flush = (kind: 'text' | 'code') => {
    const block = lines.join('\n').trimEnd();
    if (block.trim() !== '') blocks.push({ kind, text: block });
    lines = [];
  };
  for (const line of withoutFrontMatter(text)) {
    const opened = fence === undefined ? /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] : undefined;
    const heading = fence === undefined ? /^ {0,3}(#{1,6})(?:[ \t]+(.*))?$/.exec(line) : null;
    if (opened !== undefined) {
      flush('text');
      fence = opened;
      lines.push(line);
    } else if (fence !== undefined) {
      lines.push(line);
      if (!closes(line, fence)) continue;
      flush('code');
      fence = undefined;
    } else if (heading !== null) {
      flush('text');
      blocks.push({ kind: 'heading', level: heading[1]!.length, text: headingText(heading[2] ?? '') });
    } else if (/^ {0,3}(?:=+|-+)[ \t]*$/.test(line) && lines.length === 1) {
      const title = lines.pop()!;
      blocks.push({ kind: 'heading', level: line.includes('=') ? 1 : 2, text: headingText(title) });
    } else if (line.trim() === '') {
      flush('text');
    } else {
      lines.push(line);
    }
  }
  flush(fence === undefined ? 'text' : 'code');
  return blocks;
}

function withoutFrontMatter(text: string): string[] {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/^---\n[\s\S]*?\n---(?:\n|$)/, '')
    .split('\n');
}

function closes(line: string, fence: string): boolean {
  const marks = line.trim();
  return marks.length >= fence.length && marks === fence[0]!.repeat(marks.length);
}

function headingText(raw: string): string {
  return raw
    .slice(0, maxTitleChars)
    .trimEnd()
    .replace(/(?:^|[ \t])#+$/, '')
    .trim();
}

/** Neighbouring blocks together as long as they fit. */
function packed(blocks: string[]): string[] {
  const pieces: string[] = [];
  for (const block of blocks) {
    const last = pieces.at(-1);
    if (last !== undefined && last.length + 2 + block.length <= maxChars)
      pieces[pieces.length - 1] = `${last}\n\n${block}`;
    else pieces.push(block);
  }
  return pieces;
}

/** Cuts an over-long block at a line's end, else a sentence's end, else between words, else anywhere. */
function cut(block: string): string[] {
  const pieces: string[] = [];
  let rest = block;
  while (rest.length > maxChars) {
    const head = rest.slice(0, maxChars);
    const end = [/\n(?=[^\n]*$)/, /[.!?](?=\s[^.!?]*$)|[。！？](?=[^。！？]*$)/, /\s(?=\S*$)/]
      .map((pattern) => pattern.exec(head)?.index ?? -1)
      .find((index) => index > maxChars / 4);
    const at = end === undefined ? safeEnd(head) : end + 1;
    pieces.push(rest.slice(0, at).trim());
    rest = rest.slice(at).trimStart();
  }
  return [...pieces, rest].filter((piece) => piece !== '');
}

/** Never between the two halves of a surrogate pair. */
function safeEnd(head: string): number {
  return /[\ud800-\udbff]$/.test(head) ? head.length - 1 : head.length;
}
