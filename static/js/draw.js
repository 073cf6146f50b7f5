/* Redoes a draw with the browser's own cryptography, from the files of the page. Without this file a program shown on
   the page does the same. */
(() => {
  "use strict";
  const box = document.querySelector("[data-draw]");
  if (!box) return;
  const button = box.querySelector("button");
  const list = box.querySelector("ul");
  const trouble = box.querySelector("[data-trouble]");
  const told = box.dataset;
  const text = new TextEncoder();
  const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const sha256 = async (bytes) => hex(await crypto.subtle.digest("SHA-256", bytes));
  button.hidden = false;

  const say = (check, right) => {
    const line = list.querySelector(`[data-check="${check}"] strong`);
    line.textContent = right ? told.equal : told.different;
    line.className = right ? "text-laurel" : "text-coral-text";
  };

  const file = async (address) => {
    const answer = await fetch(address, { headers: { Accept: "*/*" } });
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  };

  // person,points,tickets,first_ticket: only the code may be in quotes, or kept from running as a formula.
  const person = (cell) => {
    const code = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
    return /^'[=+\-@]/.test(code) ? code.slice(1) : code;
  };
  const ticketsIn = (csv) =>
    csv.split("\n").slice(1).filter(Boolean).map((line) => {
      const [, code, , count] = line.match(/^(.*),(\d+),(\d+),(\d+)$/);
      return { code: person(code), count: Number(count) };
    });

  const pointsIn = (standings) =>
    new Map(standings.split("\n").filter(Boolean).map((line) => {
      const cells = line.split("\t");
      return [cells[2], Number(cells[3])];
    }));

  const drawn = async (tickets, winners, hashed) => {
    const key = await crypto.subtle.importKey("raw", text.encode(told.seed), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const left = [...tickets];
    const found = [];
    for (let k = 0; left.length && found.length < winners; k += 1) {
      const total = BigInt(left.reduce((sum, one) => sum + one.count, 0));
      const x = BigInt("0x" + hex(await crypto.subtle.sign("HMAC", key, text.encode(`${hashed}:${k}`))));
      if (x >= (2n ** 256n / total) * total) continue;
      let ticket = Number(x % total);
      const place = left.findIndex((one) => ticket < one.count || ((ticket -= one.count), false));
      found.push(left.splice(place, 1)[0].code);
    }
    return found;
  };

  const redo = async () => {
    const [standings, csv] = await Promise.all([file(told.standings), file(told.tickets)]);
    const hashed = await sha256(standings);
    const points = pointsIn(new TextDecoder().decode(standings));
    const tickets = ticketsIn(new TextDecoder().decode(csv));
    const found = await drawn(tickets, Number(told.winners), hashed);
    say("commitment", (await sha256(text.encode(told.seed))) === told.commitment);
    say("standings", hashed === told.hashed);
    say("tickets", tickets.every((one) => one.count === Math.floor(points.get(one.code) / Number(told.per))));
    say("winners", JSON.stringify(found) === JSON.stringify(JSON.parse(told.drawn)));
    list.querySelector("[data-list]").textContent = found.join(", ");
    list.hidden = false;
  };

  button.addEventListener("click", async () => {
    button.disabled = true;
    trouble.hidden = true;
    try {
      if (!window.crypto || !crypto.subtle) throw new Error("no cryptography outside of https");
      await redo();
    } catch (error) {
      trouble.textContent = told.failed;
      trouble.hidden = false;
    }
    button.disabled = false;
  });
})();
