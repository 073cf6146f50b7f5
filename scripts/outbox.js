/* Every page: whose phone it is, what is kept and sent, the application's installation. The pages that declare and list
   sales bring outbox-pages.js, which finds here, in window.outbox, what it needs. */
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
const WAIT = 8_000; // ms for the server to say whose phone this is

// — sending: on open, on connection, on focus, and again after a while —

let pause = FIRST;
let timer = 0;
async function send() {
  clearTimeout(timer);
  const { outcome, progress } = await flush().catch(() => ({ outcome: "later" }));
  if (outcome === "other") return elsewhere();
  if (progress) prepare();
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
/* What waits here is not to be cleared away when the phone is short of space: asked once there is something. */
async function lasting() {
  if (!(await navigator.storage.persisted())) await navigator.storage.persist();
}
async function later() {
  sendNow();
  lasting().catch(() => {});
  const worker = await navigator.serviceWorker?.ready;
  await worker?.sync?.register("outbox").catch(() => {});
}

// — one phone, several people —

/* Somebody else has signed in, or this person has left, in another window or before Back was pressed: this page is no
   longer to be seen. */
const elsewhere = () => location.replace("/changed");
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

/* What the server says of this person, who is signed in there; the forms of the page get the token of now. Fails when it
   is out of reach, or nobody is. */
async function reach() {
  const open = await session(WAIT);
  if (open && open.person !== person) elsewhere();
  if (open?.person !== person) throw new Error("this person is not signed in");
  for (const input of document.querySelectorAll("input[name=csrf_token]")) input.value = open.token;
  document.querySelector("meta[name=csrf-token]")?.setAttribute("content", open.token);
  return open;
}

/* Whose phone it is, and the key that seals. A failure is not remembered: whatever is to be kept asks again. */
let asked = null;
const met = () =>
  (asked ??= meet().catch((error) => {
    asked = null;
    throw error;
  }));
async function meet() {
  await arrived;
  if (await store.holdsKeyOf(person)) {
    if (offline) reach().catch(() => {});
    return;
  }
  const open = await reach();
  await store.become(person);
  await store.keep(open);
}

/* The server says that nobody is signed in: every page of this phone asks to sign in again. */
async function expire() {
  await store.set("expired", true);
  store.tell({ state: "expired" });
}

/* Shows the queue, and again after whatever happens to it, here or in another window; one showing after the other, so
   that none of before is written over one of after. */
function listen(show) {
  let asked = 0;
  const first = show();
  let shown = first.catch(() => {});
  const changed = () => {
    clearTimeout(asked);
    asked = setTimeout(() => (shown = shown.then(show).catch(() => {})), 50);
  };
  store.news.addEventListener("message", changed);
  window.addEventListener("outbox", changed);
  return first;
}

let arrived = null;
async function seller() {
  arrived = store.become(person).then(() => store.set("language", root.lang)).catch(() => {});
  if (!offline) arrived.then(() => store.set("expired", undefined)).catch(() => {}); // the server has just shown her page
  window.outbox = { store, person, offline, met, reach, expire, listen, send: later };
  guardLeaving();
  await met().catch(() => {});
  await listen(shelf.show);
  send();
  window.addEventListener("online", sendNow);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") stillHers().then(sendNow);
  });
  window.addEventListener("focus", sendNow);
  window.addEventListener("pageshow", (event) => event.persisted && stillHers());
  if (offline) lookAgain(FIRST);
  else prepare();
}

/* The pages that open without network are fetched before they are needed, where they are not as they should be. */
async function prepare() {
  const worker = await navigator.serviceWorker?.ready;
  worker?.active?.postMessage({ warm: person });
}

// — a page from before, once the network is back —

let typed = false;
let lost = false; // the network was looked for and was not there
const busy = () => typed || document.querySelector("[data-kept], [data-sent], #outbox-list li, form[data-declare] [name=sku]");
function refresh() {
  const retry = document.querySelector("[data-retry]");
  if (lost && !busy()) location.replace(retry.querySelector("a").href);
  else {
    for (const part of document.querySelectorAll("[data-away]")) part.hidden = true;
    for (const part of document.querySelectorAll("[data-reached]")) part.hidden = false;
    retry.hidden = false;
  }
}
/* Looks whether the server is in reach, and again after a while. A page that came only because the server was slow does
   not reload by itself: it might do so for ever. */
let looking = 0;
async function lookAgain(next) {
  clearTimeout(looking);
  try {
    await session(WAIT);
  } catch {
    lost = true;
    looking = setTimeout(lookAgain, next, Math.min(60_000, next * 2));
    return;
  }
  refresh();
}

async function start() {
  if ("serviceWorker" in navigator) {
    const register = () => navigator.serviceWorker.register("/service-worker.js").catch(() => {});
    if (document.readyState === "complete") register();
    else window.addEventListener("load", register);
  }
  if (!window.isSecureContext || !("indexedDB" in window) || !navigator.locks || !("caches" in window)) return;
  invite();
  if (person === "none" && (await store.get("person"))) await store.forget();
  const stays = document.querySelector("[data-stays]");
  if (stays) stays.hidden = !(await store.holdsAnything());
  if (person === "none") return;
  document.addEventListener("input", (event) => (typed ||= event.isTrusted));
  const retry = document.querySelector("[data-retry]");
  if (retry && (offline || !person)) {
    window.addEventListener("online", () => {
      lost = true;
      if (person) lookAgain(FIRST);
      else refresh();
    });
  }
  if (person && words) await seller();
  else if (person) {
    await store.become(person);
    window.addEventListener("pageshow", (event) => event.persisted && stillHers());
  }
}
start().catch(() => {});
