import type { ArticleFields } from '../../storage/articles.ts';
import { firstHeading } from './passages.ts';

/** A Markdown file to make an article of. */
export interface ImportedFile {
  /** The file's name. */
  name: string;
  content: string;
}

const limits = { title: 200, language: 35, tags: 20, tag: 50 } as const;

/**
 * The article that a Markdown file is. Front matter (`title`, `language` or `lang`, `tags`) says what it is called; where it does not, its
 * first heading does, else the file's name. What front matter says that no article can have is left out.
 */
export function articleOf({ name, content }: ImportedFile): ArticleFields {
  const text = content.replace(/^\uFEFF/u, '').replace(/\r\n?/gu, '\n');
  const front = /^---\n([\s\S]*?)\n?---(?:\n|$)/u.exec(text);
  const fields = fieldsOf(front?.[1] ?? '');
  const body = (front === null ? text : text.slice(front[0].length)).trim();
  const language = fields.get('language') ?? fields.get('lang') ?? '';
  return {
    title: titleOf(fields.get('title') ?? firstHeading(body), name),
    language: isLanguage(language) ? language : null,
    tags: tagsOf(fields.get('tags') ?? ''),
    content: body,
  };
}

/** Whether it looks like a language tag: `en`, `zh-CN`, `zh-Hant-TW` (RFC 5646). */
export function isLanguage(tag: string): boolean {
  return tag.length <= limits.language && /^[a-z]{2,3}(?:-[a-z0-9]{2,8})*$/iu.test(tag);
}

/** The plain `key: value` lines of front matter, and lists in brackets or of `- item` lines, as one line. */
function fieldsOf(front: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of front.split('\n')) {
    const field = /^([A-Za-z_]{1,40}):[ \t]*(.*)$/u.exec(line);
    const item = /^[ \t]*-[ \t]+(.+)$/u.exec(line);
    if (field !== null) {
      last = field[1]!.toLowerCase();
      fields.set(last, unquoted(field[2]!.trim()));
    } else if (item !== null && last !== '') {
      const before = fields.get(last) ?? '';
      fields.set(last, before === '' ? item[1]! : `${before}, ${item[1]!}`);
    }
  }
  return fields;
}

function unquoted(value: string): string {
  return /^(["']).*\1$/u.test(value) && value.length > 1 ? value.slice(1, -1) : value;
}

function titleOf(wanted: string, name: string): string {
  const clean = (text: string) =>
    Array.from(text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim())
      .slice(0, limits.title)
      .join('');
  const base = name.split('/').at(-1) ?? '';
  return clean(wanted) || clean(base.replace(/\.(?:md|markdown)$/iu, '')) || clean(name);
}

function tagsOf(list: string): string[] {
  const tags = list
    .replace(/^\[(.*)\]$/u, '$1')
    .split(',')
    .map((tag) => unquoted(tag.trim()))
    .filter((tag) => tag !== '' && Array.from(tag).length <= limits.tag);
  return [...new Set(tags)].slice(0, limits.tags);
}
