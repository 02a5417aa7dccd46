import { element } from './element.js';

/** Spans are bounded, so that hostile text cannot make the search quadratic. */
const spans = new RegExp(
  [
    /(?<ticks>`{1,3})(?!`)(?<code>[^]{1,2000}?)(?<!`)\k<ticks>(?!`)/u,
    /\*\*(?=\S)(?<bold>[^]{0,2000}?\S)\*\*(?!\*)/u,
    /(?<![\w*])\*(?=[^\s*])(?<italic>[^*\n]{1,500})(?<=\S)\*(?![\w*])/u,
    /\[(?<label>[^\]\n]{1,300})\]\((?<target>https?:\/\/[^\s()]{1,2000})\)/u,
    /(?<url>https?:\/\/[^\s<>"'`()[\]，。；：！？、）]{1,2000}(?<![.,:;!?*_]))/u,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gu',
);

/** The text of a paragraph as nodes: code, bold, italic, links to http(s); everything else stays text. */
export function inlineNodes(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(spans)) {
    nodes.push(text.slice(end, match.index), spanNode(match.groups));
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== '');
}

function spanNode({ code, bold, italic, label, target, url }) {
  if (code !== undefined) return element('code', {}, code.replace(/^ (.*\S.*) $/su, '$1'));
  if (bold !== undefined) return element('strong', {}, ...inlineNodes(bold));
  if (italic !== undefined) return element('em', {}, ...inlineNodes(italic));
  const href = target ?? url;
  return element('a', { href, title: href, target: '_blank', rel: 'noopener noreferrer' }, label ?? url);
}
