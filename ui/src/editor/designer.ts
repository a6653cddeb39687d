/** GrapesJS on MJML with our own panels: it keeps nothing, asks nobody, and shows no icon font. */
import grapesjs, { type Component, type Editor } from "grapesjs";
import mjml from "grapesjs-mjml";
import { addBlocks } from "./blocks";
import { type FromDesigner, type SavedBlock, type ToDesigner, withEnds, withPlainTags } from "./protocol";
import { sectors } from "./sectors";

// A module of the older kind: bundlers differ in what its default export is.
const withMjml = (mjml as unknown as { default?: typeof mjml }).default ?? mjml;

type Opening = Extract<ToDesigner, { type: "open" }>;

const PAUSE = 300;
/** Where a picture will be that is another one for each reader. */
const PLACE =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='320' height='220'%3E%3Crect width='100%25' height='100%25' fill='%23e0e7ff'/%3E%3Cpath d='M130 130l25-30 20 22 14-12 26 30z' fill='%23818cf8'/%3E%3C/svg%3E";

export class Designer {
  private readonly editor: Editor;
  private readonly words: (key: string) => string;
  private picture: { select: (address: string) => void; close: () => void } | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = "";
  private opened = false;

  constructor(
    opening: Opening,
    private readonly tell: (message: FromDesigner) => void,
  ) {
    this.words = (key) => opening.words[key] ?? key;
    document.documentElement.lang = opening.language;
    this.shade(opening.dark);
    const places = frame(this.words);
    this.editor = grapesjs.init({
      container: places.canvas,
      height: "100%",
      width: "auto",
      telemetry: false,
      cssIcons: "",
      storageManager: false,
      fromElement: false,
      noticeOnUnload: false,
      panels: { defaults: [] },
      // Dragging has an alternative (WCAG 2.5.7): a click, or Enter, puts a block behind what is chosen.
      blockManager: {
        appendTo: places.blocks,
        appendOnClick: (block) => this.put(String(block.get("content"))),
      },
      traitManager: { appendTo: places.traits },
      styleManager: { appendTo: places.styles, sectors: [] },
      layerManager: { appendTo: places.layers },
      domComponents: { disableTextInnerChilds: true },
      selectorManager: { custom: true },
      assetManager: {
        custom: {
          open: (props) => {
            this.picture = {
              select: (address) => props.select({ src: address }, true),
              close: () => props.close(),
            };
            this.tell({ type: "askPicture" });
          },
          close: () => undefined,
        },
      },
      deviceManager: {
        devices: [
          { id: "desktop", name: "Desktop", width: "" },
          { id: "mobile", name: "Mobile", width: "390px" },
        ],
      },
      i18n: {
        locale: "x",
        detectLocale: false,
        localeFallback: "en",
        messagesAdd: { x: messages(this.words) },
      },
      plugins: [
        (editor) =>
          withMjml(editor, {
            blocks: [],
            resetBlocks: false,
            resetStyleManager: false,
            resetDevices: false,
            hideSelector: true,
            useCustomTheme: false,
            imagePlaceholderSrc: PLACE,
            overwriteExport: false,
            i18n: { x: { "grapesjs-mjml": { components: { names: names(this.words) } } } },
          }),
      ],
    });
    const editor = this.editor;
    for (const sector of sectors(this.words)) editor.StyleManager.addSector(sector.id, sector);
    this.pictures();
    this.logic();
    addBlocks(editor, this.words);
    this.saved(opening.blocks);
    this.fields(opening.fields);
    this.bar(places);
    this.reach(places.blocks);
    this.raw(places.raw);
    editor.on("load", () => {
      editor.setComponents(withEnds(opening.source));
      editor.UndoManager.clear();
      const shown = editor.Canvas.getFrameEl();
      shown.title = this.words("canvas");
      this.last = this.source();
      this.opened = true;
      this.tell({ type: "opened" });
    });
    editor.on("update", () => this.changed());
    editor.on("rte:disable", () => this.changed());
    if (opening.readOnly) document.body.dataset.readOnly = "true";
  }

