/* Asking to be told on this device. The box [data-push] stays hidden where the browser cannot; the offer after a sale
   ([data-push-offer]), which the server makes to those who are told nowhere, also when the browser was told never to ask,
   for three months after it was put off, and beside another offer. Nothing is asked before a press. */
(() => {
  "use strict";

  const box = document.querySelector("[data-push]");
  if (!box || !("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) return;
  const offer = box.closest("[data-push-offer]");
  const status = box.querySelector("[data-push-status]");
  const on = box.querySelector("[data-push-on]");
  const later = box.querySelector("[data-push-later]");
  const SEASON = 90 * 86_400_000;
  const PUT_OFF = `push-later-${document.documentElement.dataset.person}`; // two people may share a phone
  const putOff = () => localStorage.setItem(PUT_OFF, String(Date.now()));

  const bytes = (text) => {
    const padded = text.replaceAll("-", "+").replaceAll("_", "/").padEnd(Math.ceil(text.length / 4) * 4, "=");
    return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
  };
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const sameKey = (subscription) => {
    const used = subscription.options && subscription.options.applicationServerKey;
    return !used || text(used) === box.dataset.key;
  };
  const deviceName = () => {
    const agent = navigator.userAgent;
    const browser = /Edg\//.test(agent) ? "Edge" : /Firefox\//.test(agent) ? "Firefox" : /Chrome\//.test(agent) ? "Chrome" : /Safari\//.test(agent) ? "Safari" : "";
    const system = /Android/.test(agent) ? "Android" : /iPhone|iPad/.test(agent) ? "iPhone" : /Windows/.test(agent) ? "Windows" : /Mac OS/.test(agent) ? "Mac" : /Linux/.test(agent) ? "Linux" : "";
    return [browser, system].filter(Boolean).join(", ");
  };

  const tell = async (subscription) => {
    const said = subscription.toJSON();
    const answer = await fetch(box.dataset.address, {
      method: "POST",
      headers: { "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content },
      body: new URLSearchParams({
        endpoint: said.endpoint,
        p256dh: said.keys.p256dh,
        auth: said.keys.auth,
        name: deviceName(),
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone || "",
      }),
    });
    if (!answer.ok) throw new Error(String(answer.status));
  };

  const ask = async () => {
    on.disabled = true;
    try {
      const allowed = await Notification.requestPermission();
      if (allowed !== "granted") {
        if (allowed === "denied") status.textContent = box.dataset.refused;
        return;
      }
      const worker = await navigator.serviceWorker.ready;
      const old = await worker.pushManager.getSubscription();
      if (old && !sameKey(old)) await old.unsubscribe();
      await tell(await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(box.dataset.key) }));
      status.textContent = box.dataset.done;
      on.parentElement.hidden = true;
      if (!offer) window.location.reload();
    } catch {
      status.textContent = box.dataset.failed;
    } finally {
      on.disabled = false;
    }
  };

  const show = async () => {
    const worker = await navigator.serviceWorker.ready;
    if (!worker.pushManager) return;
    const subscription = await worker.pushManager.getSubscription();
    const here = document.querySelector("[data-this-device]");
    if (here) {
      // Who takes this device off the list does not want to be asked again after the next sale.
      here.addEventListener("submit", putOff);
      if (subscription && Notification.permission === "granted" && sameKey(subscription)) return;
    }
    if (offer) {
      if (Notification.permission === "denied" || Date.now() - Number(localStorage.getItem(PUT_OFF)) < SEASON) return;
      // One question at a time: whichever of the two comes first, the other waits for the next sale.
      const install = document.getElementById("install");
      if (install && !install.hidden) return;
      if (install) install.remove();
      later.addEventListener("click", () => {
        putOff();
        offer.hidden = true;
      });
      offer.hidden = false;
    }
    on.addEventListener("click", ask);
    box.hidden = false;
  };
  show().catch(() => {});
})();
