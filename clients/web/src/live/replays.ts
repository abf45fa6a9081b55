/** A replay that a person starts here runs as a process of the service's: what it dies of must be told. */
import { words } from "./acts";
import { notify, store } from "./page";
import { fetchReplays, startReplay, type ReplayRequest } from "./rest";

const LOOK_MS = 500;
/** One that runs for so long has found its file, its probe and the service. */
const WATCHED_MS = 20_000;

/** Start a replay and look at its scan when it begins; returns whether the service took it. */
export async function replayFile(request: ReplayRequest): Promise<boolean> {
  try {
    const { id } = await startReplay(request);
    store.dispatch({ type: "follow", follow: true });
    watch(id, request.file).catch(() => {}); // the connection's own alarm says that the service is away
    return true;
  } catch (error) {
    notify(`Could not start the replay: ${words(error)}`);
    return false;
  }
}

async function watch(id: string, file: string): Promise<void> {
  for (let waited = 0; waited < WATCHED_MS; waited += LOOK_MS) {
    // Looked at again and again, not all at once.
    // eslint-disable-next-line no-await-in-loop
    const own = await wait().then(() => fetchReplays()).then(({ replays }) => replays.find((each) => each.id === id));
    if (own?.running) continue;
    if (own !== undefined && own.message !== "") notify(`Replay of ${file} failed: ${own.message}`);
    return;
  }
}

function wait(): Promise<void> {
  return new Promise((resolve) => {
    window.setTimeout(resolve, LOOK_MS);
  });
}
