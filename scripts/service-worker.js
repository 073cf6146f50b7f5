/* The service worker: the pages of the present person open without network from their last state; what is kept is sent
   when the browser says that the network is back. The server answers this script at /service-worker.js, after the list
   of what to keep (self.SHELL); it names in a header whose page each answer is, and whether it may be kept. */
import { clientsClaim } from "workbox-core";
import { cleanupOutdatedCaches, matchPrecache, precacheAndRoute } from "workbox-precaching";
import { registerRoute } from "workbox-routing";
import { CacheFirst, NetworkFirst } from "workbox-strategies";
import { flush } from "./sending.js";
import * as store from "./store.js";

const SECONDS = 4; // how long a page that is kept waits for the network
const FILES = "files";
const HOUR = 3_600_000;

self.skipWaiting();
clientsClaim();
cleanupOutdatedCaches();
precacheAndRoute(self.SHELL.files);
/* The files of the version before are gone, and the pages that are kept name them: all are fetched anew, while pages that
   open meanwhile do not wait for it. */
self.addEventListener("activate", (event) => {
  const gone = Promise.allSettled([caches.delete(FILES), store.set("warmed", undefined)]);
  event.waitUntil(gone);
  gone.then(() => store.get("person")).then((person) => person && prepare(person)).catch(() => {});
});
registerRoute(
  ({ sameOrigin, url }) => sameOrigin && url.pathname.startsWith("/static/") && url.searchParams.has("v"),
  new CacheFirst({ cacheName: FILES }),
);

/* What is said without network: of a page, of what was being sent, or to somebody who is not signed in on this phone. */
async function offline(sent = false) {
  const known = await store.get("language").catch(() => null);
  const language = self.SHELL.languages.find((one) => one === (known ?? self.navigator.language.slice(0, 2)));
  const nobody = await store.get("person").then((person) => !person, () => false);
  const page = `/offline/${language ?? self.SHELL.languages[0]}${sent ? "/sent" : nobody ? "/left" : ""}`;
  return (await matchPrecache(page)) ?? Response.error();
}

// — pages —

/* Whose page an answer is: another person's, or nobody's, ends what was kept for the one before. An answer that was asked
   for before the phone changed hands says nothing about the present. */
async function learn(response, turn) {
  if (!(await lasts(turn))) return;
  const person = response.headers.get("Palmares-Person");
  if (person === "none") await store.forget();
  else if (person) await store.become(person);
}
const lasts = (turn) => store.get("turn").then((now) => now === turn, () => false);
/* An answer that was asked for before something changed may be from before it, and come after what was fetched since. */
const unchanged = (change) => store.get("change").then((now) => now === change);
const mayBeKept = (response, person) =>
  response.status === 200 && response.headers.get("Palmares-Keep") && response.headers.get("Palmares-Person") === person;

/* A page from the cache says so, and is free of any redirection it came by. */
async function fromBefore(response) {
  const text = await response.text();
  return new Response(text.replace("<html ", "<html data-offline "), { headers: { "Content-Type": "text/html; charset=utf-8", ...security(response) } });
}
const security = (response) => {
  const policy = response.headers.get("Content-Security-Policy");
  return policy ? { "Content-Security-Policy": policy } : {};
};

const pages = (person, turn, change) =>
  new NetworkFirst({
    cacheName: store.cacheOf(person),
    networkTimeoutSeconds: SECONDS,
    matchOptions: { ignoreSearch: true, ignoreVary: true },
    plugins: [
      {
        fetchDidSucceed: async ({ response }) => {
          if ([502, 503, 504].includes(response.status)) throw new Error("the server is away");
          await learn(response, turn).catch(() => {}); // it is shown all the same, and not kept
          return response;
        },
        cacheWillUpdate: async ({ response }) => (mayBeKept(response, person) && (await lasts(turn)) && (await unchanged(change)) ? response : null),
        cachedResponseWillBeUsed: async ({ cachedResponse }) => cachedResponse && fromBefore(cachedResponse),
        handlerDidError: () => offline(),
      },
    ],
  });

