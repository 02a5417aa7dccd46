import { element } from './element.js';
import { inlineNodes } from './markdown-inline.js';

/**
 * The part of Markdown that answers use, as nodes. Nothing is ever parsed as HTML: tags in an answer are shown as the text
 * that they are.
 */

const fence = /^ {0,3}(`{3,}|~{3,})/u;
const heading = /^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$/u;
const rule = /^ {0,3}([-*_])(?: *\1){2,} *$/u;
const quote = /^ {0,3}> ?/u;
const item = /^( {0,8})(?:[-*+]|(\d{1,9})[.)])( {1,4}|$)/u;
const maxDepth = 8;
/** A line from this length on was wrapped by its writer: it flows into the next one. Shorter ones keep their end. */
const wrappedFrom = 70;

/** Shows a growing text in `container`, touching only the blocks that changed: selections survive and long answers stay cheap. */
export function createMarkdownView(container) {
  let shown = [];
  return {
    show(text) {
      const blocks = blocksOf(text.split(/\r?\n/u));
      blocks.forEach(({ source }, index) => {
        if (shown[index] === source) return;
        const node = blockNode(blocks[index], 0);
        const old = container.children[index];
        if (old === undefined) container.append(node);
        else old.replaceWith(node);
      });
      while (container.children.length > blocks.length) container.lastElementChild.remove();
      shown = blocks.map(({ source }) => source);
    },
  };
}

/** Consecutive lines that belong together: `{kind, lines, source}`. */
function blocksOf(lines) {
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (lines[at].trim() === '') {
      at++;
      continue;
    }
    const kind = kindAt(lines, at);
    const end = ends[kind](lines, at);
    const own = lines.slice(at, end);
    blocks.push({ kind, lines: own, source: `${kind}\n${own.join('\n')}` });
    at = end;
  }
  return blocks;
}

function kindAt(lines, at) {
  const line = lines[at];
  if (fence.test(line)) return 'code';
  if (heading.test(line)) return 'heading';
  if (rule.test(line)) return 'rule';
  if (quote.test(line)) return 'quote';
  if (item.test(line)) return 'list';
  if (line.includes('|') && isTableRule(lines[at + 1] ?? '')) return 'table';
  return 'paragraph';
}

const ends = {
  code(lines, at) {
    const [, mark] = fence.exec(lines[at]);
    const close = lines.findIndex(
      (line, index) =>
        index > at && line.trim().startsWith(mark) && line.trim().replaceAll(mark[0], '') === '',
    );
    return close === -1 ? lines.length : close + 1;
  },
  heading: (_, at) => at + 1,
  rule: (_, at) => at + 1,
  quote: (lines, at) => endWhile(lines, at, (line) => quote.test(line)),
  table: (lines, at) => endWhile(lines, at, (line) => line.includes('|')),
  paragraph: (lines, at) =>
    endWhile(lines, at, (line, index) => line.trim() !== '' && kindAt(lines, index) === 'paragraph'),
  list(lines, at) {
    const isOrdered = ordered(lines[at]);
    return endWhile(lines, at, (line, index) => {
      if (line.trim() === '') return belongsToList(lines[index + 1] ?? '', isOrdered);
      return (
        belongsToList(line, isOrdered) ||
        (lines[index - 1].trim() !== '' && kindAt(lines, index) === 'paragraph')
      );
    });
  },
};

function endWhile(lines, at, belongs) {
  let end = at + 1;
  while (end < lines.length && belongs(lines[end], end)) end++;
  return end;
}

function ordered(line) {
  return item.exec(line)?.[2] !== undefined;
}

function belongsToList(line, isOrdered) {
  if (/^(?: {2,}|\t)\S/u.test(line)) return true;
  return item.test(line) && !rule.test(line) && ordered(line) === isOrdered;
}

function isTableRule(line) {
  return line.includes('|') && cellsOf(line).every((cell) => /^:?-+:?$/u.test(cell));
}

function cellsOf(line) {
  return line
    .trim()
    .replace(/^\||\|$/gu, '')
    .split('|')
    .map((cell) => cell.trim());
}

function blockNode({ kind, lines }, depth) {
  if (depth > maxDepth) return element('p', {}, lines.join('\n'));
  return nodes[kind](lines, depth);
}

function nodesOf(lines, depth) {
  return blocksOf(lines).map((block) => blockNode(block, depth));
}

const nodes = {
  code(lines) {
    const closed = lines.length > 1 && fence.test(lines.at(-1));
    const pre = element(
      'pre',
      { tabIndex: 0 },
      element('code', {}, lines.slice(1, closed ? -1 : undefined).join('\n')),
    );
    return pre;
  },
  heading([line]) {
    const [, marks, text] = heading.exec(line);
    return element(`h${Math.min(6, marks.length + 2)}`, {}, ...inlineNodes(text));
  },
  rule: () => element('hr'),
  quote: (lines, depth) =>
    element(
      'blockquote',
      {},
      ...nodesOf(
        lines.map((line) => line.replace(quote, '')),
        depth + 1,
      ),
    ),
  table([head, , ...rows]) {
    const row = (line, cell) =>
      element('tr', {}, ...cellsOf(line).map((text) => element(cell, {}, ...inlineNodes(text))));
    const body = element('tbody', {}, ...rows.map((line) => row(line, 'td')));
    return element(
      'div',
      { className: 'table', tabIndex: 0 },
      element('table', {}, element('thead', {}, row(head, 'th')), body),
    );
  },
  paragraph: (lines) => element('p', {}, ...inlineNodes(flowed(lines))),
  list(lines, depth) {
    const [, , start] = item.exec(lines[0]);
    const list = element(start === undefined ? 'ul' : 'ol', {}, ...itemsOf(lines, depth));
    if (start !== undefined) list.start = Number(start);
    return list;
  },
};

function flowed(lines) {
  return lines
    .map(
      (line, index) =>
        line.trim() + (index === lines.length - 1 ? '' : line.length >= wrappedFrom ? ' ' : '\n'),
    )
    .join('');
}

/** Items of the list's own indentation; deeper lines, less that indentation, are their contents. */
function itemsOf(lines, depth) {
  const [, { length: indent }] = item.exec(lines[0]);
  const contents = [];
  for (const line of lines) {
    const match = item.exec(line);
    if (match !== null && match[1].length <= indent + 1) contents.push([line.slice(match[0].length)]);
    else contents.at(-1).push(line.replace(/^(?:\t| {1,4})/u, ''));
  }
  return contents.map((own) => element('li', {}, ...nodesOf(own, depth + 1)));
}
