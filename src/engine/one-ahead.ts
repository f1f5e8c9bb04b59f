/** One piece of work is under way while the next is gathered, and never two. */
export interface OneAhead {
  /** Begins a piece once the one before is done; rejects with what went wrong there, and begins nothing then. */
  begin(work: () => Promise<void>): Promise<void>;
  /** The last piece is done; rejects with what went wrong. */
  done(): Promise<void>;
  /** Throws what has gone wrong already, for those who gather slowly. */
  check(): void;
}

export function oneAhead(): OneAhead {
  let last: Promise<void> = Promise.resolve();
  let failure: { error: unknown } | undefined;
  return {
    begin: async (work) => {
      await last;
      last = work();
      last.catch((error) => {
        failure = { error };
      });
    },
    done: () => last,
    check: () => {
      if (failure) throw failure.error;
    },
  };
}
