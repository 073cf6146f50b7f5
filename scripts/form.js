/* The declare form, sent through the outbox, with or without network. */
import { again, alert, keeping, today, wrongArea, wrongDay, wrongLines } from "./declaring.js";
import { reasons, sold } from "./list.js";
import { shape } from "./shapes.js";
import { words } from "./words.js";

const WAIT = 8_000; // ms for an answer before the sale is said to be kept
const CHOICES = ["channel", "rating", "recommend", "customer", "age_band"];
const TEXTS = ["sold_on", "area", "comment"];
const form = document.querySelector("form[data-declare]");

/* Hears the very first tap; only what is kept waits until it is known whose phone it is (`met`). The products of the sale
   are lines.js's. */
export function start({ store, person, offline, met, reach, send }, { rows, add, clear, away }) {
  if (!form || form.elements.correcting?.value) return;
  const fields = form.elements;
  let photo = null; // the id of the picture that the phone keeps with this sale
  let pictured; // the file in the form that it is

  // — what the form says —

  const read = () => {
    const sale = { lines: rows() };
    for (const name of CHOICES) sale[name] = form.querySelector(`[name=${name}]:checked`)?.value ?? "";
    for (const name of TEXTS) sale[name] = fields[name]?.value ?? "";
    return sale;
  };
  const wrongs = (sale) => {
    const wrong = [];
    if (!sale.lines.length) wrong.push(words.missing.lines);
    wrong.push(...wrongLines(sale.lines));
    if (!sale.channel) wrong.push(words.missing.channel);
    if (wrongDay(fields.sold_on)) wrong.push(wrongDay(fields.sold_on));
    if (wrongArea(sale.area)) wrong.push(words.faults.customer);
    return wrong;
  };
  // — drafts save themselves —

  /* The picture as the form shows it now: kept under a new id when it is another one. */
  const keepPicture = async () => {
    const file = fields.proof?.files[0];
    if (!file && pictured) photo = null;
    else if (file && file !== pictured && "small" in fields.proof.dataset) {
      photo = await store.putPhoto(person, file);
    } else return;
    pictured = file;
  };
  const save = async () => {
    await met();
    const sale = read();
    const before = await store.one(fields.id.value);
    if (before && before.state !== "draft") return;
    if (sale.lines.length || sale.comment.trim()) {
      await keepPicture();
      await store.put(person, "draft", { [fields.id.value]: { sale, typed_at: new Date().toISOString(), photo } });
      history.replaceState({ ...history.state, sale: fields.id.value }, "");
      if (before?.photo && before.photo !== photo) await store.dropPhoto(before.photo);
    } else if (before) await store.drop(before.id);
  };

  // — a sale taken up again —

  const showPicture = async () => {
    const files = new DataTransfer();
    files.items.add(new File([await store.photo(photo)], "photo.jpg", { type: "image/jpeg" }));
    fields.proof.files = files.files;
    pictured = fields.proof.files[0];
    fields.proof.dispatchEvent(new Event("change"));
  };
  const fill = (item) => {
    const { sale } = item;
    clear();
    fields.id.value = item.id;
    photo = item.photo ?? null;
    if (photo && fields.proof) showPicture().catch(() => {});
    for (const { sku, name, units } of sale.lines) add(sku, name || sku, units);
    for (const name of TEXTS) if (fields[name]) fields[name].value = sale[name] ?? "";
    for (const name of CHOICES) {
      for (const input of form.querySelectorAll(`[name=${name}]`)) input.checked = input.value === sale[name];
    }
    for (const fold_ of form.querySelectorAll("details")) {
      fold_.open ||= [...fold_.querySelectorAll("input, textarea")].some((input) =>
        ["radio", "checkbox"].includes(input.type) ? input.checked && input.value : input.value,
      );
    }
    if (item.state === "refused") {
      alert(shape("outbox-refused", { why: reasons(item) }));
      if (item.faults?.some(({ field }) => field === "id")) renew(item.id);
    } else document.getElementById("outbox-alert").replaceChildren();
    form.elements.comment.dispatchEvent(new Event("input", { bubbles: true })); // the points follow
  };
  let touched = false;
  form.addEventListener("input", () => (touched = true), { once: true });
  const renew = (id) => {
    fields.id.value = crypto.randomUUID();
    form.dataset.instead = id; // gone once the sale is sent under its new id
  };
  const open = async () => {
    const hash = new URLSearchParams(location.hash.slice(1));
    const asked = hash.get("sale");
    if (asked) {
      const item = await store.one(asked);
      if (item && ["draft", "refused"].includes(item.state)) fill(item);
      if (item?.state === "draft" && hash.has("taken")) alert(shape("outbox-taken"));
      return;
    }
    // The same page again, after a reload or Back: it is as it was left.
    const left = history.state?.sale && (await store.one(history.state.sale));
    if (left?.state === "draft" && !touched) {
      fill(left);
      document.getElementById("outbox-alert").replaceChildren(shape("outbox-resumed", { id: left.id }));
      return;
    }
    // What was typed faster than that is another sale.
    if (left?.state === "draft" && fields.id.value === left.id) fields.id.value = crypto.randomUUID();
    if (back || new URLSearchParams(location.search).has("repeat") || rows().length) return;
    const draft = (await store.mine("draft")).filter((item) => item.id !== fields.id.value).pop();
    if (!draft) return;
    document.getElementById("outbox-alert").replaceChildren(
      shape("outbox-resume", { id: draft.id, sold: sold(draft) || draft.sale.comment }),
    );
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-resume]");
    if (!button) return;
    event.preventDefault();
    const item = await store.one(button.dataset.resume);
    if (item) fill(item);
  });
  document.getElementById("outbox-alert").addEventListener("click", async (event) => {
    const button = event.target.closest("[data-anew]");
    if (!button || !window.confirm(words.drop)) return;
    await close();
    await store.drop(button.dataset.anew);
    history.replaceState(null, "");
    location.replace("/declare");
  });
  window.addEventListener("outbox", (event) => {
    const offer = document.querySelector(`[data-offer="${event.detail.id}"]`);
    if (offer && event.detail.state !== "draft") offer.remove();
  });

  // — sending —

  /* The answer to one sale: "answered", "refused", or null when none came in time. */
  const answer = (id, wait) =>
    new Promise((resolve) => {
      const done = (state) => {
        store.news.removeEventListener("message", hear);
        window.removeEventListener("outbox", hear);
        resolve(state);
      };
      const hear = (event) => {
        const { id: about, state } = event.detail ?? event.data;
        if (about === id && ["answered", "refused"].includes(state)) done(state);
        if (state === "expired" || state === "waiting") done(null);
      };
      store.news.addEventListener("message", hear);
      window.addEventListener("outbox", hear);
      setTimeout(() => done(null), wait);
    });
  const same = (item, sale) => JSON.stringify(item.sale) === JSON.stringify(sale);
  const shown = (id) => location.assign(`/declarations/${id}?new=1`);
  const kept = (item) => {
    const panel = shape("outbox-kept", { sold: sold(item) });
    form.hidden = true;
    form.before(panel);
    document.querySelector("[data-kept] h1")?.focus();
    window.scrollTo(0, 0);
    document.querySelector("main .page-head")?.setAttribute("hidden", "");
    const hear = (event) => {
      const { id, state } = event.detail ?? event.data;
      if (id === item.id && state === "answered" && document.visibilityState === "visible") shown(id);
      if (id === item.id && state === "refused") location.assign(`/declarations`);
    };
    store.news.addEventListener("message", hear);
    window.addEventListener("outbox", hear);
  };

  const submit = async (sale) => {
    await met();
    const earlier = await store.one(fields.id.value);
    if (earlier && ["kept", "answered"].includes(earlier.state)) {
      if (!same(earlier, sale)) {
        fields.id.value = crypto.randomUUID();
        return alert(shape("outbox-earlier"));
      }
      if (earlier.state === "answered") shown(earlier.id);
      else kept(earlier);
      return true;
    }
    const id = fields.id.value;
    const file = fields.proof?.files?.[0];
    let picture = !file && pictured ? null : photo; // none when it was taken away
    if (file && file !== pictured) {
      let small = file;
      const shrinking = await import(words.photo).catch(() => null); // not on this phone: it goes as it is
      try {
        if (shrinking) small = await shrinking.shrink(file);
      } catch {
        return alert(shape("outbox-incomplete", { why: words.faults.photo }));
      }
      picture = await store.putPhoto(person, small);
    }
    const item = { sale, declared_at: new Date().toISOString(), typed_at: new Date().toISOString(), photo: picture };
    const heard = answer(id, away() ? 0 : WAIT);
    await store.put(person, "kept", { [id]: item });
    if (photo && picture !== photo) await store.dropPhoto(photo);
    if (form.dataset.instead) await store.drop(form.dataset.instead);
    send();
    const state = await heard;
    if (state === "refused") return fill(await store.one(id));
    if (state === "answered") shown(id);
    else kept({ id, ...item });
    return true;
  };

  const { close, send: sendOnce } = keeping(form, reach, save, submit);
  form.addEventListener("submit", (event) => {
    if (!event.submitter || !("send" in event.submitter.dataset)) {
      if (away()) event.preventDefault();
      return;
    }
    const sale = read();
    const wrong = wrongs(sale);
    if (wrong.length && !away()) return; // the server explains it, beside each field
    event.preventDefault();
    if (wrong.length) {
      alert(shape("outbox-incomplete", { why: wrong.join(" ") }));
      return again(form);
    }
    sendOnce(sale);
  });

  const back = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  // A page from the cache has been here before: its id may be that of another sale, its day another day.
  if (offline && !back) {
    fields.id.value = crypto.randomUUID();
    fields.sold_on.value = fields.sold_on.max = today();
  }
  met().catch(() => {}).then(open).catch(() => {});
}
