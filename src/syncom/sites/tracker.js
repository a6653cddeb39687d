// Reports what happens on the pages of a site. Nothing is stored or sent before eS('init'); with
// eS('init', {CONSENT: true}) nothing before eS('consent', true) either.
(function (window, document) {
  'use strict';
  var settings = /*SETTINGS*/ {};
  var COOKIE = 'sc';
  var YEAR = 365 * 24 * 60 * 60;
  var QUEUE_LIMIT = 100;
  var started = false;
  var allowed = true;
  var waiting = [];
  var person = {};

  function readCookie(name) {
    var found = ('; ' + document.cookie).split('; ' + name + '=')[1];
    return found === undefined ? '' : decodeURIComponent(found.split(';')[0]);
  }

  function writeCookie(name, value, seconds) {
    document.cookie = name + '=' + encodeURIComponent(value) + '; path=/; max-age=' + seconds + '; SameSite=Lax' +
      (location.protocol === 'https:' ? '; Secure' : '');
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

  function remember(data) {
    var given = (data && (data.CustomerData || data.GeneralInfo)) || {};
    ['externalCustomerId', 'user_email', 'user_phone', 'user_name'].forEach(function (name) {
      if (given[name]) { person[name] = String(given[name]); }
    });
  }

  function send(event) {
    var info = {
      eventName: event.name,
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
    // Text, so that the browser need not ask first; kept alive, so that leaving the page loses nothing.
    window.fetch(settings.collector, {
      method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'text/plain;charset=UTF-8' },
      credentials: 'omit', keepalive: true
    }).catch(function () {});
  }

  function flush() {
    if (started && allowed) {
      waiting.splice(0).forEach(send);
    }
  }

  var commands = {
    init: function (options) {
      started = true;
      if (options && options.CONSENT) { allowed = false; }
      flush();
    },
    consent: function (given) {
      allowed = Boolean(given);
      if (!allowed) {
        waiting = [];
        person = {};
        writeCookie(COOKIE, '', 0);
      }
      flush();
    },
    sendEvent: function (name, data) {
      if (typeof name !== 'string' || !name || waiting.length >= QUEUE_LIMIT) { return; }
      remember(data);
      waiting.push({ name: name, data: data, at: Date.now(), location: location.href });
      flush();
    }
  };

  function run(call) {
    // The page's stub keeps the arguments of a call inside the arguments of another one.
    var args = Array.prototype.slice.call(call.length === 1 && typeof call[0] === 'object' ? call[0] : call);
    var command = commands[args.shift()];
    if (command) {
      try { command.apply(null, args); } catch (error) { if (window.console) { console.error(error); } }
    }
  }

  var before = (window.eS && window.eS.q) || [];
  window.eS = function () { run(arguments); };
  Array.prototype.slice.call(before).forEach(run);
})(window, document);