registerRoute(
  ({ request, sameOrigin }) => sameOrigin && request.mode === "navigate",
  async ({ request, event }) => {
    try {
      if (!(await left())) return offline();
      const [turn, change] = [await store.get("turn"), await store.get("change")];
      return pages((await store.get("person")) ?? "nobody", turn, change).handle({ request, event });
    } catch {
      return fetch(request).catch(() => offline()); // what the phone keeps cannot be read now: as without a worker
    }
  },
);

/* A form that was cut off may have arrived or not, and the page says so; leaving is done on the phone. */
registerRoute(
  ({ request, sameOrigin }) => sameOrigin && request.mode === "navigate",
  async ({ request, url }) => {
    const leaving = url.pathname === "/sign-out";
    if (leaving) await store.forget().catch(() => {});
    try {
      const answer = await fetch(request);
      await store.changed().catch(() => {}); // a sale, the language, the theme: what is kept shows it no longer as it is
      return answer;
    } catch {
      if (leaving) await store.set("leaving", true).catch(() => {});
      return offline(!leaving);
    }
  },
  "POST",
);

/* Somebody left without network: the session is ended before anything else is asked of the server. False while the
   server is out of reach. */
async function left() {
  if (!(await store.get("leaving"))) return true;
  try {
    const open = await fetch("/outbox/session", { cache: "no-store" });
    if (open.ok) {
      const { token } = await open.json();
      const ended = await fetch("/sign-out", { method: "POST", headers: { "X-CSRFToken": token }, redirect: "manual" });
      if (ended.type !== "opaqueredirect") return false;
    } else if (open.status !== 401) return false;
    await store.set("leaving", undefined);
    return true;
  } catch {
    return false;
  }
}

/* Asked for before it is needed. The person is named: it is refused once somebody else, or nobody, is signed in, and reads
   no message meant for the screen. Past the browser's own cache, which would let it wait for a slow answer to the same
   address. */
const ahead = (person, path) => fetch(path, { cache: "no-store", headers: { "Palmares-Person": person }, signal: AbortSignal.timeout(30_000) });

/* After a sign-in, once an hour, with a new version, and after whatever changes them, the pages that open without network
   are fetched before they are needed. */
async function warm(person) {
  const turn = await store.get("turn");
  const [last, change] = [await store.get("warmed"), await store.get("change")];
  const fresh = last && last.turn === turn && last.change === change && Date.now() - last.at < HOUR;
  if (fresh || (await store.get("person")) !== person) return;
  const cache = await caches.open(store.cacheOf(person));
  for (const path of self.SHELL.first) {
    const response = await ahead(person, path);
    if (response.status === 403 || response.status >= 429 || !(await lasts(turn))) return; // another time
    if (!mayBeKept(response, person)) continue;
    if (response.redirected) await cache.put(response.url, response.clone());
    await cache.put(path, response);
  }
  await store.set("warmed", { turn, change, at: Date.now() });
}
/* The catalogue, once a day. */
async function catalogue(person) {
  if (Date.now() - ((await store.get("products-at")) ?? 0) < 24 * HOUR) return;
  const items = [];
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const answer = await ahead(person, `/outbox/products?page=${page}`);
    if (!answer.ok) return;
    const told = await answer.json();
    items.push(...told.items);
    pages = told.pages;
  }
  await store.putProducts(person, items);
}
let prepared = Promise.resolve(); // one after the other: the second finds it done
const prepare = (person) => (prepared = prepared.then(() => Promise.allSettled([catalogue(person), warm(person)])));
self.addEventListener("message", (event) => {
  const { warm: person } = event.data ?? {};
  if (person) event.waitUntil(prepare(person));
});

// — the outbox —

self.addEventListener("sync", (event) => {
  if (event.tag !== "outbox") return;
  event.waitUntil(
    flush().then(async ({ outcome, progress }) => {
      const person = progress && (await store.get("person"));
      if (person) await prepare(person);
      if (outcome === "later") throw new Error("not yet"); // the browser tries again
    }),
  );
});
