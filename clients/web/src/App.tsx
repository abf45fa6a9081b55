import { AlarmStrip } from "./components/AlarmStrip";
import { EmptyState } from "./components/EmptyState";
import { StatusBar } from "./components/StatusBar";
import { useAppearance } from "./components/useAppearance";
import { Workspace } from "./components/Workspace";
import { useLive } from "./live/page";

export function App() {
  useAppearance();
  const empty = useLive((s) => s.scan === null);
  return (
    <div className="page">
      <StatusBar />
      <AlarmStrip />
      {empty ? <EmptyState /> : <Workspace />}
    </div>
  );
}
