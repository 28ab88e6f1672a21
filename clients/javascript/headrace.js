/**
 * Events to Headrace and recommendations from it, in a browser or in Node 20 and later. No dependencies.
 *
 * An event is kept (in localStorage, where there is one) until the API has answered that Kafka has it, and is sent
 * again after no answer, 429 or 503, in a later visit too. It has an id, so however often it is sent it counts once.
 */
import { BATCH, Outbox, defaultStorage, uuid } from "./outbox.js";
import { serverEvents } from "./server_events.js";

const LINGER_MS = 200;
const TIMEOUT_MS = 15_000;
const SILENCE_MS = 60_000; // The API sends a heartbeat every 15 s.
const SLOWEST_MS = 30_000;
const SEEN_SHARE = 0.5;
const SEEN_MS = 500;
const NEVER = new Set([400, 413, 415, 422]); // What is sent again as it is would be refused again.
const LATER = new Set([408, 425, 429, 500, 502, 503, 504]);

/** What the API refused: its status, the kind of problem, and the faults by field. */
export class HeadraceError extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? problem.title ?? `the API answered ${status}`);
    this.name = "HeadraceError";
    this.status = status;
    this.kind = String(problem.type ?? "").split(":").at(-1);
    this.errors = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }
}

export class Headrace {
  #url;
  #key;
  #token;
  #storage;
  #onError;
  #outbox;
  #sending = null;
  #most = BATCH;
  #timer = null;
  #failed = 0;
  #notBefore = 0;
  #forgetting = null;
  #closed = new AbortController();
  #observer = null;
  #watched = new Map();

