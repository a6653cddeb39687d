// Lets visitors subscribe to web push: es('pushOn') asks them, es('getPushToken', callback) tells their address or ''.
(function (window, navigator) {
  'use strict';
  var settings = /*SETTINGS*/ {};
  var possible = 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;

  function keyBytes(text) {
    var base64 = (text + '==='.slice((text.length + 3) % 4)).replace(/-/g, '+').replace(/_/g, '/');
    return Uint8Array.from(window.atob(base64), function (character) { return character.charCodeAt(0); });
  }

  function visitor() {
    var found = ('; ' + document.cookie).split('; sc=')[1];
    return found === undefined ? '' : decodeURIComponent(found.split(';')[0]);
  }

  function store(subscription) {
    return window.fetch(settings.collector, {
      method: 'POST', credentials: 'omit', headers: { 'Content-Type': 'text/plain;charset=UTF-8' },
      body: JSON.stringify({ pushId: settings.push, sc: visitor(), subscription: subscription })
    }).then(function () { return subscription; });
  }

  function subscribe() {
    return Notification.requestPermission().then(function (answer) {
      if (answer !== 'granted') { return null; }
      return navigator.serviceWorker.register(settings.worker, { scope: settings.scope })
        .then(function (registration) {
          return registration.pushManager.getSubscription().then(function (subscription) {
            return subscription || registration.pushManager.subscribe({
              userVisibleOnly: true, applicationServerKey: keyBytes(settings.key)
            });
          });
        })
        .then(store);
    });
  }

  function current() {
    return navigator.serviceWorker.getRegistration(settings.scope).then(function (registration) {
      return registration ? registration.pushManager.getSubscription() : null;
    });
  }

  function report(error) { if (window.console) { console.warn(error); } }

  window.es = function (command, callback) {
    if (command === 'pushOn' && possible) {
      subscribe().catch(report);
    } else if (command === 'getPushToken' && typeof callback === 'function') {
      (possible ? current() : Promise.resolve(null))
        .then(function (subscription) { callback(subscription ? subscription.endpoint : ''); })
        .catch(report);
    }
  };
})(window, navigator);
es('pushOn');
