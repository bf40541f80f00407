// The window that waits for an order: the shop's script sends it on once it is there.
"use strict";
window.opener?.postMessage({ source: "paypal-ready" }, "*");
