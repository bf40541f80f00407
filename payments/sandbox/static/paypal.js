// The part of PayPal's JavaScript that runs on the shop's page: the button and the window it opens.
// It styles through the CSSOM alone; a nonce in data-csp-nonce is therefore accepted and not needed.
"use strict";
(() => {
  const origin = new URL(document.currentScript.src).origin;
  const COLORS = {
    gold: ["#ffc439", "#111111", "#f2ba36"], blue: ["#0054a6", "#ffffff", "#00468b"],
    silver: ["#eeeeee", "#111111", "#dddddd"], white: ["#ffffff", "#111111", "#f5f5f5"],
    black: ["#2c2e2f", "#ffffff", "#111111"],
  };
  const LABELS = { paypal: "PayPal", pay: "Pay with PayPal", checkout: "PayPal Checkout", buynow: "Buy now with PayPal" };
  const WINDOW = "popup,width=500,height=720";
  const CLOSED_CHECK = 300;
  const READY_PATIENCE = 5000;

  function makeButton({ color, shape, label, height } = {}) {
    const [background, text, hover] = COLORS[color] || COLORS.gold;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = LABELS[label] || LABELS.pay;
    Object.assign(button.style, {
      display: "block", boxSizing: "border-box", width: "100%", minHeight: `${Math.max(44, Number(height) || 48)}px`,
      padding: "8px 16px", border: `1px solid ${color === "white" ? "#555555" : background}`, cursor: "pointer",
      borderRadius: shape === "pill" ? "999px" : "4px", background, color: text, font: "inherit", fontWeight: "600",
    });
    button.addEventListener("pointerenter", () => { button.style.background = hover; });
    button.addEventListener("pointerleave", () => { button.style.background = background; });
    return button;
  }

  async function statusOf(orderID) {
    const response = await fetch(`${origin}/sdk/orders/${encodeURIComponent(orderID)}`);
    return response.json();
  }

  // Answers what the buyer decided: the window's own message, or what the order says once the window is closed.
  function decision(popup, orderID) {
    return new Promise((resolve) => {
      const end = (answer) => {
        window.removeEventListener("message", hear);
        clearInterval(watch);
        resolve(answer);
      };
      const hear = (event) => {
        const told = event.data;
        if (event.origin === origin && told?.source === "paypal" && told.orderID === orderID) end(told);
      };
      const watch = setInterval(async () => {
        if (!popup.closed) return;
        clearInterval(watch);
        const order = await statusOf(orderID).catch(() => ({}));
        end({ approved: ["APPROVED", "COMPLETED"].includes(order.status), orderID, payerID: order.payerID });
      }, CLOSED_CHECK);
      window.addEventListener("message", hear);
    });
  }

  // A window that is sent elsewhere while it is still loading may stay behind: it says when it is ready.
  function isReady(popup) {
    return new Promise((resolve) => {
      const hear = ({ source, data }) => {
        if (source !== popup || data?.source !== "paypal-ready") return;
        window.removeEventListener("message", hear);
        resolve();
      };
      window.addEventListener("message", hear);
      setTimeout(resolve, READY_PATIENCE);
    });
  }

  function Buttons(options = {}) {
    const button = makeButton(options.style);
    let popup = null;
    let ready = null;
    let isBusy = false;

    function fail(error) {
      if (options.onError) options.onError(error);
      else throw error;
    }

    async function ask(orderID) {
      const query = new URLSearchParams({ token: orderID });
      if (!popup || popup.closed) {
        window.location.assign(`${origin}/checkoutnow?${query}`); // no window allowed: the page itself goes there
        return new Promise(() => {});
      }
      query.set("opener", window.location.origin);
      await ready;
      popup.location.replace(`${origin}/checkoutnow?${query}`);
      const { approved, payerID } = await decision(popup, orderID);
      popup.close();
      const actions = {
        redirect: (url) => window.location.assign(url),
        restart: () => { open(); return ask(orderID); },
      };
      if (approved) return options.onApprove?.({ orderID, payerID, paymentSource: "paypal" }, actions);
      return options.onCancel?.({ orderID }, actions);
    }

    function open() {
      popup = window.open(`${origin}/sdk/wait`, "paypal_checkout", WINDOW);
      ready = isReady(popup);
    }

    async function press() {
      if (isBusy) {
        popup?.focus();
        return;
      }
      isBusy = true;
      button.setAttribute("aria-busy", "true");
      open(); // at once, while the browser still counts it as the buyer's own click
      try {
        await ask(await options.createOrder({ paymentSource: "paypal" }, {}));
      } catch (error) {
        popup?.close();
        fail(error);
      } finally {
        isBusy = false;
        button.removeAttribute("aria-busy");
      }
    }

    button.addEventListener("click", press);
    return {
      isEligible: () => true,
      close: async () => button.remove(),
      render: async (target) => {
        const node = typeof target === "string" ? document.querySelector(target) : target;
        if (!node) throw new Error(`Document is ready and element ${target} does not exist`);
        node.append(button);
        options.onInit?.({}, { enable: () => { button.disabled = false; }, disable: () => { button.disabled = true; } });
      },
    };
  }

  window.paypal = { Buttons, FUNDING: { PAYPAL: "paypal" }, version: "sandbox" };
})();
