import { Soon } from "../parts/soon";

export default function Config() {
  return <Soon title="Config" cli="glowplug config show" />;
}
