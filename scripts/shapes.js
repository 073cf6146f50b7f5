/* The shapes that a page brings in <template> elements, and values written as people write them. */
import { fillText, language, say, words } from "./words.js";

/* A copy of a template with {name} replaced in its texts and attributes. */
export function shape(id, values = {}) {
  const copy = document.getElementById(id).content.cloneNode(true);
  const walk = document.createTreeWalker(copy, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode;
    if (node.nodeType === Node.TEXT_NODE) node.data = fillText(node.data, values);
    else for (const attribute of node.attributes) attribute.value = fillText(attribute.value, values);
  }
  return copy;
}

/* The year is said when it is another one than now. */
const written = (date, form) =>
  new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { day: "numeric", month: "short", ...(date.getFullYear() !== new Date().getFullYear() && { year: "numeric" }), ...form }).format(date);
export const moment = (instant) => written(new Date(instant), { hour: "2-digit", minute: "2-digit" });
export const day = (date) => written(new Date(`${date}T12:00Z`), { timeZone: "UTC" });
const number = (value) => new Intl.NumberFormat(language).format(value).replaceAll("\u202f", "\u00a0");
/* "+15 pts", or that a sale brought none. */
export const gained = (points) => (points ? say(words.gained, { n: points, points: number(points) }) : words.gainless);

/* Small letters without accents, as the server searches. */
export const fold = (text) =>
  text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("œ", "oe").replaceAll("’", "'").split(/\s+/).filter(Boolean).join(" ");
