import { Modal } from "@mantine/core";
import { useTranslation } from "react-i18next";
import SignIn from "./SignIn";

/** The form over a page whose session is over. It stays until somebody has signed in. */
export default function SignInAgain({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal
      opened
      onClose={() => undefined}
      withCloseButton={false}
      closeOnEscape={false}
      title={t("signIn.again")}
    >
      <SignIn inside onDone={onDone} />
    </Modal>
  );
}
