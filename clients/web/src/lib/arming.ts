/** A scan that is armed by hand: key, geometry and orientation as a person fills them in. */
import type { ReconstructionSpec } from "../live/rest";
import type { Draft, Wrong } from "./draft";
import { energyText, lengthText, parseEnergy, parseLength } from "./units";

export interface Arming {
  key: string;
  sample: string;
  proposal: string;
  energy: string;
  distance: string;
  pixel: string;
  focus: string;
  frames: string;
  axes: string;
}

export const ORIENTATIONS = ["", "identity", "rot90", "rot180", "rot270", "flip_rows", "flip_cols", "transpose", "antitranspose"];
export const AXES = ["", "row,col", "col,row"];

export const EMPTY_ARMING: Arming = {
  key: "",
  sample: "",
  proposal: "",
  energy: "",
  distance: "",
  pixel: "",
  focus: "",
  frames: "",
  axes: "",
};

/** What a preset fills in; what it does not say stays as it was. */
export function presetArming({ geometry, orientation }: ReconstructionSpec): Partial<Arming> {
  const filled: Partial<Arming> = {};
  if (geometry) {
    filled.energy = energyText(geometry.energy_J);
    filled.distance = lengthText(geometry.distance_m);
    filled.pixel = lengthText(geometry.detector_pixel_m);
    filled.focus = geometry.focus_distance_m ? lengthText(geometry.focus_distance_m) : "";
  }
  if (orientation?.frames) filled.frames = orientation.frames;
  if (orientation?.axes) filled.axes = orientation.axes;
  return filled;
}

export function presetDraft(preset: ReconstructionSpec): Partial<Draft> {
  const filled: Partial<Draft> = {};
  if (preset.probe) filled.probe = preset.probe;
  if (preset.modes) filled.modes = String(preset.modes);
  if (preset.crop) filled.crop = String(preset.crop);
  if (preset.binning) filled.binning = String(preset.binning);
  if (preset.engine) filled.chain = [preset.engine, ...(preset.then ?? [])].map((each) => (each.iterations ? `${each.name}:${each.iterations}` : each.name)).join(",");
  return filled;
}

/** Geometry and orientation, where they were given; or what is wrong. */
export function armingSpec(arming: Arming): { spec: ReconstructionSpec } | { wrong: Wrong } {
  const wrong: Wrong = {};
  const spec: ReconstructionSpec = {};
  if (arming.key.trim() === "") wrong["key"] = "the name that the sender will give the scan is needed";
  const read = (name: "energy" | "distance" | "pixel" | "focus", parse: (text: string) => number): number => {
    try {
      return parse(arming[name]);
    } catch (error) {
      wrong[name] = error instanceof Error ? error.message : String(error);
      return NaN;
    }
  };
  if ([arming.energy, arming.distance, arming.pixel, arming.focus].some((text) => text.trim() !== "")) {
    spec.geometry = {
      energy_J: read("energy", parseEnergy),
      distance_m: read("distance", parseLength),
      detector_pixel_m: read("pixel", parseLength),
    };
    if (arming.focus.trim() !== "") spec.geometry.focus_distance_m = read("focus", parseLength);
  }
  if (arming.frames !== "" || arming.axes !== "") {
    spec.orientation = { ...(arming.frames && { frames: arming.frames }), ...(arming.axes && { axes: arming.axes }) };
  }
  return Object.keys(wrong).length > 0 ? { wrong } : { spec };
}
