import { useEffect, useEffectEvent, useRef, useState, type PointerEvent, type KeyboardEvent, type RefObject } from "react";

import { fitView, pan, pixelAt, zoomAt, type Area, type Size, type View } from "../lib/viewport";

const STEP = 1.3;
const NUDGE_PX = 40;

export interface Viewport {
  ref: RefObject<HTMLDivElement | null>;
  size: Size;
  view: View;
  /** The full pixel (row, col) under the pointer. */
  cursor: [number, number] | null;
  zoom: (factor: number) => void;
  fit: () => void;
  /** Only tells where the pointer is. */
  point: (event: PointerEvent) => void;
  handlers: {
    onPointerDown: (event: PointerEvent) => void;
    onPointerMove: (event: PointerEvent) => void;
    onPointerLeave: () => void;
    onDoubleClick: () => void;
    onKeyDown: (event: KeyboardEvent) => void;
  };
}

/** Zoom and pan of a picture; until a person moves it, an area of it stays fitted. `of` is what it shows. */
export function useViewport(area: Area, of: string | null): Viewport {
  const ref = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<Size>({ width: 1, height: 1 });
  const [moved, setMoved] = useState<{ of: string | null; view: View } | null>(null);
  const [cursor, setCursor] = useState<[number, number] | null>(null);
  const fitted = fitView(area, size);
  const view = moved !== null && moved.of === of ? moved.view : fitted;

  const change = (next: (view: View) => View) =>
    setMoved((old) => ({ of, view: next(old !== null && old.of === of ? old.view : fitted) }));
  const zoom = (factor: number) => change((v) => zoomAt(v, factor, size.width / 2, size.height / 2, fitted));
  const fit = () => setMoved(null);

  useSize(ref, setSize);
  useWheel(ref, (factor, x, y) => change((v) => zoomAt(v, factor, x, y, fitted)));

  const point = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    setCursor(pixelAt(view, event.clientX - box.left, event.clientY - box.top));
  };
  const handlers: Viewport["handlers"] = {
    onPointerDown: (event) => event.currentTarget.setPointerCapture(event.pointerId),
    onPointerMove: (event) => {
      point(event);
      if (event.buttons === 1) change((v) => pan(v, event.movementX, event.movementY));
    },
    onPointerLeave: () => setCursor(null),
    onDoubleClick: fit,
    onKeyDown: (event) => {
      const [dx, dy] = ARROWS[event.key] ?? [0, 0];
      if (event.key === "+" || event.key === "=") zoom(STEP);
      else if (event.key === "-") zoom(1 / STEP);
      else if (event.key === "0") fit();
      else if (dx !== 0 || dy !== 0) change((v) => pan(v, dx * NUDGE_PX, dy * NUDGE_PX));
      else return;
      event.preventDefault();
    },
  };
  return { ref, size, view, cursor, zoom, fit, point, handlers };
}

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [1, 0],
  ArrowRight: [-1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

function useSize(ref: RefObject<HTMLDivElement | null>, onSize: (size: Size) => void): void {
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      onSize({ width: Math.max(1, element.clientWidth), height: Math.max(1, element.clientHeight) });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref, onSize]);
}

/** React listens to wheels passively, and then the page cannot be kept from scrolling. */
function useWheel(ref: RefObject<HTMLDivElement | null>, onWheel: (factor: number, x: number, y: number) => void) {
  const turn = useEffectEvent(onWheel);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const listen = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
      turn(Math.exp(-event.deltaY * lines * 0.0015), event.clientX - box.left, event.clientY - box.top);
    };
    element.addEventListener("wheel", listen, { passive: false });
    return () => element.removeEventListener("wheel", listen);
  }, [ref]);
}
