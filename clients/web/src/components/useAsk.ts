import { useEffect, useState } from "react";

import type { Answers, Question } from "../image/measure";
import type { Picture } from "./PictureCanvas";

/** What a picture says to a question, anew with each picture; null while there is nothing to ask. */
export function useAsk<Q extends Question>(picture: Picture | null, question: Q | null): Answers[Q["kind"]] | null {
  const [answer, setAnswer] = useState<{ text: string; value: Answers[Q["kind"]] } | null>(null);
  const text = JSON.stringify(question);
  useEffect(() => {
    const asked = JSON.parse(text) as Q | null;
    if (picture === null || asked === null) return;
    let wanted = true;
    picture.painter
      .ask(asked)
      .then((value) => wanted && setAnswer({ text, value }))
      .catch(() => wanted && setAnswer(null));
    return () => {
      wanted = false;
    };
  }, [picture, text]);
  return question !== null && answer?.text === text ? answer.value : null;
}
