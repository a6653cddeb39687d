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
    body.addEventListener('submit', function (event) {
      event.preventDefault();
      var data = new URLSearchParams(new FormData(body));
      data.set('page_url', location.href);
      data.set('referrer', document.referrer);
      Object.keys(says).concat(['']).forEach(function (key) { (says[key] || general).textContent = ''; });
      fetch(form.url, { method: 'POST', body: data, headers: { accept: 'application/json' }, credentials: 'omit' })
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