  hear(said: Exclude<ToDesigner, { type: "open" }>): void {
    if (said.type === "dark") this.shade(said.dark);
    else if (said.type === "blocks") this.saved(said.blocks);
    else if (said.type === "find") this.find(said.text);
    else if (said.address) this.picture?.select(said.address);
    else this.picture?.close();
  }

  end(): void {
    // What was typed a moment ago is told before it goes.
    if (this.timer !== undefined) this.send();
    this.editor.destroy();
    document.body.replaceChildren();
  }

  private source(): string {
    return withPlainTags(this.editor.getHtml({ cleanId: true }).trim());
  }

  private changed(): void {
    if (!this.opened) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), PAUSE);
  }

  private send(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const source = this.source();
    if (source === this.last) return;
    this.last = source;
    this.tell({ type: "changed", source });
  }

  private shade(dark: boolean): void {
    document.documentElement.dataset.dark = String(dark);
  }

  private saved(blocks: SavedBlock[]): void {
    const all = this.editor.Blocks;
    for (const old of all
      .getAll()
      .filter((one: { getId: () => unknown }) => String(one.getId()).startsWith("saved-")))
      all.remove(old);
    for (const block of blocks)
      all.add(`saved-${block.id}`, {
        label: escaped(block.name),
        category: this.words("category.saved"),
        content: withEnds(block.source),
        select: true,
      });
  }

  /** Behind the chosen part, or at the end of the mail: sections among sections, contents in a column. */
  private put(content: string): void {
    const { editor } = this;
    const body = editor.getWrapper()?.findType("mj-body")[0];
    if (!body) return;
    const chosen = editor.getSelected();
    const within = (kind: string) => {
      let part = chosen;
      while (part && part.get("type") !== kind) part = part.parent();
      return part;
    };
    const isSection = /^\s*<mj-(?:section|raw|wrapper|hero)/.test(content);
    const columns = body.findType("mj-column");
    const home = isSection ? body : (within("mj-column") ?? columns.at(-1));
    if (!home) return;
    let part: Component | undefined = chosen;
    while (part && part.parent() !== home) part = part.parent();
    const added = home.append(content, part ? { at: part.index() + 1 } : {});
    const shown = added.find((one) => one.get("type") !== "mj-raw") ?? added[0];
    if (!shown) return;
    editor.select(shown);
    editor.Canvas.scrollTo(shown, { behavior: "auto" });
  }

  /** Blocks can be reached and used by keyboard. */
  private reach(blocks: HTMLElement): void {
    const mark = () => {
      for (const one of blocks.querySelectorAll<HTMLElement>(".gjs-block:not([role])")) {
        one.tabIndex = 0;
        one.setAttribute("role", "button");
      }
    };
    new MutationObserver(mark).observe(blocks, { childList: true, subtree: true });
    mark();
    blocks.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      const block = (event.target as Element).closest<HTMLElement>(".gjs-block");
      if (!block) return;
      event.preventDefault();
      block.click();
    });
  }

  /** A picture that is a merge field has nothing to load here. */
  private pictures(): void {
    type Template = (this: unknown) => { start: string; end: string };
    const usual = this.editor.Components.getType("mj-image")?.view.prototype.getInnerMjmlTemplate as Template;
    this.editor.Components.addType("mj-image", {
      view: {
        getInnerMjmlTemplate(this: unknown) {
          const made = usual.call(this);
          const start = made.start.replace(/ src="[^"]*\{[{%][^"]*"/, ` src="${PLACE}"`);
          return { ...made, start: / src="/.test(start) ? start : start.replace(/>$/, ` src="${PLACE}">`) };
        },
      },
    });
  }

  /** Conditions and loops stand between sections, as bands that say what they are. */
  private logic(): void {
    this.editor.Components.addType("mj-raw", {
      view: {
        attributes: {
          style:
            "pointer-events: all; display: block; padding: 5px 12px; text-align: center; font: 12px ui-monospace, monospace; color: #3730a3; background: #eef2ff; overflow-wrap: anywhere",
        },
      },
    });
  }

  private fields(fields: { group: string; name: string; tag: string }[]): void {
    if (fields.length === 0) return;
    const groups = new Map<string, string>();
    for (const one of fields)
      groups.set(
        one.group,
        `${groups.get(one.group) ?? ""}<option value="${escaped(one.tag)}">${escaped(one.name)}</option>`,
      );
    const options = [...groups].map(
      ([name, inside]) => `<optgroup label="${escaped(name)}">${inside}</optgroup>`,
    );
    this.editor.RichTextEditor.add("merge", {
      icon: `<select class="merge" aria-label="${escaped(this.words("merge"))}"><option value="">${escaped(this.words("merge"))}</option>${options.join("")}</select>`,
      event: "change",
      attributes: { title: this.words("merge") },
      result: (rte, action) => {
        const choice = (action as unknown as { btn: HTMLElement }).btn.querySelector("select");
        if (choice?.value) rte.insertHTML(escaped(choice.value));
        if (choice) choice.value = "";
      },
    });
  }

  private bar(places: Places): void {
    const { editor, words } = this;
    const button = (
      key: string,
      icon: string,
      act: (button: HTMLButtonElement) => void,
      group = places.bar,
    ) => {
      const made = document.createElement("button");
      made.type = "button";
      made.innerHTML = icon;
      made.title = words(key);
      made.setAttribute("aria-label", words(key));
      made.addEventListener("click", () => act(made));
      group.append(made);
      return made;
    };
    button("undo", svg('<path d="M9 14L4 9l5-5"/><path d="M4 9h10a6 6 0 0 1 0 12h-3"/>'), () =>
      editor.UndoManager.undo(),
    );
    button("redo", svg('<path d="M15 14l5-5-5-5"/><path d="M20 9H10a6 6 0 0 0 0 12h3"/>'), () =>
      editor.UndoManager.redo(),
    );
    const devices = [
      button(
        "desktop",
        svg('<rect x="3" y="4" width="18" height="12" rx="1"/><path d="M8 20h8M12 16v4"/>'),
        () => device("desktop"),
      ),
      button("mobile", svg('<rect x="7" y="3" width="10" height="18" rx="2"/><path d="M11 18h2"/>'), () =>
        device("mobile"),
      ),
    ];
    const device = (name: "desktop" | "mobile") => {
      editor.setDevice(name);
      devices.forEach((one, place) => {
        one.setAttribute("aria-pressed", String((place === 0) === (name === "desktop")));
      });
    };
    device("desktop");
    const outlines = button(
      "outlines",
      svg('<rect x="4" y="4" width="16" height="16" rx="1" stroke-dasharray="3 2"/>'),
      (made) => {
        const on = made.getAttribute("aria-pressed") !== "true";
        made.setAttribute("aria-pressed", String(on));
        if (on) editor.runCommand("core:component-outline");
        else editor.stopCommand("core:component-outline");
      },
    );
    outlines.setAttribute("aria-pressed", "false");
    const keep = button("keep", svg('<path d="M6 4h9l3 3v13H6z"/><path d="M9 4v5h5V4M9 20v-6h6v6"/>'), () => {
      const part = editor.getSelected();
      if (part) this.tell({ type: "keepBlock", source: withPlainTags(part.toHTML()) });
    });
    keep.disabled = true;
    const up = button("parent", svg('<path d="M12 19V6M6 12l6-6 6 6"/>'), () => {
      const above = editor.getSelected()?.parent();
      if (above && !["wrapper", "mjml"].includes(String(above.get("type")))) editor.select(above);
    });
    up.disabled = true;
    editor.on("component:selected", (part: Component) => {
      const kind = String(part.get("type"));
      // Texts are chosen as a whole, not by the elements in them.
      const whole = part.closestType("mj-text") ?? part.closestType("mj-button");
      if (!kind.startsWith("mj-") && whole) {
        editor.select(whole);
        return;
      }
      keep.disabled = !kind.startsWith("mj-") || ["mj-body", "mj-head", "mj-raw"].includes(kind);
      up.disabled = false;
      // Mails have no ids.
      part.removeTrait("id");
    });
    editor.on("component:deselected", () => {
      keep.disabled = true;
      up.disabled = true;
    });
  }

  /** What a condition or loop says, as text. */
  private raw(place: HTMLElement): void {
    const field = place.querySelector("textarea");
    if (!field) return;
    const chosen = () => {
      const part = this.editor.getSelected();
      return part?.get("type") === "mj-raw" ? part : undefined;
    };
    this.editor.on("component:selected", () => {
      const part = chosen();
      place.hidden = part === undefined;
      if (part) field.value = withPlainTags(part.getInnerHTML());
    });
    this.editor.on("component:deselected", () => {
      place.hidden = true;
    });
    field.addEventListener("change", () => chosen()?.components(escaped(field.value)));
  }

  private find(text: string): void {
    const wanted = text.toLowerCase();
    let found: Component | undefined;
    const look = (part: Component) => {
      if (!withPlainTags(part.toHTML()).toLowerCase().includes(wanted)) return;
      if (String(part.get("type")).startsWith("mj-")) found = part;
      part.components().forEach(look);
    };
    const root = this.editor.getWrapper();
    if (root) look(root);
    if (!found) return;
    this.editor.select(found);
    this.editor.Canvas.scrollTo(found, { behavior: "auto" });
  }
}

type Places = ReturnType<typeof frame>;

/** The document: a bar, the blocks, the canvas, and what the chosen part is like. */
function frame(words: (key: string) => string) {
  const make = (name: string, kind = "div", parent: Element = document.body): HTMLElement => {
    const made = document.createElement(kind);
    made.className = name;
    parent.append(made);
    return made;
  };
  document.body.replaceChildren();
  const bar = make("bar");
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", words("bar"));
  const work = make("work");
  const blocks = make("blocks", "aside", work);
  blocks.setAttribute("aria-label", words("blocks"));
  const canvas = make("canvas", "main", work);
  const side = make("side", "aside", work);
  side.setAttribute("aria-label", words("settings"));
  const tabs = make("tabs", "div", side);
  tabs.setAttribute("role", "tablist");
  const settings = make("panel", "div", side);
  const raw = make("raw", "label", settings);
  raw.innerHTML = `<span>${escaped(words("rawLabel"))}</span><textarea rows="4" spellcheck="false"></textarea>`;
  raw.hidden = true;
  const traits = make("traits", "div", settings);
  const styles = make("styles", "div", settings);
  const layers = make("panel layers", "div", side);
  const panels = [settings, layers];
  const buttons = ["settings", "layers"].map((key, place) => {
    const tab = make("", "button", tabs) as HTMLButtonElement;
    tab.type = "button";
    tab.textContent = words(key);
    tab.setAttribute("role", "tab");
    tab.addEventListener("click", () => show(place));
    return tab;
  });
  const show = (chosen: number) => {
    panels.forEach((panel, place) => {
      panel.hidden = place !== chosen;
      buttons[place]?.setAttribute("aria-selected", String(place === chosen));
    });
  };
  show(0);
  return { bar, blocks, canvas, traits, styles, layers, raw };
}

function svg(inside: string): string {
  return `<svg viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${inside}</svg>`;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

const PARTS = [
  "body",
  "button",
  "column",
  "divider",
  "group",
  "hero",
  "image",
  "section",
  "spacer",
  "text",
  "wrapper",
  "raw",
] as const;

function names(words: (key: string) => string): Record<string, string> {
  return Object.fromEntries(PARTS.map((part) => [part, words(`part.${part}`)]));
}

/** GrapesJS's own words. */
function messages(words: (key: string) => string) {
  return {
    styleManager: { empty: words("chooseFirst") },
    traitManager: {
      empty: words("chooseFirst"),
      label: words("settings"),
      traits: {
        labels: {
          href: words("trait.href"),
          alt: words("trait.alt"),
          title: words("trait.title"),
          rel: "rel",
          target: words("trait.target"),
          src: words("trait.src"),
        },
        attributes: {
          href: { placeholder: "https://" },
          alt: { placeholder: "" },
          title: { placeholder: "" },
        },
        options: { target: { false: words("trait.same"), _blank: words("trait.blank") } },
      },
    },
    domComponents: {
      names: { "": words("part.box"), wrapper: words("part.body"), text: words("part.text") },
    },
  };
}
