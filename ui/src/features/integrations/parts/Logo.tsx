import { Avatar } from "@mantine/core";

/** An app's picture, when it came with the app: nothing is fetched from other hosts. Otherwise its first letters. */
export function Logo({ name, logo, size = 36 }: { name: string; logo: string; size?: number }) {
  const own = logo.startsWith("data:image/") ? logo : undefined;
  return (
    <Avatar src={own} alt="" radius="md" size={size} color="syncom" aria-hidden>
      {[...name].slice(0, 2).join("").toUpperCase()}
    </Avatar>
  );
}
