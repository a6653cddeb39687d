import { createRoot } from "react-dom/client";
import { Application } from "./app/Application";
import { startLanguage } from "./i18n/setup";
import "./theme/styles";

await startLanguage();
const place = document.getElementById("root");
if (place) createRoot(place).render(<Application />);
