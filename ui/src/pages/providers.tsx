import { Soon } from "../parts/soon";

export default function Providers() {
  return <Soon title="Providers" cli="glowplug providers list" />;
}
