// A form on a page of a site: where its script stands, or as a pop-up with `data-popup`. Without this script a link to the
// form's own page does the same.
(function () {
  'use strict';
  var form = __FORM__;
  var script = document.currentScript;
  var store = 'syncom-form-' + form.key;

  function remembered() {
    try { return JSON.parse(localStorage.getItem(store)) || {}; } catch (_) { return {}; }
  }
  function remember(what) {
    try { localStorage.setItem(store, JSON.stringify(what)); } catch (_) { /* a visitor who keeps nothing */ }
  }
  function make(name, text, members) {
    var made = document.createElement(name);
    if (text) { made.textContent = text; }
    Object.keys(members || {}).forEach(function (key) { made.setAttribute(key, members[key]); });
    return made;
  }

  // A proof of work for an address (consent/puzzles.py says what it is), in slices that nobody feels. SHA-256 by FIPS 180-4:
  // what browsers offer is missing on pages without TLS, and slower for so short messages.
  var rounds = [], start = [];
  (function () {
    for (var n = 2; rounds.length < 64; n += 1) {
      var prime = true;
      for (var d = 2; d * d <= n; d += 1) { if (n % d === 0) { prime = false; break; } }
      if (!prime) { continue; }
      if (start.length < 8) { start.push((Math.sqrt(n) % 1) * 4294967296 | 0); }
      rounds.push((Math.cbrt(n) % 1) * 4294967296 | 0);
    }
  }());
  var w = new Int32Array(64);
  function compress(state) {
    var i, x, y, a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    for (i = 16; i < 64; i += 1) {
      x = w[i - 15]; y = w[i - 2];
      w[i] = w[i - 16] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + w[i - 7] +
        ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10) | 0;
    }
    for (i = 0; i < 64; i += 1) {
      x = h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (e & f ^ ~e & g) + rounds[i] + w[i] | 0;
      y = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c) | 0;
      h = g; g = f; f = e; e = d + x | 0; d = c; c = b; b = a; a = x + y | 0;
    }
    return [state[0] + a | 0, state[1] + b | 0, state[2] + c | 0, state[3] + d | 0,
      state[4] + e | 0, state[5] + f | 0, state[6] + g | 0, state[7] + h | 0];
  }
  function digest(text) {
    var bytes = new TextEncoder().encode(text), size = (bytes.length + 72 >>> 6) << 6, view = new DataView(new ArrayBuffer(size));
    bytes.forEach(function (byte, place) { view.setUint8(place, byte); });
    view.setUint8(bytes.length, 128);
    view.setUint32(size - 4, bytes.length * 8);
    for (var at = 0, state = start; at < size; at += 64) {
      for (var i = 0; i < 16; i += 1) { w[i] = view.getInt32(at + i * 4); }
      state = compress(state);
    }
    return state;
  }
  function solve(token, address) {
    var seed = digest(token + '.' + address), numbers = [], number = 0;
    return new Promise(function (done) {
      (function slice() {
        for (var until = Date.now() + 12; Date.now() < until;) {
          for (var turn = 0; turn < 256; turn += 1, number += 1) {
            for (var i = 0; i < 8; i += 1) { w[i] = seed[i]; }
            w[8] = numbers.length << 24 | number >>> 8;
            w[9] = number << 24 | 0x800000;
            for (i = 10; i < 15; i += 1) { w[i] = 0; }
            w[15] = 296;
            if (compress(start)[0] >>> 32 - form.puzzle.bits !== 0) { continue; }
            numbers.push(number);
            if (numbers.length === form.puzzle.pieces) { done(numbers.join('.')); return; }
            number = -1;
          }
        }
        setTimeout(slice, 0);
      }());
    });
  }

  // The number of the site's own script, which keeps one only when its visitor has agreed.
  function visitor() {
    if (navigator.globalPrivacyControl === true || navigator.doNotTrack === '1') { return ''; }
    var found = ('; ' + document.cookie).split('; sc=')[1];
    return found === undefined ? '' : found.split(';')[0];
  }

  function draw(onDone) {
    var body = make('form', '', { method: 'post', action: form.url, novalidate: '' });
    var says = {};
    if (form.title) { body.append(make('h2', form.title, { id: 'title' })); }
    if (form.text) { body.append(make('p', form.text)); }
    var general = make('p', '', { 'class': 'problem', role: 'alert' });
    body.append(general);
    form.fields.forEach(function (field) {
      var label = make('label', field.label);
      var kinds = { email: 'email', phone: 'tel' };
      var input = make('input', '', { name: field.key, type: kinds[field.key] || 'text', autocomplete: field.autocomplete });
      if (field.required) { input.required = true; }
      says[field.key] = make('span', '', { 'class': 'problem', role: 'alert' });
      label.append(input, says[field.key]);
      body.append(label);
    });
    // People do not see it, programs fill it in.
    var trap = make('input', '', { name: form.trap, tabindex: '-1', autocomplete: 'off', 'aria-hidden': 'true', 'class': 'away' });
    var token = make('input', '', { name: form.tokenName, type: 'hidden', value: form.token });
    body.append(trap, token);
    if (form.consent) {
      var agreed = make('label', '', { 'class': 'box' });
      if (form.consentRequired) { agreed.append(make('input', '', { type: 'checkbox', name: 'consent', value: 'on' }), ' '); }
      says.consent = make('span', '', { 'class': 'problem', role: 'alert' });
      agreed.append(make('span', form.consent), says.consent);
      body.append(agreed);
    }
    body.append(make('button', form.button, { type: 'submit' }));
    // Begun when the address is there, so that it is done when the rest is.
    var work = { address: null, proof: null };
    function proof(address) {
      if (work.address !== address) { work = { address: address, proof: solve(form.token, address) }; }
      return work.proof;
    }
    if (form.puzzle) {
      body.querySelector('[name=email]').addEventListener('change', function () { proof(this.value); });
    }
    body.addEventListener('submit', function (event) {
      event.preventDefault();
      var data = new URLSearchParams(new FormData(body));
      data.set('page_url', location.href);
      data.set('referrer', document.referrer);
      if (visitor()) { data.set(form.visitorName, visitor()); }
      Object.keys(says).concat(['']).forEach(function (key) { (says[key] || general).textContent = ''; });
      (form.puzzle ? proof(data.get('email')) : Promise.resolve(null))
        .then(function (answer) {
          if (answer !== null) { data.set(form.puzzle.name, answer); }
          return fetch(form.url, { method: 'POST', body: data, headers: { accept: 'application/json' }, credentials: 'omit' });
        })
        .then(function (answer) { return answer.json(); })
        .then(function (answer) {
          if (answer.errors) {
            answer.errors.forEach(function (one) { (says[one.field] || general).textContent = one.text; });
            return;
          }
          remember({ done: true });
          if (answer.redirect_url) { location.assign(answer.redirect_url); return; }
          body.replaceChildren(make('h2', answer.title, { tabindex: '-1', id: 'title' }), make('p', answer.text, { role: 'status' }));
          body.firstChild.focus();
          onDone();
        })
        .catch(function () { general.textContent = form.later; });
    });
    return body;
  }

  function room(host) {
    var root = host.attachShadow({ mode: 'open' });
    try {
      var sheet = new CSSStyleSheet();
      sheet.replaceSync(form.style);
      root.adoptedStyleSheets = [sheet];
    } catch (_) {
      root.append(make('style', form.style));
    }
    return root;
  }

  function open() {
    var before = document.activeElement;
    var host = make('div', '', { 'data-syncom-form': form.key });
    var dialog = make('div', '', { 'class': 'popup', role: 'dialog', 'aria-modal': 'true', 'aria-labelledby': 'title' });
    var close = make('button', '×', { type: 'button', 'class': 'close', 'aria-label': form.close });
    function shut() {
      host.remove();
      document.removeEventListener('keydown', onKey, true);
      if (before && before.focus) { before.focus(); }
    }
    function onKey(event) {
      if (event.key === 'Escape') { shut(); }
    }
    close.addEventListener('click', shut);
    document.addEventListener('keydown', onKey, true);
    dialog.append(close, draw(function () { /* stays open, so that it can be read */ }));
    room(host).append(make('div', '', { 'class': 'veil' }), dialog);
    document.body.append(host);
    remember({ shown: Date.now() });
    var first = dialog.querySelector('input');
    if (first) { first.focus(); }
  }

  function await_trigger() {
    var known = remembered();
    if (known.done || (known.shown && Date.now() - known.shown < form.popup.everyDays * 86400000)) { return; }
    var opened = false;
    function once() {
      if (!opened) { opened = true; open(); }
    }
    if (form.popup.trigger === 'delay') { setTimeout(once, form.popup.after * 1000); return; }
    if (form.popup.trigger === 'scroll') {
      addEventListener('scroll', function look() {
        var room = document.documentElement.scrollHeight - innerHeight;
        if (room <= 0 || scrollY / room * 100 >= form.popup.after) { removeEventListener('scroll', look); once(); }
      }, { passive: true });
      return;
    }
    document.addEventListener('mouseout', function (event) {
      if (!event.relatedTarget && event.clientY <= 0) { once(); }
    });
  }

  if (script && script.hasAttribute('data-popup')) {
    if (document.body) { await_trigger(); } else { addEventListener('DOMContentLoaded', await_trigger); }
    return;
  }
  var host = make('div', '', { 'data-syncom-form': form.key });
  room(host).append(draw(function () { /* nothing follows */ }));
  if (script) { script.after(host); } else { document.body.append(host); }
}());
