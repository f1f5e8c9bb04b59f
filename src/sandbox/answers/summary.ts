const MAX_WORDS = 60;
const MAX_SENTENCES = 3;
const SLOTS = 4096;
/** Longer documents are judged by their beginning: 50,000 of them must be answered in about a second. */
const MAX_CHARACTERS = 20_000;

// Reused by all calls (everything here is synchronous): clearing 8 kB is cheaper than allocating a map of words.
const frequency = new Uint16Array(SLOTS);
/** Slots of the telling words, in the order of the text. */
const tellingSlots = new Uint16Array(MAX_CHARACTERS);

interface Sentence {
  start: number;
  end: number;
  words: number;
  /** Its part of `tellingSlots`. */
  firstSlot: number;
  lastSlot: number;
}

/** The one to three most telling sentences of a text in their order, at most about 60 words. */
export function summarise(text: string): string {
  const considered = text.length > MAX_CHARACTERS ? text.slice(0, MAX_CHARACTERS) : text;
  const sentences = splitSentences(considered);
  if (sentences.length === 0) return text.trim() === '' ? 'The document is empty.' : clip(text);
  const scores = sentences.map(scoreOf);
  const chosen: Sentence[] = [];
  let words = 0;
  while (chosen.length < MAX_SENTENCES) {
    const best = bestThatFits(sentences, scores, chosen.length === 0 ? Number.POSITIVE_INFINITY : MAX_WORDS - words);
    const sentence = sentences[best];
    if (sentence === undefined) break;
    scores[best] = -1;
    chosen.push(sentence);
    words += sentence.words;
  }
  chosen.sort((a, b) => a.start - b.start);
  return clip(chosen.map((sentence) => considered.slice(sentence.start, sentence.end).trim()).join(' '));
}

/** Position of the best sentence not taken yet; -1 for none. Three passes are cheaper than sorting. */
function bestThatFits(sentences: readonly Sentence[], scores: readonly number[], mostWords: number): number {
  let best = -1;
  let bestScore = -1;
  for (let i = 0; i < sentences.length; i++) {
    const score = scores[i] ?? -1;
    if (score > bestScore && (sentences[i]?.words ?? 0) <= mostWords) {
      best = i;
      bestScore = score;
    }
  }
  return best;
}

function scoreOf(sentence: Sentence, position: number): number {
  let sum = 0;
  for (let i = sentence.firstSlot; i < sentence.lastSlot; i++) sum += frequency[tellingSlots[i] ?? 0] ?? 0;
  // Long sentences must not win by length alone; an opening sentence usually says what the text is about.
  return (sum / (sentence.words + 4)) * (position === 0 ? 1.3 : 1);
}

function clip(text: string): string {
  const words = text.trim().split(/\s+/);
  return words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS).join(' ')} …` : words.join(' ');
}

function isWordCharacter(code: number): boolean {
  return (
    (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code > 191 || code === 39
  );
}

/** One pass over the characters: finds sentences, counts words, hashes those of four letters or more. */
function splitSentences(text: string): Sentence[] {
  frequency.fill(0);
  const sentences: Sentence[] = [];
  let start = 0;
  let words = 0;
  let firstSlot = 0;
  let lastSlot = 0;
  let wordLength = 0;
  let hash = 0;
  const finish = (end: number): void => {
    if (words > 0) sentences.push({ start, end, words, firstSlot, lastSlot });
    start = end;
    words = 0;
    firstSlot = lastSlot;
  };
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 10;
    if (isWordCharacter(code)) {
      hash = (Math.imul(hash, 31) + (code >= 65 && code <= 90 ? code + 32 : code)) | 0;
      wordLength++;
      continue;
    }
    if (wordLength > 0) {
      words++;
      if (wordLength > 3) {
        const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
        frequency[slot] = (frequency[slot] ?? 0) + 1;
        tellingSlots[lastSlot++] = slot;
      }
      wordLength = 0;
      hash = 0;
    }
    // A stop ends a sentence when a space follows; so does the wide full stop of Chinese and Japanese, or a new line.
    const stop = code === 46 || code === 33 || code === 63;
    if (code === 0x3002 || (stop && (i + 1 >= text.length || text.charCodeAt(i + 1) <= 32))) finish(i + 1);
    else if (code === 10) finish(i);
  }
  return sentences;
}
