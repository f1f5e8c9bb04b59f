/** `npm run crash`: random kills (`random-kills.ts`); `npm run crash -- --mutants`: seeded defects (`mutants.ts`). */
if (process.argv.includes('--mutants')) await import('./mutants.ts');
else await import('./random-kills.ts');
