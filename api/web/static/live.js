// Parts marked data-live="mail.stored run.finished" (with an id) are fetched again when such an
// event comes. Everything works without this.
(() => {
  "use strict";
  const WAIT = 600;
  const source = document.body.dataset.stream;
  const parts = () => Array.from(document.querySelectorAll("[data-live][id]"));
  if (!source || !window.EventSource || parts().length === 0) return;

  const due = new Set();
  let timer = 0;
  let busy = false;

  const busyIn = (part) => part.contains(document.activeElement) &&
    document.activeElement.matches("input, select, textarea");

  async function renew() {
    timer = 0;
    if (busy || document.hidden) return;
    busy = true;
    const ids = Array.from(due);
    due.clear();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok && !answer.redirected) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const id of ids) {
          const now = document.getElementById(id);
          const then = page.getElementById(id);
          if (now && then && !busyIn(now)) now.replaceWith(document.adoptNode(then));
        }
      }
    } catch {
      // The API is away: the stream connects again by itself, and more events come.
    }
    busy = false;
    if (due.size) plan();
  }

  function plan() {
    if (!timer) timer = setTimeout(renew, WAIT);
  }

  function mark(kind) {
    for (const part of parts()) {
      if (part.dataset.live.split(" ").includes(kind)) due.add(part.id);
    }
    if (due.size) plan();
  }

  const stream = new EventSource(source);
  const kinds = new Set(parts().flatMap((part) => part.dataset.live.split(" ")));
  for (const kind of kinds) stream.addEventListener(kind, () => mark(kind));
  stream.addEventListener("open", () => document.body.classList.add("is-live"));
  stream.addEventListener("error", () => document.body.classList.remove("is-live"));
  document.addEventListener("visibilitychange", () => { if (!document.hidden && due.size) plan(); });
  addEventListener("pagehide", () => stream.close());
})();
