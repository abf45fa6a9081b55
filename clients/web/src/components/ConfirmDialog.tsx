import { Dialog } from "./Dialog";

interface ConfirmDialogProps {
  title: string;
  text: string;
  yes: string;
  onYes: () => void;
  onClose: () => void;
}

/** Asks once before something that cannot be taken back. Escape and the first button keep things as they are. */
export function ConfirmDialog({ title, text, yes, onYes, onClose }: ConfirmDialogProps) {
  return (
    <Dialog title={title} testId="confirm" onClose={onClose}>
      <p>{text}</p>
      <div className="buttons">
        <button type="button" data-testid="confirm-no" onClick={onClose}>
          Cancel
        </button>
        <button type="button" className="danger" data-testid="confirm-yes" onClick={onYes}>
          {yes}
        </button>
      </div>
    </Dialog>
  );
}
