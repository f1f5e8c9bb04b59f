/** What is known of models by their names, for values that the caller did not give. */

interface Traits {
  /** Models that refuse `temperature`, or any but 1. */
  refusesTemperature?: RegExp;
  /** The highest they take; 2 where nothing is said. */
  maxTemperature?: number;
  /** Their unseen reasoning counts against the limit of the answer. */
  thinks?: RegExp;
}

// OpenAI: "Unsupported value: 'temperature' does not support 0.3 with this model" from the o series and gpt-5 on.
const openaiReasons = /^(?:ft:)?(?:o\d|gpt-(?:[5-9]|\d{2}))/;

const traits: Readonly<Record<string, Traits>> = {
  openai: { refusesTemperature: openaiReasons, thinks: openaiReasons },
  azure: { refusesTemperature: openaiReasons, thinks: openaiReasons },
  // Only the contract of 2023-06-01 has sampling parameters, and newer models take none: the known old ones do.
  anthropic: {
    refusesTemperature: /^(?!claude-(?:2|3|instant|(?:opus|sonnet|haiku)-4(?:-[0-6])?(?:-\d{8})?$))/,
    maxTemperature: 1,
  },
  gemini: { thinks: /^gemini-(?:2\.5-(?!flash-lite)|[3-9])/ },
};

function traitsOf(provider: string): Traits {
  return (Object.hasOwn(traits, provider) ? traits[provider] : undefined) ?? {};
}

export function takesTemperature(provider: string, model: string): boolean {
  return traitsOf(provider).refusesTemperature?.test(model) !== true;
}

export function maxTemperatureOf(provider: string): number {
  return traitsOf(provider).maxTemperature ?? 2;
}

/** As in the system that this one replaces. */
const usualMaxTokens = 1024;
/** 1,024 would be spent on reasoning alone: such a job fails as cut off, and is paid. */
const thinkingMaxTokens = 8192;

export function defaultMaxTokens(provider: string, model: string): number {
  return traitsOf(provider).thinks?.test(model) === true ? thinkingMaxTokens : usualMaxTokens;
}
