/** The email designer: a document of its own, in a frame of the application (its policy allows inline styles). It speaks
 *  with the application by messages only, and one document holds one mail: it goes with its frame. */
import "./look.css";
import { Designer } from "./designer";
import type { FromDesigner, ToDesigner } from "./protocol";

const tell = (message: FromDesigner) => window.parent.postMessage(message, window.location.origin);

let designer: Designer | undefined;

window.addEventListener("message", (event: MessageEvent<ToDesigner>) => {
  if (event.origin !== window.location.origin || event.source !== window.parent) return;
  const said = event.data;
  try {
    if (said.type === "open") {
      designer?.end();
      designer = new Designer(said, tell);
    } else designer?.hear(said);
  } catch (error) {
    tell({ type: "failed", reason: String(error) });
  }
});
window.addEventListener("pagehide", () => designer?.end());
if (window.parent !== window) tell({ type: "ready" });
