/** What lies at the provider or behind an address cannot be counted here: more than that no model reads at once. */
export const mostUnseenTokens = 2_000_000;
