/**
 * Questions for the cache: made from a seed, so that every run and every machine asks the same ones. Frames of
 * everyday English with words drawn by Zipf's law from an invented vocabulary: common words are shared by very
 * many questions, as in life, which is what makes a similarity index work.
 */
const frames: readonly string[] = [
  'How do I % the % of my % when the % is %?',
  'What is the difference between a % and a % in % %?',
  'Can you explain why % % needs a % before the % is %?',
  'Write a short summary of the % about % and % for a %.',
  'Which % should I use to % a % with % %?',
  'Give me three reasons to % the % instead of the % % in %.',
  'Why does my % show % after the % was set to % %?',
  'Is it safe to % a % while the % is % in %?',
  'Compare the % % with the % that a % would % for %.',
  'How long does it take to % a % % in % %?',
];
const syllables = 'ba co da fe gi ho ju ka lo mi nu pe ra si to ve wa xi yo zu tra ble sto pri nel'.split(
  ' ',
);
const vocabularySize = 4_000;

/** Numbers in [0, 1) from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function buildVocabulary(random: () => number): string[] {
  const words = new Set<string>();
  while (words.size < vocabularySize) {
    const length = 2 + Math.floor(random() * 3);
    words.add(Array.from({ length }, () => syllables[Math.floor(random() * syllables.length)]).join(''));
  }
  return [...words];
}

/** `count` different questions. */
export function buildQuestions(count: number, seed = 1): string[] {
  const random = seededRandom(seed);
  const words = buildVocabulary(random);
  const questions = new Set<string>();
  while (questions.size < count) {
    const frame = frames[Math.floor(random() * frames.length)]!;
    // An exponential spread over the ranks is Zipf's law.
    questions.add(frame.replaceAll('%', () => words[Math.floor(vocabularySize ** random()) - 1]!));
  }
  return [...questions];
}

/**
 * The same question as somebody else would type it: a request with "please", a question in another case with other
 * spacing and closing mark.
 */
export function rephrase(question: string): string {
  const lower = `${question.charAt(0).toLowerCase()}${question.slice(1)}`;
  return /^(?:Write|Give|Compare)/.test(question) ? `Please ${lower}` : `${lower.replace(/[?.]$/, '')} ?`;
}
