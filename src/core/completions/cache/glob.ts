/**
 * A test for a glob in which `*` stands for any text and `?` for one character; case is ignored. Greedy with one
 * point to return to, so a hostile pattern costs pattern × text at most (a regular expression could cost far more).
 */
export function globTest(pattern: string): (text: string) => boolean {
  const glob = pattern.toLowerCase();
  return (text) => matches(glob, text.toLowerCase());
}

function matches(glob: string, text: string): boolean {
  let g = 0;
  let t = 0;
  let starAt = -1;
  let starText = 0;
  while (t < text.length) {
    if (glob[g] === '*') {
      starAt = g++;
      starText = t;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++;
      t++;
    } else if (starAt >= 0) {
      g = starAt + 1;
      t = ++starText;
    } else {
      return false;
    }
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
}
