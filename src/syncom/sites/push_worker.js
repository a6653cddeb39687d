// The service worker of web push. A site serves it itself, imports it from here, or hands the request on to here.
(function (self) {
  'use strict';
  var settings = /*SETTINGS*/ {};
  // One store for what the pages' script and this worker remember; its keys are addresses.
  var STORE = 'syncom-push';
  var SUBSCRIBED = '/syncom-push/subscribed';
  var DAY = 24 * 60 * 60 * 1000;
  var UNTOLD_LIMIT = 50;

  function post(address, body) {
    // Text, so that the browser need not ask first.
    return self.fetch(address, {
      method: 'POST', body: body, credentials: 'omit', keepalive: true,
      headers: { 'Content-Type': 'text/plain;charset=UTF-8' }
    }).then(function (answer) {
      if (answer.status === 429 || answer.status >= 500) { throw new Error('answered ' + answer.status); }
    });
  }

  function silently() { /* tried again at the next occasion */ }

  // ---------------------------------------------------------------- telling what became of a notification

  function tell(notification, what) {
    var told = notification.data && notification.data.told;
    if (!told) { return Promise.resolve(); }
    var address = told + '/' + what;
    var moment = String(Date.now());
    return post(address, moment).catch(function () { return keep(address, moment); });
  }

  // Without a network it is told later: with the next notification, click or page, or when the browser says so.
  function keep(address, moment) {
    return self.caches.open(STORE).then(function (store) {
      return store.keys().then(function (known) {
        var oldest = known.filter(isUntold).slice(0, Math.max(0, known.length - UNTOLD_LIMIT));
        return Promise.all(oldest.map(function (request) { return store.delete(request); }));
      }).then(function () { return store.put(address, new Response(moment)); });
    }).then(function () {
      return self.registration.sync && self.registration.sync.register(STORE);
    }).catch(silently);
  }

  function isUntold(request) { return request.url.slice(-SUBSCRIBED.length) !== SUBSCRIBED; }

  function tellUntold() {
    return self.caches.open(STORE).then(function (store) {
      return store.keys().then(function (requests) {
        return Promise.all(requests.filter(isUntold).map(function (request) {
          return store.match(request).then(function (kept) { return kept.text(); }).then(function (moment) {
            // Whoever takes it away tells it, so that two events at once do not tell it twice.
            return store.delete(request).then(function (mine) {
              if (!mine || Date.now() - Number(moment) > DAY) { return undefined; }
              return post(request.url, moment).catch(function () { return keep(request.url, moment); });
            });
          });
        }));
      });
    }).catch(silently);
  }

  // ---------------------------------------------------------------- notifications

  self.addEventListener('push', function (event) {
    var message = {};
    try { message = Object((event.data && event.data.json()) || {}); } catch (error) { message = { body: event.data.text() }; }
    var actions = Array.isArray(message.actions) ? message.actions : [];
    var urls = {};
    actions.forEach(function (action) { urls[action.action] = action.url; });
    var shown = { data: { url: message.url, urls: urls, told: message.told } };
    event.waitUntil(self.registration.showNotification(message.title || '', {
      body: message.body || '', icon: message.icon, image: message.image, tag: message.tag,
      requireInteraction: message.requireInteraction === true,
      actions: actions.map(function (action) { return { action: action.action, title: action.title }; }),
      data: shown.data
    }).then(function () { return Promise.all([tell(shown, 'shown'), tellUntold()]); }));
  });

  self.addEventListener('notificationclick', function (event) {
    var notification = event.notification;
    notification.close();
    var data = notification.data || {};
    var url = (data.urls && data.urls[event.action]) || data.url;
    // A link counts where it leads through; a click that leads nowhere is told, and shows the site.
    var opened = self.clients.openWindow(url || self.registration.scope);
    event.waitUntil(Promise.all([opened, url ? undefined : tell(notification, 'clicked'), tellUntold()]));
  });

  self.addEventListener('notificationclose', function (event) {
    event.waitUntil(Promise.all([tell(event.notification, 'closed'), tellUntold()]));
  });

  self.addEventListener('sync', function (event) {
    if (event.tag === STORE) { event.waitUntil(tellUntold()); }
  });

  self.addEventListener('message', function (event) {
    if (event.data === STORE) { event.waitUntil(tellUntold()); }
  });

  // ---------------------------------------------------------------- the subscription

  function keyBytes(text) {
    var base64 = (text + '==='.slice((text.length + 3) % 4)).replace(/-/g, '+').replace(/_/g, '/');
    return Uint8Array.from(self.atob(base64), function (character) { return character.charCodeAt(0); });
  }

  function remembered(store) {
    return store.match(SUBSCRIBED).then(function (kept) { return kept ? kept.json() : {}; }).catch(function () { return {}; });
  }

  // The browser has, or wants, a new address: whoever had the old one has it.
  self.addEventListener('pushsubscriptionchange', function (event) {
    if (!settings.push) { return; }
    event.waitUntil(Promise.all([
      self.caches.open(STORE),
      event.newSubscription || self.registration.pushManager.getSubscription()
    ]).then(function (found) {
      var store = found[0];
      return Promise.all([remembered(store), found[1] || self.registration.pushManager.subscribe({
        userVisibleOnly: true, applicationServerKey: keyBytes(settings.key)
      })]).then(function (both) {
        var old = both[0];
        var subscription = both[1];
        var previous = old.endpoint || (event.oldSubscription && event.oldSubscription.endpoint) || '';
        return post(settings.collector, JSON.stringify({
          pushId: settings.push, sc: old.visitor || '', subscription: subscription, previous: previous
        })).then(function () {
          var now = { endpoint: subscription.endpoint, visitor: old.visitor || '', key: settings.key };
          return store.put(SUBSCRIBED, new Response(JSON.stringify(now)));
        });
      });
    // Where that fails, the script of the pages does it at the next visit.
    }).catch(silently));
  });

  self.addEventListener('activate', function (event) { event.waitUntil(tellUntold()); });
})(self);
