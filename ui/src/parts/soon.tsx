import { Cli, Empty } from "./basics";

/** A page that is not there yet: the command line does it meanwhile. */
export function Soon({ title, cli }: { title: string; cli: string }) {
  return (
    <>
      <h1>{title}</h1>
      <Empty title="This page is not made yet">
        <p>The command line does it meanwhile:</p>
        <Cli line={cli} />
      </Empty>
    </>
  );
}
