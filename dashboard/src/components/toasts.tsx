import { createStore, useStore } from '../store.ts';

/** Short messages about what was just done; read out by screen readers. */
interface Toast {
  id: number;
  text: string;
}

const toasts = createStore<readonly Toast[]>([]);
const shownMs = 6000;
let lastId = 0;

export function announce(text: string): void {
  lastId += 1;
  const id = lastId;
  toasts.set([...toasts.get().slice(-2), { id, text }]);
  setTimeout(() => toasts.set(toasts.get().filter((toast) => toast.id !== id)), shownMs);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {useStore(toasts).map((toast) => (
        <p key={toast.id} class="toast plain-text">
          {toast.text}
        </p>
      ))}
    </div>
  );
}
