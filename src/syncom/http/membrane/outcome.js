// Tells the page that opened this one how connecting ended (docs/membrane.md).
const outcome = document.getElementById("outcome").dataset;
if (window.opener) window.opener.postMessage(JSON.parse(outcome.message), outcome.origin);
