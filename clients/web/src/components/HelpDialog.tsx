import { SHORTCUTS } from "../lib/shortcuts";
import { openDialog } from "../live/acts";
import { Dialog } from "./Dialog";

const PICTURE = [
  ["+  −  0", "Zoom in, zoom out, fit (in the picture)"],
  ["← ↑ → ↓", "Move the picture"],
  ["Esc", "Close a window without doing anything"],
];

export function HelpDialog() {
  return (
    <Dialog title="Keys" testId="help-dialog">
      <dl className="keys">
        {[...SHORTCUTS.map(({ key, text }) => [key, text]), ...PICTURE].map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <div className="buttons">
        <button type="button" className="primary" onClick={() => openDialog(null)}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
