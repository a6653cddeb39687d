// Lets visitors subscribe to web push. es('pushOn') asks them: at once where they have just clicked something, else by a
// small question of the page, since browsers refuse, and visitors forbid, what they are asked out of the blue.
// es('getPushToken', callback) tells their address or ''; es('pushOff') ends the subscription of this browser.
(function (window, document, navigator) {
  'use strict';
  var settings = /*SETTINGS*/ {};
  // Shared with the service worker (push_worker.js).
  var STORE = 'syncom-push';
  var SUBSCRIBED = '/syncom-push/subscribed';
  var DECLINED = 'syncom_push_declined';
  var DECLINED_FOR = 14 * 24 * 60 * 60 * 1000;
  // A browser that cannot reach the push service of its maker may never answer.
  var PATIENCE = 30 * 1000;
  var possible = 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;
  var shown = null;

  function keyBytes(text) {
    var base64 = (text + '==='.slice((text.length + 3) % 4)).replace(/-/g, '+').replace(/_/g, '/');
    return Uint8Array.from(window.atob(base64), function (character) { return character.charCodeAt(0); });
  }

  function keyText(bytes) {
    var text = window.btoa(String.fromCharCode.apply(null, new Uint8Array(bytes)));
    return text.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  }

  function visitor() {
    var found = ('; ' + document.cookie).split('; sc=')[1];
    return found === undefined ? '' : decodeURIComponent(found.split(';')[0]);
  }

  function report(error) { if (window.console) { console.warn(error); } }

  function inTime(promise) {
    return Promise.race([promise, new Promise(function (resolve, reject) {
      window.setTimeout(function () { reject(new Error('the push service of this browser does not answer')); }, PATIENCE);
    })]);
  }

  // ---------------------------------------------------------------- the subscription

  function remembered() {
    return window.caches.open(STORE).then(function (store) { return store.match(SUBSCRIBED); })
      .then(function (kept) { return kept ? kept.json() : {}; }).catch(function () { return {}; });
  }

  function remember(what) {
    return window.caches.open(STORE).then(function (store) {
      return store.put(SUBSCRIBED, new Response(JSON.stringify(what)));
    }).catch(report);
  }

  // Told again only when something has changed: the address, the visitor, the key.
  function store(subscription) {
    var now = { endpoint: subscription.endpoint, visitor: visitor(), key: settings.key };
    return remembered().then(function (old) {
      if (old.endpoint === now.endpoint && old.visitor === now.visitor && old.key === now.key) { return subscription; }
      return window.fetch(settings.collector, {
        method: 'POST', credentials: 'omit', headers: { 'Content-Type': 'text/plain;charset=UTF-8' },
        body: JSON.stringify({
          pushId: settings.push, sc: now.visitor, subscription: subscription, previous: old.endpoint || ''
        })
      }).then(function (answer) { return answer.ok ? remember(now) : undefined; }).then(function () { return subscription; });
    });
  }

  function isOfKey(subscription) {
    var key = subscription.options && subscription.options.applicationServerKey;
    return !key || keyText(key) === settings.key;
  }

  function subscribe() {
    return navigator.serviceWorker.register(settings.worker, { scope: settings.scope }).then(function (registration) {
      var manager = registration.pushManager;
      function anew() {
        return manager.subscribe({ userVisibleOnly: true, applicationServerKey: keyBytes(settings.key) });
      }
      return ready(registration).then(function () { return manager.getSubscription(); }).then(function (subscription) {
        if (subscription && isOfKey(subscription)) { return subscription; }
        // One of another key takes nothing of ours.
        return inTime(subscription ? subscription.unsubscribe().then(anew) : anew());
      }).then(store).then(function () {
        if (registration.active) { registration.active.postMessage(STORE); }
      });
    });
  }

  // A worker that has just been registered has to be active before it may subscribe.
  function ready(registration) {
    var worker = registration.installing || registration.waiting;
    if (registration.active || !worker) { return Promise.resolve(); }
    return inTime(new Promise(function (resolve, reject) {
      worker.addEventListener('statechange', function () {
        if (worker.state === 'activated') { resolve(); }
        if (worker.state === 'redundant') { reject(new Error('the service worker could not start')); }
      });
    }));
  }

  function current() {
    return navigator.serviceWorker.getRegistration(settings.scope).then(function (registration) {
      return registration ? registration.pushManager.getSubscription() : null;
    });
  }

  function end() {
    return current().then(function (subscription) { return subscription ? subscription.unsubscribe() : false; })
      .then(function () { return window.caches.open(STORE); })
      .then(function (store) { return store.delete(SUBSCRIBED); });
  }

  // ---------------------------------------------------------------- asking

  function askBrowser() {
    return Notification.requestPermission().then(function (answer) {
      return answer === 'granted' ? subscribe() : undefined;
    });
  }

  function isDeclined() {
    try { return Date.now() - Number(window.localStorage.getItem(DECLINED) || 0) < DECLINED_FOR; } catch (error) { return false; }
  }

  function decline() {
    try { window.localStorage.setItem(DECLINED, String(Date.now())); } catch (error) { /* asked again by the next page */ }
  }

  function words(given) {
    var languages = [document.documentElement.lang].concat(navigator.languages || [navigator.language]);
    var found = null;
    languages.some(function (language) {
      found = settings.words[String(language || '').toLowerCase().split('-')[0]];
      return found;
    });
    found = found || settings.words.en;
    return {
      text: String((given && given.text) || found.text.replace('{site}', location.hostname)),
      allow: String((given && given.allow) || found.allow), later: String((given && given.later) || found.later)
    };
  }

  // Built without inline styles and markup, which a Content-Security-Policy may forbid.
  function element(name, styles, text) {
    var made = document.createElement(name);
    Object.keys(styles).forEach(function (key) { made.style[key] = styles[key]; });
    if (text) { made.textContent = text; }
    return made;
  }

  function button(text, styles, clicked) {
    var made = element('button', Object.assign({
      font: 'inherit', padding: '10px 18px', border: '0', borderRadius: '8px', cursor: 'pointer', minHeight: '44px'
    }, styles), text);
    made.type = 'button';
    made.addEventListener('click', function () {
      take();
      clicked();
    });
    return made;
  }

  function take() {
    if (shown) { shown.remove(); }
    shown = null;
    document.removeEventListener('keydown', escape);
  }

  function escape(event) {
    if (event.key === 'Escape') {
      take();
      decline();
    }
  }

  function askPage(given) {
    var said = words(given);
    if (shown || isDeclined()) { return; }
    shown = element('div', {
      position: 'fixed', zIndex: '2147483000', left: '16px', right: '16px', bottom: '16px', maxWidth: '420px',
      margin: '0 auto', padding: '16px', boxSizing: 'border-box', borderRadius: '12px', font: '16px/1.4 system-ui, sans-serif',
      background: '#ffffff', color: '#1f2328', boxShadow: '0 8px 32px rgba(0, 0, 0, .3)'
    });
    shown.setAttribute('role', 'dialog');
    shown.setAttribute('aria-label', said.text);
    shown.appendChild(element('p', { margin: '0 0 12px' }, said.text));
    var buttons = element('div', { display: 'flex', flexWrap: 'wrap', gap: '8px', justifyContent: 'flex-end' });
    buttons.appendChild(button(said.later, { background: 'transparent', color: '#1f2328' }, decline));
    buttons.appendChild(button(said.allow, { background: '#1f57c3', color: '#ffffff' }, function () {
      askBrowser().catch(report);
    }));
    shown.appendChild(buttons);
    document.body.appendChild(shown);
    document.addEventListener('keydown', escape);
  }

  function on(given) {
    var clicked = navigator.userActivation && navigator.userActivation.isActive;
    if (Notification.permission === 'granted') {
      subscribe().catch(report);
    } else if (Notification.permission === 'default' && clicked) {
      take();
      askBrowser().catch(report);
    } else if (Notification.permission === 'default') {
      whenThere(function () { askPage(given); });
    }
  }

  function whenThere(run) {
    if (document.body) { run(); } else { document.addEventListener('DOMContentLoaded', run); }
  }

  var commands = {
    pushOn: function (given) { if (possible) { on(given); } },
    pushOff: function () { if (possible) { end().catch(report); } },
    getPushToken: function (callback) {
      if (typeof callback !== 'function') { return; }
      (possible ? current() : Promise.resolve(null))
        .then(function (subscription) { callback(subscription ? subscription.endpoint : ''); })
        .catch(report);
    }
  };

  var me = document.currentScript;
  var before = (window.es && window.es.q) || [];
  window.es = function (command, argument) {
    if (Object.prototype.hasOwnProperty.call(commands, command)) { commands[command](argument); }
  };
  Array.prototype.forEach.call(before, function (call) { window.es.apply(null, call); });
  // A site with a button of its own has data-wait: nobody is asked before it is clicked.
  var waits = me && me.hasAttribute('data-wait');
  if (!waits || (possible && Notification.permission === 'granted')) { window.es('pushOn'); }
})(window, document, navigator);
