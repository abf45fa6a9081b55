import { useState, type PointerEvent } from "react";

import type { Place } from "../image/measure";
import { pixelAt, type View } from "../lib/viewport";

export type Tool = "pan" | "line" | "region";

/** A line or a box on a picture, from corner to corner in full pixels. */
export interface Mark {
  tool: "line" | "region";
  from: Place;
  to: Place;
}

export interface Measure {
  tool: Tool;
  mark: Mark | null;
  /** Choosing the tool that is chosen puts it away, with its mark. */
  choose: (tool: "line" | "region") => void;
  handlers: {
    onPointerDown: (event: PointerEvent) => void;
    onPointerMove: (event: PointerEvent) => void;
  };
}

/** Drawing a line or a box with the pointer. */
export function useMeasure(view: View): Measure {
  const [tool, setTool] = useState<Tool>("pan");
  const [mark, setMark] = useState<Mark | null>(null);
  const at = (event: PointerEvent): Place => {
    const box = event.currentTarget.getBoundingClientRect();
    return pixelAt(view, event.clientX - box.left, event.clientY - box.top);
  };
  return {
    tool,
    mark,
    choose: (chosen) => {
      setMark(null);
      setTool(chosen === tool ? "pan" : chosen);
    },
    handlers: {
      onPointerDown: (event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        if (tool !== "pan") setMark({ tool, from: at(event), to: at(event) });
      },
      onPointerMove: (event) => {
        const to = at(event);
        if (tool !== "pan" && event.buttons === 1) setMark((old) => (old === null ? null : { ...old, to }));
      },
    },
  };
}
