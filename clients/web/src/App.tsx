import { AlarmStrip } from "./components/AlarmStrip";
import { Dialogs } from "./components/Dialogs";
import { EmptyState } from "./components/EmptyState";
import { StatusBar } from "./components/StatusBar";
import { useShortcuts } from "./components/useShortcuts";
import { useAppearance } from "./components/useAppearance";
import { useTitle } from "./components/useTitle";
import { Workspace } from "./components/Workspace";
import { useLive } from "./live/page";

export function App() {
  useShortcuts();
  useTitle();
  useAppearance();
  const empty = useLive((s) => s.scan === null);
  return (
    <div className="page">
      <StatusBar />
      <AlarmStrip />
      {empty ? <EmptyState /> : <Workspace />}
      <Dialogs />
    </div>
  );
}
