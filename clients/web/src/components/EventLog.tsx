import { useState } from "react";

import { eventText, eventTone } from "../lib/events";
import { writeNote } from "../live/acts";
import { useLive } from "../live/page";
import type { ScanEvent } from "../protocol";

/** What happened to the scan and who did it, the newest first, and room to add a word. */
export function EventLog() {
  const events = useLive((s) => s.operation.events.list);
  return (
    <section className="panel events" aria-label="Events">
      <div className="panel-head">
        <h2>Events</h2>
        <NoteForm />
      </div>
      <ol className="event-list" data-testid="event-list" data-events={events.length} aria-label="Event log">
        {events.toReversed().map((event, i) => (
          // Events have no name but their place, which never changes.
          // eslint-disable-next-line react/no-array-index-key
          <EventLine key={events.length - i} event={event} />
        ))}
      </ol>
    </section>
  );
}

function EventLine({ event }: { event: ScanEvent }) {
  return (
    <li className={`event is-${eventTone(event)}`} data-testid="event" data-event={event.event}>
      <time dateTime={new Date(event.ts_ns / 1e6).toISOString()}>{new Date(event.ts_ns / 1e6).toLocaleTimeString("en-GB")}</time>
      <b>{event.author}</b>
      <span>{eventText(event)}</span>
    </li>
  );
}

/** Marks this moment; nobody needs control for it. */
function NoteForm() {
  const [text, setText] = useState("");
  const send = async () => {
    if (text.trim() !== "" && (await writeNote(text.trim()))) setText("");
  };
  return (
    <form
      className="note-form"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <input
        id="note"
        type="text"
        data-testid="note"
        aria-label="Note on this moment"
        placeholder="Note on this moment"
        maxLength={1000}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" data-testid="note-yes" hidden={text.trim() === ""}>
        Mark
      </button>
    </form>
  );
}
