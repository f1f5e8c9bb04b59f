import type { ComponentChildren } from 'preact';
import type { Problem } from '../../../src/service/contract/words.ts';
import type { Resource } from '../resource.ts';
import { session } from '../session.ts';
import { useStore } from '../store.ts';

/** A problem of the API, in the server's own words. */
export function ProblemNote({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  const { token } = useStore(session);
  return (
    <div class="note note-bad" role="alert">
      <p class="note-title">{problem.title}</p>
      {problem.detail && <p class="plain-text">{problem.detail}</p>}
      {problem.errors && problem.errors.length > 0 && (
        <ul class="plain-text">
          {problem.errors.map((error) => (
            <li key={`${error.field} ${error.message}`}>
              <code>{error.field}</code> {error.message}
            </li>
          ))}
        </ul>
      )}
      {problem.status === 403 && (
        <p>
          {token === undefined ? 'Without a token' : 'With the token you signed in with'}, this is not allowed. A token
          with a higher role (read, queue, admin) is made on the server by <code>offpeak token</code>.
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
