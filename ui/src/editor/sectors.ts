/** How parts can look: attributes of MJML, in words of people. A part shows those that it has. */
type Words = (key: string) => string;

export function sectors(words: Words) {
  const property = (name: string, type: string, more: object = {}) => ({
    property: name,
    type,
    label: words(`style.${name}`),
    ...more,
  });
  const pixels = (name: string) => property(name, "number", { units: ["px"], default: "", min: 0 });
  const choice = (name: string, values: string[]) =>
    property(name, "select", { options: values.map((id) => ({ id, label: words(`value.${id}`) })) });
  return [
    {
      id: "words",
      name: words("sector.words"),
      open: true,
      properties: [
        property("color", "color"),
        pixels("font-size"),
        choice("font-weight", ["400", "700"]),
        property("font-family", "select", {
          options: [
            "Helvetica, Arial, sans-serif",
            "Georgia, serif",
            "Verdana, sans-serif",
            "Tahoma, sans-serif",
            "Courier New, monospace",
          ].map((id) => ({ id, label: id.split(",")[0] })),
        }),
        property("line-height", "text"),
        choice("align", ["left", "center", "right"]),
      ],
    },
    {
      id: "ground",
      name: words("sector.ground"),
      open: true,
      properties: [
        property("background-color", "color"),
        property("container-background-color", "color"),
        pixels("border-radius"),
        property("border-color", "color"),
        pixels("border-width"),
      ],
    },
    {
      id: "room",
      name: words("sector.room"),
      open: true,
      properties: [
        property("width", "text"),
        pixels("height"),
        pixels("padding-top"),
        pixels("padding-bottom"),
        pixels("padding-left"),
        pixels("padding-right"),
        choice("vertical-align", ["top", "middle", "bottom"]),
        choice("direction", ["ltr", "rtl"]),
      ],
    },
  ];
}
