const STOP_WORDS: Record<string, ReadonlySet<string>> = {
  English: words(
    'the and that have with this from they will would there their what about which when your been were is of to in it',
  ),
  German: words('der die das und ist nicht ein eine mit auf für von dem den zu im sich auch werden wird'),
  French: words('le la les et est une un des pas dans pour que qui sur avec au aux du par sont'),
  Spanish: words('el la los las y es una un de que en por con para se del al como más pero'),
  Italian: words('il lo la gli e è una un di che in per con non si del della sono anche come'),
};

const POSITIVE = words(
  'good great excellent happy love loved best nice pleased wonderful success improve improved fast thanks perfect gain growth',
);
const NEGATIVE = words(
  'bad poor terrible sad hate worst broken fail failed failure problem slow error angry loss late wrong refund complaint',
);

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '));
}

function wordsOf(text: string): string[] {
  return (
    text
      .slice(0, 20_000)
      .toLowerCase()
      .match(/[\p{L}\p{N}']+/gu) ?? []
  );
}

/** The most frequent telling words of a text, most frequent first. */
export function keywordsOf(text: string, count: number): string[] {
  const counts = new Map<string, number>();
  for (const word of wordsOf(text)) {
    if (word.length < 4 || Object.values(STOP_WORDS).some((stop) => stop.has(word))) continue;
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const ordered = [...counts].sort((a, b) => b[1] - a[1]);
  return ordered.slice(0, count).map(([word]) => word);
}

export function sentimentOf(text: string): 'positive' | 'negative' | 'neutral' {
  let balance = 0;
  for (const word of wordsOf(text)) balance += (POSITIVE.has(word) ? 1 : 0) - (NEGATIVE.has(word) ? 1 : 0);
  if (balance === 0) return 'neutral';
  return balance > 0 ? 'positive' : 'negative';
}

export function languageOf(text: string): string {
  const found = wordsOf(text.slice(0, 2000));
  let best = 'English';
  let bestCount = 0;
  for (const [language, stop] of Object.entries(STOP_WORDS)) {
    const count = found.filter((word) => stop.has(word)).length;
    if (count > bestCount) {
      best = language;
      bestCount = count;
    }
  }
  return best;
}
