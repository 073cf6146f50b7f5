/* Sending what is kept: in order, one at a time, from whichever page or worker holds the lock. The server knows each
   sale by its id, so an answer that was lost is asked for again and nothing is written twice. */
import * as store from "./store.js";

const PART = 64 * 1024; // bytes of a picture in one request
class Later extends Error {} // the network or the server is away: everything waits
class Unclear extends Error {} // the server failed on this one, or has no place for its picture: it waits, the others go on

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(30_000), ...options });
  } catch {
    throw new Later();
  }
  if ([408, 425, 502, 503, 504].includes(response.status)) throw new Later();
  return response;
}

/* Who is signed in: {person, token, key}; null for nobody. Fails when the server is out of reach, or takes longer. */
export async function session(wait = 30_000) {
  const response = await ask("/outbox/session", { signal: AbortSignal.timeout(wait) });
  if (response.status === 401) return null;
  if (!response.ok) throw new Later();
  return response.json();
}

/* What the API takes, from what is kept. Always the same for the same sale, and text that is none is left out: a field
   that is full cuts through the middle of an emoji, and half of one cannot be read as JSON. */
const body = ({ id, sale, declared_at: declaredAt, photo }) => {
  const told = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "" && value != null));
  const number = (text) => (text ? Number(text) : null);
  const customer = told({ kind: sale.customer, age_band: sale.age_band, area: sale.area?.trim().toUpperCase() });
  const feedback = told({ rating: number(sale.rating), recommend: number(sale.recommend), comment: sale.comment?.replace(/\p{Surrogate}/gu, "") });
  return {
    id,
    sold_on: sale.sold_on,
    declared_at: declaredAt,
    channel: sale.channel,
    lines: sale.lines.map(({ sku, units }) => ({ sku, units: Number(units) })),
    ...(Object.keys(customer).length ? { customer } : {}),
    ...(Object.keys(feedback).length ? { feedback } : {}),
    ...(photo ? { photo } : {}),
  };
};

let taken = 0; // what the server took: parts of pictures, and sales

/* Send a picture part by part, from where the server has it. False when the server says that it is none. */
async function sendPhoto(id, headers) {
  const bytes = await store.photo(id);
  if (!bytes) return true;
  const address = `/outbox/photos/${id}`;
  const known = await ask(address, { headers });
  if (!known.ok && known.status !== 404) throw new Unclear();
  let offset = known.ok ? Number(known.headers.get("Upload-Offset")) : 0;
  for (let tries = 0; offset < bytes.length && tries < 200; tries += 1) {
    const part = bytes.subarray(offset, offset + PART);
    const answer = await ask(address, {
      method: "PATCH",
      headers: {
        ...headers,
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": String(offset),
        "Upload-Length": String(bytes.length),
      },
      body: part,
    });
    if (answer.status === 422 || answer.status === 413) return false;
    if (answer.status !== 204 && answer.status !== 409) throw new Unclear();
    if (answer.status === 204) taken += 1;
    offset = Number(answer.headers.get("Upload-Offset"));
  }
  return true;
}

/* Send one sale and put the answer in its place: "done", "again" when the server failed on it, "expired", "other". */
async function send(item, { person, token }) {
  const { id, state: _state, asked: _asked, ...content } = item;
  const headers = { "X-CSRFToken": token, "Palmares-Person": person, Accept: "application/json" };
  const refuse = (faults) => store.put(person, "refused", { [id]: { ...content, faults } });
  if (content.photo) {
    let whole;
    try {
      whole = await sendPhoto(content.photo, headers);
    } catch (error) {
      await store.unask(id);
      if (error instanceof Unclear) return "again";
      throw error;
    }
    if (!whole) {
      await refuse([{ field: "photo" }]);
      return "done";
    }
  }
  const answer = await ask("/outbox/declarations", {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify(body(item)),
  });
  if ([400, 401, 403, 429].includes(answer.status)) await store.unask(id); // it says that nothing was written
  if (answer.status === 429) throw new Later();
  if (answer.status === 401) return "expired";
  if (answer.status === 403) return "other";
  if (answer.status >= 500 || answer.type === "opaqueredirect") return "again";
  const told = await answer.json().catch(() => ({}));
  if (answer.status === 400 && !told.errors) return "again"; // the token, of another session
  taken += 1;
  if (answer.ok) {
    const points = (told.points ?? []).reduce((sum, one) => sum + one.points, 0);
    await store.put(person, "answered", { [id]: { ...content, photo: null, answer: { status: told.status, points, expected: told.expected } } });
    if (content.photo) await store.dropPhoto(content.photo);
    await store.changed();
  } else {
    await refuse(answer.status === 409 ? [{ field: "id" }] : (told.errors ?? [{ field: "" }]));
  }
  return "done";
}

/* Send everything that is kept. `outcome`: "empty", "later" (try again), "expired" (sign in first), "other" (somebody
   else is signed in); `progress`: whether anything was taken on the way. */
export const flush = () =>
  navigator.locks.request("outbox", async () => {
    const before = taken;
    const ended = (outcome) => ({ outcome, progress: taken > before });
    try {
      if (!(await store.mine("kept")).length) return ended("empty");
      const open = await session();
      if (!open) {
        await store.set("expired", true);
        store.tell({ state: "expired" });
        return ended("expired");
      }
      if (open.person !== (await store.get("person"))) return ended("other");
      await store.set("expired", undefined);
      const tried = new Set();
      let failed = false;
      for (;;) {
        const next = (await store.mine("kept")).find((one) => !tried.has(one.id));
        if (!next) return ended(failed ? "later" : "empty");
        tried.add(next.id);
        const item = await store.ask(next.id); // as it is now: it may have been taken back meanwhile
        if (!item) continue;
        const outcome = await send(item, open);
        if (outcome === "again") failed = true;
        else if (outcome !== "done") return ended(outcome);
      }
    } catch (error) {
      if (error instanceof Later) return ended("later");
      throw error;
    }
  });
