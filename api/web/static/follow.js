// What goes on is followed: parts marked data-follow="seconds" (with an id) are fetched again until
// they lose the mark, and logs grow at their end. Everything works without this, by loading again.
(() => {
  "use strict";
  const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

  async function page() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(`status ${answer.status}`);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  async function follow(id) {
    for (;;) {
      const now = document.getElementById(id);
      if (!now?.dataset.follow) return;
      await wait(Number(now.dataset.follow));
      if (document.hidden) continue;
      try {
        const then = (await page()).getElementById(id);
        if (!then) continue;
        // Where somebody is with the keyboard, the focus stays until it goes elsewhere.
        if (now.contains(document.activeElement)) Object.assign(now.dataset, then.dataset);
        else now.replaceWith(document.adoptNode(then));
      } catch {
        // The API is away: it is asked again.
      }
    }
  }

  async function grow(log) {
    const { run, stream } = log.dataset;
    let isCut = false;
    const sign = log.closest("section").querySelector(".follows");
    if (sign) sign.hidden = false;
    while (log.isConnected) {
      const state = document.getElementById("run").dataset;
      if (state.attempt !== log.dataset.attempt) begin(log, state.attempt);
      try {
        const query = `stream=${stream}&attempt=${state.attempt}&offset=${log.dataset.next}`;
        const answer = await fetch(`/v1/runs/${run}/log?${query}`);
        if (answer.ok) {
          const piece = await answer.json();
          append(log, piece);
          isCut = piece.truncated;
          // What waits for a runner, or for another try, will write more.
          if (piece.ended && !state.follow) break;
          if (piece.text) continue;
        }
      } catch {
        // The API is away: it is asked again.
      }
      await wait(1);
    }
    if (sign) sign.remove();
    if (isCut || log.hidden) await settle(log);
  }

  // Another try writes a log of its own.
  function begin(log, attempt) {
    log.textContent = "";
    Object.assign(log.dataset, { attempt, next: "0" });
  }

  // Once all is over the page says that nothing was written, or more than is kept.
  async function settle(log) {
    const then = (await page()).getElementById(log.getAttribute("aria-labelledby"))?.closest("section");
    if (!then) return;
    log.closest("section").replaceWith(document.adoptNode(then));
    if (!log.hidden) then.querySelector("pre").replaceWith(log);
  }

  function append(log, piece) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
    if (piece.text) {
      // As text, never as markup: scripts write what they like.
      log.append(document.createTextNode(piece.text));
      log.hidden = false;
      const none = log.closest("section").querySelector(".empty");
      if (none) none.remove();
    }
    log.dataset.next = piece.next;
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  for (const part of document.querySelectorAll("[data-follow][id]")) follow(part.id);
  for (const log of document.querySelectorAll("pre[data-next]")) grow(log);
})();
