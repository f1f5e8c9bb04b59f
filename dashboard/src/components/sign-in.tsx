import { useState } from 'preact/hooks';
import { session, signIn } from '../session.ts';
import { useStore } from '../store.ts';
import { TextField } from './field.tsx';
import { Logo } from './icon.tsx';

/** Asked for when the server says 401. */
export function SignIn() {
  const { reason } = useStore(session);
  const [token, setToken] = useState('');
  return (
    <main class="sign-in" id="main">
      <form
        class="sign-in-card"
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== '') signIn(token.trim());
        }}
      >
        <Logo />
        <h1>Sign in to Offpeak</h1>
        {reason && (
          <p class="note note-warning plain-text" role="alert">
            {reason}
          </p>
        )}
        <TextField
          label="Token"
          type="password"
          autocomplete="current-password"
          value={token}
          isRequired
          onInput={setToken}
          hint={
            <>
              Made on the server: <code>offpeak token create me --role read</code>. It stays in this tab and is
              forgotten when the tab is closed.
            </>
          }
        />
        <button type="submit" class="button button-primary">
          Sign in
        </button>
      </form>
    </main>
  );
}
