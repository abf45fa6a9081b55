import { useState } from "react";

import { openDialog } from "../live/acts";
import { replayFile } from "../live/replays";
import { fetchReplays, type ReplayRequest } from "../live/rest";
import { Choice } from "./Choice";
import { Dialog } from "./Dialog";
import { DialogButtons } from "./DialogButtons";
import { TextField } from "./TextField";
import { useAsked } from "./useAsked";

/** Sends a recorded scan as if it were measured now. */
export function ReplayDialog() {
  const replays = useAsked(fetchReplays, "list of files");
  return (
    <Dialog title="Replay a file" testId="replay-dialog">
      <p className="dim">A recorded scan is sent as if it were measured now, and reconstructed while it comes.</p>
      {replays === null ? <p>Asking the service…</p> : <ReplayForm files={replays.files} />}
    </Dialog>
  );
}

function ReplayForm({ files }: { files: string[] }) {
  const [file, setFile] = useState(files[0] ?? "");
  const [texts, setTexts] = useState({ delay: "0.1", chunk: "25", probe: "", engine: "" });
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const text = (name: keyof typeof texts) => ({
    testId: `replay-${name}`,
    value: texts[name],
    wrong: wrong[name],
    onChange: (value: string) => {
      setTexts((old) => ({ ...old, [name]: value }));
      setWrong({});
    },
  });
  const submit = async () => {
    const made = replayOf(file, texts);
    setWrong("wrong" in made ? made.wrong : {});
    if ("request" in made && (await replayFile(made.request))) openDialog(null);
  };
  if (files.length === 0) {
    return (
      <p>
        The service offers no files: start it with <code>--files FOLDER</code>, or name folders under <code>files</code> in
        its configuration.
      </p>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div className="fields">
        <Choice label="file" testId="replay-file" options={files} value={file} onChange={setFile} />
        <TextField label="seconds between frames" help="0 is as fast as it goes" {...text("delay")} />
        <TextField label="chunk" help="frames that are taken in together" {...text("chunk")} />
        <TextField
          label="initial probe"
          placeholder="the file's own"
          help="auto: found from the frames, if the file has none; or such as round:50nm,defocus=980um"
          {...text("probe")}
        />
        <TextField label="engine" placeholder="the service's own" help="such as rpie, or rpie:20,dm" {...text("engine")} />
      </div>
      <DialogButtons yes="Start the replay" testId="replay-yes" />
    </form>
  );
}

function replayOf(
  file: string,
  { delay, chunk, probe, engine }: { delay: string; chunk: string; probe: string; engine: string },
): { request: ReplayRequest } | { wrong: Record<string, string> } {
  const [seconds, frames] = [Number(delay), Number(chunk)];
  const wrong: Record<string, string> = {};
  if (delay.trim() === "" || !(seconds >= 0 && seconds < 3600)) wrong["delay"] = "expected 0 to 3600 seconds";
  if (!Number.isInteger(frames) || frames < 1) wrong["chunk"] = "expected a whole number of frames from 1 on";
  if (Object.keys(wrong).length > 0) return { wrong };
  const chosen = { ...(probe.trim() && { probe: probe.trim() }), ...(engine.trim() && { engine: engine.trim() }) };
  return { request: { file, frame_delay_s: seconds, chunk: frames, ...chosen } };
}
