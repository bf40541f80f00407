// The part of Stripe.js that runs on the shop's page. It styles through the CSSOM alone, so a strict
// content security policy needs nothing but the sandbox's origin in script-src, frame-src and connect-src.
"use strict";
(() => {
  const origin = new URL(document.currentScript.src).origin;
  const PATIENCE = 10000;
  const FRAME_STYLE = {
    border: "0", display: "block", width: "calc(100% + 8px)", height: "0", margin: "-4px", minHeight: "0",
  };

  // Nothing moves under a press: a field that is left says what is wrong, and what was pressed would slip away.
  let released = Promise.resolve();
  window.addEventListener("pointerdown", () => {
    released = new Promise((resolve) => {
      const end = () => setTimeout(resolve); // the click comes first
      for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, end, { once: true, capture: true });
    });
  }, { capture: true });

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = "IntegrationError";
    }
  }

  const unreachable = () => ({
    error: { type: "api_connection_error", message: "We could not reach the payment provider." },
  });

  function isDark(color) {
    const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    probe.fillStyle = color;
    probe.fillRect(0, 0, 1, 1);
    const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
    return red * 0.299 + green * 0.587 + blue * 0.114 < 128;
  }

  function look(appearance = {}) {
    const variables = appearance.variables || {};
    const background = variables.colorBackground || (appearance.theme === "night" ? "#30313d" : "#ffffff");
    return { theme: appearance.theme, variables, scheme: isDark(background) ? "dark" : "light" };
  }

  class PaymentElement {
    constructor(elements) {
      this.elements = elements;
      this.listeners = [];
      this.waiting = new Map();
      this.frame = null;
    }

    on(name, call) { this.listeners.push({ name, call }); return this; }
    once(name, call) {
      const first = (event) => { this.off(name, first); call(event); };
      return this.on(name, first);
    }
    off(name, call) {
      this.listeners = this.listeners.filter((known) => known.name !== name || (call && known.call !== call));
      return this;
    }
    emit(name, detail = {}) {
      const event = { elementType: "payment", ...detail };
      this.listeners.filter((known) => known.name === name).forEach((known) => known.call(event));
    }

    mount(target) {
      const node = typeof target === "string" ? document.querySelector(target) : target;
      if (!node) throw new IntegrationError(`Invalid DOM element: ${target}. Mount on an existing element.`);
      this.unmount();
      this.frame = document.createElement("iframe");
      this.frame.title = "Secure payment input frame";
      this.frame.src = `${origin}/elements/payment`;
      Object.assign(this.frame.style, FRAME_STYLE);
      this.frame.addEventListener("load", () => this.open(), { once: true });
      this.patience = setTimeout(() => this.emit("loaderror", unreachable()), PATIENCE);
      node.replaceChildren(this.frame);
      this.emit("loaderstart");
    }

    open() {
      const { port1, port2 } = new MessageChannel();
      this.port = port1;
      port1.onmessage = (event) => this.hear(event.data);
      const appearance = this.dress();
      this.frame.contentWindow.postMessage({ type: "stripe-open", appearance }, origin, [port2]);
    }

    dress() {
      const appearance = look(this.elements.options.appearance);
      this.frame.style.colorScheme = appearance.scheme;
      return appearance;
    }

    hear({ type, id, result, detail }) {
      if (type === "done") {
        this.waiting.get(id)(result);
        this.waiting.delete(id);
      } else if (type === "height") {
        released.then(() => { if (this.frame) this.frame.style.height = `${detail}px`; });
      } else if (type === "open") {
        this.begin();
      } else if (type === "enter") {
        this.frame.closest("form")?.requestSubmit();
      } else {
        this.emit(type, detail);
      }
    }

    async begin() {
      clearTimeout(this.patience);
      const { error } = await this.ask("check", this.elements.secrets());
      if (error) this.emit("loaderror", { error });
      else this.emit("ready");
    }

    ask(task, data = {}) {
      if (!this.port) throw new IntegrationError("The payment Element is not mounted and ready yet.");
      const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
      return new Promise((resolve) => {
        this.waiting.set(id, resolve);
        this.port.postMessage({ id, task, data });
      });
    }

    unmount() {
      clearTimeout(this.patience);
      this.port?.close();
      this.frame?.remove();
      this.waiting.forEach((resolve) => resolve(unreachable()));
      this.waiting.clear();
      this.port = this.frame = null;
    }

    destroy() {
      this.unmount();
      this.listeners = [];
      this.elements.payment = null;
    }

    focus() { this.ask("focus"); }
    clear() { this.ask("clear"); }
    blur() { this.frame?.blur(); }
    update() { return this; }
    collapse() { return this; }
  }

  class Elements {
    constructor(key, options) {
      if (!options?.clientSecret) throw new IntegrationError("The sandbox needs elements({clientSecret}).");
      this.key = key;
      this.options = options;
      this.payment = null;
    }

    secrets() { return { key: this.key, clientSecret: this.options.clientSecret }; }

    create(type) {
      if (type !== "payment") throw new IntegrationError(`The sandbox knows only the Element "payment", not "${type}".`);
      if (this.payment) throw new IntegrationError("Can only create one Element of type payment.");
      this.payment = new PaymentElement(this);
      return this.payment;
    }

    getElement(type) { return type === "payment" ? this.payment : null; }

    update(options) {
      Object.assign(this.options, options);
      if (this.payment?.port) this.payment.ask("appearance", this.payment.dress());
    }

    mounted() {
      if (!this.payment?.port) throw new IntegrationError("Mount the payment Element first.");
      return this.payment;
    }

    async submit() {
      const { error } = await this.mounted().ask("validate");
      return error ? { error } : { selectedPaymentMethod: "card" };
    }

    fetchUpdates() { return this.mounted().ask("check", this.secrets()); }
  }

  // The bank's page in a dialog over the shop's. Escape counts as a refusal, as closing the real one does.
  function challenge(url) {
    const dialog = document.createElement("dialog");
    const frame = document.createElement("iframe");
    dialog.setAttribute("aria-label", "Confirm your payment with your bank");
    Object.assign(dialog.style, {
      position: "fixed", inset: "0", width: "100%", height: "100%", maxWidth: "none", maxHeight: "none", margin: "0",
      padding: "16px", border: "0", boxSizing: "border-box", background: "rgb(0 0 0 / .55)", overflow: "auto",
    });
    frame.title = "3-D Secure: confirm your payment";
    frame.src = `${url}?framed=1`;
    Object.assign(frame.style, {
      display: "block", width: "min(100%, 416px)", height: "min(100%, 400px)", margin: "auto", border: "0",
      borderRadius: "8px", position: "relative", top: "max(0px, calc(50% - 200px))",
    });
    dialog.append(frame);
    document.body.append(dialog);
    dialog.showModal();
    frame.focus();
    return new Promise((resolve) => {
      const end = () => {
        window.removeEventListener("message", hear);
        if (dialog.open) dialog.close();
        dialog.remove();
        resolve();
      };
      const hear = (event) => {
        if (event.origin === origin && event.source === frame.contentWindow) end();
      };
      window.addEventListener("message", hear);
      dialog.addEventListener("cancel", async (event) => {
        event.preventDefault();
        const body = new URLSearchParams({ outcome: "fail", framed: "1" });
        await fetch(url, { method: "POST", mode: "no-cors", body }).catch(() => null);
        end();
      });
    });
  }

  class StripeClient {
    constructor(key) {
      if (!/^pk_/.test(key || "")) throw new IntegrationError("Please call Stripe() with your publishable key.");
      this.key = key;
    }

    elements(options) { return new Elements(this.key, options); }

    async retrievePaymentIntent(clientSecret) {
      const query = new URLSearchParams({ key: this.key, client_secret: clientSecret });
      try {
        const id = encodeURIComponent(clientSecret.split("_secret_")[0]);
        const answer = await (await fetch(`${origin}/v1/payment_intents/${id}?${query}`)).json();
        return answer.error ? { error: answer.error } : { paymentIntent: answer };
      } catch (failure) {
        return unreachable();
      }
    }

    async handleNextAction({ clientSecret }) {
      const { paymentIntent, error } = await this.retrievePaymentIntent(clientSecret);
      return error ? { error } : this.follow(paymentIntent);
    }

    async follow(intent) {
      const next = intent.next_action;
      if (intent.status !== "requires_action" || !next) return { paymentIntent: intent };
      if (next.type === "redirect_to_url") {
        window.location.assign(next.redirect_to_url.url);
        return new Promise(() => {});
      }
      await challenge(next.use_stripe_sdk.stripe_js);
      const { paymentIntent, error } = await this.retrievePaymentIntent(intent.client_secret);
      if (error) return { error };
      const problem = paymentIntent.last_payment_error;
      return problem ? { error: { ...problem, payment_intent: paymentIntent } } : { paymentIntent };
    }

    async confirmPayment({ elements, clientSecret, confirmParams = {}, redirect = "always" }) {
      const element = elements.mounted();
      const returnUrl = confirmParams.return_url;
      if (redirect !== "if_required" && !returnUrl) {
        throw new IntegrationError('confirmPayment() needs confirmParams.return_url unless redirect is "if_required".');
      }
      const secret = clientSecret || elements.options.clientSecret;
      let outcome = await element.ask("confirm", { key: this.key, clientSecret: secret, returnUrl });
      if (!outcome.error) outcome = await this.follow(outcome.paymentIntent);
      if (outcome.error || redirect === "if_required") return outcome;
      const target = new URL(returnUrl);
      target.searchParams.set("payment_intent", outcome.paymentIntent.id);
      target.searchParams.set("payment_intent_client_secret", secret);
      target.searchParams.set("redirect_status", "succeeded");
      window.location.assign(target);
      return new Promise(() => {});
    }
  }

  window.Stripe = (key) => new StripeClient(key);
  window.Stripe.version = "sandbox";
})();
