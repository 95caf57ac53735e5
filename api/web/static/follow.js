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
      if (!now || !now.dataset.follow) return;
      await wait(Number(now.dataset.follow));
      if (document.hidden) continue;
      try {
        const then = (await page()).getElementById(id);
        // Where somebody is with the keyboard, the focus stays.
        if (then && !now.contains(document.activeElement)) now.replaceWith(document.adoptNode(then));
        else if (then && !then.dataset.follow) delete now.dataset.follow;
      } catch {
        // The API is away: it is asked again.
      }
    }
  }

  async function grow(log) {
    const { run, stream, attempt } = log.dataset;
    const sign = log.closest("section").querySelector(".follows");
    if (sign) sign.hidden = false;
    while (log.isConnected) {
      try {
        const query = `stream=${stream}&attempt=${attempt}&offset=${log.dataset.next}`;
        const answer = await fetch(`/v1/runs/${run}/log?${query}`);
        if (answer.ok) {
          const piece = await answer.json();
          append(log, piece);
          if (piece.ended) break;
          if (piece.text) continue;
        }
      } catch {
        // The API is away: it is asked again.
      }
      await wait(1);
    }
    if (sign) sign.remove();
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
