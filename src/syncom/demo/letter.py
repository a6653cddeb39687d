"""The letter of the demo."""

from __future__ import annotations

from syncom.content.model import Format, TemplateInput

LETTER = TemplateInput(
    name="Autumn letter",
    subject='{{ first_name|default("Hello", true) }}, your {{ favourite|default("coffee", true)|lower }} is here',
    preheader="New beans, two teapots and a bowl we cannot stop looking at.",
    format=Format.MJML,
    source="""\
<mjml>
  <mj-head>
    <mj-attributes><mj-all font-family="Helvetica, Arial, sans-serif" /></mj-attributes>
  </mj-head>
  <mj-body background-color="#f4f1ec">
    <mj-section background-color="#ffffff">
      <mj-column>
        <mj-text font-size="22px" color="#3b2f2f">Hello {{ first_name|default("there", true) }},</mj-text>
        <mj-text line-height="1.6">
          the autumn harvest has arrived. You liked {{ favourite|default("coffee", true)|lower }} best,
          so we put this aside for you{% if city %} in {{ city }}{% endif %}.
          {% if points >= 500 %}You have {{ points }} points: the first cup is on us.{% endif %}
        </mj-text>
        <mj-button background-color="#7a4b2a" href="https://shop.example/autumn">See the new shelf</mj-button>
        <mj-text line-height="1.6">
          {% for product in products("recommended", limit=3, days=365, fallback="bestsellers") %}
          <a href="{{ product.url }}">{{ product.name }}</a> {{ product.price_text }} {{ product.currency }}
          {% if product.old_price %}<s>{{ product.old_price_text }}</s>{% endif %}<br />
          {% endfor %}
        </mj-text>
        <mj-text line-height="1.6">
          <a href="https://shop.example/coffee">Coffee</a> ·
          <a href="https://shop.example/tea">Tea</a> ·
          <a href="https://shop.example/ceramics">Ceramics</a> ·
          <a href="https://shop.example/you?email={{ email }}">Your page</a>
        </mj-text>
      </mj-column>
    </mj-section>
    <mj-section>
      <mj-column>
        <mj-text font-size="12px" color="#8a817c" align="center">
          You get this because you are a customer of the Sample Shop.
          <a href="{{ view_url }}">Read it in the browser</a> ·
          <a href="{{ unsubscribe_url }}">Unsubscribe</a>
        </mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
""",
)
