/** The shop: what people view and buy goes to Headrace, and what it recommends comes back while they look. */
import { Headrace } from "./headrace/headrace.js";
import { Cart } from "./cart.js";
import { Catalog } from "./catalog.js";
import { byId, nameOf } from "./elements.js";
import { ItemDialog } from "./item_dialog.js";
import { People, idOf } from "./people.js";
import { PersonDialog } from "./person_dialog.js";
import { Recommended } from "./recommended.js";
import { say } from "./say.js";

const { key, takes_users: takesUsers } = await (await fetch(new URL("settings.json", import.meta.url))).json();
const url = new URL("..", import.meta.url).href;
const people = new People();
let headrace = null;

const catalog = new Catalog((item) => dialog.show(headrace, item));
const dialog = new ItemDialog(catalog, { view, cart: addToCart, buy: (item) => buy([[item, 1]]) });
const cart = new Cart(catalog, buy);
const recommended = new Recommended(catalog, (item, shownAs) => {
  headrace.click(item.item, shownAs);
  dialog.show(headrace, item);
});
const personDialog = new PersonDialog(people, takesUsers, { change: serve, consent, forget });

const reader = new Headrace({ url, key: key ?? undefined, session: "shop", onError: say });
await catalog.load(reader).catch(say);
reader.close();
serve(people.current);

function serve(person) {
  recommended.leave();
  headrace?.close();
  headrace = new Headrace({ url, key: key ?? undefined, user: person.user, session: person.session ?? "shop", onError: say });
  cart.of(idOf(person));
  personDialog.show();
  recommended.follow(headrace);
}

function view(item) {
  headrace.view(item.item);
  recommended.did(`you viewed ${nameOf(item)}`);
}

function addToCart(item) {
  cart.add(item);
  headrace.cart(item.item);
  recommended.did(`you put ${nameOf(item)} into the cart`);
  say(`${nameOf(item)} is in the cart`);
}

function buy(lines) {
  for (const [item, quantity] of lines) headrace.purchase(item.item, (item.price ?? 0) * quantity, { quantity });
  const what = lines.length === 1 ? nameOf(lines[0][0]) : `${lines.length} items`;
  recommended.did(`you bought ${what}`);
  byId("item").close();
  say(`You bought ${what}`);
}

function consent(isGiven) {
  const person = people.current;
  person.consent = isGiven;
  people.keep();
  headrace.consent(isGiven);
  recommended.did(isGiven ? "you let us personalise" : "you asked for nothing personal");
}

async function forget() {
  const person = people.current;
  // Its stream would make somebody new of an erased session.
  recommended.leave();
  await headrace.forget();
  cart.clear();
  people.remove(person);
  serve(person.user === undefined ? people.addVisitor() : people.become({ ...person, consent: true }));
  say("You are forgotten, and somebody new");
}
