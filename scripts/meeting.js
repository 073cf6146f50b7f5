/* The form of a whole meeting: products and guests come and go on the phone, with or without network, and each guest who
   bought becomes a sale of the outbox. Without this file every button asks the server. */
import { byCode, search } from "./catalogue.js";
import { again, alert, figure, keeping, nearby, today, wrongArea, wrongDay, wrongLines } from "./declaring.js";
import { row } from "./list.js";
import { gained as brought, shape } from "./shapes.js";
import { say, words } from "./words.js";

const ANSWERS = ["rating", "recommend", "comment", "customer", "age_band", "area"];
const MOST_PRODUCTS = 40; // as the server takes them
const MOST_GUESTS = 30;
const form = document.querySelector("form[data-declare]");
const products = document.getElementById("meeting-products");
const guests = document.getElementById("meeting-guests");

const keyOf = (id) => id.slice(-8);
const whoIs = (place) => say(words.meeting.who[place ? 1 : 0], { n: place });
const nobody = () => ({ id: crypto.randomUUID(), units: {} });
const touch = (element) => element.dispatchEvent(new Event("input", { bubbles: true }));
const opinion = ({ rating, recommend, comment }) => rating || recommend || comment?.trim();

/* A template for guests, made of the first one of the page. */
function mould(first) {
  const { key } = first.dataset;
  const id = first.querySelector("[name=guest]").value;
  const copy = first.cloneNode(true);
  for (const one of copy.querySelectorAll(".field-error, [data-bought] > *")) one.remove();
  for (const one of copy.querySelectorAll("textarea")) one.defaultValue = "";
  for (const one of [copy, ...copy.querySelectorAll("*")]) {
    for (const name of ["checked", "open", "aria-invalid", "hidden"]) one.removeAttribute(name);
    if (one.matches("input[type=text]")) one.removeAttribute("value");
    for (const attribute of one.attributes) attribute.value = attribute.value.replaceAll(id, "{id}").replaceAll(key, "{key}");
  }
  const template = document.createElement("template");
  template.id = "meeting-guest";
  template.content.append(copy);
  document.body.append(template);
}

/* Makes the children of a box those that are wanted, by key; those that are there stay as they are. */
function arrange(box, wanted, make) {
  const there = new Set();
  for (const child of [...box.children]) {
    if (wanted.includes(child.dataset.key)) there.add(child.dataset.key);
    else child.remove();
  }
  for (const key of wanted) if (!there.has(key)) box.append(make(key));
}

