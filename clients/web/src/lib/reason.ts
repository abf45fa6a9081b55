/** Why the service refused, in its own words: {"detail": "..."}, or a list of what is wrong with the request. */
export function reason(answer: unknown): string | null {
  if (typeof answer !== "object" || answer === null || !("detail" in answer)) return null;
  const { detail } = answer;
  if (typeof detail === "string") return detail;
  return Array.isArray(detail) ? detail.map(fault).join("; ") : JSON.stringify(detail);
}

function fault(entry: { loc?: unknown[]; msg?: string }): string {
  return `${(entry.loc ?? []).join(".")}: ${entry.msg ?? "not valid"}`;
}
