/* The list of what is on this phone, on the page of sales; and why a sale was refused, in words. */
import { day, gained, moment, shape } from "./shapes.js";
import { say, words } from "./words.js";

export const sold = (item) => item.sale.lines.map((line) => `${line.units}\u00a0×\u00a0${line.name || line.sku}`).join(", ");

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

const when = ({ sale, declared_at, typed_at }) =>
  [
    sale.sold_on && say(words.sold_on, { day: day(sale.sold_on) }),
    declared_at ? say(words.declared, { moment: moment(declared_at) }) : say(words.begun, { moment: moment(typed_at) }),
  ]
    .filter(Boolean)
    .join(" · ");

export function row(item) {
  const copy = shape("outbox-row", {
    id: item.id,
    sold: sold(item) || (item.state === "meeting" ? words.untaken : words.nothing),
    when: when(item),
    why: item.state === "refused" ? reasons(item) : "",
    gained: gained(item.answer?.points),
  });
  const state = item.state === "answered" ? (item.answer.status === "in_review" ? "in_review" : item.answer.status === "accepted" ? "accepted" : "sent") : item.state;
  const phase = item.state === "kept" && item.asked ? "asked" : item.state;
  for (const pill of copy.querySelectorAll("[data-state]")) if (!pill.dataset.state.split(" ").includes(state)) pill.remove();
  for (const part of copy.querySelectorAll("[data-for]")) if (!part.dataset.for.split(" ").includes(phase)) part.remove();
  return copy;
}

/* Show the list, and keep it as the phone is. */
export async function start({ store, offline, send, listen }) {
  const list = document.getElementById("outbox-list");
  /* One that waits is taken back first: what the server may have stays, and becomes its answer. */
  const erase = async (id) => {
    const item = await store.one(id);
    if (item && (item.state !== "kept" || (await store.takeBack(id)))) await store.drop(id);
  };
  document.addEventListener("click", async (event) => {
    const { drop, take } = event.target.closest("[data-drop], [data-take]")?.dataset ?? {};
    if (drop && window.confirm(words.drop)) await erase(drop);
    if (take && (await store.takeBack(take))) location.assign(`/declare#sale=${take}&taken`);
    if (event.target.closest("#outbox-list [data-send]")) send();
  });
  if (!list) return;
  // A page of sales that comes from the server shows the answers itself; what was answered since it was asked for stays
  // in the list.
  if (!offline) await store.dropAnswered(performance.timeOrigin);
  const show = async () => {
    const when = (item) => item.declared_at ?? item.typed_at;
    const items = (await store.mine()).sort((a, b) => when(b).localeCompare(when(a)));
    list.querySelector("ul").replaceChildren(...items.map(row));
    list.querySelector("[data-send]").hidden = !items.some((item) => item.state === "kept") || Boolean(await store.get("expired"));
    list.hidden = !items.length;
  };
  await listen(show);
}
