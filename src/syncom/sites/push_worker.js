// The service worker of web push. It has to be served by the site itself.
'use strict';
self.addEventListener('push', function (event) {
  var message = {};
  try { message = event.data ? event.data.json() : {}; } catch (error) { message = { body: event.data.text() }; }
  var actions = message.actions || [];
  var urls = {};
  actions.forEach(function (action) { urls[action.action] = action.url; });
  event.waitUntil(self.registration.showNotification(message.title || '', {
    body: message.body || '', icon: message.icon, image: message.image, tag: message.tag,
    requireInteraction: message.requireInteraction === true,
    actions: actions.map(function (action) { return { action: action.action, title: action.title }; }),
    data: { url: message.url, urls: urls }
  }));
});
self.addEventListener('notificationclick', function (event) {
  event.notification.close();
  var data = event.notification.data || {};
  var url = (data.urls && data.urls[event.action]) || data.url;
  if (url) { event.waitUntil(self.clients.openWindow(url)); }
});
