import { createRoot } from "react-dom/client";

import { App } from "./App";
import { session } from "./live/page";
import "uplot/dist/uPlot.min.css";
import "./styles/theme.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/status.css";
import "./styles/scans.css";
import "./styles/picture.css";
import "./styles/dialogs.css";
import "./styles/events.css";
import "./styles/views.css";
import "./styles/small.css";

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App />);
session.start();
