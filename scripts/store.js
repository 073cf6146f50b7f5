/* What the phone keeps, in IndexedDB: whose phone it is now, the sales of each person, the catalogue.

   Everything of a person carries the opaque key that the server gave (data-person). What a sale says is sealed with
   AES-GCM; the key is kept beside it, without any way to read it out, until the person leaves. So what remains on the
   phone afterwards, unsent, opens only when that person signs in again. */
import { openDB } from "idb";

const PAGES = "pages-";
let opened = null;
const database = () =>
  (opened ??= openDB("palmares", 1, {
    upgrade(db) {
      db.createObjectStore("state"); // person, turn, key, leaving, expired, order, products-at, warmed, change
      db.createObjectStore("items", { keyPath: "id" }).createIndex("person", "person"); // sales, sealed
      db.createObjectStore("photos", { keyPath: "id" }).createIndex("person", "person"); // their pictures, sealed
      db.createObjectStore("products", { keyPath: "sku" });
    },
    blocking: (_now, _later, event) => (event.target.close(), (opened = null)),
    terminated: () => (opened = null),
  }).catch((error) => {
    opened = null; // another time it may open
    throw error;
  }));

export const get = async (name) => (await database()).get("state", name);
export const set = async (name, value) => {
  const db = await database();
  return value === undefined ? db.delete("state", name) : db.put("state", value, name);
};

/* Everyone who shows the queue hears of what happens to it: {id, state}. */
export const news = new BroadcastChannel("outbox");
export const tell = (what) => {
  news.postMessage(what);
  globalThis.dispatchEvent(new CustomEvent("outbox", { detail: what }));
};

/* Something has changed on the server: the pages that are kept are to be fetched anew. */
export const changed = () => set("change", crypto.randomUUID());

// — whose phone it is —

export const cacheOf = (person) => PAGES + person;

/* Forget the person: pages, catalogue, answers, what was notified, and the key of what is sealed. Unsent sales stay,
   closed. From here on the phone is in other hands: the turn is another one, and what was asked for in the one before is
   not kept when it comes. */
export async function forget() {
  const db = await database();
  const somebody = await db.get("state", "person");
  await db.put("state", crypto.randomUUID(), "turn");
  await dropAnswered();
  for (const name of ["person", "key", "expired", "products-at"]) await db.delete("state", name);
  await db.clear("products");
  for (const name of await caches.keys()) if (name.startsWith(PAGES)) await caches.delete(name);
  if (!somebody) return; // what is shown now is for the one who comes
  const worker = globalThis.registration ?? (await navigator.serviceWorker?.getRegistration());
  for (const shown of (await worker?.getNotifications?.().catch(() => [])) ?? []) shown.close();
}

/* The phone is this person's from now on; of anybody before, everything is forgotten but what they have not sent. */
export const become = (person) =>
  // One after the other: a page and the worker say it at the same moment, and the second must not begin anew what the
  // first has done.
  navigator.locks.request("person", async () => {
    if ((await get("person")) === person) return;
    await forget();
    await set("person", person);
  });

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));

/* The key of what is sealed, as the server gives it to the person who is signed in. */
export async function keep({ person, key }) {
  const imported = await crypto.subtle.importKey("raw", bytes(key), "AES-GCM", false, ["encrypt", "decrypt"]);
  const change = (await database()).transaction("state", "readwrite");
  if ((await change.store.get("person")) === person && !(await change.store.get("key"))) change.store.put({ person, key: imported }, "key");
  await change.done;
}

export const holdsKeyOf = async (person) => (await get("key"))?.person === person;
async function keyOf(owner) {
  const known = await get("key");
  if (known?.person !== owner) throw new Error("the phone is no longer this person's");
  return known.key;
}
async function seal(owner, content) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await keyOf(owner), content) };
}
const unseal = async (owner, { iv, data }) => crypto.subtle.decrypt({ name: "AES-GCM", iv }, await keyOf(owner), data);

// — sales —

/* What a sale may have been before, for each state. So what is to be sent leaves with its answer, or when it is
   taken back (`takeBack`): no saving still under way, here or in another window, makes a draft of it again. */
const BEFORE = { draft: ["draft"], meeting: ["meeting"], kept: ["draft", "refused"], refused: ["kept"], answered: ["kept"] };

/* States: draft, meeting (one that is being told), kept (to be sent), refused, answered. `sales`, by id: what each says,
   its photo's id, the server's answer or its reasons. All are written or none, and `gone` goes in the same stroke. Fails
   when the phone has become somebody else's meanwhile, or a sale what it cannot come from. */
