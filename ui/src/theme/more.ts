/** Mantine's styles that pages other than the first one need, fetched before they are shown (`app/root.ts`). A component that
 *  is missing here and in `styles.ts` looks bare: add its file, in the order of Mantine's own sheet. */
import "./steps";
import "@mantine/core/styles/Accordion.css";
import "@mantine/core/styles/Avatar.css";
import "@mantine/core/styles/Card.css";
import "@mantine/core/styles/CheckboxCard.css";
import "@mantine/core/styles/Chip.css";
import "@mantine/core/styles/ColorInput.css";
import "@mantine/core/styles/ColorPicker.css";
import "@mantine/core/styles/ColorSwatch.css";
import "@mantine/core/styles/Container.css";
import "@mantine/core/styles/Drawer.css";
import "@mantine/core/styles/Fieldset.css";
import "@mantine/core/styles/Grid.css";
import "@mantine/core/styles/Image.css";
import "@mantine/core/styles/Indicator.css";
import "@mantine/core/styles/LoadingOverlay.css";
import "@mantine/core/styles/NumberInput.css";
import "@mantine/core/styles/Pill.css";
import "@mantine/core/styles/PillsInput.css";
import "@mantine/core/styles/PinInput.css";
import "@mantine/core/styles/RadioCard.css";
import "@mantine/core/styles/RingProgress.css";
import "@mantine/core/styles/Slider.css";
import "@mantine/core/styles/Switch.css";
import "@mantine/core/styles/Tabs.css";
import "@mantine/core/styles/Timeline.css";
