import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Problem } from '../../../src/service/contract/words.ts';
import { problemOf } from '../api.ts';
import { ProblemNote } from './notes.tsx';
import { announce } from './toasts.tsx';

export interface Action {
  run(): Promise<void>;
  isBusy: boolean;
  problem: Problem | undefined;
  clear(): void;
}

/** Something that is asked of the server once per click; what `act` resolves with is said aloud. */
export function useAction(act: () => Promise<string | undefined>): Action {
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  return {
    isBusy,
    problem,
    clear: () => setProblem(undefined),
    async run() {
      if (isBusy) return;
      setIsBusy(true);
      setProblem(undefined);
      try {
        const message = await act();
        if (message) announce(message);
      } catch (error) {
        setProblem(problemOf(error));
      } finally {
        setIsBusy(false);
      }
    },
  };
}

interface ConfirmButtonProps {
  label: string;
  /** For listeners, when the label alone does not say which one. */
  labelInFull?: string;
  title: string;
  /** What will happen, and what will not. */
  children: ComponentChildren;
  confirm: string;
  isDangerous?: boolean;
  isSmall?: boolean;
  isPrimary?: boolean;
  act(): Promise<string | undefined>;
}

/** A button that asks first. */
export function ConfirmButton(props: ConfirmButtonProps) {
  const [isOpen, setIsOpen] = useState(false);
  const kind = `${props.isPrimary ? ' button-primary' : ''}${props.isSmall ? ' button-small' : ''}`;
  return (
    <>
      <button type="button" class={`button${kind}`} aria-label={props.labelInFull} onClick={() => setIsOpen(true)}>
        {props.label}
      </button>
      {isOpen && <ConfirmDialog {...props} onClose={() => setIsOpen(false)} />}
    </>
  );
}

function ConfirmDialog(props: ConfirmButtonProps & { onClose(): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const action = useAction(async () => {
    const message = await props.act();
    dialog.current?.close();
    return message;
  });
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={titleId} onClose={props.onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void action.run();
        }}
      >
        <h2 id={titleId}>{props.title}</h2>
        <div class="dialog-text">{props.children}</div>
        {action.problem && <ProblemNote problem={action.problem} />}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
          <button
            type="submit"
            class={props.isDangerous ? 'button button-danger' : 'button button-primary'}
            disabled={action.isBusy}
          >
            {action.isBusy ? 'One moment …' : props.confirm}
          </button>
        </div>
      </form>
    </dialog>
  );
}
