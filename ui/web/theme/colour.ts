/**
 * A colour of the theme as canvases take it, e.g. `rgb(22, 32, 44)`.
 * @param name of the custom property, e.g. `--ink`
 * @param opacity 0 to 1
 */
export function colour(name: string, opacity = 1): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return opacity === 1 ? color : color.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`);
}

/** Anything else of the theme, as it is written. */
export const token = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
