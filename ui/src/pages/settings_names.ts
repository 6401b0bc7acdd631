import { useAsk } from "../hooks";

/** The name of a person or a key by its id; the id where there is none. */
export type Names = (id: string) => string;

interface Named {
  id: string;
  name: string;
  email?: string;
}

export function useNames(reads: boolean): Names {
  const users = useAsk<{ data: readonly Named[] }>(reads ? "/admin/users" : null);
  const keys = useAsk<{ data: readonly Named[] }>(reads ? "/admin/keys" : null);
  return (id) => {
    const user = users.data?.data.find((one) => one.id === id);
    if (user !== undefined) return user.name || user.email || id;
    const key = keys.data?.data.find((one) => one.id === id);
    return key?.name ? `key ${key.name}` : id;
  };
}
