// Reports what happens on the pages of a site. Nothing is stored or sent before the page begins (`init`), nor before the
// visitor has agreed where they are asked, nor ever where their browser says that they do not want it.
(function (window, document) {
  'use strict';
  var settings = /*SETTINGS*/ {};
  var COOKIE = 'sc';
  var CART = 'sc_cart';
  var UNSENT = 'sc_unsent';
  var AGREED = 'sc_agreed';
  var YEAR = 365 * 24 * 60 * 60;
  var DAY = 24 * 60 * 60 * 1000;
  var QUEUE_LIMIT = 100;
  var UNSENT_LIMIT = 50;
  var refused = navigator.globalPrivacyControl === true || navigator.doNotTrack === '1' || window.doNotTrack === '1';
  var started = false;
  var allowed = !settings.strict;
  var waiting = [];
  var person = {};
  var page = null;

  // ---------------------------------------------------------------- what is kept in the browser

  function readCookie(name) {
    var found = ('; ' + document.cookie).split('; ' + name + '=')[1];
    return found === undefined ? '' : decodeURIComponent(found.split(';')[0]);
  }

  function writeCookie(name, value, seconds) {
    document.cookie = name + '=' + encodeURIComponent(value) + '; path=/; max-age=' + seconds + '; SameSite=Lax' +
      (location.protocol === 'https:' ? '; Secure' : '');
  }

  // Storage may be full, or closed to this page.
  function load(name, otherwise) {
    try { return JSON.parse(window.localStorage.getItem(name)) || otherwise; } catch (error) { return otherwise; }
  }

  function keep(name, value) {
    try { window.localStorage.setItem(name, JSON.stringify(value)); } catch (error) { /* lives as long as the page */ }
  }

  function forget() {
    waiting = [];
    person = {};
    writeCookie(COOKIE, '', 0);
    [CART, UNSENT, AGREED].forEach(function (name) {
      try { window.localStorage.removeItem(name); } catch (error) { /* nothing was kept */ }
    });
  }

  function randomId() {
    var bytes = window.crypto.getRandomValues(new Uint8Array(16));
    return Array.prototype.map.call(bytes, function (byte) { return (256 + byte).toString(16).slice(1); }).join('');
  }

  function visitor() {
    var id = readCookie(COOKIE) || randomId();
    writeCookie(COOKIE, id, YEAR);
    return id;
  }

  // ---------------------------------------------------------------- sending

  function remember(data) {
    var given = (data && (data.CustomerData || data.GeneralInfo)) || {};
    ['externalCustomerId', 'user_email', 'user_phone', 'user_name'].forEach(function (name) {
      if (given[name]) { person[name] = String(given[name]); }
    });
  }

  function report(event) {
    var info = {
      eventName: event.name,
      eventId: event.id,
      siteId: settings.site,
      datetime: event.at,
      location: event.location,
      cookies: { sc: visitor() }
    };
    Object.keys(person).forEach(function (name) { info[name] = person[name]; });
    var body = { GeneralInfo: info };
    Object.keys(event.data || {}).forEach(function (name) {
      if (name !== 'GeneralInfo') { body[name] = event.data[name]; }
    });
    return { id: event.id, at: event.at, body: JSON.stringify(body) };
  }

  // What could not be sent is sent by a later page; each report has an id, so that none counts twice.
  function keepUnsent(one) {
    var now = Date.now();
    var unsent = load(UNSENT, []).filter(function (old) { return old.id !== one.id && now - old.at < DAY; });
    unsent.push(one);
    keep(UNSENT, unsent.slice(-UNSENT_LIMIT));
  }

  function post(one) {
    // Text, so that the browser need not ask first; kept alive, so that leaving the page loses nothing.
    window.fetch(settings.collector, {
      method: 'POST', body: one.body, headers: { 'Content-Type': 'text/plain;charset=UTF-8' },
      credentials: 'omit', keepalive: true
    }).then(function (answer) {
      if (answer.status >= 500 || answer.status === 429) { keepUnsent(one); }
    }).catch(function () {
      // Too much at once for a request that is kept alive, or nobody can be reached.
      if (!(navigator.onLine && navigator.sendBeacon && navigator.sendBeacon(settings.collector, one.body))) {
        keepUnsent(one);
      }
    });
  }

  // A link of a message may say behind `#` whose message it was (sites/landing.py). Nobody else needs to see it: it is taken
  // out of the address before anything is reported, also where it is not used.
  function takeClick() {
    var found = /^#syncom=([\w-]{20,1000})$/.exec(location.hash);
    if (!found) { return; }
    window.history.replaceState(window.history.state, '', location.href.split('#')[0]);
    if (!person.token) { person.token = found[1]; }
    queue('CustomerData', {});
  }

  function flush() {
    if (!started || !allowed || refused) { return; }
    var unsent = load(UNSENT, []);
    if (unsent.length) {
      keep(UNSENT, []);
      unsent.forEach(post);
    }
    waiting.splice(0).forEach(function (event) { post(report(event)); });
  }

  function queue(name, data) {
    if (refused || typeof name !== 'string' || !name || waiting.length >= QUEUE_LIMIT) { return; }
    remember(data);
    waiting.push({ name: name, data: data, id: randomId(), at: Date.now(), location: location.href });
    flush();
  }

  // ---------------------------------------------------------------- pages and carts

  function viewPage() {
    var address = location.href.split('#')[0];
    if (address === page) { return; }
    var referrer = page === null ? document.referrer : page;
    page = address;
    // The application sets its title after it has changed the address.
    window.setTimeout(function () {
      queue('PageView', { PageView: { location: address, title: document.title, referrer: referrer } });
    }, 0);
  }

  function watchPages() {
    viewPage();
    ['pushState', 'replaceState'].forEach(function (name) {
      var original = window.history[name];
      window.history[name] = function () {
        var result = original.apply(this, arguments);
        viewPage();
        return result;
      };
    });
    window.addEventListener('popstate', viewPage);
  }

  // The cart of this browser, until the visitor agrees for this page alone.
  var cart = null;

  function currentCart() {
    cart = cart || (allowed && !refused && load(CART, null)) || { GUID: randomId(), Products: [] };
    return cart;
  }

  function changeCart(products, rest) {
    var next = { GUID: currentCart().GUID, currencyCode: cart.currencyCode, cartUrl: cart.cartUrl };
    Object.keys(rest || {}).forEach(function (name) { next[name] = rest[name]; });
    next.Products = products;
    cart = next;
    if (allowed && !refused) { keep(CART, cart); }
    queue('StatusCart', { StatusCart: JSON.parse(JSON.stringify(cart)) });
  }

  function idOf(product) { return String(product.productId || product.productKey || ''); }

  var commands = {
    init: function (options) {
      var wanted = options || {};
      if (wanted.CONSENT) { allowed = false; }
      if (wanted.consent === true || load(AGREED, false) === true) { allowed = true; }
      var first = !started;
      started = true;
      flush();
      if (first && wanted.pages) { watchPages(); }
    },
    consent: function (given) {
      allowed = Boolean(given) && !refused;
      if (!allowed) {
        forget();
        cart = null;
        return;
      }
      keep(AGREED, true);
      if (cart) { keep(CART, cart); }
      flush();
    },
    sendEvent: queue,
    track: queue,
    pageView: function () { page = null; viewPage(); },
    productView: function (product) { queue('ProductPage', { ProductPage: product }); },
    cart: function (state) {
      var rest = {};
      Object.keys(state).forEach(function (name) { if (name !== 'products' && name !== 'id') { rest[name] = state[name]; } });
      if (state.id) { rest.GUID = String(state.id); }
      changeCart(state.products || [], rest);
    },
    cartAdd: function (product) {
      var more = Number(product.quantity || 1);
      var found = false;
      var products = currentCart().Products.map(function (one) {
        if (idOf(one) !== idOf(product)) { return one; }
        found = true;
        var changed = {};
        [one, product].forEach(function (from) {
          Object.keys(from).forEach(function (name) { changed[name] = from[name]; });
        });
        changed.quantity = Number(one.quantity || 1) + more;
        return changed;
      });
      changeCart(found ? products : products.concat([product]));
    },
    cartRemove: function (id, quantity) {
      changeCart(currentCart().Products.map(function (one) {
        if (idOf(one) !== String(id)) { return one; }
        var changed = {};
        Object.keys(one).forEach(function (name) { changed[name] = one[name]; });
        changed.quantity = quantity ? Number(one.quantity || 1) - Number(quantity) : 0;
        return changed;
      }).filter(function (one) { return Number(one.quantity === undefined ? 1 : one.quantity) > 0; }));
    },
    ordered: function (order) {
      queue('PurchasedItems', {
        TrackedOrderId: currentCart().GUID,
        PurchasedItems: { Products: order.products || cart.Products, OrderNumber: String(order.number || '') }
      });
      cart = { GUID: randomId(), Products: [] };
      if (allowed && !refused) { keep(CART, cart); }
    },
    identify: function (token) {
      person = { token: String(token) };
      queue('CustomerData', {});
    }
  };

  // ---------------------------------------------------------------- calls of the page

  function run(call) {
    // The page's stub keeps the arguments of a call inside the arguments of another one.
    var args = Array.prototype.slice.call(call.length === 1 && typeof call[0] === 'object' ? call[0] : call);
    var command = commands[args.shift()];
    if (command) {
      try { command.apply(null, args); } catch (error) { if (window.console) { console.error(error); } }
    }
  }

  var me = document.currentScript;
  var before = ((window.eS && window.eS.q) || []).concat((window.syncom && window.syncom.q) || []);
  window.syncom = window.eS = function () { run(arguments); };
  if (me && me.hasAttribute('data-init')) { run(['init', { pages: me.hasAttribute('data-pages') }]); }
  takeClick();
  before.forEach(run);
  window.addEventListener('online', flush);
})(window, document);