export async function put(person, state, sales, gone = "") {
  const at = Date.now();
  const sealed = await Promise.all(
    Object.entries(sales).map(async ([id, content]) => ({ id, person, state, at, sealed: await seal(person, new TextEncoder().encode(JSON.stringify(content))) })),
  );
  const change = (await database()).transaction(["items", "state"], "readwrite");
  const items = change.objectStore("items");
  const before = await Promise.all(sealed.map(({ id }) => items.get(id)));
  if (before.some((one) => one && !BEFORE[state].includes(one.state))) throw new Error("this sale has gone on meanwhile");
  let order = (await change.objectStore("state").get("order")) ?? 0;
  for (const [place, item] of sealed.entries()) {
    order += 1;
    items.put({ ...item, order: before[place] && before[place].state !== "draft" ? before[place].order : order });
  }
  items.delete(gone);
  change.objectStore("state").put(order, "order");
  await change.done;
  for (const id of Object.keys(sales)) tell({ id, state });
}

/* The sales of the present person, in order; of some states when they are named. */
export async function mine(...states) {
  const person = (await get("key"))?.person;
  if (!person) return [];
  const found = await (await database()).getAllFromIndex("items", "person", person);
  const wanted = found.filter((one) => !states.length || states.includes(one.state)).sort((a, b) => a.order - b.order);
  const read = await Promise.all(
    wanted.map(async ({ id, state, asked, sealed }) => {
      try {
        return { id, state, asked, ...JSON.parse(new TextDecoder().decode(await unseal(person, sealed))) };
      } catch {
        return null; // sealed with a key of another installation: nobody can read it
      }
    }),
  );
  return read.filter(Boolean);
}
export const one = async (id) => (await mine()).find((item) => item.id === id);

/* Changes what is known of a sale that waits to be sent, if it still does and `may` says so. */
async function whileKept(id, may, change) {
  const { store, done } = (await database()).transaction("items", "readwrite");
  const item = await store.get(id);
  const fine = item?.state === "kept" && may(item);
  if (fine) await store.put({ ...item, ...change });
  await done;
  if (fine) tell({ id, state: change.state ?? "kept" });
  return fine;
}

/* From here on the server is asked about a sale, and until it has answered nobody can tell whether it has it. */
export const ask = async (id) => (await whileKept(id, () => true, { asked: true })) && one(id);
/* The server has said that it does not have it, or was not asked in the end. */
export const unask = (id) => whileKept(id, () => true, { asked: false });
/* Takes a sale back before the server is asked about it: it is one that was begun. False when it is too late. */
export const takeBack = (id) => whileKept(id, (item) => !item.asked, { state: "draft" });

/* Erases a sale, unless it has become one to be sent meanwhile. */
export async function drop(id) {
  const item = await one(id);
  const change = (await database()).transaction("items", "readwrite");
  if ((await change.store.get(id))?.state === "kept") return;
  await change.store.delete(id);
  await change.done;
  if (item?.photo) await dropPhoto(item.photo);
  tell({ id, state: "gone" });
}

/* Whether anything is on this phone, whoever's. */
export const holdsAnything = async () => (await (await database()).count("items")) > 0;

/* Answers that the server's own page shows: those that came before it was asked for. */
export async function dropAnswered(before = Infinity) {
  const db = await database();
  const person = await get("person");
  for (const item of person ? await db.getAllFromIndex("items", "person", person) : []) {
    if (item.state === "answered" && !(item.at >= before)) await db.delete("items", item.id);
  }
}

// — pictures —

/* Keeps a picture; answers the id it is known by. */
export async function putPhoto(person, blob) {
  const id = crypto.randomUUID();
  const sealed = await seal(person, await blob.arrayBuffer());
  await (await database()).put("photos", { id, person, sealed });
  return id;
}
export async function photo(id) {
  const found = await (await database()).get("photos", id);
  return found && new Uint8Array(await unseal(found.person, found.sealed));
}
export const dropPhoto = async (id) => (await database()).delete("photos", id);

// — the catalogue —

/* Keeps it, as long as the phone is still this person's. */
export async function putProducts(person, items) {
  const change = (await database()).transaction(["products", "state"], "readwrite");
  const [products, state] = [change.objectStore("products"), change.objectStore("state")];
  if ((await state.get("person")) === person) {
    products.clear();
    for (const [sku, ean, name, category, from, to] of items) products.put({ sku, ean, name, category, from, to });
    state.put(Date.now(), "products-at");
  }
  await change.done;
}
export const products = async () => (await database()).getAll("products");
