import type { ComponentChildren } from 'preact';
import type { Problem } from '../../../src/service/contract/words.ts';
import type { Resource } from '../resource.ts';
import { session } from '../session.ts';
import { useStore } from '../store.ts';

/** A problem of the API, in the server's own words. */
export function ProblemNote({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  const { token } = useStore(session);
  // The detail tells the first few already.
  const unsaid = (problem.errors ?? []).filter(({ message }) => !problem.detail?.includes(message));
  return (
    <div class="note note-bad" role="alert">
      <p class="note-title">{problem.title}</p>
      {problem.detail && <p class="plain-text">{problem.detail}</p>}
      {unsaid.length > 0 && (
        <ul class="plain-text">
          {unsaid.map((error) => (
            <li key={`${error.field} ${error.message}`}>
              <code>{error.field}</code> {error.message}
            </li>
          ))}
        </ul>
      )}
      {problem.code === 'forbidden' && (
        <p>
          {token === undefined ? 'You are not signed in.' : 'The token you signed in with has too low a role.'} Roles
          are read, queue and admin; a token with a higher one is made on the server by{' '}
          <code>offpeak token create me --role queue</code>.
        </p>
      )}
      {onRetry && (
        <p>
          <button type="button" class="button button-small" onClick={onRetry}>
            Try again
          </button>
        </p>
      )}
    </div>
  );
}

/** Nothing here yet, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Shows what was read, or why it could not be, or that it is being read. */
export function Loaded<T>(props: { resource: Resource<T>; children: (data: T) => ComponentChildren }) {
  const { data, problem, refresh } = props.resource;
  return (
    <>
      {problem && <ProblemNote problem={problem} onRetry={refresh} />}
      {data !== undefined ? props.children(data) : !problem && <Loading />}
    </>
  );
}

export const Loading = () => (
  <p class="loading" role="status">
    Loading …
  </p>
);
