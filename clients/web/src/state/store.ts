/** A store of one state: read it, dispatch to it, be told when it changed. */

export interface Store<S, A> {
  get: () => S;
  dispatch: (action: A) => void;
  /** Dispatch several, and tell of them once. */
  batch: (work: () => void) => void;
  /** Returns what ends the subscription. */
  subscribe: (listener: () => void) => () => void;
}

export function createStore<S, A>(reduce: (state: S, action: A) => S, initial: S): Store<S, A> {
  let state = initial;
  let told = initial;
  let batches = 0;
  const listeners = new Set<() => void>();
  const tell = () => {
    if (batches > 0 || state === told) return;
    told = state;
    for (const listener of listeners) listener();
  };
  return {
    get: () => state,
    dispatch(action) {
      state = reduce(state, action);
      tell();
    },
    batch(work) {
      batches++;
      try {
        work();
      } finally {
        batches--;
        tell();
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
