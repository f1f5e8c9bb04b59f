import type { ComponentChildren } from 'preact';
import { Page } from '../../components/page.tsx';

const ways = [
  ['/queue', 'One job'],
  ['/upload', 'A file of jobs'],
] as const;

/** The two ways to queue by hand. */
export function QueueFrame({ current, children }: { current: string; children: ComponentChildren }) {
  return (
    <Page
      title="Queue jobs"
      tab={ways.find(([href]) => href === current)?.[1] ?? 'Queue jobs'}
      lead={
        <nav class="tabs" aria-label="Ways to queue">
          {ways.map(([href, name]) => (
            <a key={href} href={href} aria-current={href === current ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
      }
    >
      {children}
    </Page>
  );
}
