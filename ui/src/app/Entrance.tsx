/** Nobody is signed in: the form in place of the page, so that its address stays. A session that ends while one
 *  works: the form over the page, so that nothing typed is lost. */
import { Center, Loader } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { onSignedOut } from "~/api/client";
import { sessionQuery, useSession } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { LiveUpdates } from "./live";

const SignIn = lazy(() => import("./SignIn"));
const SignInAgain = lazy(() => import("./SignInAgain"));

export function Entrance({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const session = useSession();
  const [ended, setEnded] = useState(false);
  const was = useRef(false);
  if (session.data) was.current = true;

  useEffect(() => onSignedOut(() => was.current && setEnded(true)), []);

  if (session.isPending)
    return (
      <Center h="100dvh">
        <Loader aria-label={t("common.loading")} />
      </Center>
    );
  if (session.isError && session.data === undefined)
    return (
      <Center h="100dvh">
        <Failed error={session.error} retry={() => void session.refetch()} />
      </Center>
    );
  if (!session.data && !was.current)
    return (
      <Suspense fallback={null}>
        <SignIn onDone={() => void client.invalidateQueries(sessionQuery)} />
      </Suspense>
    );
  return (
    <>
      <LiveUpdates key={String(ended)} />
      {children}
      {ended && (
        <Suspense fallback={null}>
          <SignInAgain
            onDone={() => {
              setEnded(false);
              void client.invalidateQueries();
            }}
          />
        </Suspense>
      )}
    </>
  );
}
