"""SMS and Viber: texts that go to a phone through an HTTP gateway, or into the dev inbox until there is one.

``parts`` counts, ``form`` describes a gateway, ``compose`` makes texts, ``gateway`` and ``inbox`` carry them.
"""
