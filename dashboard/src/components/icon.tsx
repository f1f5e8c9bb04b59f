/** Drawn here, so that no font and no picture is fetched. Decoration only: the words stand beside them. */
const paths = {
  overview: 'M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z',
  runs: 'M5 4v16l14-8z',
  batches: 'M4 8l8-4 8 4-8 4zM4 12l8 4 8-4M4 16l8 4 8-4',
  jobs: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01',
  add: 'M12 5v14M5 12h14',
  costs:
    'M12 3v18M16.5 7.5C15.8 6 14.2 5.5 12 5.500c-2.5 0-4.5 1.1-4.5 3.2 0 4.6 9.5 2 9.5 6.6 0 2.1-2.2 3.2-5 3.2-2.4 0-4.4-.8-5-2.5',
  deliveries: 'M21 3L10 14M21 3l-7 18-4-7-7-4z',
  alerts: 'M6 16V11a6 6 0 0 1 12 0v5l2 2H4zM10 21h4',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5',
  menu: 'M4 7h16M4 12h16M4 17h16',
  close: 'M6 6l12 12M18 6L6 18',
  light:
    'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.400M17.6 17.600L19 19M5 19l1.4-1.400M17.6 6.400L19 5',
  dark: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.500z',
  system: 'M3 5h18v11H3zM8 20h8M12 16v4',
  signOut: 'M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9',
  next: 'M9 5l7 7-7 7',
  back: 'M15 5l-7 7 7 7',
  upload: 'M12 16V4M7 9l5-5 5 5M4 20h16',
  clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4l3 2',
  check: 'M5 12.500l4.5 4.5L19 7.5',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** The demand of a day, and the dip in it where work is cheap. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect class="logo-ground" width="32" height="32" rx="8" />
      <path class="logo-curve" d="M4 11c5 0 6 11 12 11s7-11 12-11" />
      <circle class="logo-moon" cx="16" cy="10" r="2.6" />
    </svg>
  );
}
