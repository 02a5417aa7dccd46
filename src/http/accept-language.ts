/** Whether English comes before Chinese in `Accept-Language` (RFC 9110, 12.5.4). */
export function prefersEnglish(header: string | undefined): boolean {
  const wanted = (header ?? '').split(',').map((item) => {
    const [tag = '', quality] = item
      .trim()
      .toLowerCase()
      .split(/;\s*q=/u);
    return { tag, quality: quality === undefined ? 1 : Number(quality) || 0 };
  });
  const best = (language: string) =>
    Math.max(0, ...wanted.filter(({ tag }) => tag.split('-')[0] === language).map(({ quality }) => quality));
  return best('en') > best('zh');
}
