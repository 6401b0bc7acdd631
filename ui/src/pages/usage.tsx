import { Soon } from "../parts/soon";

export default function Usage() {
  return <Soon title="Usage" cli="glowplug usage" />;
}
