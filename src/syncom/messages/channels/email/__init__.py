"""Email: messages are built here and handed to an SMTP server.

``mime`` builds, ``pool`` sends over ``connection``s, ``replies`` says what a refusal means. Nothing here
knows the database: the sender loop gives mails (:class:`model.MailSource`) and is told what became of them.
"""
