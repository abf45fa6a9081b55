import { useEffect } from "react";

import { actOf, type Act } from "../lib/shortcuts";
import { acknowledgeAlarm, openDialog, pauseOrResume } from "../live/acts";
import { localNow } from "../live/clock";
import { store } from "../live/page";
import { alarms } from "../state/alarms";
import { hindrance, scanHindrance } from "../state/allowed";
import { observing } from "../state/operation";
import { newestFirst, selectedReconstruction, selectedScan } from "../state/select";

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, select, textarea, dialog") !== null;
}

function move(by: number): void {
  const { scans, scan } = store.get();
  const listed = newestFirst(scans);
  const next = listed[listed.findIndex((each) => each.id === scan) + by];
  if (next !== undefined) store.dispatch({ type: "select", scan: next.id, reconstruction: null });
}

function perform(act: Act): void {
  const state = store.get();
  const [recon, scan, why] = [selectedReconstruction(state), selectedScan(state), observing(state)];
  const allowed = why === null;
  switch (act) {
    case "pause":
      if (allowed && hindrance(recon?.state === "paused" ? "resume" : "pause", recon) === null) pauseOrResume();
      return;
    case "stop":
    case "restart":
    case "change":
      if (allowed && hindrance(act, recon) === null) openDialog(act);
      return;
    case "start":
      if (allowed && scanHindrance("attach", scan) === null) openDialog("start");
      return;
    case "replay":
    case "arm":
      if (allowed) openDialog(act);
      return;
    case "acknowledge": {
      const first = alarms(state, localNow()).find((alarm) => !alarm.own && alarm.acknowledged_by === "");
      if (allowed && first !== undefined) acknowledgeAlarm(first.id);
      return;
    }
    case "follow":
      return store.dispatch({ type: "follow", follow: !state.follow });
    case "live":
      return store.dispatch({ type: "look", change: { at: null, frozen: false } });
    case "freeze":
      return store.dispatch({ type: "look", change: { frozen: !state.looking.frozen } });
    case "note":
      return document.getElementById("note")?.focus();
    case "older":
      return move(1);
    case "newer":
      return move(-1);
    case "control":
      return openDialog("person");
    case "help":
      return openDialog("help");
  }
}

/** The keys of lib/shortcuts.ts, wherever on the page the focus is. */
export function useShortcuts(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const act = actOf(event, isTyping(event.target) || store.get().operation.dialog !== null);
      if (act === null) return;
      event.preventDefault();
      perform(act);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}
