import { AlarmStrip } from "./components/AlarmStrip";
import { ConvergencePanel } from "./components/ConvergencePanel";
import { ControlBar } from "./components/ControlBar";
import { EmptyState } from "./components/EmptyState";
import { ObjectPanel } from "./components/ObjectPanel";
import { ProbePanel } from "./components/ProbePanel";
import { ScanList } from "./components/ScanList";
import { StatusBar } from "./components/StatusBar";
import { useLive } from "./live/page";

export function App() {
  const empty = useLive((s) => s.scan === null);
  return (
    <div className="page">
      <StatusBar />
      <AlarmStrip />
      {empty ? (
        <EmptyState />
      ) : (
        <>
          <div className="workspace">
            <ScanList />
            <ObjectPanel />
            <div className="side">
              <ProbePanel />
              <ConvergencePanel />
            </div>
          </div>
          <ControlBar />
        </>
      )}
    </div>
  );
}