  /**
   * @param {object} options
   * @param {string} [options.url] of the API; the page's own origin, or HEADRACE_URL in Node, unless given
   * @param {string} [options.key] of the client; HEADRACE_KEY in Node unless given
   * @param {string} [options.user] your id of the person. A browser's key takes one only with a token
   * @param {string} [options.session] of somebody who isn't known; one is made and kept unless given
   * @param {string|function} [options.token] that your backend signed for the user, or what gets a new one
   * @param {Storage} [options.storage] in place of localStorage
   * @param {function(Error)} [options.onError] told of events that were refused, of a live stream that can't be, and of
   *   what a callback throws
   */
  constructor({ url, key, user, session, token, storage = defaultStorage(), onError = console.warn } = {}) {
    const environment = globalThis.process?.env ?? {};
    this.#url = (url ?? globalThis.location?.origin ?? environment.HEADRACE_URL ?? "").replace(/\/$/, "");
    this.#key = key ?? environment.HEADRACE_KEY;
    this.#token = token;
    this.#storage = storage;
    this.#onError = onError;
    this.user = user;
    this.session = session ?? this.#keptSession();
    this.#outbox = new Outbox(storage, user);
    globalThis.document?.addEventListener("visibilitychange", this.#onVisibility);
    if (this.#outbox.size) this.#sendSoon(0);
  }

  view(item, fields) { return this.track({ ...fields, kind: "view", item }); }
  click(item, fields) { return this.track({ ...fields, kind: "click", item }); }
  cart(item, fields) { return this.track({ ...fields, kind: "cart", item }); }
  /** @param {number} [value] what it cost */
  purchase(item, value, fields) { return this.track({ ...fields, kind: "purchase", item, value }); }
  /** @param {number} value 0 to 10 */
  rate(item, value, fields) { return this.track({ ...fields, kind: "rating", item, value }); }
  /** @param {boolean} consent whether the person lets us personalise */
  consent(consent) { return this.track({ kind: "consent", consent }); }

  /** Queues any event of POST /v1/events; returns its id. */
  track(event) {
    const person = this.user === undefined ? { session: this.session } : { user: this.user, session: this.session };
    const whole = { id: uuid(), time: new Date().toISOString(), ...person, ...event };
    this.#outbox.add(whole);
    this.#sendSoon(LINGER_MS);
    return whole.id;
  }

  /** Resolves when nothing waits any more; rejects after so many milliseconds, and what waits stays kept. */
  async flush(timeout = 30_000) {
    const end = Date.now() + timeout;
    while (this.#outbox.size) {
      const wait = Math.min(this.#notBefore, end) - Date.now();
      if (wait > 0) await pause(wait, this.#closed.signal);
      if (Date.now() >= end || this.#closed.signal.aborted) throw new Error(`${this.#outbox.size} events still wait`);
      await this.#send();
    }
  }

  /** Recommendations with `id`, `items` (each with `position` and `reasons`) and `arms`. */
  recommendations({ surface = "home", count = 10, ...more } = {}) {
    return this.#read("/v1/recommendations", { ...this.#whose(), surface, count, ...more });
  }

  similar(item, { count = 10 } = {}) { return this.#read(`/v1/items/${encodeURIComponent(item)}/similar`, { count }); }
  trending({ count = 10, ...more } = {}) { return this.#read("/v1/trending", { count, ...more }); }

  /** One page of the catalog: `items`, and `next`, to be given as `cursor`. */
  items(query = {}) { return this.#read("/v1/items", query); }

  /**
   * Calls back with recommendations at once and each time that others are recommended. Connects again by itself.
   * @returns {function()} ends it
   */
  live(callback, { surface = "home", count = 10, ...more } = {}) {
    const stop = followed(this.#closed.signal);
    this.#follow(callback, { surface, count, ...more }, stop.signal);
    return () => stop.abort();
  }

  /**
   * Sends an impression once half of the element has been seen for half a second.
   * @returns {function()} ends watching
   */
  watch(element, item, recommendation, position) {
    this.#observer ??= new IntersectionObserver((entries) => entries.forEach((each) => this.#see(each)), {
      threshold: SEEN_SHARE,
    });
    this.#watched.set(element, { item, recommendation, position, timer: null });
    this.#observer.observe(element);
    return () => this.#unwatch(element);
  }

  /** All that is held about this person, page by page. */
  data(query = {}) { return this.#read(this.#dataPath(), query); }

  /** Erases this person, what still waits included; a session that was made here gets a new id, live streams too. */
  forget() {
    this.#forgetting ??= this.#forget().finally(() => { this.#forgetting = null; });
    return this.#forgetting;
  }

  async #forget() {
    await this.#sending;
    this.#outbox.clear(this.user === undefined ? this.session : undefined);
    const answer = await this.#read(this.#dataPath(), {}, { method: "DELETE" });
    if (this.#storage.getItem("headrace:session") === this.session) {
      this.#storage.removeItem("headrace:session");
      this.session = this.#keptSession();
    }
    return answer;
  }

  /** Ends timers, watching and live streams; what waits stays kept. */
  close() {
    this.#closed.abort();
    clearTimeout(this.#timer);
    [...this.#watched.keys()].forEach((element) => this.#unwatch(element));
    globalThis.document?.removeEventListener("visibilitychange", this.#onVisibility);
  }

  #onVisibility = () => {
    // As sendBeacon, which can't carry the key. What is answered too late for this page is sent again by the next.
    if (globalThis.document.visibilityState === "hidden" && this.#outbox.size) this.#post(this.#outbox.batch(), true);
  };

  #keptSession() {
    const kept = this.#storage.getItem("headrace:session") ?? uuid();
    this.#storage.setItem("headrace:session", kept);
    return kept;
  }

  #whose() { return this.user === undefined ? { session: this.session } : { user: this.user }; }

  #dataPath() {
    const [kind, id] = this.user === undefined ? ["sessions", this.session] : ["users", this.user];
    return `/v1/${kind}/${encodeURIComponent(id)}/data`;
  }

  #sendSoon(wait) {
    if (this.#timer !== null || this.#closed.signal.aborted) return;
    this.#timer = setTimeout(async () => {
      // A flush may have been told to wait meanwhile.
      if (Date.now() >= this.#notBefore) await this.#send();
      this.#timer = null;
      if (this.#outbox.size) this.#sendSoon(0);
    }, Math.max(wait, this.#notBefore - Date.now()));
    this.#timer.unref?.();
  }

  /** Sends one batch, of which there is one under way at most. */
  #send() {
    this.#sending ??= this.#post(this.#outbox.batch(this.#most), false).finally(() => { this.#sending = null; });
    return this.#sending;
  }

  async #post(batch, keepalive) {
    if (!batch.length) return;
    const body = `{"events":[${batch.map(([, text]) => text).join()}]}`;
    try {
      const answer = await this.#fetch("/v1/events", { method: "POST", keepalive, body });
      const { refused } = await answer.json();
      if (refused.length) this.#onError(new HeadraceError(202, { detail: "events were refused", errors: refused }));
    } catch (error) {
      if (NEVER.has(error.status) && batch.length > 1 && !isOfEach(error)) {
        // One of them may be at fault, which must not take the others along.
        this.#most = batch.length >> 1;
        return;
      }
      if (error instanceof HeadraceError && !LATER.has(error.status)) this.#onError(error);
      if (!NEVER.has(error.status)) {
        this.#notBefore = Date.now() + backOff(this.#failed++, error.retryAfter);
        return;
      }
    }
    this.#failed = this.#notBefore = 0;
    this.#most = Math.min(BATCH, 2 * this.#most);
    this.#outbox.remove(batch);
  }

  async #read(path, query, options = {}) {
    for (let tries = 0; ; tries++) {
      try {
        return await (await this.#fetch(path + search(query), options)).json();
      } catch (error) {
        const isLasting = error instanceof HeadraceError && !LATER.has(error.status);
        if (isLasting || tries === 2 || this.#closed.signal.aborted) throw error;
        await pause(backOff(tries, error.retryAfter), this.#closed.signal);
      }
    }
  }

  async #follow(callback, query, signal) {
    for (let tries = 0; !signal.aborted; tries++) {
      // An erased session that is asked for again would be somebody new.
      await this.#forgetting?.catch(() => {});
      const connection = followed(signal);
      const timer = setTimeout(() => connection.abort(), TIMEOUT_MS);
      try {
        const { signal: ended } = connection;
        const asked = search({ ...this.#whose(), ...query });
        const answer = await this.#fetch(`/v1/recommendations/live${asked}`, { signal: ended });
        clearTimeout(timer);
        for await (const { event, data } of serverEvents(answer.body, () => connection.abort(), SILENCE_MS, ended)) {
          if (event !== "recommendations") continue;
          tries = 0;
          this.#call(callback, JSON.parse(data));
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof HeadraceError && !LATER.has(error.status)) return void this.#onError(error);
      } finally {
        clearTimeout(timer);
        connection.abort();
      }
      await pause(backOff(tries, 0), signal);
    }
  }

  /** What the app does wrong with an answer must not end the stream. */
  #call(callback, answer) {
    try {
      callback(answer);
    } catch (error) {
      this.#onError(error);
    }
  }

  async #fetch(path, options) {
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    const headers = {
      ...(this.#key && { Authorization: `Bearer ${this.#key}` }),
      ...(token && { "X-User-Token": token }),
      ...(options.body && { "Content-Type": "application/json" }),
    };
    const answer = await fetch(this.#url + path, {
      headers,
      credentials: "omit",
      signal: options.keepalive ? undefined : AbortSignal.timeout(TIMEOUT_MS),
      ...options,
    });
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    throw new HeadraceError(answer.status, problem, 1_000 * Number(answer.headers.get("Retry-After") ?? 0));
  }

  #see({ target, isIntersecting }) {
    const watched = this.#watched.get(target);
    if (watched === undefined) return;
    clearTimeout(watched.timer);
    if (!isIntersecting) return;
    watched.timer = setTimeout(() => {
      const { item, recommendation, position } = watched;
      this.track({ kind: "impression", item, recommendation, position });
      this.#unwatch(target);
    }, SEEN_MS);
  }

  #unwatch(element) {
    clearTimeout(this.#watched.get(element)?.timer);
    this.#watched.delete(element);
    this.#observer?.unobserve(element);
  }
}

/** Whether the API has looked at the events one by one, and none was right. */
function isOfEach(error) {
  return error.errors.length > 0 && error.errors.every(({ name }) => String(name).startsWith("events."));
}

/** The query of an address, of what is set. */
function search(query) {
  const known = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return known.length ? `?${new URLSearchParams(known)}` : "";
}

/** Milliseconds to wait: doubled with each try, up to half of it by chance, and not less than was asked for. */
function backOff(tries, least = 0) {
  const longest = Math.min(SLOWEST_MS, 500 * 2 ** tries);
  return Math.max(least, longest * (0.5 + Math.random() / 2));
}

/** A controller that ends with a signal; AbortSignal.any, which does as much, is missing in browsers of 2023. */
function followed(signal) {
  const controller = new AbortController();
  if (signal.aborted) controller.abort();
  else signal.addEventListener("abort", () => controller.abort(), { once: true, signal: controller.signal });
  return controller;
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end, { once: true });
    function end() {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    }
  });
}
