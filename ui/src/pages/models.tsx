import { Soon } from "../parts/soon";

export default function Models() {
  return <Soon title="Models" cli="glowplug ps" />;
}
