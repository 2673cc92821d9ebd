// Optional: tells the shop which recommended item was chosen. Rows work without it.
// <script src="{% static 'reco/reco.js' %}" data-beacon="{% url 'reco:beacon' %}" defer></script>
(() => {
  "use strict";
  const address = document.currentScript && document.currentScript.dataset.beacon;
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
