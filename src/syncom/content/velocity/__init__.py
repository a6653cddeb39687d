"""Velocity, the template language of eSputnik: the behaviour of Apache Velocity 1.7, without its reach into Java.

``reader.py`` splits a source into tags and text, ``expressions.py`` reads what stands inside of a tag, ``template.py``
puts the tags together; the result is a tree of Python closures. ``methods.py`` holds everything that a template can
call. Nothing is looked up by reflection, no code is generated, and every step is paid for (``run.py``).
"""
