/** Engines that follow one another, as people write them: `rpie:20,dm` or `rpie:20,dm:200,ml:50`. */
import type { EngineSpec } from "../live/rest";

/** The engines of a chain; throws an Error that says what was expected. */
export function parseChain(text: string, known: string[]): EngineSpec[] {
  const stages = text.split(",").map((stage) => parseStage(stage.trim(), known));
  if (stages.slice(0, -1).some((stage) => stage.iterations === undefined)) {
    throw new Error("expected iterations for each engine but the last, as in rpie:20,dm");
  }
  return stages;
}

function parseStage(text: string, known: string[]): EngineSpec {
  const [name = "", count, ...more] = text.split(":");
  if (!known.includes(name)) throw new Error(`expected one of ${known.join(", ")}, got ${name === "" ? "nothing" : name}`);
  if (count === undefined) return { name };
  const iterations = Number(count);
  if (more.length > 0 || !Number.isInteger(iterations) || iterations < 1) {
    throw new Error(`expected a number of iterations after ${name}:, got ${[count, ...more].join(":")}`);
  }
  return { name, iterations };
}
