import { useEffect, useState } from 'preact/hooks';
import { usePlace } from '../router.ts';
import { session, signOut } from '../session.ts';
import { useStore } from '../store.ts';
import { Icon, type IconName, Logo } from './icon.tsx';
import { LiveMark } from './live-mark.tsx';
import { ThemeSwitch } from './theme-switch.tsx';

const groups: readonly (readonly [href: string, name: string, icon: IconName][])[] = [
  [['/', 'Overview', 'overview']],
  [
    ['/runs', 'Runs', 'runs'],
    ['/batches', 'Batches', 'batches'],
    ['/jobs', 'Jobs', 'jobs'],
    ['/queue', 'Queue jobs', 'add'],
  ],
  [
    ['/costs', 'Costs', 'costs'],
    ['/deliveries', 'Deliveries', 'deliveries'],
    ['/alerts', 'Alerts', 'alerts'],
    ['/settings', 'Settings', 'settings'],
  ],
];

/** Beside the page; on narrow screens behind a button. */
export function Navigation({ openAlerts, version }: { openAlerts: number; version: string | undefined }) {
  const [isOpen, setIsOpen] = useState(false);
  const place = usePlace();
  const { token } = useStore(session);
  // It closes on every step.
  useEffect(() => setIsOpen(false), [place.visit]);
  return (
    <header class={isOpen ? 'side is-open' : 'side'}>
      <div class="side-head">
        <a class="brand" href="/">
          <Logo />
          <span>Offpeak</span>
        </a>
        <LiveMark />
        <button
          type="button"
          class="menu-button"
          aria-expanded={isOpen}
          aria-controls="navigation"
          onClick={() => setIsOpen(!isOpen)}
        >
          <Icon name={isOpen ? 'close' : 'menu'} />
          <span class="visually-hidden">Menu</span>
        </button>
      </div>
      <div class="side-body" id="navigation">
        <nav aria-label="Pages">
          {groups.map((links) => (
            <ul key={links[0]?.[0]}>
              {links.map(([href, name, icon]) => (
                <li key={href}>
                  <a href={href} aria-current={isUnder(place.path, href) ? 'page' : undefined}>
                    <Icon name={icon} />
                    <span>{name}</span>
                    {href === '/alerts' && openAlerts > 0 && (
                      <span class="badge">
                        {openAlerts}
                        <span class="visually-hidden"> open</span>
                      </span>
                    )}
                  </a>
                </li>
              ))}
            </ul>
          ))}
        </nav>
        <div class="side-foot">
          <ThemeSwitch />
          {token !== undefined && (
            <button type="button" class="button button-small button-quiet" onClick={() => signOut()}>
              <Icon name="signOut" /> Sign out
            </button>
          )}
          <p class="faint">
            <a href="/docs">API</a>
            {version !== undefined && <span> · {version}</span>}
          </p>
        </div>
      </div>
    </header>
  );
}

const isUnder = (path: string, href: string): boolean =>
  href === '/'
    ? path === '/'
    : path === href || path.startsWith(`${href}/`) || (href === '/queue' && path === '/upload');
