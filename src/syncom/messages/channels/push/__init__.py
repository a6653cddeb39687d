"""Web push: messages to browsers through their push services (RFC 8030).

``encryption`` seals them for the browser that subscribed (RFC 8291), ``vapid`` says whose they are (RFC 8292),
``browsers`` finds the keys, ``pool`` carries them.
"""
