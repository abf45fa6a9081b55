import { ControlBar } from "./ControlBar";
import { ConvergencePanel } from "./ConvergencePanel";
import { EventLog } from "./EventLog";
import { DiffractionPanel } from "./DiffractionPanel";
import { HistoryBar } from "./HistoryBar";
import { MapPanel } from "./MapPanel";
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
        <div className="area-map">
          <MapPanel />
        </div>
        <div className="area-diffraction">
          <DiffractionPanel />
        </div>
      </main>
      <div className="area-history">
        <HistoryBar />
      </div>
      <ControlBar />
    </>
  );
}
