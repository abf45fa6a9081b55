// The page for REST at /docs: beamlines have no internet to load it from, so its files go with the dashboard.
import { cpSync } from "node:fs";

for (const file of ["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png", "LICENSE"]) {
  cpSync(`node_modules/swagger-ui-dist/${file}`, `dist/swagger/${file}`);
}
