/* What is on this phone, shown: a strip on every page, a list on the page of sales. */
import { day, moment, points, say, shape, words } from "./words.js";
import * as store from "./store.js";

const sold = (item) => item.sale.lines.map((line) => `${line.units} × ${line.name || line.sku}`).join(", ");

/* Why a sale was refused, in words. */
export const reasons = (item) => {
  const lines = item.sale.lines;
  const told = (item.faults ?? []).map(({ field = "" }) => {
    const [head, place] = field.split(".");
    const line = head === "lines" ? lines[Number(place)] : null;
    if (line) return say(field.endsWith("sku") ? words.faults.sku : words.faults.units, { product: line.name || line.sku });
    return words.faults[head] ?? words.faults.other;
  });
  return [...new Set(told)].join(" ");
};

function row(item) {
  const copy = shape("outbox-row", {
    id: item.id,
    sold: sold(item) || words.nothing,
    when: [item.sale.sold_on && say(words.sold_on, { day: day(item.sale.sold_on) }), moment(item.declared_at ?? item.typed_at)].filter(Boolean).join(" · "),
    why: item.state === "refused" ? reasons(item) : "",
    points: points(item.answer?.points ?? 0),
  });
  const state = item.state === "answered" ? (item.answer.status === "in_review" ? "in_review" : item.answer.status === "accepted" ? "accepted" : "sent") : item.state;
  for (const pill of copy.querySelectorAll("[data-state]")) if (!pill.dataset.state.split(" ").includes(state)) pill.remove();
  for (const part of copy.querySelectorAll("[data-for]")) if (!part.dataset.for.split(" ").includes(item.state)) part.remove();
  return copy;
}

let arrived = false; // the list was shown once: what is answered from now on stays in it

export async function show({ offline }) {
  const list = document.getElementById("outbox-list");
  // A page of sales that comes from the server shows the answers itself.
  if (list && !offline && !arrived) await store.dropAnswered();
  arrived = true;
  const items = await store.mine();
  const count = (state) => items.filter((item) => item.state === state).length;
  const [kept, refused, drafts] = ["kept", "refused", "draft"].map(count);
  const expired = kept > 0 && (await store.get("expired"));

  const strip = document.getElementById("outbox-strip");
  const text = [
    kept && say(expired ? words.expired : words.kept, { n: kept }),
    refused && say(words.refused, { n: refused }),
    !kept && !refused && drafts && strip.dataset.drafts !== undefined && say(words.drafts, { n: drafts }),
  ].filter(Boolean).join(" ");
  strip.hidden = !text || Boolean(list && items.length && !expired);
  const place = strip.querySelector("[data-say]");
  if (place.textContent !== text) place.textContent = text;
  strip.querySelector("[data-enter]").hidden = !expired;
  strip.querySelector("[data-see]").hidden = Boolean(list) || Boolean(expired);

  if (!list) return;
  const shown = items.sort((a, b) => (b.declared_at ?? b.typed_at).localeCompare(a.declared_at ?? a.typed_at));
  list.querySelector("ul").replaceChildren(...shown.map(row));
  list.querySelector("[data-send]").hidden = !kept || Boolean(expired);
  list.hidden = !shown.length;
}

/* Buttons of the list. */
export function listen(sendNow) {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-drop]");
    if (button && window.confirm(words.drop)) await store.drop(button.dataset.drop);
    if (event.target.closest("#outbox-list [data-send]")) sendNow();
  });
}
