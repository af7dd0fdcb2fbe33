/** `${NAME:-default}` and `$$` of a compose file, as `docker compose` reads them. @throws for a variable without a default that is not set */
export function interpolate(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\$|\{(\w+)(?::-([^}]*))?\})/g, (all, name?: string, fallback?: string) => {
    if (all === '$$') return '$';
    const value = env[name!] ?? fallback;
    if (value === undefined) throw new Error(`${name} is not set and has no default`);
    return value;
  });
}
