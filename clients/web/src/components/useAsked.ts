import { useEffect, useState } from "react";

import { notify } from "../live/page";

/** What the service answers, asked once; null before it has. */
export function useAsked<T>(ask: () => Promise<T>, what: string): T | null {
  const [answer, setAnswer] = useState<T | null>(null);
  useEffect(() => {
    let wanted = true;
    ask().then(
      (value) => wanted && setAnswer(value),
      (error: unknown) => notify(`No ${what}: ${String(error)}`),
    );
    return () => {
      wanted = false;
    };
  }, [ask, what]);
  return answer;
}
