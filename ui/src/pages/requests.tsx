import { Soon } from "../parts/soon";

export default function Requests() {
  return <Soon title="Requests" cli="glowplug requests" />;
}
