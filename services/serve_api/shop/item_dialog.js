/** One item: what it is, what is like it, and what can be done with it. */
import { byId, element, nameOf, price } from "./elements.js";
import { card, paint } from "./cards.js";

const LEAST_DWELL_S = 1;
const SIMILAR = 4;

export class ItemDialog {
  #catalog;
  #headrace = null;
  #item = null;
  #opened = 0;
  #opener = null;
  #list = null;
  #on;

  /** @param {{view: function, cart: function, buy: function}} on told of what is done with an item */
  constructor(catalog, on) {
    this.#catalog = catalog;
    this.#on = on;
    byId("item").addEventListener("close", () => {
      // It comes late: the dialog may have been opened for another item since.
      if (byId("item").open) return;
      focusAgain(this.#opener, this.#list);
      this.#leave();
    });
    byId("add").addEventListener("click", () => this.#on.cart(this.#item));
    byId("buy").addEventListener("click", () => this.#on.buy(this.#item));
  }

  show(headrace, item) {
    this.#leave();
    this.#headrace = headrace;
    this.#item = item;
    this.#opened = performance.now();
    byId("item-title").textContent = nameOf(item);
    byId("item-category").textContent = item.category ?? "";
    byId("item-price").textContent = price(item.price);
    byId("item-tags").replaceChildren(...(item.tags ?? []).map((tag) => element("span", { class: "tag", text: tag })));
    paint(byId("item-picture"), item);
    byId("similar").replaceChildren();
    if (!byId("item").open) {
      this.#opener = document.activeElement.closest("[data-item]");
      this.#list = this.#opener?.parentElement;
      byId("item").showModal();
    }
    byId("item").scrollTop = 0;
    byId("add").focus();
    this.#on.view(item);
    this.#showSimilar(headrace, item);
  }

  async #showSimilar(headrace, item) {
    const found = await headrace.similar(item.item, { count: SIMILAR }).catch(() => ({ items: [] }));
    if (this.#item !== item) return;
    const cards = found.items.map((choice) => this.#catalog.complete(choice)).map((other) => card(other, () => this.show(headrace, other)));
    byId("similar").replaceChildren(...cards);
    byId("similar-title").hidden = cards.length === 0;
  }

  #leave() {
    const seconds = (performance.now() - this.#opened) / 1_000;
    if (this.#item && seconds >= LEAST_DWELL_S) {
      this.#headrace.track({ kind: "dwell", item: this.#item.item, value: Math.min(seconds, 3_600) });
    }
    this.#item = null;
  }
}

/** Where what opened the dialog is no longer there, its successor in the same list gets the focus. */
function focusAgain(opener, list) {
  const active = document.activeElement;
  if (active !== document.body && !byId("item").contains(active)) return;
  const same = list?.querySelector(`[data-item="${CSS.escape(opener.dataset.item)}"] button`);
  (same ?? byId("for-you-title")).focus();
}
