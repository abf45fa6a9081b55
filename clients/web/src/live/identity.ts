/** Which browser this is, and who sits in front of it. The key outlives a reload, so that control does too. */

const KEY = "ptycholive-viewer";
const NAME = "ptycholive-person";

/** Text that nobody else has. */
export function random(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function remembered(): string {
  const known = sessionStorage.getItem(KEY) ?? random();
  sessionStorage.setItem(KEY, known);
  return known;
}

/** Known to the service and this tab alone. */
export const viewerKey = remembered();

export function rememberedPerson(): string {
  return localStorage.getItem(NAME) ?? "";
}

export function rememberPerson(name: string): void {
  localStorage.setItem(NAME, name);
}
