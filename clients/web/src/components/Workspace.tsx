import { ControlBar } from "./ControlBar";
import { ConvergencePanel } from "./ConvergencePanel";
import { EventLog } from "./EventLog";
import { ObjectPanel } from "./ObjectPanel";
import { ProbePanel } from "./ProbePanel";
import { ScanList } from "./ScanList";

/** Where each panel lies; an area that holds nothing takes no room. */
export function Workspace() {
  return (
    <>
      <main className="workspace">
        <div className="area-left">
          <ScanList />
          <EventLog />
        </div>
        <div className="area-object">
          <ObjectPanel />
        </div>
        <div className="area-probe">
          <ProbePanel />
        </div>
        <div className="area-convergence">
          <ConvergencePanel />
        </div>
        <div className="area-map" />
        <div className="area-diffraction" />
      </main>
      <div className="area-history" />
      <ControlBar />
    </>
  );
}