/* Hears the very first tap; only what is kept waits until it is known whose phone it is (`met`). */
export function start({ store, person, offline, met, reach, send, listen }) {
  const draft = `meeting-${person}`; // a person has one at a time
  const fields = form.elements;
  const written = Boolean(products.children.length); // the server shows what was typed
  let resumed = false; // the meeting that was kept has come back
  mould(guests.firstElementChild);

  // — what the form says —

  const read = () => {
    const shown = [...products.children].map((one) => ({ sku: one.dataset.key, name: one.querySelector(".row-title").textContent.trim() }));
    return {
      sold_on: fields.sold_on.value,
      products: shown,
      guests: [...guests.children].map((box) => {
        const { key } = box.dataset;
        const guest = { id: box.querySelector("[name=guest]").value, units: {} };
        for (const { sku } of shown) guest.units[sku] = figure(fields[`${key}-units-${sku}`]);
        for (const name of ANSWERS) guest[name] = fields[`${key}-${name}`].value;
        return guest;
      }),
    };
  };
  const lines = (meeting, { units }) =>
    meeting.products.map(({ sku, name }) => ({ sku, name, units: units[sku] })).filter((line) => !/^0*$/.test(line.units));
  const wrongs = (meeting) => {
    const wrong = [];
    meeting.guests.forEach((guest, place) => {
      const key = keyOf(guest.id);
      const mark = (field, text) => wrong.push({ id: `${key}-${field}`, why: say(words.meeting.about, { who: whoIs(place), what: text }) });
      const bought = lines(meeting, guest);
      for (const line of bought) for (const text of wrongLines([line])) mark(`units-${line.sku}`, text);
      if (opinion(guest) && !bought.length) mark("rating", words.meeting.opinion);
      if (wrongArea(guest.area)) mark("area", words.faults.customer);
    });
    if (!meeting.guests.some((guest) => lines(meeting, guest).length)) wrong.push({ id: "q", why: words.missing.lines });
    if (wrongDay(fields.sold_on)) wrong.push({ id: "sold_on", why: wrongDay(fields.sold_on) });
    return wrong;
  };

  /* The form as a meeting is. */
  const show = (meeting) => {
    const skus = meeting.products.map(({ sku }) => sku);
    const named = Object.fromEntries(meeting.products.map(({ sku, name }) => [sku, name]));
    arrange(products, skus, (sku) => shape("meeting-product", { sku, product: named[sku] }));
    for (const chip of form.querySelectorAll("button.chip")) {
      const chosen = skus.includes(chip.value);
      chip.name = chosen ? "remove" : "add";
      chip.setAttribute("aria-pressed", chosen);
      const sign = chip.querySelector("use");
      sign.setAttribute("href", sign.getAttribute("href").replace(/#(plus|check)$/, chosen ? "#check" : "#plus"));
    }
    for (const one of products.children) one.hidden = Boolean(form.querySelector(`.chip[value="${CSS.escape(one.dataset.key)}"]`));
    products.hidden = !products.querySelector("li:not([hidden])");
    document.getElementById("meeting-empty").hidden = Boolean(skus.length);
    arrange(
      guests,
      meeting.guests.map(({ id }) => keyOf(id)),
      (key) => shape("meeting-guest", { key, id: meeting.guests.find(({ id }) => keyOf(id) === key).id }),
    );
    meeting.guests.forEach((guest, place) => {
      const box = guests.children[place];
      const { key } = box.dataset;
      for (const one of box.querySelectorAll("[data-who]")) one.textContent = whoIs(place);
      const less = box.querySelector("[name=less]");
      less.hidden = !place;
      less.setAttribute("aria-label", say(words.meeting.less, { who: whoIs(place) }));
      arrange(box.querySelector("[data-bought]"), skus, (sku) => shape("meeting-line", { key, sku, product: named[sku] }));
      for (const sku of skus) fields[`${key}-units-${sku}`].value = guest.units[sku] || 0;
      for (const name of ANSWERS) if (guest[name]) fields[`${key}-${name}`].value = guest[name];
      for (const fold of box.querySelectorAll("details")) {
        fold.open ||= [...fold.querySelectorAll("input, textarea")].some((one) => (one.type === "radio" ? one.checked && one.value : one.value));
      }
    });
    fields.more.disabled = meeting.guests.length >= MOST_GUESTS;
    for (const input of guests.querySelectorAll("[data-stepper] input")) touch(input); // their buttons follow
  };
  const change = (how) => {
    const meeting = read();
    how(meeting);
    show(meeting);
    touch(guests); // the points and the draft follow
  };

  // — it saves itself —

  const save = async () => {
    await met();
    await opened;
    const meeting = read();
    const ids = (await store.mine()).map(({ id }) => id);
    if (meeting.guests.some(({ id }) => ids.includes(id))) return; // sent from another window
    const all = meeting.products.map(({ sku, name }) => {
      const units = meeting.guests.reduce((sum, guest) => sum + (Number(guest.units[sku]) || 0), 0);
      return { sku, name, units };
    });
    const taken = all.filter(({ units }) => units);
    if (all.length) await store.put(person, "meeting", { [draft]: { meeting, sale: { lines: taken, sold_on: meeting.sold_on }, typed_at: new Date().toISOString() } });
    else if (ids.includes(draft)) await store.drop(draft);
  };

  // — products and guests come and go —

  const add = (sku, name) => {
    const there = read().products;
    if (there.some((one) => one.sku === sku)) return;
    if (there.length >= MOST_PRODUCTS) return alert(shape("outbox-incomplete", { why: words.meeting.full }));
    change((meeting) => meeting.products.push({ sku, name }));
  };
  const takes = (meeting, sku) => meeting.guests.some((guest) => lines(meeting, guest).some((line) => line.sku === sku));
  const sure = (asked, what) => !asked || window.confirm(say(words.meeting.sure, { what }));
  const focus = (element) => {
    if (!element.matches("button, input")) element.tabIndex = -1;
    element.focus({ preventScroll: true });
  };
  const find = async (text, code) => {
    const known = await store.products();
    if (code || text === fields.q.value) search(known, text, fields.sold_on.value, code); // else it is too late
  };
  const tapped = {
    add(button) {
      add(button.value, (button.querySelector(".row-title") ?? button).textContent.trim());
      if (!button.closest("#declare-results")) return;
      document.getElementById("declare-results").replaceChildren();
      fields.q.value = "";
      focus(products.lastElementChild.hidden ? guests.firstElementChild : products.lastElementChild);
    },
    remove(button) {
      const meeting = read();
      const gone = meeting.products.find(({ sku }) => sku === button.value);
      if (!gone || !sure(takes(meeting, gone.sku), gone.name)) return;
      change((now) => (now.products = now.products.filter(({ sku }) => sku !== gone.sku)));
      if (!button.isConnected) focus(form.querySelector("#meeting-products li:not([hidden]) button, .chip"));
    },
    more() {
      change((meeting) => meeting.guests.push(nobody()));
      focus(guests.lastElementChild);
      guests.lastElementChild.scrollIntoView({ block: "nearest" });
    },
    less(button) {
      const meeting = read();
      const place = meeting.guests.findIndex(({ id }) => id === button.value);
      const guest = meeting.guests[place];
      if (!sure(lines(meeting, guest).length || opinion(guest), whoIs(place))) return;
      change((now) => now.guests.splice(place, 1));
      focus(guests.children[place - 1]);
    },
    /* What the camera read: of a product on this phone, else of one that the server knows. */
    async code(button) {
      const found = byCode(await store.products(), button.value);
      if (found) return add(found.sku, found.name);
      if (window.htmx) return window.htmx.trigger(button, "unknown");
      return find(button.value, true);
    },
    search() {},
  };
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name]");
    if (!button) return;
    event.preventDefault();
    tapped[button.name]?.(button);
  });
  const away = nearby(form, offline, (element) => {
    if (["q", "code"].includes(element.name)) find(element.value, element.name === "code").catch(() => {});
  });

  document.addEventListener("htmx:afterSettle", () => {
    const named = form.querySelector("#declare-results [data-named]"); // the product of a code, and no other
    if (named) tapped.add(named);
  });

  const open = async () => {
    const before = await store.one(draft);
    if (written) return typed();
    const sent = (await store.mine("kept", "refused", "answered")).map(({ id }) => id);
    const lost = before?.meeting.guests.some(({ id }) => sent.includes(id));
    if (!before || lost) return;
    const faster = read(); // what was tapped meanwhile stays
    fields.sold_on.max = today();
    fields.sold_on.value = before.meeting.sold_on;
    const { products: known, guests: earlier } = before.meeting;
    show({
      products: [...known, ...faster.products.filter(({ sku }) => !known.some((one) => one.sku === sku))],
      guests: [...earlier, ...faster.guests.filter((guest) => lines(faster, guest).length || opinion(guest))],
    });
    resumed = true;
    document.getElementById("outbox-alert").replaceChildren(shape("meeting-resumed"));
    if (faster.products.length) touch(guests);
  };
  document.getElementById("outbox-alert").addEventListener("click", async (event) => {
    if (!event.target.closest("[data-anew]") || !window.confirm(words.meeting.anew)) return;
    await close();
    await store.drop(draft);
    location.replace(location.pathname);
  });

  // — sending —

  /* What became of the sales of a meeting, and goes on becoming. */
  const tell = async (ids) => {
    form.hidden = true;
    for (const one of document.querySelectorAll("main .page-head, main .back-link, #outbox-alert")) one.hidden = true;
    form.before(shape("meeting-sent"));
    const panel = document.querySelector("[data-sent]");
    const known = new Map();
    const draw = async () => {
      const mine = await store.mine();
      for (const id of ids) {
        const item = mine.find((one) => one.id === id);
        if (item) known.set(id, item);
        else if (known.get(id)?.state !== "answered") known.delete(id); // erased
      }
      const items = [...known.values()];
      const count = (state) => items.filter((item) => item.state === state).length;
      const total = items.reduce((sum, { answer }) => sum + (answer?.status === "accepted" ? answer.points : 0), 0);
      const [waiting, refused, told] = ["kept", "refused", "answered"].map(count);
      if (!items.length) return location.replace(location.pathname); // all of them were erased
      const given = panel.querySelector("[data-given]");
      const asked = new URLSearchParams(items.filter(({ state }) => state === "answered").map(({ id }) => ["sale", id]));
      const address = `${given.firstElementChild.pathname}?${asked}`;
      // What they gave together is said by the server, as after one sale; what is refused stays in sight first.
      if (told === items.length && document.visibilityState === "visible") return location.assign(address);
      given.hidden = waiting || !told;
      given.firstElementChild.href = address;
      panel.querySelector("h1").textContent = [
        waiting && say(words.meeting.kept, { n: waiting }),
        !waiting && told && say(words.meeting.told, { n: told }),
        !waiting && refused && say(words.refused, { n: refused }),
      ].filter(Boolean).join(" ");
      panel.querySelector("[data-waiting]").hidden = !waiting;
      const gained = panel.querySelector("[data-gained]");
      gained.hidden = !total;
      gained.textContent = brought(total);
      panel.querySelector("ul").replaceChildren(...items.map(row));
    };
    await listen(draw);
    panel.querySelector("h1").focus();
    window.scrollTo(0, 0);
  };

  const submit = async (meeting) => {
    await met();
    const sales = {};
    for (const guest of meeting.guests) {
      const bought = lines(meeting, guest);
      if (!bought.length) continue;
      sales[guest.id] = { lines: bought, channel: "meeting", sold_on: meeting.sold_on };
      for (const name of ANSWERS) sales[guest.id][name] = guest[name];
    }
    const earlier = (await store.mine()).filter(({ id }) => id in sales);
    if (earlier.length) {
      const same = earlier.every(({ id, sale }) => JSON.stringify(sale) === JSON.stringify(sales[id]));
      if (same && earlier.length === Object.keys(sales).length) {
        await tell(Object.keys(sales));
        return true;
      }
      for (const guest of meeting.guests) guest.id = crypto.randomUUID();
      show(meeting);
      return alert(shape("meeting-earlier"));
    }
    const now = new Date().toISOString();
    await store.put(
      person,
      "kept",
      Object.fromEntries(Object.entries(sales).map(([id, sale]) => [id, { sale, declared_at: now, typed_at: now }])),
      draft,
    );
    send();
    await tell(Object.keys(sales));
    return true;
  };

  /* Wrong, and why is read with it. Once the explanation is gone, its id names nothing. */
  const explain = (field, why) => {
    field.setAttribute("aria-invalid", "true");
    const about = (field.getAttribute("aria-describedby") ?? "").split(" ");
    field.setAttribute("aria-describedby", [...new Set([...about, why])].join(" ").trim());
  };

  const { typed, close, send: sendOnce } = keeping(form, reach, save, submit);
  if (!written) {
    show({ products: [], guests: [nobody(), nobody()] });
    if (offline) fields.sold_on.value = fields.sold_on.max = today();
  }
  const opened = met().catch(() => {}).then(open).catch(() => {});
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const early = !resumed;
    await opened;
    if (resumed && early) return again(form); // it is no longer the meeting that was to be sent: the page says so
    for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
    const meeting = read();
    const wrong = wrongs(meeting);
    if (wrong.length) {
      const said = shape("outbox-incomplete", { why: "" });
      const listed = document.createElement("ul");
      for (const one of wrong) {
        listed.append(shape("meeting-wrong", one));
        const field = document.getElementById(one.id);
        if (field.matches("input")) explain(field, `${one.id}-wrong`);
        const fold = field.closest("details");
        if (fold) fold.open = true;
      }
      said.querySelector("p").replaceWith(listed);
      alert(said);
      return again(form);
    }
    sendOnce(meeting);
  });
}
