/**
 * Events that wait to be sent. Each has a key of its own in the storage, so that pages side by side don't overwrite one
 * another; two of them may send the same event, which counts once.
 */
const PREFIX = "headrace:event:";
const MOST = 5_000;
export const BATCH = 100;
const BATCH_BYTES = 60_000; // A browser lets 64 KiB of requests outlive their page.

export class Outbox {
  #storage;
  #prefix;
  #count = 0;
  #begun = Date.now().toString(36).padStart(9, "0");

  /** @param {string} [user] whose events these are, as another's token wouldn't do for them */
  constructor(storage, user = "") {
    this.#storage = storage;
    this.#prefix = `${PREFIX}${encodeURIComponent(user)}:`;
  }

  get size() { return this.#keys().length; }

  /** The oldest go where there are too many, or where the storage is full. */
  add(event) {
    const keys = this.#keys();
    if (keys.length >= MOST) this.#storage.removeItem(keys[0]);
    const key = `${this.#prefix}${this.#begun}${(this.#count++).toString(36).padStart(6, "0")}${event.id}`;
    const text = JSON.stringify(event, (_, value) => (typeof value === "string" ? wellFormed(value) : value));
    for (;;) {
      try {
        return this.#storage.setItem(key, text);
      } catch (error) {
        const oldest = this.#keys()[0];
        if (oldest === undefined) throw error;
        this.#storage.removeItem(oldest);
      }
    }
  }

  /** Keys with their events as JSON, the oldest first, as many as one request may have, and at most so many. */
  batch(most = BATCH) {
    const found = [];
    let bytes = 0;
    for (const key of this.#keys().slice(0, most)) {
      const text = this.#storage.getItem(key);
      if (text === null) continue;
      bytes += new TextEncoder().encode(text).length;
      if (found.length && bytes > BATCH_BYTES) break;
      found.push([key, text]);
    }
    return found;
  }

  remove(batch) { batch.forEach(([key]) => this.#storage.removeItem(key)); }

  /** @param {string} [session] only its events; of all unless given */
  clear(session) {
    for (const key of this.#keys()) {
      const event = JSON.parse(this.#storage.getItem(key) ?? "{}");
      if (session === undefined || event.session === session) this.#storage.removeItem(key);
    }
  }

  #keys() {
    const keys = this.#storage instanceof MemoryStorage ? this.#storage.keys() : Object.keys(this.#storage);
    return keys.filter((key) => key.startsWith(this.#prefix)).sort();
  }
}

/** localStorage, or where there is none, or it is forbidden, the memory of this page or process. */
export function defaultStorage() {
  try {
    globalThis.localStorage.setItem("headrace:probe", "");
    globalThis.localStorage.removeItem("headrace:probe");
    return globalThis.localStorage;
  } catch {
    return new MemoryStorage();
  }
}

class MemoryStorage {
  #values = new Map();

  keys() { return [...this.#values.keys()]; }
  getItem(key) { return this.#values.get(key) ?? null; }
  setItem(key, value) { this.#values.set(key, value); }
  removeItem(key) { this.#values.delete(key); }
}

/** Without halves of surrogate pairs, as of a text that was cut amid an emoji: the API would refuse all sent with it. */
function wellFormed(text) {
  return text.toWellFormed?.() ?? text;
}

/** A random id; crypto.randomUUID is missing on pages that came by plain HTTP from elsewhere than this machine. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
