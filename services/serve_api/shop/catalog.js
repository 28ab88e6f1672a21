/** The goods: all items that the API has, by category and by what is searched for. */
import { byId, element, nameOf, replace } from "./elements.js";
import { card } from "./cards.js";

const MOST = 2_000;
const ALL = "All";

export class Catalog {
  #items = new Map();
  #category = ALL;
  #open;

  /** @param {function(object)} open an item */
  constructor(open) {
    this.#open = open;
    byId("search").addEventListener("input", () => this.#show());
  }

  /** @param {Headrace} headrace */
  async load(headrace) {
    let cursor;
    do {
      const page = await headrace.items({ limit: 500, available: true, cursor });
      page.items.forEach((item) => this.#items.set(item.item, item));
      cursor = page.next;
    } while (cursor && this.#items.size < MOST);
    this.#showCategories();
    this.#show();
  }

  /** What is known of an item that an answer names. */
  complete(item) { return { ...item, ...this.#items.get(item.item) }; }

  get(id) { return this.#items.get(id) ?? { item: id, title: id }; }

  #showCategories() {
    const names = [ALL, ...[...new Set([...this.#items.values()].map((item) => item.category ?? "Other"))].sort()];
    byId("categories").replaceChildren(
      ...names.map((name) =>
        element("button", {
          class: "chip",
          type: "button",
          text: name,
          "aria-pressed": name === this.#category,
          on: { click: ({ currentTarget }) => this.#choose(name, currentTarget) },
        }),
      ),
    );
  }

  #choose(name, chip) {
    this.#category = name;
    for (const each of byId("categories").children) each.setAttribute("aria-pressed", each === chip);
    this.#show();
  }

  #show() {
    const wanted = byId("search").value.trim().toLowerCase();
    const shown = [...this.#items.values()].filter(
      (item) =>
        (this.#category === ALL || this.#category === (item.category ?? "Other")) &&
        `${nameOf(item)} ${(item.tags ?? []).join(" ")}`.toLowerCase().includes(wanted),
    );
    replace(byId("all"), shown.map((item) => card(item, () => this.#open(item))), byId("search"));
    byId("nothing").hidden = shown.length > 0;
  }
}
