import { useEffect, useRef } from "react";

interface ConfirmDialogProps {
  title: string;
  text: string;
  yes: string;
  onYes: () => void;
  onClose: () => void;
}

/** Asks once before something that cannot be taken back. Escape and the first button keep things as they are. */
export function ConfirmDialog({ title, text, yes, onYes, onClose }: ConfirmDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className="confirm" aria-labelledby="confirm-title" data-testid="confirm" onClose={onClose}>
      <h2 id="confirm-title">{title}</h2>
      <p>{text}</p>
      <div className="buttons">
        <button type="button" data-testid="confirm-no" onClick={onClose}>
          Cancel
        </button>
        <button type="button" className="danger" data-testid="confirm-yes" onClick={onYes}>
          {yes}
        </button>
      </div>
    </dialog>
  );
}
