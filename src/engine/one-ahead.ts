/** One piece of work is under way while the next is gathered, and never two. */
export interface OneAhead {
  /** Begins a piece once the one before is done; rejects with what went wrong there. */
  begin(work: () => Promise<void>): Promise<void>;
  /** The last piece is done; rejects with what went wrong. */
  done(): Promise<void>;
  /** Nothing is under way any more, however it ended. */
  settled(): Promise<void>;
}

export function oneAhead(): OneAhead {
  let last: Promise<void> = Promise.resolve();
  const settled = () => last.catch(() => {});
  return {
    begin: async (work) => {
      await last;
      last = work();
      // Its failure is told to whoever waits for it next.
      void settled();
    },
    done: () => last,
    settled,
  };
}
