/* Every page: whose phone it is, what is kept and sent, the application's installation. The form is in form.js. */
import * as form from "./form.js";
import { invite } from "./install.js";
import { flush, session } from "./sending.js";
import * as shelf from "./shelf.js";
import * as store from "./store.js";
import { say, words } from "./words.js";

const root = document.documentElement;
const { person } = root.dataset; // the opaque key of the page's person, "none", or nothing on a page for anybody
const offline = "offline" in root.dataset; // a page from before: the service worker said so
const FIRST = 1_000; // ms between tries, doubled up to the longest
const LONGEST = 300_000;
const DAY = 86_400_000;

// — sending: on open, on connection, on focus, and again after a while —

let pause = FIRST;
let timer = 0;
async function send() {
  clearTimeout(timer);
  const { outcome, progress } = await flush().catch(() => ({ outcome: "later" }));
  if (outcome === "other") return elsewhere();
  if (outcome !== "later" || progress) pause = FIRST;
  if (outcome !== "later") return;
  store.tell({ state: "waiting" });
  timer = setTimeout(send, pause);
  pause = Math.min(LONGEST, pause * 2);
}
const sendNow = () => {
  pause = FIRST;
  send();
};
async function later() {
  sendNow();
  const worker = await navigator.serviceWorker?.ready;
  await worker?.sync?.register("outbox").catch(() => {});
}

// — one phone, several people —

/* Somebody else has signed in, or this person has left, in another window or before Back was pressed: this page is no
   longer to be seen. */
const elsewhere = () => location.replace("/");
async function stillHers() {
  if ((await store.get("person")) !== person) elsewhere();
}

/* Ask, once, before leaving with sales that are not sent. */
function guardLeaving() {
  document.addEventListener("submit", async (event) => {
    const leaving = event.target.closest('form[action^="/sign-out"]');
    if (!leaving) return;
    event.preventDefault();
    const unsent = (await store.mine("kept", "refused").catch(() => [])).length;
    if (!unsent || window.confirm(say(words.leave, { n: unsent }))) leaving.submit();
  });
}

/* The key that seals, the token of a page from before, and the catalogue once a day. */
async function meet() {
  const known = await store.get("key");
  const told = Date.now() - ((await store.get("products-at")) ?? 0) < DAY;
  if (known && told && !offline) return;
  const open = await session();
  if (!open) return;
  if (open.person !== person) return elsewhere();
  await store.keep(open);
  for (const input of document.querySelectorAll("input[name=csrf_token]")) input.value = open.token;
  document.querySelector("meta[name=csrf-token]")?.setAttribute("content", open.token);
  if (!told) await fetchProducts();
}
async function fetchProducts() {
  const items = [];
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const answer = await fetch(`/outbox/products?page=${page}`, { headers: { "Palmares-Person": person } });
    if (!answer.ok) return;
    const told = await answer.json();
    items.push(...told.items);
    pages = told.pages;
  }
  if ((await store.get("person")) === person) await store.putProducts(items);
}

async function seller() {
  await store.become(person);
  await store.set("language", root.lang);
  guardLeaving();
  const show = () => shelf.show({ offline }).catch(() => {});
  let asked = 0;
  const changed = () => {
    clearTimeout(asked);
    asked = setTimeout(show, 50);
  };
  store.news.addEventListener("message", changed);
  window.addEventListener("outbox", changed);
  shelf.listen(sendNow);
  if (!(await store.get("key"))) await meet().catch(() => {});
  else meet().catch(() => {});
  form.start({ person, offline, send: later });
  await show();
  send();
  window.addEventListener("online", sendNow);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") stillHers().then(sendNow);
  });
  window.addEventListener("focus", sendNow);
  window.addEventListener("pageshow", (event) => event.persisted && stillHers());
  const worker = await navigator.serviceWorker?.ready;
  if (!offline) worker?.active?.postMessage({ warm: person });
}

async function start() {
  if ("serviceWorker" in navigator) {
    const register = () => navigator.serviceWorker.register("/service-worker.js").catch(() => {});
    if (document.readyState === "complete") register();
    else window.addEventListener("load", register);
  }
  if (!window.isSecureContext || !("indexedDB" in window) || !navigator.locks || !("caches" in window)) return;
  invite();
  if (person === "none") {
    if (await store.get("person")) await store.forget();
  } else if (person && words) await seller();
  else if (person) {
    await store.become(person);
    window.addEventListener("pageshow", (event) => event.persisted && stillHers());
  }
}
start().catch(() => {});
