// The card fields inside the frame. Card data goes from here to the sandbox and nowhere else.
"use strict";
(() => {
  const field = (id) => document.getElementById(id);
  const digits = (id) => field(id).value.replace(/\D/g, "");
  const isAmex = () => /^3[47]/.test(digits("number"));
  let port = null;

  const passesLuhn = (number) => {
    let sum = 0;
    [...number].reverse().forEach((digit, place) => {
      const value = Number(digit) * (place % 2 ? 2 : 1);
      sum += value > 9 ? value - 9 : value;
    });
    return sum % 10 === 0;
  };

  function expiry() {
    const text = digits("expiry");
    const year = text.length === 6 ? text.slice(2) : `20${text.slice(2, 4)}`;
    return { month: Number(text.slice(0, 2)), year: Number(year), isWhole: text.length === 4 || text.length === 6 };
  }

  function isPast({ month, year }) {
    const now = new Date();
    return year < now.getFullYear() || (year === now.getFullYear() && month < now.getMonth() + 1);
  }

  // Each check answers null or [code, message].
  const checks = {
    number() {
      const number = digits("number");
      if (number.length < (isAmex() ? 15 : 16)) return ["incomplete_number", "Your card number is incomplete."];
      return passesLuhn(number) ? null : ["invalid_number", "Your card number is invalid."];
    },
    expiry() {
      const date = expiry();
      if (!date.isWhole) return ["incomplete_expiry", "Your card’s expiration date is incomplete."];
      if (date.month < 1 || date.month > 12) {
        return ["invalid_expiry_month", "Your card’s expiration month is invalid."];
      }
      return isPast(date) ? ["invalid_expiry_year_past", "Your card’s expiration date is in the past."] : null;
    },
    cvc() {
      const isShort = digits("cvc").length < (isAmex() ? 4 : 3);
      return isShort ? ["incomplete_cvc", "Your card’s security code is incomplete."] : null;
    },
  };

  function show(id, problem) {
    field(`${id}-error`).textContent = problem ? problem[1] : "";
    if (problem) field(id).setAttribute("aria-invalid", "true");
    else field(id).removeAttribute("aria-invalid");
  }

  // The first problem, shown beside every field that has one, with the focus on it.
  function validate() {
    let first = null;
    for (const id of Object.keys(checks)) {
      const problem = checks[id]();
      show(id, problem);
      if (problem && !first) {
        first = { type: "validation_error", code: problem[0], message: problem[1] };
        focus(field(id));
      }
    }
    return first;
  }

  // This frame may hear only after it took the focus that the press before had taken it away.
  function focus(input) {
    input.focus();
    window.addEventListener("blur", () => setTimeout(() => input.focus()), { once: true, signal: AbortSignal.timeout(500) });
  }

  const layouts = {
    number: () => {
      const groups = isAmex() ? /(\d{1,4})(\d{1,6})?(\d{1,5})?.*/ : /(\d{1,4})(\d{1,4})?(\d{1,4})?(\d{1,7})?.*/;
      return (digits("number").match(groups) || []).slice(1).filter(Boolean).join(" ");
    },
    expiry: () => {
      let text = digits("expiry");
      if (/^[2-9]/.test(text)) text = `0${text}`;
      return text.length >= 2 ? `${text.slice(0, 2)} / ${text.slice(2)}` : text;
    },
    cvc: () => digits("cvc"),
  };

  function changed(event) {
    const input = event.target;
    const isTypedAtEnd = input.selectionStart === input.value.length;
    if (isTypedAtEnd && !(event.inputType || "").startsWith("delete")) input.value = layouts[input.id]();
    if (input.hasAttribute("aria-invalid")) show(input.id, checks[input.id]());
    const ids = Object.keys(checks);
    tell("change", {
      complete: ids.every((id) => !checks[id]()),
      empty: ids.every((id) => !field(id).value),
      collapsed: false,
      value: { type: "card" },
    });
  }

  function dress({ theme, variables = {}, scheme }) {
    const root = document.documentElement;
    root.dataset.theme = theme || "stripe";
    root.style.colorScheme = scheme;
    for (const [name, value] of Object.entries(variables)) root.style.setProperty(`--${name}`, value);
  }

  async function call(path, parameters, method) {
    const body = new URLSearchParams(parameters);
    const response = method === "POST"
      ? await fetch(path, { method, body })
      : await fetch(`${path}?${body}`);
    return response.json();
  }

  const address = (clientSecret) => `/v1/payment_intents/${encodeURIComponent(clientSecret.split("_secret_")[0])}`;

  async function confirm({ key, clientSecret, returnUrl }) {
    const error = validate();
    if (error) return { error };
    const { month, year } = expiry();
    const answer = await call(`${address(clientSecret)}/confirm`, {
      key,
      client_secret: clientSecret,
      use_stripe_sdk: "true",
      ...(returnUrl ? { return_url: returnUrl } : {}),
      "payment_method_data[type]": "card",
      "payment_method_data[card][number]": digits("number"),
      "payment_method_data[card][exp_month]": month,
      "payment_method_data[card][exp_year]": year,
      "payment_method_data[card][cvc]": digits("cvc"),
    }, "POST");
    return answer.error ? { error: answer.error } : { paymentIntent: answer };
  }

  async function check({ key, clientSecret }) {
    const answer = await call(address(clientSecret), { key, client_secret: clientSecret }, "GET");
    return answer.error ? { error: answer.error } : {};
  }

  const tasks = {
    check,
    confirm,
    validate: () => { const error = validate(); return error ? { error } : {}; },
    appearance: (appearance) => { dress(appearance); return {}; },
    focus: () => { focus(field("number")); return {}; },
    clear: () => { Object.keys(checks).forEach((id) => { field(id).value = ""; show(id, null); }); return {}; },
  };

  function tell(type, detail) {
    if (port) port.postMessage({ type, detail });
  }

  async function work(event) {
    const { id, task, data } = event.data;
    let result;
    try {
      result = await tasks[task](data);
    } catch (failure) {
      result = { error: { type: "api_connection_error", message: "We could not reach the payment provider." } };
    }
    port.postMessage({ type: "done", id, result });
  }

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || port || event.data?.type !== "stripe-open") return;
    port = event.ports[0];
    port.onmessage = work;
    dress(event.data.appearance);
    new ResizeObserver(() => tell("height", document.body.scrollHeight)).observe(document.body);
    tell("open", {});
  });

  for (const id of Object.keys(checks)) {
    field(id).addEventListener("input", changed);
    field(id).addEventListener("focus", () => tell("focus", {}));
    field(id).addEventListener("blur", () => {
      tell("blur", {});
      if (field(id).value) show(id, checks[id]());
    });
    field(id).addEventListener("keydown", (event) => {
      if (event.key === "Enter") tell("enter", {});
      if (event.key === "Escape") tell("escape", {});
    });
  }
})();
