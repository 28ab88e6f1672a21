/** The cart of one person, kept in the browser. */
import { byId, element, nameOf, price } from "./elements.js";

export class Cart {
  #lines = {};
  #name = "";
  #catalog;
  #onBuy;

  /** @param {function([object, number][])} onBuy told of items and quantities that are bought */
  constructor(catalog, onBuy) {
    this.#catalog = catalog;
    this.#onBuy = onBuy;
    byId("open-cart").addEventListener("click", () => byId("cart").showModal());
    byId("checkout").addEventListener("click", () => this.#buy());
  }

  /** @param {string} person whose cart it is from now on */
  of(person) {
    this.#name = `shop:cart:${person}`;
    this.#lines = JSON.parse(localStorage.getItem(this.#name) ?? "{}");
    this.show();
  }

  add(item) {
    this.#lines[item.item] = (this.#lines[item.item] ?? 0) + 1;
    this.#keep();
  }

  /** Forgets what this person's cart had. */
  clear() {
    this.#lines = {};
    this.#keep();
  }

  show() {
    const lines = this.#items();
    byId("cart-lines").replaceChildren(...lines.map(([item, quantity]) => this.#line(item, quantity)));
    byId("cart-empty").hidden = lines.length > 0;
    byId("checkout").disabled = lines.length === 0;
    byId("cart-total").textContent = price(lines.reduce((sum, [item, quantity]) => sum + (item.price ?? 0) * quantity, 0));
    const count = lines.reduce((sum, [, quantity]) => sum + quantity, 0);
    byId("cart-count").textContent = count;
    byId("open-cart").setAttribute("aria-label", `Cart, ${count} ${count === 1 ? "item" : "items"}`);
  }

  #items() { return Object.entries(this.#lines).map(([id, quantity]) => [this.#catalog.get(id), quantity]); }

  #keep() {
    if (Object.keys(this.#lines).length) localStorage.setItem(this.#name, JSON.stringify(this.#lines));
    else localStorage.removeItem(this.#name);
    this.show();
  }

  #line(item, quantity) {
    const remove = () => {
      delete this.#lines[item.item];
      this.#keep();
      byId("cart-title").closest("dialog").querySelector(".close").focus();
    };
    return element(
      "li",
      {},
      element("span", { class: "glyph", "aria-hidden": "true", text: item.attributes?.glyph ?? "" }),
      element("span", { class: "title", text: nameOf(item) }),
      element("span", { class: "muted", text: `${quantity} ×` }),
      element("span", { text: price(item.price) }),
      element("button", { class: "remove", type: "button", "aria-label": `Remove ${nameOf(item)}`, text: "×", on: { click: remove } }),
    );
  }

  #buy() {
    const bought = this.#items();
    this.clear();
    byId("cart").close();
    this.#onBuy(bought);
  }
}
