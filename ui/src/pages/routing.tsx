import { Soon } from "../parts/soon";

export default function Routing() {
  return <Soon title="Routing" cli="glowplug route explain MODEL" />;
}
