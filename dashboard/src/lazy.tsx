import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Loading, ProblemNote } from './components/notes.tsx';

type Parameters = Record<string, string>;
export type PageComponent = FunctionComponent<{ parameters: Parameters }>;

/** A page whose code comes when it is first wanted. */
export function lazy(load: () => Promise<PageComponent>): PageComponent {
  let loaded: PageComponent | undefined;
  return function LazyPage(props) {
    const [, setIsLoaded] = useState(loaded !== undefined);
    const [hasFailed, setHasFailed] = useState(false);
    useEffect(() => {
      if (loaded) return;
      load().then(
        (component) => {
          loaded = component;
          setIsLoaded(true);
        },
        () => setHasFailed(true),
      );
    }, []);
    if (hasFailed) return <ProblemNote problem={outdated} onRetry={() => location.reload()} />;
    const Loaded = loaded;
    return Loaded ? <Loaded {...props} /> : <Loading />;
  };
}

const outdated = {
  type: 'about:blank',
  title: 'This part of the page could not be loaded',
  status: 0,
  detail: 'The server may have been updated meanwhile, or it cannot be reached. Load the page again.',
};
