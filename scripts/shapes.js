/* The shapes that a page brings in <template> elements, and values written as people write them. */
import { fillText, language } from "./words.js";

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

export const moment = (instant) =>
  new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).format(new Date(instant));
export const day = (date) =>
  new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(date));
export const points = (value) => new Intl.NumberFormat(language).format(value).replaceAll("\u202f", "\u00a0");

/* Small letters without accents, as the server searches. */
export const fold = (text) =>
  text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("œ", "oe").replaceAll("’", "'").split(/\s+/).filter(Boolean).join(" ");
