/** Mantine's styles that the first steps of an account need besides those of `styles.ts`. */
import "@mantine/core/styles/InlineInput.css";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/Checkbox.css";
import "@mantine/core/styles/CheckboxIndicator.css";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/Radio.css";
import "@mantine/core/styles/RadioIndicator.css";
import "@mantine/core/styles/SegmentedControl.css";
import "@mantine/core/styles/Stepper.css";
import "@mantine/core/styles/Table.css";
