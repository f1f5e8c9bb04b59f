import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { usePlace } from '../router.ts';

interface PageProps {
  title: string;
  /** For the tab of the browser, when the title is long or somebody else's. */
  tab?: string;
  /** What stands above it, as links. */
  parents?: readonly (readonly [name: string, href: string])[];
  tags?: ComponentChildren;
  actions?: ComponentChildren;
  lead?: ComponentChildren;
  children: ComponentChildren;
}

/** The frame of every page: title, way back, actions. A new page takes the focus, so that listeners hear where they are. */
export function Page({ title, tab, parents, tags, actions, lead, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { visit, path } = usePlace();
  // Both together with the heading: nobody sees or hears a page under the name of the one before.
  useLayoutEffect(() => {
    document.title = `${tab ?? title} · Offpeak`;
  }, [tab, title]);
  // On every step to a page, also to the same one.
  useLayoutEffect(() => {
    if (visit === 0) return;
    window.scrollTo(0, 0);
    heading.current?.focus({ preventScroll: true });
  }, [visit, path]);
  return (
    <>
      <header class="page-header">
        {parents && (
          <nav class="parents" aria-label="Above this page">
            {parents.map(([name, href]) => (
              <a key={href} href={href}>
                {name}
              </a>
            ))}
          </nav>
        )}
        <div class="page-title">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {tags}
          {actions && <div class="page-actions">{actions}</div>}
        </div>
        {lead && <div class="page-lead">{lead}</div>}
      </header>
      {children}
    </>
  );
}

interface SectionProps {
  title: string;
  actions?: ComponentChildren;
  note?: ComponentChildren;
  /** Names the section in the style sheets. */
  kind?: string;
  children: ComponentChildren;
}

/** A card with a heading. */
export function Section({ title, actions, note, kind, children }: SectionProps) {
  const id = `section-${title.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
  return (
    <section class={kind ? `section section-${kind}` : 'section'} aria-labelledby={id}>
      <div class="section-header">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <p class="section-note">{note}</p>}
        {actions && <div class="section-actions">{actions}</div>}
      </div>
      {children}
    </section>
  );
}
