/* For the service worker, which imports this file: a push becomes a notification, and a press on it opens its page. */
(() => {
  "use strict";

  self.addEventListener("push", (event) => {
    let said = {};
    try {
      said = event.data ? event.data.json() : {};
    } catch {
      said = {};
    }
    const address = typeof said.address === "string" && /^\/(?!\/)/.test(said.address) ? said.address : "/notices";
    event.waitUntil(
      self.registration.showNotification(said.title || "Palmarès", {
        body: said.body || "",
        tag: said.tag || "palmares",
        icon: "/static/icons/icon-192.png",
        data: { address },
      }),
    );
  });

  self.addEventListener("notificationclick", (event) => {
    event.notification.close();
    const address = new URL((event.notification.data && event.notification.data.address) || "/notices", self.location.origin).href;
    event.waitUntil(
      (async () => {
        const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
        const open = windows.find((one) => new URL(one.url).origin === self.location.origin);
        if (!open) return self.clients.openWindow(address);
        await open.focus().catch(() => {}); // a browser may refuse to bring it forward; it goes there all the same
        return "navigate" in open ? open.navigate(address).catch(() => self.clients.openWindow(address)) : undefined;
      })(),
    );
  });
})();
