// Optional: fetches lazy rows where the page has no htmx, and tells the shop which recommended item was chosen.
// <script src="{% static 'reco/reco.js' %}" data-beacon="{% url 'reco:beacon' %}" defer></script>
(() => {
  "use strict";
  const address = document.currentScript && document.currentScript.dataset.beacon;

  // One after the other, each without what stands on the page by then, so that no product is shown twice.
  let last = Promise.resolve();
  const fetchRow = async (place) => {
    const url = new URL(place.dataset.recoRow, document.baseURI);
    document.querySelectorAll("[data-reco-item]").forEach((card) => url.searchParams.append("exclude", card.dataset.recoItem));
    try {
      const answer = await fetch(url, { credentials: "same-origin" });
      if (answer.ok) place.outerHTML = await answer.text();
    } catch {
      // Without a row the page is the page.
    }
  };
  const begin = (place) => { last = last.then(() => fetchRow(place)); };
  let started = false;
  const start = () => {
    if (started) return;
    started = true;
    // Wherever htmx stands on the page, it is there by now, and fetches the rows itself.
    const places = window.htmx ? [] : document.querySelectorAll("[data-reco-row]");
    if (!("IntersectionObserver" in window)) {
      places.forEach(begin);
      return;
    }
    const watch = new IntersectionObserver((entries) => entries.forEach((entry) => {
      if (!entry.isIntersecting) return;
      watch.unobserve(entry.target);
      begin(entry.target);
    }), { rootMargin: "400px" });
    places.forEach((place) => watch.observe(place));
  };
  if (document.readyState === "complete") start();
  else ["DOMContentLoaded", "load"].forEach((moment) => window.addEventListener(moment, start)); // the first may be over

  if (!address || !navigator.sendBeacon) return;
  document.addEventListener("click", (event) => {
    const card = event.target.closest && event.target.closest("[data-reco-item]");
    const row = card && card.closest("[data-reco-token]");
    if (!row || !event.target.closest("a")) return;
    const body = new FormData();
    body.append("kind", "select_item");
    body.append("item", card.dataset.recoItem);
    body.append("token", row.dataset.recoToken);
    body.append("position", card.dataset.recoPosition);
    navigator.sendBeacon(address, body);
  }, { capture: true });
})();
