import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useState } from "react";

/** Words to search a list for; they are told when typing rests. */
export function Finder({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (words: string) => void;
}) {
  const [typed, setTyped] = useState(value);
  const [place] = useState(window.location.pathname);
  const [settled] = useDebouncedValue(typed, 250);
  // biome-ignore lint/correctness/useExhaustiveDependencies: told once what was typed, not when the page draws anew
  useEffect(() => {
    // Who opened a row meanwhile is on the way to another page, and is not to be called back.
    if (settled.trim() !== value && window.location.pathname === place) onChange(settled.trim());
  }, [settled]);
  return (
    <TextInput
      type="search"
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
      placeholder={label}
      aria-label={label}
      leftSection={<IconSearch size={16} aria-hidden />}
      w={{ base: "100%", sm: 300 }}
      maxLength={300}
    />
  );
}
