() => {
  const found = [];
  const say = (what, e) => found.push(`${what}: ${e.outerHTML.replace(/\s+/g, " ").slice(0, 120)}`);
  const isShown = (e) => e.checkVisibility({ visibilityProperty: true }) &&
    !e.closest(".hidden, .skip:not(:focus)");

  // Names: what a screen reader says of a control.
  const byIds = (ids) => ids.split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
  const nameOf = (e) => {
    if (e.getAttribute("aria-labelledby")) return byIds(e.getAttribute("aria-labelledby"));
    if (e.getAttribute("aria-label")) return e.getAttribute("aria-label");
    if (e.labels?.length) return Array.from(e.labels, (l) => l.textContent).join(" ");
    if (e.matches("input, select, textarea")) return e.getAttribute("title") ?? "";
    return e.textContent + Array.from(e.querySelectorAll("img"), (i) => i.alt).join(" ");
  };
  for (const e of document.querySelectorAll("a[href], button, select, textarea, input:not([type=hidden]), iframe, summary")) {
    if (!(e.matches("iframe") ? e.title : nameOf(e)).trim()) say("no name", e);
  }
  for (const e of document.querySelectorAll("img:not([alt])")) say("no alt", e);
  for (const e of document.querySelectorAll("svg[role=img]")) if (!nameOf(e).trim()) say("no name", e);
  for (const e of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
    const ids = `${e.getAttribute("aria-describedby") ?? ""} ${e.getAttribute("aria-labelledby") ?? ""}`;
    for (const id of ids.trim().split(/\s+/)) if (!document.getElementById(id)) say(`no element ${id}`, e);
  }

  // Order: one h1, no level left out, landmarks, ids that are alone, a language.
  let level = 0;
  for (const e of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const its = Number(e.tagName[1]);
    if (its > level + 1) say(`heading after level ${level}`, e);
    level = its;
  }
  if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
  for (const mark of ["main", "header", "nav", "footer"]) if (!document.querySelector(mark)) found.push(`no ${mark}`);
  const ids = Array.from(document.querySelectorAll("[id]"), (e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`id twice: ${id}`);
  if (!document.documentElement.lang) found.push("no lang");
  if (!document.title.trim()) found.push("no title");
  for (const e of document.querySelectorAll("th:not([scope])")) say("no scope", e);
  if (document.documentElement.scrollWidth > innerWidth) found.push(`scrolls sideways: ${document.documentElement.scrollWidth} of ${innerWidth}`);

  // Contrast, as WCAG counts it, of all text that is shown.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colours = new Map();
  const rgba = (colour) => {
    if (!colours.has(colour)) colours.set(colour, drawn(colour));
    return colours.get(colour);
  };
  const drawn = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const backs = new Map();
  const behind = (e) => {
    if (!backs.has(e)) backs.set(e, drawnBehind(e));
    return backs.get(e);
  };
  const drawnBehind = (e) => {
    if (!e) return rgba(getComputedStyle(document.documentElement).colorScheme.includes("dark") ? "#000" : "#fff");
    const own = rgba(getComputedStyle(e).backgroundColor);
    return own[3] === 1 ? own : over(own, behind(e.parentElement));
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !isShown(e) || e.closest("script, option, title, desc")) continue;
    const style = getComputedStyle(e);
    const back = behind(e);
    const ink = over(rgba(e.closest("svg") ? style.fill : style.color), back);
    const [high, low] = [light(ink), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) say(`contrast ${ratio.toFixed(2)}`, e);
  }
  return found;
}
