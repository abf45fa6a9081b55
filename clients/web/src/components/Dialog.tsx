import { useEffect, useId, useRef, type ReactNode } from "react";

import { openDialog } from "../live/acts";

interface DialogProps {
  title: string;
  testId: string;
  wide?: boolean;
  onClose?: () => void;
  children: ReactNode;
}

const close = () => openDialog(null);

/** A window over the page; Escape closes it and changes nothing. */
export function Dialog({ title, testId, wide = false, onClose = close, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className={wide ? "dialog is-wide" : "dialog"} aria-labelledby={id} data-testid={testId} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}
