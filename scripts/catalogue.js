/* The products on this phone, searched by name, code or EAN as the server does. */
import { today } from "./declaring.js";
import { fold, shape } from "./shapes.js";

/* The product that a whole code names; other systems write an EAN with zeros before it. */
export function byCode(products, code) {
  const bare = (text) => (/^\d{8,14}$/.test(text) ? text.replace(/^0+/, "") : text);
  return products.find((one) => one.sku === code || (one.ean && bare(one.ean) === bare(code)));
}

/* Shows what is found for a text, or for a code that was read, among what is on sale that day, in the place of the
   server's results. */
export function search(products, text, day, code = false) {
  const wanted = fold(text);
  const box = document.getElementById("declare-results");
  box.classList.remove("contents");
  if (!wanted) return box.replaceChildren();
  const on = day || today();
  const found = [];
  for (const one of products) {
    if ((one.from && one.from > on) || (one.to && one.to < on)) continue;
    const name = fold(one.name);
    const code = one.sku.toLowerCase();
    const rank =
      wanted === code || wanted === one.ean ? 0
      : code.startsWith(wanted) || (one.ean && one.ean.startsWith(wanted)) ? 1
      : wanted.split(" ").every((word) => name.includes(word)) ? (name.startsWith(wanted.split(" ")[0]) ? 2 : 3)
      : null;
    if (rank !== null) found.push({ rank, name, one });
  }
  found.sort((a, b) => a.rank - b.rank || a.name.localeCompare(b.name));
  const results = found.slice(0, 8).map(({ one }) => shape("outbox-found", { sku: one.sku, product: one.name, category: one.category }));
  if (!results.length) return box.replaceChildren(shape(code ? "outbox-unknown" : "outbox-unfound", { text }));
  box.replaceChildren(shape("outbox-lines"));
  box.querySelector("ul").append(...results);
}
