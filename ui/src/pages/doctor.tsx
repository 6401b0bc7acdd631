import { Soon } from "../parts/soon";

export default function Doctor() {
  return <Soon title="Doctor" cli="glowplug doctor" />;
}
