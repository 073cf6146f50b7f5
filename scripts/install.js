/* The invitation to install: after the first sale that counts, on the page that says so; once dismissed it does not come
   back for a season. */
const SEASON = 90 * 86_400_000;
const NAME = "install-later";

export function invite() {
  const card = document.getElementById("install");
  let prompt = null;
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault(); // the browser's own banner would come at any moment
    prompt = event;
    offer("install");
  });
  const later = () => {
    localStorage.setItem(NAME, String(Date.now()));
    card.hidden = true;
  };
  const installed = window.matchMedia("(display-mode: standalone)").matches || navigator.standalone;
  const dismissed = Date.now() - Number(localStorage.getItem(NAME) ?? 0) < SEASON;
  function offer(way) {
    if (!card || installed || dismissed) return;
    for (const part of card.querySelectorAll("[data-way]")) part.hidden = part.dataset.way !== way;
    card.hidden = false;
  }
  if (!card) return;
  // Safari on iPhone and iPad has no prompt: the steps are told.
  if (/iphone|ipad|ipod/i.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1)) offer("steps");
  card.querySelector("[data-later]").addEventListener("click", later);
  card.querySelector("[data-install]").addEventListener("click", async () => {
    await prompt?.prompt();
    later();
  });
}
