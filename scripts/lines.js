/* The products of one sale. They come, change and go on the phone, at once, with or without network; the server is asked
   for what a search or a code finds, for what the sale would give, and to keep favourites. So no answer, however late,
   takes back what was tapped meanwhile. Without this file every button asks the server for the whole page again. */
import { byCode, search } from "./catalogue.js";
import { figure, nearby } from "./declaring.js";
import { shape } from "./shapes.js";

const form = document.querySelector("form[data-declare]");
const list = document.querySelector("#lines ul");

/* `outbox`: what window.outbox offers; without it there is no catalogue on the phone. */
export function start(outbox) {
  if (!list) return null;
  const fields = form.elements;
  let made = 0;
  const catalogue = async () => (outbox ? outbox.store.products() : []);
  const rowOf = (sku) => list.querySelector(`input[name=sku][value="${CSS.escape(sku)}"]`)?.closest("li");
  const touch = (element) => element.dispatchEvent(new Event("input", { bubbles: true })); // the points and the draft follow
  const focus = (element) => {
    element.tabIndex = -1;
    element.focus({ preventScroll: true }); // nothing moves under a thumb that taps on
  };

  const rows = () =>
    [...list.children].map((row) => ({
      sku: row.querySelector("[name=sku]").value,
      name: row.querySelector(".row-title").textContent.trim(),
      units: figure(row.querySelector("[name=units]")),
    }));
  /* The chips and the stars say what is in the sale and what is a favourite. */
  const sync = () => {
    const kept = new Set();
    for (const chip of form.querySelectorAll("button.chip")) {
      if (rowOf(chip.value)) chip.setAttribute("aria-pressed", "true");
      else chip.removeAttribute("aria-pressed");
      if ("favourite" in chip.dataset) kept.add(chip.value);
    }
    for (const star of list.querySelectorAll("[name=favourite]")) star.setAttribute("aria-pressed", kept.has(star.value));
    list.hidden = !list.children.length;
    document.getElementById("lines-empty").hidden = !list.hidden;
  };
  const results = () => document.getElementById("declare-results"); // htmx puts another in its place
  const say = (said) => document.getElementById("lines-notice").replaceChildren(said);

  /* One unit more of a product, or so many; in a line of its own when it is new. Answers the line. */
  const add = (sku, name, units = null) => {
    const known = rowOf(sku);
    if (known) {
      const input = known.querySelector("[name=units]");
      input.value = units ?? (Number(figure(input)) || 0) + 1;
      touch(input);
      return known;
    }
    const copy = shape("outbox-line", { sku, product: name, place: `new-${(made += 1)}` });
    const row = copy.firstElementChild;
    if (units !== null) row.querySelector("[name=units]").setAttribute("value", units);
    document.querySelector("#lines > .field-error")?.remove();
    list.append(copy);
    window.htmx?.process(row);
    sync();
    touch(row.querySelector("[name=units]"));
    return row;
  };
  const clear = () => {
    list.replaceChildren();
    sync();
  };
  /* The search is over: its product was found. */
  const close = () => {
    fields.q.value = "";
    results().replaceChildren();
    results().classList.add("contents");
  };
  const find = async (text, code) => {
    const products = await catalogue();
    if (!code && text !== fields.q.value) return; // too late
    if (products.length || !text.trim()) search(products, text, fields.sold_on.value, code);
    else results().replaceChildren(shape("outbox-unreached"));
  };

  const tapped = {
    add(button) {
      const found = button.closest("#declare-results");
      const row = add(button.value, (button.querySelector(".row-title") ?? button).textContent.trim());
      if (found) close();
      focus(row);
    },
    remove(button) {
      rowOf(button.value)?.remove();
      sync();
      touch(list);
      focus(list.parentElement);
    },
    /* A code that was read or typed: of a product on this phone, else of one that the server knows. */
    async code(button) {
      const found = byCode(await catalogue(), button.value);
      if (found) return focus(add(found.sku, found.name));
      if (window.htmx) return window.htmx.trigger(button, "unknown");
      return find(button.value, true);
    },
    search() {},
  };
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button?.name || !(button.name in tapped)) return;
    event.preventDefault();
    Promise.resolve(tapped[button.name](button)).catch(() => {});
  });

  // What the server cannot be asked now is answered by the phone.
  const away = nearby(form, Boolean(outbox?.offline), (element) => {
    if (["q", "code"].includes(element.name)) find(element.value, element.name === "code").catch(() => {});
    else if (element.name === "favourite") say(shape("lines-unkept"));
  });
  document.addEventListener("htmx:afterSettle", () => {
    const named = form.querySelector("#declare-results [data-named]"); // the product of a code, and no other
    if (named) tapped.add(named);
    sync();
  });

  sync();
  return { rows, add, clear, away };
}
